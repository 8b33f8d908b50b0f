//! [`Problem`]: one problem found at boot; [`BootError`]: all of them.
mod boot_error;

pub use boot_error::BootError;

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IsTerminal};
use std::panic::Location;
use switchboard_core::ws::handshake::is_host;

/// One problem found at boot: its location, what is wrong, and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    message: String,
    places: Vec<&'static Location<'static>>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>, places: &[&'static Location<'static>]) -> Problem {
        let mut told: Vec<&'static Location<'static>> = Vec::new();
        for place in places {
            if !told.iter().any(|known| (known.file(), known.line()) == (place.file(), place.line())) {
                told.push(place);
            }
        }
        Problem { message: message.into(), places: told }
    }

    /// Returns what is wrong, and the fix.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &Paint::PLAIN)
    }
}

impl Problem {
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, paint: &Paint) -> fmt::Result {
        f.write_str(&self.message)?;
        for place in &self.places {
            write!(f, "\n     {}at {}:{}{}", paint.place, place.file(), place.line(), paint.end)?;
        }
        Ok(())
    }
}

/// The escape sequences before and after each part of a problem on a terminal.
pub(crate) struct Paint {
    pub(crate) header: &'static str,
    pub(crate) number: &'static str,
    pub(crate) place: &'static str,
    pub(crate) end: &'static str,
}

impl Paint {
    pub(crate) const PLAIN: Paint = Paint { header: "", number: "", place: "", end: "" };
    pub(crate) const COLOURED: Paint =
        Paint { header: "\x1b[1;31m", number: "\x1b[1m", place: "\x1b[2m", end: "\x1b[0m" };

    /// Chooses the colours for standard error, where `main` prints the error that it returns.
    pub(crate) fn of_stderr() -> Paint {
        Paint::choose(io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref())
    }

    /// Any value of `NO_COLOR` but the empty one turns colours off (<https://no-color.org>).
    pub(crate) fn choose(is_terminal: bool, no_color: Option<&OsStr>) -> Paint {
        if is_terminal && no_color.is_none_or(OsStr::is_empty) { Paint::COLOURED } else { Paint::PLAIN }
    }
}

/// Returns what is wrong with a list of hosts, and the fix; `None` if nothing is.
pub(crate) fn wrong_host(hosts: &[String]) -> Option<String> {
    if hosts.is_empty() {
        return Some("`allowed_hosts` is empty, with which nobody connects; leave it out to allow any".to_owned());
    }
    let wrong = hosts.iter().find(|host| !is_host(host))?;
    Some(format!("`allowed_hosts` has {wrong:?}, which is no host; write \"chat.example\" or \"chat.example:8443\""))
}
