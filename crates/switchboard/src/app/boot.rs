//! What goes wrong at boot: everything at once, each with its place.
use crate::{InvalidNetwork, InvalidOrigin};
use std::fmt;
use std::io;
use std::panic::Location;

/// One thing that is wrong, where it was written, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    message: String,
    places: Vec<&'static Location<'static>>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>, places: &[&'static Location<'static>]) -> Problem {
        Problem { message: message.into(), places: places.to_vec() }
    }

    /// What is wrong, and the fix.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for place in &self.places {
            write!(f, "\n     at {}:{}", place.file(), place.line())?;
        }
        Ok(())
    }
}

/// The application cannot start. Its `Debug` is the printed list, so that a `main` that returns it shows the list.
pub struct BootError {
    problems: Vec<Problem>,
    source: Option<io::Error>,
}

impl BootError {
    pub(crate) fn new(problems: Vec<Problem>) -> BootError {
        BootError { problems, source: None }
    }

    pub(crate) fn one(message: String) -> BootError {
        BootError::new(vec![Problem::new(message, &[])])
    }

    pub(super) fn io(message: String, source: io::Error) -> BootError {
        BootError { problems: vec![Problem::new(message, &[])], source: Some(source) }
    }

    /// Everything that is wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<InvalidNetwork> for BootError {
    fn from(error: InvalidNetwork) -> BootError {
        BootError::one(error.to_string())
    }
}

impl From<InvalidOrigin> for BootError {
    fn from(error: InvalidOrigin) -> BootError {
        BootError::one(error.to_string())
    }
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "the application cannot start: {count} problem{}", if count == 1 { "" } else { "s" })?;
        for (at, problem) in self.problems.iter().enumerate() {
            write!(f, "\n  {}. {problem}", at + 1)?;
        }
        Ok(())
    }
}

impl fmt::Debug for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for BootError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
