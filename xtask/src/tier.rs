//! `cargo xtask release-tier`: what takes too long for every run. Many idle connections over two processes, then a soak.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Options;
use crate::bench::server::{Server, pinned};
use crate::publish;
use crate::run::{Job, Outcome, Stop, on_path};

const PAGE: &str = "bench/soak.md";
/// The default of `--minutes`: ten for the crowd, thirty for the soak.
const MINUTES: u64 = 40;
const BUILDING: Duration = Duration::from_secs(1800);
/// For opening, settling and ending, in addition to the time that is asked for.
const AROUND: Duration = Duration::from_secs(150);

/// A figure and its upper limit.
struct Row {
    title: &'static str,
    key: &'static str,
    unit: &'static str,
    /// What the load generator's figure is divided by.
    divisor: f64,
    /// The limit for all processes together; `None`: the figure is only reported.
    most: Option<f64>,
    all: Together,
}

#[derive(Clone, Copy)]
enum Together {
    Sum,
    Worst,
}

const fn row(title: &'static str, key: &'static str, unit: &'static str, most: Option<f64>, all: Together) -> Row {
    Row { title, key, unit, divisor: 1.0, most, all }
}

const CROWD: &[Row] = &[
    Row {
        divisor: 1024.0,
        ..row("resident memory a connection", "resident_bytes_per_connection", "KiB", Some(3.0), Together::Worst)
    },
    Row {
        divisor: 1024.0,
        ..row("private memory a connection", "private_bytes_per_connection", "KiB", None, Together::Worst)
    },
    row("CPU of all while idle", "idle_cores", "cores", Some(0.15), Together::Sum),
    row("CPU of all while some ask", "busy_cores", "cores", None, Together::Sum),
    row("requests answered", "answered", "", None, Together::Sum),
    row("requests lost", "lost", "", Some(0.0), Together::Sum),
    Row { divisor: 1000.0, ..row("median of the answers", "p50_us", "ms", None, Together::Worst) },
    Row { divisor: 1000.0, ..row("p99 of the answers", "p99_us", "ms", Some(20.0), Together::Worst) },
    Row { divisor: 1000.0, ..row("the slowest answer", "max_us", "ms", None, Together::Worst) },
    row("unexpected closes", "unexpected_closes", "", Some(0.0), Together::Sum),
];

const SOAK: &[Row] = &[
    row("slope of resident memory, last part", "mib_per_minute", "MiB/min", Some(1.0), Together::Worst),
    row("resident memory at the end", "resident_mib", "MiB", None, Together::Worst),
    row("connections that came and went", "came_and_went", "", None, Together::Sum),
    row("CPU", "busy_cores", "cores", None, Together::Sum),
    row("requests answered", "answered", "", None, Together::Sum),
    row("requests lost", "lost", "", Some(0.0), Together::Sum),
    Row { divisor: 1000.0, ..row("p99 of the answers", "p99_us", "ms", Some(20.0), Together::Worst) },
    row("unexpected closes", "unexpected_closes", "", Some(0.0), Together::Sum),
    row("descriptors left at the end", "descriptors_left", "", Some(2.0), Together::Worst),
];

/// Some servers, each with a load generator.
struct Stage {
    title: &'static str,
    processes: usize,
    /// Of each load generator.
    load: &'static [(&'static str, u64)],
    rows: &'static [Row],
    warmup: Duration,
    time: Duration,
}

/// Builds what would be published, runs both stages, and writes the page. True when the builds pass and every figure is
/// within its bound.
pub(crate) fn run(options: &Options, args: &[String]) -> Result<bool, String> {
    let minutes = match args {
        [] => MINUTES,
        [flag, value] if flag == "--minutes" => match value.parse() {
            Ok(minutes @ 1..) => minutes,
            _ => return Err(format!("--minutes needs a number from 1 on, not `{value}`")),
        },
        _ => return Err("release-tier takes --minutes N, and nothing else".into()),
    };
    let seconds = |share: u64| Duration::from_secs(minutes * 60 * share / 40);
    let stages = [
        Stage {
            title: "20,000 connections on two processes, 2,000 of them active",
            processes: 2,
            load: &[("--connections", 10_000), ("--active", 1000), ("--rate", 2500)],
            rows: CROWD,
            warmup: seconds(3),
            time: seconds(7),
        },
        Stage {
            title: "A soak: 2,000 connections, 500 of them active, 50 a second that come and go",
            processes: 1,
            load: &[("--connections", 2000), ("--active", 500), ("--rate", 1000), ("--churn", 50)],
            rows: SOAK,
            warmup: Duration::from_secs(1),
            time: seconds(30),
        },
    ];
    let publishable = publish::release(options);
    let told =
        build(options).and_then(|()| stages.iter().map(|stage| stage.run(options)).collect::<Result<Vec<_>, _>>());
    match told {
        Ok(told) => {
            let passed = told.iter().all(|(_, passed)| *passed);
            let texts: Vec<&str> = told.iter().map(|(text, _)| text.as_str()).collect();
            let text = format!("{}{}", head(minutes), texts.join("\n"));
            fs::write(options.root.join(PAGE), &text).map_err(|why| format!("{PAGE}: {why}"))?;
            println!("\n{text}\n{PAGE} is written");
            Ok(passed && publishable)
        }
        Err(Stop::Failed(why) | Stop::CannotRun(why)) => {
            println!("---- release-tier: {why}");
            Ok(false)
        }
    }
}

fn head(minutes: u64) -> String {
    let short =
        if minutes < MINUTES { format!(" Shortened from {MINUTES}, so only the form counts.") } else { String::new() };
    format!(
        "# Many connections, and a long time\n\n`cargo xtask release-tier` writes this file; {minutes} minutes.{short} \
         Server and load are processes of their own on {} cores, with default limits.\n\n",
        thread::available_parallelism().map_or(1, usize::from),
    )
}

