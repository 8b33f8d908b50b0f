//! `cargo xtask house`: whether the engine is built as `ARCHITECTURE.md` says. Nothing is compiled for it.
//!
//! The table of floors there is held against every path in `crates/switchboard/src`, followed through re-exports to the
//! module that defines what it names. Files and types may only be so large.

mod floors;
mod names;
mod sizes;
mod source;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Options;
use crate::run::{Job, Outcome, Stop};

/// Files by their path, relative to some directory.
type Sources = BTreeMap<String, String>;

const ENGINE: &str = "crates/switchboard/src";
/// Where files may not be long.
const WRITTEN: [&str; 7] = ["crates", "xtask", "bench", "e2e", "examples", "fuzz", "precision"];

/// What is wrong, in groups.
struct Report {
    groups: Vec<(&'static str, Vec<String>)>,
}

impl Report {
    fn of(page: &str, engine: &Sources, all: &Sources) -> Result<Report, String> {
        let floors = floors::Floors::read(page)?;
        let modules = source::modules(engine)?;
        let (uses, lost) = names::uses(&modules);
        let lost = lost.iter().map(|(from, named)| {
            format!(
                "{}:{}: `{}` leads nowhere that this check can see",
                modules[*from].file,
                named.line,
                named.path.join("::")
            )
        });
        Ok(Report {
            groups: vec![
                ("places of the table", floors.gaps(&modules)),
                ("paths that are not understood", lost.collect()),
                ("uses of a floor above", floors.upward(&modules, &uses)),
                ("circles", floors.circles(&modules, &uses)),
                ("types that are too large", sizes::large_types(&modules)),
                ("sources that are too long", sizes::long_files(all, |file| !is_test(file))),
                ("tests that are too long", sizes::long_files(all, is_test)),
            ],
        })
    }

    fn findings(&self) -> usize {
        self.groups.iter().map(|(_, found)| found.len()).sum()
    }
}

/// The command: prints what is wrong, and is true when nothing is.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let report = report(&options.root)?;
    for (title, found) in report.groups.iter().filter(|(_, found)| !found.is_empty()) {
        println!("{title}: {}", found.len());
        found.iter().for_each(|line| println!("  {line}"));
    }
    println!("{} findings", report.findings());
    Ok(report.findings() == 0)
}

/// The part of `cargo xtask test`.
pub(crate) fn check(job: &mut Job<'_>) -> Outcome {
    let report = report(&job.options().root).map_err(Stop::Failed)?;
    for (title, found) in report.groups.iter().filter(|(_, found)| !found.is_empty()) {
        job.say(&format!("{title}: {}", found.len()));
        found.iter().for_each(|line| job.say(&format!("  {line}")));
    }
    match report.findings() {
        0 => Ok(()),
        findings => Err(Stop::Failed(format!("{findings} findings"))),
    }
}

fn report(root: &Path) -> Result<Report, String> {
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).map_err(|why| format!("ARCHITECTURE.md: {why}"))?;
    let engine = read(&root.join(ENGINE))?;
    let mut all = Sources::new();
    for dir in WRITTEN {
        all.extend(read(&root.join(dir))?.into_iter().map(|(file, text)| (format!("{dir}/{file}"), text)));
    }
    Report::of(&page, &engine, &all)
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("_tests.rs")
}

/// Every Rust file in a directory, but for what is built or installed in it.
fn read(dir: &Path) -> Result<Sources, String> {
    fn walk(dir: &Path, prefix: &str, found: &mut Sources) -> std::io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                if !["target", "node_modules", "corpus", "artifacts"].contains(&name.as_str()) {
                    walk(&entry.path(), &format!("{path}/"), found)?;
                }
            } else if name.ends_with(".rs") {
                found.insert(path, fs::read_to_string(entry.path())?);
            }
        }
        Ok(())
    }
    let mut found = Sources::new();
    walk(dir, "", &mut found).map_err(|why| format!("{}: {why}", dir.display()))?;
    Ok(found)
}
