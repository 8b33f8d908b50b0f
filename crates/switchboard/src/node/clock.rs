//! [`Clock`]: milliseconds, moved by a sweep and read with one atomic load.
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A deadline that never comes.
pub(crate) const NEVER: u64 = u64::MAX;

/// A duration in milliseconds. One that is too long is shortened, so that adding it to a time does not overflow.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(NEVER / 4)
}

/// Read in every turn, so it shares no cache line with counters.
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

    /// The time of the most recent step, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// The present time, read from the system's clock.
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