fn build(options: &Options) -> Outcome {
    let mut job = Job::start(options, "release-tier", "release-tier: building …".to_owned(), BUILDING);
    let manifest = ["--manifest-path", "bench/Cargo.toml", "-p", "bench-load"];
    let mut built = Ok(());
    for what in [&["-p", "switchboard-bench"][..], &manifest] {
        let mut command = job.cargo_command(&["build", "--release", "--locked"]);
        command.args(what).arg("--target-dir").arg(&options.target);
        built = built.and_then(|()| job.run(&mut command));
    }
    if built.is_err() {
        job.output().iter().for_each(|line| println!("{line}"));
    }
    job.end(&format!("{} s", job.elapsed().as_secs()));
    built?;
    if !["taskset", "setpriv"].into_iter().all(on_path) {
        return Err(Stop::CannotRun("taskset and setpriv are missing; they are in util-linux".into()));
    }
    Ok(())
}

type Report = BTreeMap<String, f64>;

impl Stage {
    /// Its part of the page, and whether all is within its bounds.
    fn run(&self, options: &Options) -> Result<(String, bool), Stop> {
        println!("{}: {} s", self.title, (self.warmup + self.time).as_secs());
        let last_core = thread::available_parallelism().map_or(1, usize::from) - 1;
        let cores = format!("0-{last_core}");
        let release = options.target.join("release");
        let log = options.target.join("xtask/release-tier-servers.log");
        let failed = |why: String| Stop::Failed(why);
        let mut running = Vec::new();
        for _ in 0..self.processes {
            let server = [release.join("switchboard-bench")];
            let server = Server::start_on(&cores, &server, &[], "json", &log).map_err(failed)?;
            let descriptors = descriptors(&server.pid());
            let mut load = pinned(&cores);
            load.arg(release.join("bench-load")).args(["crowd", "--addr", &server.address, "--pid", &server.pid()]);
            for (flag, value) in self.load {
                load.args([*flag, &value.to_string()]);
            }
            load.args(["--warmup", &self.warmup.as_secs_f64().to_string()]);
            load.args(["--secs", &self.time.as_secs_f64().to_string()]);
            load.stdin(Stdio::null()).stdout(Stdio::piped());
            let load = load.spawn().map_err(|why| Stop::Failed(format!("bench-load: {why}")))?;
            running.push((server, load, descriptors));
        }
        let started = Instant::now();
        let mut reports = Vec::new();
        for (server, mut load, descriptors_before) in running {
            let limit = (self.warmup + self.time + AROUND).saturating_sub(started.elapsed());
            let mut report = follow(&mut load, limit).map_err(failed)?;
            // The server is still handling the last closes.
            thread::sleep(Duration::from_secs(3));
            let left = descriptors(&server.pid()).saturating_sub(descriptors_before);
            report.insert("descriptors_left".into(), left as f64);
            reports.push(report);
        }
        self.table(&reports).map_err(failed)
    }

    fn table(&self, reports: &[Report]) -> Result<(String, bool), String> {
        let mut text = format!("## {}\n{} s.\n\n| | | at most |\n|---|---:|---:|\n", self.title, self.time.as_secs());
        let mut passed = true;
        for row in self.rows {
            let mut values = Vec::new();
            for report in reports {
                let value = report.get(row.key).ok_or_else(|| format!("the load generator reported no {}", row.key))?;
                values.push(value / row.divisor);
            }
            let value = match row.all {
                Together::Sum => values.iter().sum(),
                Together::Worst => values.into_iter().fold(f64::MIN, f64::max),
            };
            let is_over = row.most.is_some_and(|most| value > most);
            passed &= !is_over;
            let mark = if is_over { " **over**" } else { "" };
            let most = row.most.map_or("–".to_owned(), show);
            let unit = if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) };
            text += &format!("| {} | {}{unit}{mark} | {most} |\n", row.title, show(value));
        }
        Ok((text, passed))
    }
}

fn show(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn descriptors(pid: &str) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Waits for the end, and reads the lines `NAME VALUE`. Errors go to our standard error as they come.
fn follow(load: &mut Child, limit: Duration) -> Result<Report, String> {
    let started = Instant::now();
    let status = loop {
        match load.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < limit => thread::sleep(Duration::from_millis(100)),
            _ => {
                let _ = load.kill();
                let _ = load.wait();
                return Err("the load generator has no end".into());
            }
        }
    };
    // It prints a few lines, which a pipe holds.
    let mut text = String::new();
    let _ = load.stdout.take().map(|mut pipe| pipe.read_to_string(&mut text));
    if !status.success() {
        return Err(format!("the load generator: {status}"));
    }
    let figure = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    Ok(text.lines().filter_map(figure).collect())
}

#[cfg(test)]
mod tests {
    use super::{CROWD, Report, Stage};
    use std::time::Duration;

    #[test]
    fn a_figure_over_its_bound_fails() {
        let time = Duration::from_secs(1);
        let stage = Stage { title: "T", processes: 2, load: &[], rows: CROWD, warmup: time, time };
        let report = |idle| -> Report {
            let mut report: Report = CROWD.iter().map(|row| (row.key.to_owned(), 0.0)).collect();
            report.insert("idle_cores".into(), idle);
            report
        };
        let (text, passed) = stage.table(&[report(0.1), report(0.04)]).unwrap();
        assert!(passed && text.contains("| CPU of all while idle | 0.140 cores | 0.150 |"), "{text}");
        let (text, passed) = stage.table(&[report(0.1), report(0.06)]).unwrap();
        assert!(!passed && text.contains("**over**"), "{text}");
        assert!(stage.table(&[Report::new()]).is_err());
    }
}
