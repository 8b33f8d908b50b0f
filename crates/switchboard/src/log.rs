//! Log lines that a client can cause: at most one a second for each reason, with the count of those held back.
//!
//! The line of an internal error has the trace id that its client was told. A line that is held back has none: of equal errors
//! within a second only the first one can be found, and the next line says how many there were.
use crate::{ClientId, Error, TraceId};
use parking_lot::Mutex;
use std::any::Any;
use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

/// The most reasons that are told apart at a time.
const REASONS: usize = 256;

struct Reason {
    hash: u64,
    second: u64,
    held: u64,
}

static GATES: Mutex<Gates> = Mutex::new(Gates(Vec::new()));

struct Gates(Vec<Reason>);

impl Gates {
    /// `Some(n)`: log now, and say that `n` lines of this reason were held back.
    fn pass(&mut self, hash: u64, second: u64) -> Option<u64> {
        let Gates(reasons) = self;
        if let Some(known) = reasons.iter_mut().find(|known| known.hash == hash) {
            if known.second == second {
                known.held += 1;
                return None;
            }
            known.second = second;
            return Some(std::mem::take(&mut known.held));
        }
        self.know(Reason { hash, second, held: 0 });
        Some(0)
    }

    fn hold(&mut self, hash: u64) {
        match self.0.iter_mut().find(|known| known.hash == hash) {
            Some(known) => known.held += 1,
            None => self.know(Reason { hash, second: 0, held: 1 }),
        }
    }

    fn know(&mut self, reason: Reason) {
        let Gates(reasons) = self;
        if reasons.len() >= REASONS {
            // The reason that was silent for longest makes room.
            let oldest = reasons.iter().enumerate().min_by_key(|(_, known)| known.second).map(|(at, _)| at);
            oldest.map(|at| reasons.swap_remove(at));
        }
        reasons.push(reason);
    }
}

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
        // It may be dropped on another thread.
        UNLIMITED.set(UNLIMITED.get().saturating_sub(1));
    }
}

/// `Some(n)`: log now, and say that `n` lines of this reason were held back.
pub(crate) fn pass(reason: impl Hash) -> Option<u64> {
    if UNLIMITED.get() > 0 {
        return Some(0);
    }
    let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    GATES.lock().pass(hash(reason), second)
}

/// Counts a line that must not be logged now, however long ago the last one was.
#[cold]
pub(crate) fn hold(reason: impl Hash) {
    GATES.lock().hold(hash(reason));
}

fn hash(reason: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    reason.hash(&mut hasher);
    hasher.finish()
}

