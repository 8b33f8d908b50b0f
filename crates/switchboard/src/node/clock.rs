//! The node's clock: milliseconds, moved by the sweep, read for the price of a load.
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A deadline that never comes.
pub(crate) const NEVER: u64 = u64::MAX;

/// A duration on the node's clock. One that is too long for it is shortened, so that a deadline can be added up without an overflow.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(NEVER / 4)
}

/// Read in every turn: not on a line of the cache with what is counted.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Clock {
    epoch: OnceLock<Instant>,
    now: AtomicU64,
}

impl Clock {
    pub(crate) fn start(&self) {
        self.epoch.get_or_init(Instant::now);
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// The present, for the price of a look at the system's clock.
    pub(crate) fn exact(&self) -> u64 {
        let elapsed = self.epoch.get().map_or(0, |epoch| epoch.elapsed().as_millis());
        u64::try_from(elapsed).unwrap_or(u64::MAX / 2)
    }

    /// Moves the clock to the present, never back.
    pub(crate) fn advance(&self) -> u64 {
        let now = self.exact();
        self.now.fetch_max(now, Ordering::Relaxed).max(now)
    }
}
