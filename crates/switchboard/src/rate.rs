//! [`Rate`]: how many there may be in a second; and the token bucket that enforces it.

/// A token bucket: `burst` at once, and `per_second` from then on.
///
/// ```
/// use switchboard::{Limits, Rate};
/// let limits = Limits::default().message_rate(Some(Rate::new(100, 200)));
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// Tokens refilled per second.
    pub per_second: u32,
    /// Tokens that the bucket has at most, and at the start.
    pub burst: u32,
}

impl Rate {
    /// `per_second` in the long run, and `burst` at once.
    pub const fn new(per_second: u32, burst: u32) -> Rate {
        Rate { per_second, burst }
    }

    fn full(self) -> u64 {
        u64::from(self.burst) * TOKEN
    }
}

/// A token consists of this many units. At one token per second, one unit is refilled in a millisecond, so the arithmetic is
/// exact.
const TOKEN: u64 = 1000;

/// A token bucket. Times are in milliseconds, on any clock of the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    left: u64,
    /// The millisecond up to which `left` is counted.
    at: u64,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: u64) -> Bucket {
        Bucket { left: rate.full(), at: now }
    }

    fn refill(&mut self, rate: Rate, now: u64) {
        let back = now.saturating_sub(self.at).saturating_mul(u64::from(rate.per_second));
        self.left = self.left.saturating_add(back).min(rate.full());
        self.at = self.at.max(now);
    }

    /// Whether `count` tokens are there. Errors: the milliseconds until they are.
    pub(crate) fn has(&mut self, rate: Rate, now: u64, count: u64) -> Result<(), u64> {
        self.refill(rate, now);
        let missing = count.saturating_mul(TOKEN).saturating_sub(self.left);
        if missing == 0 { Ok(()) } else { Err(missing.div_ceil(u64::from(rate.per_second).max(1))) }
    }

    /// Takes `count` tokens, which are there: see [`has`](Bucket::has).
    pub(crate) fn spend(&mut self, count: u64) {
        self.left = self.left.saturating_sub(count.saturating_mul(TOKEN));
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&mut self, rate: Rate, now: u64) -> bool {
        let there = self.has(rate, now, 1).is_ok();
        if there {
            self.spend(1);
        }
        there
    }

    /// True if the bucket is full, like a new one.
    pub(crate) fn is_full(&mut self, rate: Rate, now: u64) -> bool {
        self.refill(rate, now);
        self.left == rate.full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_exact() {
        let rate = Rate::new(3, 5);
        let mut bucket = Bucket::full(rate, 100);
        assert_eq!((0..9).filter(|_| bucket.take(rate, 100)).count(), 5);
        assert_eq!(bucket.has(rate, 100, 1), Err(334));
        assert!(!bucket.take(rate, 433));
        assert!(bucket.take(rate, 434));
        // A third of a second for each token, tried every millisecond: none is lost by rounding.
        let taken = (435..=10_434).filter(|now| bucket.take(rate, *now)).count();
        assert_eq!(taken, 30);
    }

    #[test]
    fn a_bucket_does_not_run_over_nor_back() {
        let rate = Rate::new(u32::MAX, u32::MAX);
        let mut bucket = Bucket::full(rate, 1000);
        assert!(bucket.has(rate, u64::MAX, u64::from(u32::MAX)).is_ok());
        bucket.spend(u64::from(u32::MAX));
        assert!(bucket.has(rate, 0, 1).is_err(), "a clock that is read late gives nothing");
        let rate = Rate::new(1, 1);
        let mut bucket = Bucket::full(rate, 0);
        assert_eq!(bucket.has(rate, 3_600_000, 2), Err(1000), "it holds no more than its burst");
    }
}
