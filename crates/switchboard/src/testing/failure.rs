//! [`Failure`]: the panic of a test that did not receive what it expected.
use super::logs::Logs;
use std::fmt::{Display, Write};
use std::panic::Location;

/// The number of log lines that a panic shows.
const LINES: usize = 5;

/// The place in the test that waits. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) place: &'static Location<'static>,
    pub(super) logs: &'a Logs,
}

impl Failure<'_> {
    /// # Panics
    /// Always.
    pub(super) fn expected(self, expected: impl Display, instead: impl Display) -> ! {
        self.fail(format_args!("expected {expected}, but {instead}"))
    }

    /// # Panics
    /// Always.
    pub(super) fn fail(self, message: impl Display) -> ! {
        let mut text = format!("{message}\n  at {}:{}", self.place.file(), self.place.line());
        let lines = self.logs.at_least(tracing::Level::WARN);
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            // Writing to a String does not fail.
            let _ = write!(text, "\n  log: {line}");
        }
        panic!("{text}")
    }
}
