//! A workspace binary as a server in its own process.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::process::Process;
use crate::{build_dir, root};

/// How long a server may take to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running server. It is killed when this is dropped, and what it logged is printed if the test is failing.
///
/// The binary must read its address from `NAME_ADDR` (`CHAT_ADDR` for `chat`), and log `listening on IP:PORT`. One that takes
/// any free port and prints its address alone, as `switchboard-bench` does, will do if it need not
/// [`restart`](Server::restart).
pub struct Server {
    package: String,
    env: Vec<(String, String)>,
    addr: SocketAddr,
    process: Process,
}

impl Server {
    /// Builds the package, once per test binary, and starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If it cannot be built, or does not listen within 20 seconds.
    #[track_caller]
    pub fn start(package: &str) -> Server {
        Server::start_with(package, &[])
    }

    /// [`start`](Server::start), with more environment variables.
    ///
    /// # Panics
    ///
    /// As [`start`](Server::start).
    #[track_caller]
    pub fn start_with(package: &str, env: &[(&str, &str)]) -> Server {
        let env: Vec<(String, String)> = env.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let (process, addr) = spawn(package, &env, free);
        Server { package: package.to_owned(), env, addr, process }
    }

    /// Where it listens. The same after a [`restart`](Server::restart).
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://IP:PORT` and a path that starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// `ws://IP:PORT` and a path that starts with `/`.
    pub fn ws_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.addr)
    }

    /// What it has printed since it was last started: standard output, then standard error.
    pub fn log(&self) -> String {
        self.process.stdout.text() + &self.process.stderr.text()
    }

    /// Waits until a line of its output contains `text`.
    ///
    /// # Panics
    ///
    /// If none does within `limit`.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str, limit: Duration) {
        let found = |log: &str| log.contains(text).then_some(());
        // Both are polled in turn: a server logs to either.
        let turns = (limit.as_millis() / 100).max(1);
        let step = Duration::from_millis(50);
        let logs = [&self.process.stdout, &self.process.stderr];
        let seen = (0..turns).any(|_| logs.iter().any(|log| log.wait_for(step, found).is_some()));
        assert!(seen, "{} did not log `{text}` within {limit:?}", self.package);
    }

    /// Sends SIGTERM, and does not wait.
    pub fn send_sigterm(&self) {
        self.process.signal("TERM");
    }

    /// Waits for the server to end by itself.
    ///
    /// # Panics
    ///
    /// If it still runs after `limit`.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        match self.process.wait(limit) {
            Some(status) => status,
            None => panic!("{} still runs after {limit:?}", self.package),
        }
    }

    /// Sends SIGTERM and waits for the server to end.
    ///
    /// # Panics
    ///
    /// If it still runs after `limit`.
    #[track_caller]
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.send_sigterm();
        self.wait(limit)
    }

    /// Ends the server at once, without a goodbye.
    pub fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait(Duration::from_secs(5));
    }

    /// Starts it again on the same port, killing it first if it still runs.
    ///
    /// # Panics
    ///
    /// As [`start`](Server::start).
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        (self.process, _) = spawn(&self.package, &self.env, self.addr);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("-- what {} logged\n{}", self.package, self.log());
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("package", &self.package).field("addr", &self.addr).finish_non_exhaustive()
    }
}

#[track_caller]
fn spawn(package: &str, env: &[(String, String)], addr: SocketAddr) -> (Process, SocketAddr) {
    let variable = format!("{}_ADDR", package.to_uppercase().replace('-', "_"));
    let mut command = Command::new(binary(package));
    command.current_dir(root()).env("NO_COLOR", "1").env(&variable, addr.to_string());
    command.envs(env.iter().map(|(key, value)| (key, value)));
    let mut process = match Process::spawn(&mut command) {
        Ok(process) => process,
        Err(error) => panic!("{package} cannot be started: {error}"),
    };
    match wait_for_address(&mut process) {
        Some(addr) => (process, addr),
        None => {
            process.stop();
            let printed = process.stdout.text() + &process.stderr.text();
            panic!("{package} did not log `listening on IP:PORT`; {variable} was {addr}\n-- what it logged\n{printed}")
        }
    }
}

/// Until the server says where it listens, ends, or takes too long.
fn wait_for_address(process: &mut Process) -> Option<SocketAddr> {
    let step = Duration::from_millis(25);
    let mut waited = Duration::ZERO;
    while waited < START_LIMIT {
        let ended = !process.is_running();
        for log in [&process.stdout, &process.stderr] {
            if let Some(addr) = log.wait_for(step, listening_address) {
                return Some(addr);
            }
            waited += step;
        }
        if ended {
            return None;
        }
    }
    None
}

/// The address in the first full line that says `listening`: `listening on 127.0.0.1:3005`, `listening addr=[::1]:80`; or
/// the first line, if it is nothing but an address.
fn listening_address(log: &str) -> Option<SocketAddr> {
    if let Some((Ok(addr), _)) = log.split_once('\n').map(|(line, rest)| (line.parse(), rest)) {
        return Some(addr);
    }
    let (_, after) = log.split_once("listening")?;
    let (line, _) = after.split_once('\n')?;
    line.split([' ', '=', '/', ',', '"']).find_map(|word| word.parse().ok())
}

/// Builds a workspace package, once, with the profile and in the target directory of this test.
fn binary(package: &str) -> PathBuf {
    static BUILT: OnceLock<Mutex<BTreeSet<String>>> = OnceLock::new();
    let (target, folder) = build_dir();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(package) {
        let profile = if folder == "debug" { "dev" } else { folder.as_str() };
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--locked", "--package", package, "--profile", profile, "--target-dir"]).arg(&target);
        let output = cargo.current_dir(root()).stdin(Stdio::null()).output().expect("cargo can be run");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo build --package {package} failed\n{stderr}");
        built.insert(package.to_owned());
    }
    target.join(folder).join(package)
}

#[cfg(test)]
mod tests {
    use super::listening_address;

    #[test]
    fn the_address_is_read_from_the_log_line() {
        let addr = |text: &str| listening_address(text).map(|addr| addr.to_string());
        assert_eq!(addr("INFO chat: listening on 127.0.0.1:3005\n").as_deref(), Some("127.0.0.1:3005"));
        assert_eq!(addr("a\nlistening on http://[::1]:80/\n").as_deref(), Some("[::1]:80"));
        assert_eq!(addr("listening addr=127.0.0.1:1\n").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(addr("127.0.0.1:3005\n").as_deref(), Some("127.0.0.1:3005"));
        assert_eq!(addr("127.0.0.1:3005"), None, "the line is not finished");
        assert_eq!(addr("listening on 127.0.0.1:300"), None, "the line is not finished");
    }
}
