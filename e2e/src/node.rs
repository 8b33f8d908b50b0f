//! Running a script of `e2e/node/`.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use crate::root;
use crate::script::{self, INSTALL, Output};

/// Runs `node e2e/node/NAME.mjs` with some environment, for up to a minute.
///
/// # Panics
///
/// If the script fails; the message holds all that it printed.
#[track_caller]
pub fn node_script(name: &str, env: &[(&str, &str)]) -> Output {
    let mut script = NodeScript::new(name);
    for (key, value) in env {
        script = script.env(key, value);
    }
    script.run()
}

/// A script of `e2e/node/` that passes by ending with status 0.
#[derive(Debug)]
pub struct NodeScript {
    name: String,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    limit: Duration,
}

impl NodeScript {
    /// The script `e2e/node/NAME.mjs`.
    pub fn new(name: &str) -> NodeScript {
        NodeScript { name: name.to_owned(), args: Vec::new(), env: Vec::new(), limit: Duration::from_secs(60) }
    }

    /// Adds an argument: `process.argv[2]` and so on.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> NodeScript {
        self.args.push(arg.into());
        self
    }

    /// Sets an environment variable: `process.env.KEY`.
    #[must_use]
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> NodeScript {
        self.env.push((key.into(), value.into()));
        self
    }

    /// How long the script may run before it is killed. A minute unless told.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> NodeScript {
        self.limit = limit;
        self
    }

    /// Runs the script to its end.
    ///
    /// # Panics
    ///
    /// If it ends with another status than 0, or not in time; the message holds all that it printed.
    #[track_caller]
    pub fn run(self) -> Output {
        let path = root().join("e2e/node").join(format!("{}.mjs", self.name));
        assert!(path.is_file(), "no script e2e/node/{}.mjs", self.name);
        assert!(root().join("e2e/node_modules").is_dir(), "no e2e/node_modules: {INSTALL}");
        let mut command = Command::new("node");
        command.arg(&path).args(&self.args).envs(self.env);
        script::run(&format!("e2e/node/{}.mjs", self.name), &mut command, self.limit)
    }
}
