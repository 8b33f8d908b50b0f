//! Child processes whose output is collected, and which leave nothing behind.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(10);

/// What a process printed so far.
#[derive(Clone, Default)]
pub(crate) struct Log {
    shared: Arc<(Mutex<String>, Condvar)>,
}

impl Log {
    pub(crate) fn text(&self) -> String {
        self.lock().clone()
    }

    /// Looks for something in the text each time a line is added, until it is found or `limit` has passed.
    pub(crate) fn wait_for<T>(&self, limit: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut text = self.lock();
        loop {
            if let Some(found) = find(&text) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            text = self.shared.1.wait_timeout(text, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies a stream, line by line, until it ends.
    fn follow(&self, stream: impl Read + Send + 'static) -> thread::JoinHandle<()> {
        let log = self.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                log.lock().push_str(&String::from_utf8_lossy(&line));
                log.shared.1.notify_all();
                line.clear();
            }
        })
    }
}

/// A child process in a group of its own. All of the group is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    readers: Vec<thread::JoinHandle<()>>,
    pub(crate) stdout: Log,
    pub(crate) stderr: Log,
}

impl Process {
    /// Its standard input is a pipe that ends when the test does: a client that watches it need not outlive the test.
    pub(crate) fn spawn(command: &mut Command) -> std::io::Result<Process> {
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (stdout, stderr) = (Log::default(), Log::default());
        let readers = vec![
            stdout.follow(child.stdout.take().expect("a pipe")),
            stderr.follow(child.stderr.take().expect("a pipe")),
        ];
        Ok(Process { child, readers, stdout, stderr })
    }

    /// Waits for the process to end. `None` if it still runs after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            // Not `Child::wait`, which closes the standard input first.
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                self.finish_reading();
                return Some(status);
            }
            if Instant::now() > deadline {
                return None;
            }
            thread::sleep(POLL);
        }
    }

    /// Whether the process has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Sends a signal, by name, to the process alone.
    pub(crate) fn signal(&self, name: &str) {
        kill(name, &self.child.id().to_string());
    }

    /// Asks the whole group to end, then makes it.
    pub(crate) fn stop(&mut self) {
        let group = format!("-{}", self.child.id());
        if self.is_running() {
            kill("TERM", &group);
            self.wait(Duration::from_secs(3));
        }
        self.kill();
    }

    fn kill(&mut self) {
        kill("KILL", &format!("-{}", self.child.id()));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last lines may still be in the pipes. A process left behind may hold those open: no waiting for that.
    fn finish_reading(&self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        while self.readers.iter().any(|reader| !reader.is_finished()) && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The `kill` command: signals have no safe function in the standard library.
fn kill(signal: &str, pid: &str) {
    let _ = Command::new("kill").args([&format!("-{signal}"), "--", pid]).stderr(Stdio::null()).status();
}
