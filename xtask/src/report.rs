//! Running the chosen parts, and the table at the end.

use std::time::Duration;

use crate::Options;
use crate::parts::{PATIENCE, Part};
use crate::run::{Job, Outcome, Stop, log_path};
use crate::tools;

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
    /// An earlier part failed.
    NotRun,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Passed => "ok",
            Verdict::Failed => "FAILED",
            Verdict::Skipped => "SKIPPED",
            Verdict::NotRun => "not run",
        }
    }
}

struct Row {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
    budget: Duration,
}

impl Row {
    fn is_late(&self) -> bool {
        self.took > self.budget
    }
}

/// Runs the parts in order; true when none failed. The last line printed is `N passed, N failed[, N skipped]`.
pub(crate) fn run_all(parts: &[&Part], options: &Options) -> bool {
    let mut rows: Vec<Row> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let stopped = !options.keep_going && rows.iter().any(|row| row.verdict == Verdict::Failed);
        if stopped {
            let budget = (part.budget)(options);
            rows.push(Row { name: part.name, verdict: Verdict::NotRun, took: Duration::ZERO, budget });
        } else {
            rows.push(run_one(part, &format!("[{}/{}] {} …", index + 1, parts.len(), part.name), options));
        }
    }
    print_table(&rows);
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let skipped = match count(Verdict::Skipped) + count(Verdict::NotRun) {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    println!("{} passed, {} failed{skipped}", count(Verdict::Passed), count(Verdict::Failed));
    count(Verdict::Failed) == 0
}

fn run_one(part: &Part, title: &str, options: &Options) -> Row {
    let budget = (part.budget)(options);
    let mut job = Job::start(options, part.name, title.to_owned(), budget * PATIENCE);
    let outcome = check_needs(part).and_then(|()| (part.run)(&mut job));
    let took = job.elapsed();
    let verdict = match &outcome {
        Ok(()) => Verdict::Passed,
        Err(Stop::CannotRun(_)) if !options.ci => Verdict::Skipped,
        Err(_) => Verdict::Failed,
    };
    let row = Row { name: part.name, verdict, took, budget };
    let late = if row.is_late() { " OVER BUDGET" } else { "" };
    job.end(&format!("{} {} s (budget {} s){late}", verdict.word(), took.as_secs(), budget.as_secs()));
    if verdict == Verdict::Failed {
        println!("---- {}: its full output, also in {}", part.name, log_path(options, part.name).display());
        job.output().iter().for_each(|line| println!("{line}"));
    }
    match outcome {
        Ok(()) => {}
        Err(Stop::Failed(why)) => println!("---- {}: {why}", part.name),
        Err(Stop::CannotRun(why)) => println!("---- {} COULD NOT RUN: {why}", part.name),
    }
    row
}

fn check_needs(part: &Part) -> Outcome {
    let missing: Vec<&str> = part.needs.iter().copied().filter(|package| !tools::is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(Stop::CannotRun(format!("{missing} is missing: `cargo xtask test tools` installs it")))
}

fn print_table(rows: &[Row]) {
    println!("\n{:<10} {:<8} {:>8} {:>8}", "part", "result", "seconds", "budget");
    for row in rows {
        let late = if row.is_late() { "  OVER BUDGET" } else { "" };
        let (took, budget) = (row.took.as_secs_f64(), row.budget.as_secs());
        println!("{:<10} {:<8} {took:>8.1} {budget:>8}{late}", row.name, row.verdict.word());
    }
    let total: f64 = rows.iter().map(|row| row.took.as_secs_f64()).sum();
    println!("{:<10} {:<8} {total:>8.1}\n", "total", "");
}
