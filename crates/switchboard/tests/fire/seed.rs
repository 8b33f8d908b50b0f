//! Chance that can be repeated.
use std::time::{SystemTime, UNIX_EPOCH};

/// splitmix64. When a test fails it prints its seed.
pub(crate) struct Rng {
    state: u64,
    seed: u64,
}

impl Rng {
    pub(crate) fn new() -> Rng {
        let seed = match std::env::var("SWITCHBOARD_FIRE_SEED") {
            Ok(seed) => seed.parse().expect("SWITCHBOARD_FIRE_SEED is a number"),
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64,
        };
        Rng { state: seed, seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Less than `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

impl Drop for Rng {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat: SWITCHBOARD_FIRE_SEED={}", self.seed);
        }
    }
}
