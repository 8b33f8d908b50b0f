//! Running a script of `e2e/python/`.

use std::process::Command;
use std::time::Duration;

use crate::root;
use crate::script::{self, INSTALL, Output};

/// Runs `python3 e2e/python/NAME.py` with some environment.
///
/// # Panics
///
/// If what it imports is not installed, or it ends with another status than 0, or not in time; the message holds all
/// that it printed.
#[track_caller]
pub fn python_script(name: &str, env: &[(&str, &str)], limit: Duration) -> Output {
    let path = root().join("e2e/python").join(format!("{name}.py"));
    assert!(path.is_file(), "no script e2e/python/{name}.py");
    let modules = root().join("e2e/python_modules");
    assert!(modules.is_dir(), "no e2e/python_modules: {INSTALL}");
    let mut command = Command::new("python3");
    // Without buffering, what a script that is stopped has printed is seen.
    command.args(["-B", "-u"]).arg(&path).env("PYTHONPATH", modules).envs(env.iter().copied());
    script::run(&format!("e2e/python/{name}.py"), &mut command, limit)
}
