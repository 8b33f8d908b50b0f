//! Building and running the fuzzers of `fuzz/` on stable Rust, as `cargo fuzz --sanitizer none` would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Options;
use crate::run::{Job, Outcome, Stop};

/// Coverage counters for libFuzzer. No sanitizer: those need nightly, and there is no unsafe code for them to watch.
const RUSTFLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "-Ccodegen-units=1",
];

/// No other command touches that lock file.
const FRESH_LOCK: &str =
    "`cargo update --workspace --manifest-path fuzz/Cargo.toml` brings fuzz/Cargo.lock up to date; commit it";

/// The fuzzers: `fuzz/fuzz_targets/*.rs`, by name.
pub(crate) fn targets(root: &Path) -> Vec<String> {
    let files = fs::read_dir(root.join("fuzz/fuzz_targets")).into_iter().flatten().flatten();
    let sources = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ext| ext == "rs"));
    let mut names: Vec<String> =
        sources.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

/// The `fuzz` part.
pub(crate) fn all(job: &mut Job<'_>) -> Outcome {
    let options = job.options();
    let targets = targets(&options.root);
    check_bins(&options.root, &targets)?;
    build(job, &targets)?;
    for target in &targets {
        fuzz(job, target, Some(options.fuzz_seconds))?;
    }
    Ok(())
}

/// `cargo xtask fuzz`: one fuzzer for `limit` seconds, or on some inputs only. True when nothing was found.
pub(crate) fn one(options: &Options, target: &str, inputs: &[&str], limit: Option<u64>) -> Result<bool, String> {
    let targets = targets(&options.root);
    if !targets.iter().any(|name| name == target) {
        return Err(format!("no fuzzer `{target}`; there are: {}", targets.join(", ")));
    }
    let mut job = Job::start(options, &format!("fuzz-{target}"), format!("fuzz {target} …"), Duration::MAX);
    let outcome = build(&mut job, &[target.to_owned()]).and_then(|()| match inputs {
        [] => fuzz(&mut job, target, limit),
        inputs => reproduce(&mut job, target, inputs),
    });
    match outcome {
        Ok(()) => {
            job.end("nothing found");
            Ok(true)
        }
        Err(Stop::Failed(why) | Stop::CannotRun(why)) => {
            job.end("FAILED");
            job.output().iter().for_each(|line| println!("{line}"));
            println!("---- {why}");
            Ok(false)
        }
    }
}

/// A fuzzer that no `[[bin]]` names would never be built.
fn check_bins(root: &Path, targets: &[String]) -> Outcome {
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap_or_default();
    if targets.is_empty() {
        return Err(Stop::failed("no fuzzer in fuzz/fuzz_targets"));
    }
    let named = |target: &&String| manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\""));
    match targets.iter().find(|target| !named(target)) {
        Some(target) => Err(Stop::Failed(format!(
            "fuzz/Cargo.toml has no [[bin]] with `name = \"{target}\"` and `path = \"fuzz_targets/{target}.rs\"`"
        ))),
        None => Ok(()),
    }
}

