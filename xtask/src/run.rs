//! Running commands: their output is kept in full, and their last line is shown while they run.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Options;

/// How a part ends.
pub(crate) type Outcome = Result<(), Stop>;

/// Why a part ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It ran, and something is wrong.
    Failed(String),
    /// It could not be run on this machine. Skipped, or failed in CI.
    CannotRun(String),
}

impl Stop {
    pub(crate) fn failed(why: impl Into<String>) -> Stop {
        Stop::Failed(why.into())
    }

    /// For a command that fails where there is no network, or no permission.
    pub(crate) fn into_cannot_run(self) -> Stop {
        match self {
            Stop::Failed(why) | Stop::CannotRun(why) => Stop::CannotRun(why),
        }
    }
}

/// Away from a terminal, a line this often shows that a long part still runs.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How often the line on a terminal is redrawn.
const REDRAW: Duration = Duration::from_millis(200);

/// A running part: its budget, its full output, and the line that shows it.
pub(crate) struct Job<'a> {
    options: &'a Options,
    /// `[3/9] clippy …`, the start of the part's line.
    title: String,
    started: Instant,
    /// When the part is stopped.
    limit: Duration,
    output: Vec<String>,
    log: Option<File>,
    terminal: bool,
    /// True while the cursor is after the title, so that the result can follow it on the same line.
    on_title: bool,
}

impl<'a> Job<'a> {
    /// Shows the title. The full output goes to `target/xtask/NAME.log` too, as it comes.
    pub(crate) fn start(options: &'a Options, name: &str, title: String, limit: Duration) -> Job<'a> {
        let log = log_path(options, name);
        let log = fs::create_dir_all(log.parent().expect("a directory")).and_then(|()| File::create(log)).ok();
        print!("{title}");
        flush();
        let terminal = io::stdout().is_terminal();
        let started = Instant::now();
        Job { options, title, started, limit, output: Vec::new(), log, terminal, on_title: true }
    }

    pub(crate) fn options(&self) -> &'a Options {
        self.options
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Everything the part's commands printed.
    pub(crate) fn output(&self) -> &[String] {
        &self.output
    }

    /// Shows a line under the title, whether or not the part passes.
    pub(crate) fn say(&mut self, line: &str) {
        self.record(line);
        self.show(line);
    }

    /// Ends the part's line with its result.
    pub(crate) fn end(&mut self, result: &str) {
        self.clear();
        if self.on_title && !self.terminal {
            println!(" {result}")
        } else {
            println!("{} {result}", self.title)
        }
        flush();
    }

    /// `cargo ARGS` in the root; the same cargo that runs this.
    pub(crate) fn cargo_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args);
        command
    }

    /// Runs cargo; a failure ends the part.
    pub(crate) fn cargo(&mut self, args: &[&str]) -> Outcome {
        let mut command = self.cargo_command(args);
        self.run(&mut command)
    }

    /// Runs a command in the root; a failure ends the part.
    pub(crate) fn run(&mut self, command: &mut Command) -> Outcome {
        self.run_showing(command, |_| false)
    }

    /// [`run`](Job::run), and shows the lines that `wanted` picks as they come.
    pub(crate) fn run_showing(&mut self, command: &mut Command, wanted: impl Fn(&str) -> bool) -> Outcome {
        let words = words(command);
        self.record(&format!("$ {words}"));
        let (mut child, lines) = self.spawn(command).map_err(|error| Stop::CannotRun(format!("{words}: {error}")))?;
        let status = self.follow(&mut child, &lines, wanted);
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(Stop::Failed(format!("{words}: {status}"))),
            None => Err(Stop::Failed(format!("{words}: stopped, still running after {} s", self.limit.as_secs()))),
        }
    }

    fn spawn(&self, command: &mut Command) -> io::Result<(Child, Receiver<String>)> {
        let (reader, writer) = io::pipe()?;
        command.current_dir(&self.options.root).env("CARGO_TERM_COLOR", "never").stdin(Stdio::null());
        // One pipe for both, so that the lines are in the order they were written.
        command.stdout(writer.try_clone()?).stderr(writer);
        own_group(command);
        let child = command.spawn();
        // The command holds the pipe's writing end, without which the reader would never see the end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                if sender.send(text).is_err() {
                    break;
                }
            }
        });
        Ok((child?, lines))
    }

    /// Shows and records lines until the command ends. `None` when it had to be stopped.
    fn follow(
        &mut self,
        child: &mut Child,
        lines: &Receiver<String>,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<ExitStatus> {
        let mut latest = String::new();
        let (mut drawn, mut beat) = (Instant::now(), Instant::now());
        let mut exited = None;
        loop {
            match lines.recv_timeout(REDRAW) {
                Ok(line) => {
                    self.record(&line);
                    if wanted(&line) {
                        self.show(&line);
                        beat = Instant::now();
                    }
                    latest = line;
                    if drawn.elapsed() < REDRAW {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return exited.or_else(|| child.wait().ok()),
                // The command has ended; a process that it started and left running still holds its pipe.
                Err(RecvTimeoutError::Timeout) if exited.is_some() => return exited,
                Err(RecvTimeoutError::Timeout) => exited = child.try_wait().ok().flatten(),
            }
            if self.elapsed() > self.limit {
                kill_group(child);
                return None;
            }
            self.redraw(&latest, &mut beat);
            drawn = Instant::now();
        }
    }

    fn record(&mut self, line: &str) {
        if let Some(log) = &mut self.log {
            // The log is a convenience: a full disk must not hide a test's result.
            let _ = writeln!(log, "{line}");
        }
        self.output.push(line.to_owned());
    }

    fn show(&mut self, line: &str) {
        self.clear();
        if self.on_title && !self.terminal {
            println!();
        }
        self.on_title = false;
        println!("      {}", line.trim_start());
        flush();
    }

    /// On a terminal the part's line shows the time and the latest output; elsewhere a line is printed now and then.
    fn redraw(&mut self, latest: &str, beat: &mut Instant) {
        let seconds = self.elapsed().as_secs();
        if self.terminal {
            let latest: String = latest.trim().chars().take(60).collect();
            print!("\r\x1b[K{} {seconds} s  {latest}", self.title);
            flush();
        } else if beat.elapsed() >= HEARTBEAT {
            *beat = Instant::now();
            self.show(&format!("{seconds} s: {}", latest.trim()));
        }
    }

    fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[K");
        }
    }
}

/// Where a part's full output is kept.
pub(crate) fn log_path(options: &Options, name: &str) -> PathBuf {
    options.target.join("xtask").join(format!("{name}.log"))
}

/// Whether a program can be run by its name.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// The command as a person would type it, without the directories of its program.
fn words(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}

/// Away from a terminal, a command gets a process group, so that all of it can be stopped. At a terminal it shares
/// ours, so that Ctrl-C reaches it.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    if !io::stdin().is_terminal() {
        command.process_group(0);
    }
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

fn kill_group(child: &mut Child) {
    if cfg!(unix) && !io::stdin().is_terminal() {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn flush() {
    let _ = io::stdout().flush();
}
