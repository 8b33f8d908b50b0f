//! `cargo xtask fire`: what attacks cost, at the figures that are promised.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::Options;
use crate::bench::median;
use crate::run::{Job, Stop};

const PAGE: &str = "bench/fire.md";
const ROUNDS: u64 = 5;
/// The attacks that report figures.
const TESTS: &[&str] = &[
    "door::r15_a_crowd",
    "door::r31_thousands",
    "slow::r11",
    "floods::r12_floods",
    "faults::r19",
    "hostile::r27",
    "abuse::r30_two_hundred_thousand_fragments_with_the_default_limit",
];
/// Each has a figure.
const PROMISES: &[&str] = &["R11", "R12", "R15", "R19", "R27", "R30", "R31"];
/// For building, and for each round.
const BUILDING: u64 = 1800;
const ROUND: u64 = 400;

/// A figure, as reported in each round.
struct Row {
    promise: String,
    what: String,
    unit: String,
    most: f64,
    values: Vec<f64>,
}

/// Runs the attacks, and writes the page. True when every median is within its bound.
pub(crate) fn run(options: &Options, args: &[String]) -> Result<bool, String> {
    let rounds = match args {
        [] => ROUNDS,
        [flag, value] if flag == "--rounds" => match value.parse() {
            Ok(rounds @ 1..) => rounds,
            _ => return Err(format!("--rounds needs a number from 1 on, not `{value}`")),
        },
        _ => return Err("fire takes --rounds N, and nothing else".into()),
    };
    let limit = Duration::from_secs(BUILDING + rounds * ROUND);
    let mut job = Job::start(options, "fire", format!("fire: {rounds} rounds of {} attacks …", TESTS.len()), limit);
    let told = attack(&mut job, rounds).and_then(|()| whole(read(job.output()), rounds).map_err(Stop::Failed));
    match told {
        Ok(rows) => {
            job.end(&format!("{} s", job.elapsed().as_secs()));
            let (text, passed) = page(&rows, rounds);
            fs::write(options.root.join(PAGE), &text).map_err(|why| format!("{PAGE}: {why}"))?;
            println!("\n{text}\n{PAGE} is written");
            Ok(passed)
        }
        Err(Stop::Failed(why) | Stop::CannotRun(why)) => {
            job.end("FAILED");
            job.output().iter().for_each(|line| println!("{line}"));
            println!("---- fire: {why}");
            Ok(false)
        }
    }
}

fn attack(job: &mut Job<'_>, rounds: u64) -> Result<(), Stop> {
    let test = ["test", "--release", "--locked", "-p", "switchboard", "--test", "fire"];
    job.cargo(&[&test[..], &["--no-run"]].concat())?;
    for round in 1..=rounds {
        job.say(&format!("round {round}"));
        let mut command = job.cargo_command(&[&test[..], &["--", "--nocapture", "--test-threads=1"], TESTS].concat());
        command.env("SWITCHBOARD_FIRE_FULL", "1");
        job.run_showing(&mut command, |line| line.contains("figure|"))?;
    }
    Ok(())
}

/// The lines `figure|PROMISE|WHAT|VALUE|UNIT|MOST`.
fn read(lines: &[String]) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    for line in lines {
        // The harness may have begun the line.
        let Some((_, line)) = line.split_once("figure|") else { continue };
        let wrong = || format!("this is no figure: {line}");
        let [promise, what, value, unit, most] = line.split('|').collect::<Vec<_>>()[..] else { return Err(wrong()) };
        let (Ok(value), Ok(most)) = (value.parse(), most.parse()) else { return Err(wrong()) };
        match rows.iter_mut().find(|row| row.promise == promise && row.what == what) {
            Some(row) => row.values.push(value),
            None => {
                let [promise, what, unit] = [promise, what, unit].map(str::to_owned);
                rows.push(Row { promise, what, unit, most, values: vec![value] });
            }
        }
    }
    rows.sort_by(|one, other| one.promise.cmp(&other.promise));
    if rows.is_empty() { Err("no figure was told".into()) } else { Ok(rows) }
}

/// None is missing, in no round: a test that has another name now would be left out in silence.
fn whole(rows: Result<Vec<Row>, String>, rounds: u64) -> Result<Vec<Row>, String> {
    let rows = rows?;
    if let Some(row) = rows.iter().find(|row| row.values.len() as u64 != rounds) {
        return Err(format!("{} {}: told {} times in {rounds} rounds", row.promise, row.what, row.values.len()));
    }
    match PROMISES.iter().find(|promise| !rows.iter().any(|row| row.promise == **promise)) {
        Some(promise) => Err(format!("no figure of {promise} was told")),
        None => Ok(rows),
    }
}

fn page(rows: &[Row], rounds: u64) -> (String, bool) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "# Attacks, and what they cost\n\n`cargo xtask fire` writes this file: the attacks of \
         `crates/switchboard/tests/fire` that have a figure, in release, server and clients in processes of their own on \
         {cores} cores; medians of {rounds} rounds, and the worst round. `docs/limits.md` says what the numbers in \
         front promise. Nothing is lost, and nobody else is closed: that fails the test, in each of its runs.\n\n\
         | | | median | worst | at most |\n|---|---|---:|---:|---:|\n"
    );
    let mut passed = true;
    for Row { promise, what, unit, most, values } in rows {
        let middle = median(values.iter().copied()).unwrap_or(f64::NAN);
        let worst = values.iter().copied().fold(f64::MIN, f64::max);
        let is_within = middle <= *most;
        passed &= is_within;
        let mark = if is_within { "" } else { " **over**" };
        text += &format!("| {promise} | {what} | {middle:.2} {unit}{mark} | {worst:.2} | {most} |\n");
    }
    (text, passed)
}

#[cfg(test)]
mod tests {
    use super::{PROMISES, page, read, whole};

    #[test]
    fn a_median_over_its_bound_fails() {
        let lines = |values: [f64; 3]| values.map(|value| format!("test r30 ... figure|R30|time|{value}|s|1")).to_vec();
        let (text, passed) = page(&read(&lines([0.5, 9.0, 0.75])).unwrap(), 3);
        assert!(passed && text.contains("| R30 | time | 0.75 s | 9.00 | 1 |"), "{text}");
        let (text, passed) = page(&read(&lines([0.5, 9.0, 1.01])).unwrap(), 3);
        assert!(!passed && text.contains("1.01 s **over**"), "{text}");
        let all: Vec<String> = PROMISES.iter().map(|promise| format!("figure|{promise}|time|1|s|1")).collect();
        assert!(whole(read(&all), 1).is_ok() && whole(read(&all), 2).is_err() && whole(read(&all[1..]), 1).is_err());
        assert!(read(&["figure|R30|time".into()]).is_err() && read(&["nothing".into()]).is_err());
    }
}
