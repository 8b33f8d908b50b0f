//! Log lines that a client can cause: at most one a second for each place, with the count of those held back.
use crate::{Client, Error};
use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Lets one line a second pass.
pub(crate) struct Gate {
    second: AtomicU64,
    held: AtomicU64,
}

impl Gate {
    pub(crate) const fn new() -> Gate {
        Gate { second: AtomicU64::new(0), held: AtomicU64::new(0) }
    }

    /// `Some(n)`: log now, and say that `n` lines were held back.
    pub(crate) fn pass(&self) -> Option<u64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if self.second.swap(now, Ordering::Relaxed) == now {
            self.held.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.held.swap(0, Ordering::Relaxed))
    }
}

/// `limited!(warn, field = value, "message")`.
macro_rules! limited {
    ($level:ident, $($rest:tt)*) => {{
        static GATE: $crate::log::Gate = $crate::log::Gate::new();
        if tracing::enabled!($crate::log::level::$level)
            && let Some(held) = GATE.pass()
        {
            tracing::$level!(held_back = held, $($rest)*);
        }
    }};
}
pub(crate) use limited;

#[allow(non_upper_case_globals, reason = "named as tracing's macros are")]
pub(crate) mod level {
    pub(crate) const debug: tracing::Level = tracing::Level::DEBUG;
    pub(crate) const warn: tracing::Level = tracing::Level::WARN;
    pub(crate) const error: tracing::Level = tracing::Level::ERROR;
}

/// A panic in the application's code.
pub(crate) fn panicked(place: &str, panic: &(dyn Any + Send)) {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)");
    tracing::error!(event = place, panic = message, "panicked");
}

/// The error that stands for a panic, which is logged already.
pub(crate) fn panic_error() -> Error {
    Error::internal(Logged)
}

#[derive(Debug)]
struct Logged;

impl std::fmt::Display for Logged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("panicked")
    }
}

impl std::error::Error for Logged {}

/// An error that is answered to a client: an internal one with its cause, which nobody else is told.
pub(crate) fn failed(error: &Error, event: &str, client: &Client) {
    if error.is_internal() {
        let cause = error.source_chain();
        if cause != "panicked" {
            limited!(error, event, client = %client.id(), cause, "internal error");
        }
    } else {
        limited!(debug, event, client = %client.id(), code = error.code().as_str(), "refused");
    }
}
