//! The time before a client retries, as it is on the wire: `retry_after_ms`.
use std::time::Duration;

/// Returns whole milliseconds, rounded up, because a client must not retry too early. Longer times become `u32::MAX`.
pub(crate) fn as_milliseconds(delay: Duration) -> u32 {
    u32::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

pub(crate) fn from_milliseconds(milliseconds: u32) -> Duration {
    Duration::from_millis(milliseconds.into())
}
