//! [`Logs`]: the captured log.
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use tracing::Level;

/// The number of lines that are kept.
const MOST: usize = 10_000;

/// The log of a [`TestApp`](super::TestApp): its last 10,000 lines. Cheap to clone.
///
/// It has the `tracing` events of one thread: see [the module](super#the-log). Lines that switchboard normally logs at
/// most once a second are not limited here.
#[derive(Clone, Default)]
pub struct Logs(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    dropped: u64,
}

/// One `tracing` event. Long values are cut. Its `Display` is the line: `WARN target: message name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// The severity.
    pub level: Level,
    /// The event's target, usually the module that logged it.
    pub target: String,
    /// The message; "" if there is none.
    pub message: String,
    /// The other fields, in their order.
    pub fields: Vec<(&'static str, String)>,
}

impl LogLine {
    /// Returns the value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.level, self.target, self.message)?;
        for (name, value) in &self.fields {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

impl Logs {
    /// Returns all lines that are kept, the oldest first.
    pub fn lines(&self) -> Vec<LogLine> {
        self.0.lock().lines.iter().cloned().collect()
    }

    /// True if a line, as displayed, contains the text.
    pub fn contains(&self, text: &str) -> bool {
        self.0.lock().lines.iter().any(|line| line.to_string().contains(text))
    }

    /// Returns the lines of level `ERROR`.
    pub fn errors(&self) -> Vec<LogLine> {
        self.lines_where(|line| line.level == Level::ERROR)
    }

    /// Returns the lines of level `WARN`.
    pub fn warnings(&self) -> Vec<LogLine> {
        self.lines_where(|line| line.level == Level::WARN)
    }

    /// Returns how many lines were dropped for newer ones.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    pub(super) fn at_least(&self, level: Level) -> Vec<LogLine> {
        self.lines_where(|line| line.level <= level)
    }

    pub(super) fn push(&self, line: LogLine) {
        let mut kept = self.0.lock();
        if kept.lines.len() == MOST {
            kept.lines.pop_front();
            kept.dropped += 1;
        }
        kept.lines.push_back(line);
    }

    pub(super) fn same(&self, other: &Logs) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn lines_where(&self, wanted: impl Fn(&LogLine) -> bool) -> Vec<LogLine> {
        self.0.lock().lines.iter().filter(|line| wanted(line)).cloned().collect()
    }
}

/// Shows the lines.
impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lines().iter().map(|line| line.to_string())).finish()
    }
}