fn build(job: &mut Job<'_>, targets: &[String]) -> Outcome {
    // --target, even for the host: build scripts and macros are then built without the flags.
    let mut command = job.cargo_command(&["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml"]);
    command.args(["--target", host()?.as_str(), "--target-dir"]).arg(directory(job.options()));
    for target in targets {
        command.args(["--bin", target]);
    }
    command.env("RUSTFLAGS", RUSTFLAGS.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    job.run(&mut command).map_err(|stop| {
        let stale = job.output().iter().any(|line| line.contains("--locked was passed"));
        match stop {
            Stop::Failed(why) if stale => Stop::Failed(format!("{why}\n---- {FRESH_LOCK}")),
            stop => stop,
        }
    })
}

/// Fuzzes one target, from the inputs found earlier and the committed seeds.
fn fuzz(job: &mut Job<'_>, target: &str, limit: Option<u64>) -> Outcome {
    let root = &job.options().root;
    let found = directory(job.options()).join("corpus").join(target);
    let seeds = root.join("fuzz/corpus").join(target);
    let artifacts = PathBuf::from("fuzz/artifacts").join(target);
    for dir in [&found, &root.join(&artifacts)] {
        fs::create_dir_all(dir).map_err(|error| Stop::Failed(format!("{}: {error}", dir.display())))?;
    }
    let mut command = Command::new(binary(job.options(), target)?);
    command.args(["-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1"]);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    if let Some(seconds) = limit {
        command.arg(format!("-max_total_time={seconds}"));
    }
    // libFuzzer writes what it finds to the first directory, and only reads the others.
    command.arg(&found);
    if seeds.is_dir() {
        command.arg(&seeds);
    }
    let earlier = job.output().len();
    job.run(&mut command).map_err(|stop| explain(stop, job, target, earlier))?;
    let summary = Summary::read(&job.output()[earlier..]);
    job.say(&format!("{target}: {}", summary.sentence()));
    // Without the counters libFuzzer throws dice: that must not pass for fuzzing.
    if summary.coverage == 0 { Err(Stop::Failed(format!("{target} is built without coverage"))) } else { Ok(()) }
}

fn reproduce(job: &mut Job<'_>, target: &str, inputs: &[&str]) -> Outcome {
    // The paths are as typed, from the current directory; the command runs in the root.
    let here = std::env::current_dir().map_err(|error| Stop::Failed(error.to_string()))?;
    let mut command = Command::new(binary(job.options(), target)?);
    command.args(["-rss_limit_mb=2048", "-timeout=10"]).args(inputs.iter().map(|input| here.join(input)));
    job.run(&mut command)
}

/// Adds to a finding how to see it again.
fn explain(stop: Stop, job: &Job<'_>, target: &str, earlier: usize) -> Stop {
    let written = job.output()[earlier..].iter().find_map(|line| line.split_once("Test unit written to "));
    match (stop, written) {
        (Stop::Failed(why), Some((_, file))) => {
            Stop::Failed(format!("{why}\n---- {target}: to see it again: cargo xtask fuzz {target} {file}"))
        }
        (stop, _) => stop,
    }
}

/// What libFuzzer says at the end.
#[derive(Default)]
struct Summary {
    executions: u64,
    per_second: u64,
    /// Edges covered by the corpus alone, and at the end.
    coverage_at_start: u64,
    coverage: u64,
}

impl Summary {
    fn read(lines: &[String]) -> Summary {
        let mut summary = Summary::default();
        for line in lines {
            // `#2 INITED cov: 64 ft: 65 corp: 1/1b exec/s: 0 rss: 30Mb`, and `stat::average_exec_per_sec: 8123`.
            if let Some(coverage) = number_after(line, "cov: ") {
                summary.coverage = coverage;
                if line.contains("INITED") {
                    summary.coverage_at_start = coverage;
                }
            }
            if let Some(count) = number_after(line, "stat::number_of_executed_units:") {
                summary.executions = count;
            }
            if let Some(count) = number_after(line, "stat::average_exec_per_sec:") {
                summary.per_second = count;
            }
        }
        summary
    }

    fn sentence(&self) -> String {
        let Summary { executions, per_second, coverage_at_start, coverage } = self;
        format!("{executions} executions, {per_second}/s, coverage {coverage_at_start} → {coverage} edges")
    }
}

fn number_after(line: &str, key: &str) -> Option<u64> {
    let (_, rest) = line.split_once(key)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Apart from the workspace's own builds, whose flags differ.
fn directory(options: &Options) -> PathBuf {
    options.target.join("fuzz")
}

fn binary(options: &Options, target: &str) -> Result<PathBuf, Stop> {
    Ok(directory(options).join(host()?).join("release").join(target))
}

fn host() -> Result<String, Stop> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(rustc).arg("-vV").output().map_err(|error| Stop::Failed(format!("rustc -vV: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| Stop::failed("rustc -vV names no host"))
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn a_summary_has_the_first_and_the_last_coverage() {
        let lines = [
            "#2\tINITED cov: 64 ft: 65 corp: 1/1b exec/s: 0 rss: 30Mb",
            "#900\tNEW    cov: 80 ft: 99 corp: 2/9b lim: 4 exec/s: 0 rss: 30Mb L: 1/1 MS: 1 ChangeBit-",
            "#81230\tDONE   cov: 91 ft: 120 corp: 9/80b lim: 8 exec/s: 8123 rss: 40Mb",
            "stat::number_of_executed_units: 81230",
            "stat::average_exec_per_sec:     8123",
        ];
        let summary = Summary::read(&lines.map(str::to_owned));
        assert_eq!(summary.sentence(), "81230 executions, 8123/s, coverage 64 → 91 edges");
    }
}
