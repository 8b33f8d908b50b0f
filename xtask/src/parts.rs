//! The table of parts, in the order they run. A part is a name, a budget and a function.

use std::time::Duration;

use crate::Options;
use crate::run::{Job, Outcome, Stop};
use crate::{fuzz, guide, house, publish, snippets, tools};

/// One part of `cargo xtask test`.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// One line for `--help`.
    pub(crate) about: &'static str,
    /// How long it may take on two cores from a clean tree. Over it is reported; at [`PATIENCE`] times it, the part is
    /// stopped.
    pub(crate) budget: fn(&Options) -> Duration,
    /// Packages, by their name in [`tools::TOOLS`], without which the part cannot run.
    pub(crate) needs: &'static [&'static str],
    pub(crate) run: fn(&mut Job<'_>) -> Outcome,
}

/// A part still running after this many times its budget hangs, and is stopped.
pub(crate) const PATIENCE: u32 = 4;

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "tools",
        about: "installs what is missing: Debian packages, e2e/node_modules, e2e/python_modules",
        budget: |_| Duration::from_secs(240),
        needs: &[],
        run: tools::install,
    },
    Part { name: "fmt", about: "cargo fmt --check", budget: |_| Duration::from_secs(15), needs: &[], run: fmt },
    Part {
        name: "house",
        about: "the floors of ARCHITECTURE.md hold, and no file or type is too large",
        budget: |_| Duration::from_secs(15),
        needs: &[],
        run: house::check,
    },
    Part {
        name: "clippy",
        about: "cargo clippy, warnings denied",
        budget: |_| Duration::from_secs(240),
        needs: &[],
        run: clippy,
    },
    Part {
        name: "test",
        about: "cargo test: unit, integration and doc tests of every crate but e2e and docs",
        budget: |_| Duration::from_secs(600),
        needs: &[],
        run: |job| cargo_test(job, &["--workspace", "--exclude", "e2e", "--exclude", "docs"]),
    },
    Part {
        name: "precision",
        about: "the readings of payloads again, with serde_json's `arbitrary_precision`",
        budget: |_| Duration::from_secs(300),
        needs: &[],
        run: |job| cargo_test(job, &["--manifest-path", "precision/Cargo.toml"]),
    },
    Part {
        name: "docs",
        about: "cargo doc, warnings denied",
        budget: |_| Duration::from_secs(180),
        needs: &[],
        run: docs,
    },
    Part {
        name: "snippets",
        about: "every Rust block in README.md and docs/ is in a file that some crate's doc tests compile",
        budget: |_| Duration::from_secs(5),
        needs: &[],
        run: snippets::check,
    },
    Part {
        name: "guide",
        about: "cargo run -p docs: no link or chapter is lost, and the guide is built as a site",
        budget: |_| Duration::from_secs(120),
        needs: &[],
        run: guide::build,
    },
    Part {
        name: "package",
        about: "what would be published: the packages' lists of files, without a build",
        budget: |_| Duration::from_secs(20),
        needs: &[],
        run: publish::package,
    },
    Part {
        name: "browser",
        about: "the e2e crate: real clients, Chromium among them",
        budget: |_| Duration::from_secs(240),
        needs: &["chromium", "nodejs", "npm", "nginx-light", "procps"],
        run: |job| {
            real_clients(job, &["--lib", "--test", "harness", "--test", "chat", "--test", "examples"])?;
            real_clients(job, &["--doc"])
        },
    },
    Part {
        name: "socketio",
        about: "the e2e crate: socket.io-client in Node and in Chromium, the suites of the two protocols, the guide's proxies",
        budget: |_| Duration::from_secs(240),
        needs: &["chromium", "nodejs", "npm", "nginx-light", "haproxy", "procps"],
        run: |job| real_clients(job, &["--test", "socketio", "--test", "conformance", "--test", "proxies"]),
    },
    Part {
        name: "python",
        about: "the e2e crate: python-socketio",
        budget: |_| Duration::from_secs(90),
        needs: &["python3", "python3-pip", "procps"],
        run: python,
    },
    Part {
        name: "fuzz",
        about: "each fuzzer, 10 s (60 in CI) or --fuzz-seconds N",
        budget: |options| {
            let running = options.fuzz_seconds * fuzz::targets(&options.root).len() as u64;
            Duration::from_secs(150 + running)
        },
        needs: &["g++"],
        run: fuzz::all,
    },
];

/// The workspace's own build has almost every feature. After it come what users have by default, and the default features
/// one by one and not at all: `tests/features.rs` uses the attributes without `garde`.
fn clippy(job: &mut Job<'_>) -> Outcome {
    let denied = ["--", "-D", "warnings"];
    job.cargo(&[&["clippy", "--workspace", "--all-targets", "--locked"], &denied[..]].concat())?;
    let features: [&[&str]; 5] = [
        &[],
        &["--all-features"],
        &["--no-default-features"],
        &["--no-default-features", "--features", "garde"],
        &["--no-default-features", "--features", "macros", "--lib", "--test", "features"],
    ];
    for features in features {
        job.cargo(&[&["clippy", "-p", "switchboard", "--locked"], features, &denied[..]].concat())?;
    }
    Ok(())
}

/// The fuzzers, the benchmarks' peers and the tests with another serde_json are workspaces of their own.
fn fmt(job: &mut Job<'_>) -> Outcome {
    let [fuzz, bench, precision] = ["fuzz/Cargo.toml", "bench/Cargo.toml", "precision/Cargo.toml"]
        .map(|manifest| ["--all", "--manifest-path", manifest]);
    for what in [["--all"].as_slice(), &fuzz, &bench, &precision] {
        let mut command = job.cargo_command(&["fmt", "--check"]);
        command.args(what).args(["--", "--color", "never"]);
        job.run(&mut command)?;
    }
    Ok(())
}

/// `cargo test`, with the names of the test binaries and their summaries shown as they come.
fn cargo_test(job: &mut Job<'_>, selection: &[&str]) -> Outcome {
    let mut command = job.cargo_command(&["test", "--locked", "--no-fail-fast"]);
    command.args(selection);
    job.run_showing(&mut command, |line| {
        let line = line.trim_start();
        ["Running ", "Doc-tests ", "test result: "].iter().any(|start| line.starts_with(start))
            || line.starts_with("test ") && line.ends_with("FAILED")
    })
}

fn docs(job: &mut Job<'_>) -> Outcome {
    let mut command = job.cargo_command(&["doc", "--workspace", "--no-deps", "--all-features", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    job.run(&mut command)
}

/// Tests of the e2e crate, by the names of their files.
fn real_clients(job: &mut Job<'_>, tests: &[&str]) -> Outcome {
    if !tools::node_modules_are_current(job.options(), "e2e") {
        return Err(Stop::CannotRun("e2e/node_modules is missing or old: `cargo xtask test tools` installs it".into()));
    }
    cargo_test(job, &[&["-p", "e2e"], tests].concat())
}

fn python(job: &mut Job<'_>) -> Outcome {
    if !tools::python_modules_are_current(job.options()) {
        let why = "e2e/python_modules is missing or old: `cargo xtask test tools` installs it";
        return Err(Stop::CannotRun(why.into()));
    }
    cargo_test(job, &["-p", "e2e", "--test", "python"])
}

#[cfg(test)]
mod tests {
    /// A file of tests that no part runs would never run.
    #[test]
    fn every_test_of_e2e_is_in_a_part() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e/tests");
        let source = include_str!("parts.rs");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
            assert!(source.contains(&format!("\"--test\", \"{name}\"")), "no part runs e2e/tests/{name}.rs");
        }
    }
}
