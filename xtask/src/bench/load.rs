//! Running the load generator.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::Plan;
use crate::bench::build::Binaries;
use crate::bench::measurements::{Kind, Measurement};
use crate::bench::results::{Figure, Limit};
use crate::bench::server::{Server, pinned};

/// A run that takes longer than this hangs, and is killed.
const PATIENCE: Duration = Duration::from_secs(150);

/// How often a run is polled; a run is much longer than this.
const LOOK: Duration = Duration::from_millis(5);

pub(crate) struct Load {
    program: PathBuf,
}

/// What a run reported, by name.
pub(crate) type Report = BTreeMap<String, f64>;

impl Load {
    pub(crate) fn new(binaries: &Binaries) -> Load {
        Load { program: binaries.rust("bench-load") }
    }

    /// One round of a measurement.
    pub(crate) fn measure(&self, server: &Server, plan: &Plan, measurement: &Measurement) -> Result<Figure, String> {
        let mut args = words(measurement.load);
        match measurement.kind {
            Kind::Rate => args.extend(plan.shorter(measurement.finer)),
            Kind::Micros => args.extend(["--count".into(), plan.handshakes().to_string()]),
            Kind::Bytes => {}
        }
        let report = self.run(server, &args)?;
        let value = get(&report, measurement.kind.key())?;
        Ok(Figure { value, limit: limit(&report) })
    }

    /// A run on the second core.
    pub(crate) fn run(&self, server: &Server, args: &[String]) -> Result<Report, String> {
        self.run_on("1", server, args)
    }

    pub(crate) fn run_on(&self, cores: &str, server: &Server, args: &[String]) -> Result<Report, String> {
        let mut command = pinned(cores);
        command.arg(&self.program).args(self.args(server, args));
        follow(&mut command)
    }

    /// A run on the second core while `perf` counts an event in the server, and the count.
    pub(crate) fn run_counting(
        &self,
        server: &Server,
        args: &[String],
        event: &str,
        file: &Path,
    ) -> Result<(Report, f64), String> {
        // The load generator is perf's child, and ends by itself: all its loops are bounded.
        let mut command = pinned("1");
        command.args(["perf", "stat", "-x,", "-e", event, "-p", &server.pid(), "-o"]).arg(file).arg("--");
        command.arg(&self.program).args(self.args(server, args));
        let report = follow(&mut command)?;
        let text = std::fs::read_to_string(file).map_err(|why| why.to_string())?;
        let count =
            text.lines().find(|line| line.contains(event)).and_then(|line| line.split(',').next()?.parse().ok());
        Ok((report, count.ok_or_else(|| format!("perf counted no {event}"))?))
    }

    fn args(&self, server: &Server, args: &[String]) -> Vec<String> {
        let mut all = args.to_vec();
        all.extend(words(&["--addr", &server.address, "--pid", &server.pid(), "--dialect", server.dialect]));
        all
    }
}

impl Plan {
    /// How long a round is, as options of the load generator.
    pub(crate) fn times(&self) -> [String; 4] {
        self.shorter(1)
    }

    /// A part of that.
    fn shorter(&self, part: u32) -> [String; 4] {
        let [warmup, measured] = [self.warmup, self.measured].map(|time| (time / part).as_secs_f64().to_string());
        ["--warmup".into(), warmup, "--secs".into(), measured]
    }

    fn handshakes(&self) -> u64 {
        if self.is_quick() { 2_000 } else { 6_000 }
    }
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What was busy all the time: the server, otherwise the load generator, otherwise another program.
pub(crate) fn limit(report: &Report) -> Limit {
    match (report.get("server_cpu"), report.get("load_cpu")) {
        (Some(..0.9), Some(0.97..)) => Limit::Load,
        (Some(..0.85), Some(..0.85)) => Limit::Others,
        _ => Limit::Server,
    }
}

pub(crate) fn get(report: &Report, name: &str) -> Result<f64, String> {
    report.get(name).copied().ok_or_else(|| format!("the load generator reported no {name}"))
}

/// Runs a command to its end, and reads its lines `NAME VALUE`.
fn follow(command: &mut Command) -> Result<Report, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|why| format!("the load generator does not start: {why}"))?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < PATIENCE => thread::sleep(LOOK),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("still running after {} s", PATIENCE.as_secs()));
            }
        }
    };
    // It prints a few lines, which a pipe holds.
    let (stdout, stderr) = outputs(&mut child);
    if !status.success() {
        return Err(stderr.lines().next().unwrap_or("the load generator failed").to_owned());
    }
    let figure = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    Ok(stdout.lines().filter_map(figure).collect())
}

fn outputs(child: &mut Child) -> (String, String) {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let _ = child.stdout.take().map(|mut pipe| pipe.read_to_string(&mut stdout));
    let _ = child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut stderr));
    (stdout, stderr)
}
