//! Running a script of any language to its end.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::{build_dir, root};

/// How to get what a script needs.
pub(crate) const INSTALL: &str = "`cargo xtask test tools` installs what is missing";

/// What a script printed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Output {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

/// Runs a command that is named by its script.
///
/// # Panics
///
/// If it cannot be started, ends with another status than 0, or not in time; the message holds all that it printed.
#[track_caller]
pub(crate) fn run(name: &str, command: &mut Command, limit: Duration) -> Output {
    command.current_dir(root()).env("E2E_SCREENSHOTS", build_dir().0.join("screenshots"));
    let started = Instant::now();
    let mut process = match Process::spawn(command) {
        Ok(process) => process,
        Err(error) => panic!("{} cannot be started ({error}): {INSTALL}", command.get_program().display()),
    };
    let status = process.wait(limit);
    if status.is_none() {
        process.stop();
    }
    let output = Output { stdout: process.stdout.text(), stderr: process.stderr.text(), took: started.elapsed() };
    let verdict = match status {
        Some(status) if status.success() => return output,
        Some(status) => format!("failed ({status})"),
        None => format!("was stopped, still running after {} s", limit.as_secs()),
    };
    let Output { stdout, stderr, .. } = output;
    panic!("{name} {verdict}\n-- stdout\n{stdout}\n-- stderr\n{stderr}");
}