thread_local! {
    /// True while this thread writes a line. What is written, and the subscriber, are code of the application, which may do
    /// something that is logged.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// A line that this thread writes, until dropped.
pub(crate) struct Line(());

impl Line {
    /// `None` inside another line, which could otherwise go on without end.
    pub(crate) fn begin() -> Option<Line> {
        (!INSIDE.replace(true)).then(|| Line(()))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

/// `limited!(warn, reason, field = value, "message")`.
macro_rules! limited {
    ($level:ident, $reason:expr, $($rest:tt)*) => {{
        if let Some(_line) = $crate::log::Line::begin() {
            if tracing::enabled!(target: "switchboard", $crate::log::level::$level)
                && let Some(held) = $crate::log::pass((file!(), line!(), $reason))
            {
                tracing::$level!(target: "switchboard", held_back = (held > 0).then_some(held), $($rest)*);
            }
        } else {
            $crate::log::hold((file!(), line!(), $reason));
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

/// The most bytes of a panic's message that are logged.
const PANIC: usize = 4 << 10;

/// The message of a panic, at most [`PANIC`] bytes of it.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)");
    &text[..text.floor_char_boundary(PANIC)]
}

/// Logs a panic of the application's code. Returns the trace id of that line.
pub(crate) fn panicked(place: &str, panic: &(dyn Any + Send)) -> TraceId {
    let (message, trace_id) = (panic_text(panic), random_trace());
    limited!(error, place, event = place, panic = message, %trace_id, "panicked");
    trace_id
}

/// The error that is answered for a panic, which is logged already.
pub(crate) fn panic_error(trace: TraceId) -> Error {
    Error::internal(Logged).trace_id(trace)
}

#[derive(Debug)]
struct Logged;

impl std::fmt::Display for Logged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("panicked")
    }
}

impl std::error::Error for Logged {}

/// Logs an internal error from before the upgrade, with its cause, which the client is not told. The error has a trace id
/// afterwards.
pub(crate) fn failed_upgrade(error: &Error) {
    if let Some((trace_id, cause)) = told(error) {
        limited!(error, (), %trace_id, cause, "internal error before the upgrade");
    }
}

/// The error's trace id, and its cause; `None` if that is logged already. The cause is the application's: the code that makes its
/// text may panic.
fn told(error: &Error) -> Option<(TraceId, String)> {
    let trace_id = error.trace_or_set(random_trace);
    if std::error::Error::source(error).is_some_and(|cause| cause.is::<Logged>()) {
        return None;
    }
    let cause = catch_unwind(AssertUnwindSafe(|| error.source_chain()));
    let cause = cause.unwrap_or_else(|panic| {
        discard(panic);
        "(its text cannot be made: that panics)".to_owned()
    });
    Some((trace_id, cause))
}

/// Drops the payload of a panic. If that panics in turn, the payload of the second panic is leaked, because it could go on like
/// this without end.
pub(crate) fn discard(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
}

/// The client that a line is about.
pub(crate) trait Subject {
    fn id(&self) -> ClientId;

    /// The event's name if it has a handler, else `*`. Lines are told apart by it, and a client must not be able to choose how
    /// many kinds there are.
    fn known<'e>(&self, event: &'e str) -> &'e str;
}

/// Logs an error that a client is answered. The line of an internal error has its cause, which the client is not told. The error
/// has a trace id afterwards, so that the answer carries the same one.
pub(crate) fn failed(error: &Error, event: &str, client: &impl Subject) {
    if !error.is_internal() {
        limited!(debug, error.code().label(), event, client = %client.id(), code = error.code().as_str(), "refused");
        return;
    }
    if let Some((trace_id, cause)) = told(error) {
        let known = client.known(event);
        limited!(error, known, event, client = %client.id(), %trace_id, cause, "internal error");
    }
}

/// A random id, because a client must not guess those of others. If the system has no random bytes, it is made from the time.
fn random_trace() -> TraceId {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes.into(),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_inside_of_another_is_counted() {
        let mut gates = Gates(Vec::new());
        gates.hold(7);
        gates.hold(7);
        assert_eq!(gates.pass(7, 1000), Some(2));
        gates.hold(7);
        assert_eq!((gates.pass(7, 1000), gates.pass(7, 1001)), (None, Some(2)));
        let outer = Line::begin();
        assert!(outer.is_some() && Line::begin().is_none() && Line::begin().is_none());
        drop(outer);
        assert!(Line::begin().is_some());
    }

    /// The reason that was silent for longest is forgotten, with its count of lines held back.
    #[test]
    fn at_most_256_reasons_are_told_apart() {
        let long_ago = |hash| Reason { hash, second: hash, held: 3 };
        let mut gates = Gates((0..REASONS as u64).map(long_ago).collect());
        assert_eq!(gates.pass(0, 1000), Some(3), "a second later it is logged, and how often it was not");
        assert_eq!(gates.pass(0, 1000), None);
        assert_eq!(gates.pass(1 << 40, 1000), Some(0), "a new one is logged");
        assert_eq!(gates.0.len(), REASONS);
        assert!(gates.0.iter().all(|reason| reason.hash != 1), "the one that was silent for longest");
        assert_eq!(gates.pass(0, 1001), Some(1), "those that are logged stay");
        assert_eq!(gates.pass(2, 1001), Some(3), "and so do the others");
        for n in 0..10 * REASONS as u64 {
            assert_eq!(gates.pass((1 << 41) + n, 2000), Some(0));
            assert!(gates.0.len() <= REASONS);
        }
    }
}
