//! Log lines that a client can cause: at most one a second for each reason, with the count of those held back.
use crate::{Client, Error};
use parking_lot::Mutex;
use std::any::Any;
use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

/// Reasons that are told apart at a time.
const REASONS: usize = 256;

struct Reason {
    hash: u64,
    second: u64,
    held: u64,
}

static GATES: Mutex<Vec<Reason>> = Mutex::new(Vec::new());

thread_local! {
    /// While above 0, this thread logs every line: a test reads them, and all tests of a process share the gates.
    static UNLIMITED: Cell<u32> = const { Cell::new(0) };
}

/// Logs every line of this thread, until dropped.
#[allow(dead_code, reason = "for the feature `testing`")]
pub(crate) struct Unlimited(());

#[allow(dead_code, reason = "for the feature `testing`")]
impl Unlimited {
    pub(crate) fn new() -> Unlimited {
        UNLIMITED.set(UNLIMITED.get() + 1);
        Unlimited(())
    }
}

impl Drop for Unlimited {
    fn drop(&mut self) {
        // It may have been moved to another thread.
        UNLIMITED.set(UNLIMITED.get().saturating_sub(1));
    }
}

/// `Some(n)`: log now, and say that `n` lines of this reason were held back.
pub(crate) fn pass(reason: impl Hash) -> Option<u64> {
    if UNLIMITED.get() > 0 {
        return Some(0);
    }
    let mut hasher = DefaultHasher::new();
    reason.hash(&mut hasher);
    let hash = hasher.finish();
    let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut gates = GATES.lock();
    if let Some(known) = gates.iter_mut().find(|known| known.hash == hash) {
        if known.second == second {
            known.held += 1;
            return None;
        }
        known.second = second;
        return Some(std::mem::take(&mut known.held));
    }
    if gates.len() >= REASONS {
        // The one that was silent for longest makes room.
        let oldest = gates.iter().enumerate().min_by_key(|(_, known)| known.second).map(|(at, _)| at);
        oldest.map(|at| gates.swap_remove(at));
    }
    gates.push(Reason { hash, second, held: 0 });
    Some(0)
}

/// `limited!(warn, reason, field = value, "message")`.
macro_rules! limited {
    ($level:ident, $reason:expr, $($rest:tt)*) => {{
        if tracing::enabled!(target: "switchboard", $crate::log::level::$level)
            && let Some(held) = $crate::log::pass((file!(), line!(), $reason))
        {
            tracing::$level!(target: "switchboard", held_back = (held > 0).then_some(held), $($rest)*);
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

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}

/// A panic in the application's code.
pub(crate) fn panicked(place: &str, panic: &(dyn Any + Send)) {
    let message = panic_text(panic);
    limited!(error, place, event = place, panic = message, "panicked");
}

/// The error that stands for a panic, which is logged already.
pub(crate) fn panic_error() -> Error {
    Error::internal(Logged)
}

const PANICKED: &str = "panicked";

#[derive(Debug)]
struct Logged;

impl std::fmt::Display for Logged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(PANICKED)
    }
}

impl std::error::Error for Logged {}

/// An internal error of what runs before the upgrade, with its cause, which nobody else is told.
pub(crate) fn failed_upgrade(error: &Error) {
    let cause = cause(error);
    if cause != PANICKED {
        limited!(error, (), cause, "internal error before the upgrade");
    }
}

/// The cause is the application's: its text may be made by code that panics.
fn cause(error: &Error) -> String {
    let cause = catch_unwind(AssertUnwindSafe(|| error.source_chain()));
    cause.unwrap_or_else(|_| "(its text cannot be made: that panics)".to_owned())
}

/// An error that is answered to a client: an internal one with its cause, which nobody else is told.
pub(crate) fn failed(error: &Error, event: &str, client: &Client) {
    if !error.is_internal() {
        limited!(debug, error.code().label(), event, client = %client.id(), code = error.code().as_str(), "refused");
        return;
    }
    let cause = cause(error);
    if cause != PANICKED {
        limited!(error, event, event, client = %client.id(), cause, "internal error");
    }
}
