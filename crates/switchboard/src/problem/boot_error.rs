//! [`BootError`]: all problems of an application at boot, each with its location.
use super::{Paint, Problem};
use crate::text::count;
use std::fmt;
use std::io::{self};
use switchboard_core::ws::origin::InvalidOrigin;

/// The application cannot start. Its `Debug` is the printed list of problems, so a `main` that returns it shows the
/// list. The list has colours if standard error is a terminal and `NO_COLOR` is unset or empty. Its `Display` is the list
/// without colours.
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

    pub(crate) fn io(message: String, source: io::Error) -> BootError {
        BootError { problems: vec![Problem::new(message, &[])], source: Some(source) }
    }

    /// Returns all problems.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, paint: &Paint) -> fmt::Result {
        let Paint { header, number, end, .. } = paint;
        write!(f, "{header}the application cannot start: {}{end}", count(self.problems.len(), "problem"))?;
        for (at, problem) in self.problems.iter().enumerate() {
            write!(f, "\n  {number}{}.{end} ", at + 1)?;
            problem.write(f, paint)?;
        }
        Ok(())
    }
}

impl From<InvalidOrigin> for BootError {
    fn from(error: InvalidOrigin) -> BootError {
        BootError::one(error.to_string())
    }
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &Paint::PLAIN)
    }
}

impl fmt::Debug for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &Paint::of_stderr())
    }
}

impl std::error::Error for BootError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::panic::Location;

    struct Printed<'a>(&'a BootError, Paint);

    impl fmt::Display for Printed<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(f, &self.1)
        }
    }

    #[test]
    fn colours_are_for_terminals() {
        let place = Location::caller();
        let error = BootError::new(vec![Problem::new("no room; make one", &[place])]);
        let (file, line) = (place.file(), place.line());
        let plain = format!("the application cannot start: 1 problem\n  1. no room; make one\n     at {file}:{line}");
        let coloured = format!(
            "\x1b[1;31mthe application cannot start: 1 problem\x1b[0m\n  \x1b[1m1.\x1b[0m no room; make one\n     \
             \x1b[2mat {file}:{line}\x1b[0m"
        );
        let printed = |is_terminal, no_color: Option<&str>| {
            Printed(&error, Paint::choose(is_terminal, no_color.map(OsStr::new))).to_string()
        };
        assert_eq!(printed(true, None), coloured);
        assert_eq!(printed(true, Some("")), coloured);
        for (is_terminal, no_color) in [(true, Some("1")), (false, None), (false, Some("1"))] {
            assert_eq!(printed(is_terminal, no_color), plain);
        }
        assert_eq!(error.to_string(), plain);
    }
}
