//! A server under test: a process that is ended when this value is dropped, and also when this program dies in any way.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::build::Binaries;
use crate::bench::peers::Peer;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) dialect: &'static str,
}

impl Server {
    /// Starts a server with one thread on the first core, to be spoken to in a dialect, and waits for its address.
    pub(crate) fn start(binaries: &Binaries, peer: &Peer, dialect: &'static str) -> Result<Server, String> {
        let command = binaries.command(peer).ok_or("it is not installed")?;
        Server::start_on("0", &command, peer.env, dialect, &binaries.log)
    }

    /// Starts a server on these cores.
    pub(crate) fn start_on(
        cores: &str,
        words: &[PathBuf],
        env: &[(&str, &str)],
        dialect: &'static str,
        log: &Path,
    ) -> Result<Server, String> {
        let log = OpenOptions::new().create(true).append(true).open(log).map_err(|why| why.to_string())?;
        let mut command = pinned(cores);
        command.args(words).env("PORT", "0").envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let child = command.spawn().map_err(|why| format!("it does not start: {why}"))?;
        let mut server = Server { child, address: String::new(), dialect };
        let stdout = server.child.stdout.take().expect("it is piped");
        let (sender, line) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            if let Some(Ok(line)) = lines.next() {
                let _ = sender.send(line);
            }
            // The pipe is kept open, because a later write to a closed one would end the server.
            lines.for_each(drop);
        });
        server.address = line.recv_timeout(PATIENCE).map_err(|_| "it does not tell its address")?;
        Ok(server)
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        let status =
            Command::new("kill").args(["-TERM", &self.pid()]).status().map_err(|why| format!("kill: {why}"))?;
        if !status.success() {
            return Err("the server has ended already".into());
        }
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Ok(Some(_)) = self.child.try_wait() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(format!("it does not end within {} s", PATIENCE.as_secs()))
    }

    pub(crate) fn pid(&self) -> String {
        // `setpriv` and `taskset` have become the server.
        self.child.id().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The beginning of a command that runs on these cores only, and is killed when this program ends.
pub(crate) fn pinned(cores: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "taskset", "-c", cores]);
    command
}
