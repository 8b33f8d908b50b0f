//! Whether the crates of `crates/` can be published as they are.
//!
//! The `package` part packs them and looks into the archives' lists, without a build. The release tier builds them: their
//! documentation as docs.rs does, the packed sources by themselves, and the oldest versions of their dependencies.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Options;
use crate::run::{Job, Outcome, Stop};

const CRATES: [&str; 3] = ["switchboard-core", "switchboard-macros", "switchboard"];

/// What cargo adds to each package.
const ADDED: [&str; 4] = ["Cargo.toml", "Cargo.toml.orig", "Cargo.lock", ".cargo_vcs_info.json"];
/// What each package must have. Everything else in it is in `src`, or included by a source.
const WANTED: [&str; 4] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"];
/// What crates.io and docs.rs show, or need.
const KEYS: [&str; 9] = [
    "categories",
    "description",
    "documentation",
    "keywords",
    "license",
    "name",
    "readme",
    "rust-version",
    "metadata.docs.rs",
];

/// All three builds of the release tier, from an empty target directory.
const BUILDING: Duration = Duration::from_secs(1800);

/// The `package` part.
pub(crate) fn package(job: &mut Job<'_>) -> Outcome {
    pack(job, &["--no-verify"])?;
    let mut mistakes = Vec::new();
    for name in CRATES {
        let before = job.output().len();
        job.cargo(&["package", "--list", "--allow-dirty", "--locked", "-p", name])?;
        // The first line is the command.
        let list: BTreeSet<String> = job.output()[before + 1..].iter().cloned().collect();
        let dir = job.options().root.join("crates").join(name);
        mistakes.extend(mistakes_of(name, &dir, &list));
    }
    mistakes.iter().for_each(|mistake| job.say(mistake));
    match mistakes.len() {
        0 => Ok(()),
        count => Err(Stop::Failed(format!("{count} mistakes in what would be published"))),
    }
}

/// All crates in one command, so that each finds the packages of the others, which the registry does not have yet.
fn pack(job: &mut Job<'_>, more: &[&str]) -> Outcome {
    let mut command = job.cargo_command(&["package", "--allow-dirty", "--locked"]);
    command.args(CRATES.iter().flat_map(|name| ["-p", name])).args(more);
    job.run(&mut command)
}

fn mistakes_of(name: &str, dir: &Path, list: &BTreeSet<String>) -> Vec<String> {
    let mut mistakes = Vec::new();
    let sources = list.iter().filter(|file| file.ends_with(".rs"));
    let includes: Vec<(&String, String, Option<String>)> = sources
        .flat_map(|file| {
            let text = fs::read_to_string(dir.join(file)).unwrap_or_default();
            includes(&text).into_iter().map(move |included| {
                let path = normal(&Path::new(file).parent().unwrap_or(Path::new("")).join(&included));
                (file, included, path)
            })
        })
        .collect();
    for file in list {
        let is_included = includes.iter().any(|(_, _, path)| path.as_ref() == Some(file));
        let is_known = ADDED.contains(&file.as_str()) || WANTED.contains(&file.as_str());
        if !file.starts_with("src/") && !is_known && !is_included {
            mistakes.push(format!("{name}: {file} would be published"));
        }
    }
    for wanted in WANTED.iter().filter(|wanted| !list.contains(**wanted)) {
        mistakes.push(format!("{name}: {wanted} would not be published"));
    }
    let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
    for key in KEYS {
        let has_key = |line: &str| {
            let named = line.split(['=', ' ']).next().unwrap_or_default();
            named.trim_end_matches(".workspace") == key || line.starts_with(&format!("[package.{key}]"))
        };
        if !manifest.lines().any(has_key) {
            mistakes.push(format!("{name}: its Cargo.toml has no `{key}`"));
        }
    }
    for (file, included, path) in &includes {
        if !path.as_ref().is_some_and(|path| list.contains(path)) {
            mistakes.push(format!("{name}: {file} includes {included}, which would not be published"));
        }
    }
    mistakes
}

/// The files that a source includes by a literal path.
fn includes(text: &str) -> Vec<String> {
    let starts = ["include_str!(\"", "include_bytes!(\"", "include!(\"", "#[path = \""];
    let rest = starts.into_iter().flat_map(|start| text.split(start).skip(1));
    rest.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// The path without `..`; `None` where it leads out of the package.
fn normal(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().filter_map(|part| part.to_str()) {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

type Build = (&'static str, fn(&mut Job<'_>) -> Outcome);

/// What the release tier builds. True when all of it passes.
pub(crate) fn release(options: &Options) -> bool {
    let builds: [Build; 3] = [("docs.rs", docs_rs), ("packages", |job| pack(job, &[])), ("oldest versions", oldest)];
    let mut passed = true;
    for (name, run) in builds {
        let mut job = Job::start(options, "publish", format!("publish: {name} …"), BUILDING);
        let outcome = run(&mut job);
        if let Err(Stop::Failed(why) | Stop::CannotRun(why)) = &outcome {
            job.output().iter().for_each(|line| println!("{line}"));
            println!("---- publish: {name}: {why}");
        }
        job.end(&format!("{} s", job.elapsed().as_secs()));
        passed &= outcome.is_ok();
    }
    passed
}

/// The documentation as docs.rs builds it: with each item's feature. That needs an unstable feature of rustdoc, which this
/// toolchain has too.
fn docs_rs(job: &mut Job<'_>) -> Outcome {
    let mut command = job.cargo_command(&["doc", "--no-deps", "--all-features", "--locked"]);
    command.args(CRATES.iter().flat_map(|name| ["-p", name]));
    command.args(["--target-dir".into(), job.options().target.join("docs-rs")]);
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTDOCFLAGS", "--cfg docsrs -D warnings");
    job.run(&mut command)
}

/// The crates with the oldest versions of their dependencies that their manifests allow: these must be enough. In a copy,
/// which has its own lock file, and none of the dependencies of tests, whose versions no user sees.
fn oldest(job: &mut Job<'_>) -> Outcome {
    let copy = job.options().target.join("xtask").join("oldest");
    copy_workspace(&job.options().root, &copy).map_err(|why| Stop::Failed(format!("{}: {why}", copy.display())))?;
    let manifest = copy.join("Cargo.toml");
    let target = job.options().target.join("oldest");
    let inside = |command: &mut Command| {
        command.arg("--manifest-path").arg(&manifest).env("RUSTC_BOOTSTRAP", "1");
    };
    let mut lock = job.cargo_command(&["generate-lockfile", "-Zdirect-minimal-versions"]);
    inside(&mut lock);
    job.run(&mut lock)?;
    let mut check = job.cargo_command(&["check", "--workspace", "--all-features", "--locked"]);
    inside(&mut check);
    check.arg("--target-dir").arg(target);
    job.run(&mut check)
}

fn copy_workspace(root: &Path, copy: &Path) -> std::io::Result<()> {
    let _ = fs::remove_dir_all(copy);
    fs::create_dir_all(copy)?;
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let members = CRATES.map(|name| format!("\"crates/{name}\"")).join(", ");
    let lines = manifest.lines().filter(|line| !line.starts_with("default-members") && !line.starts_with("exclude"));
    let manifest = lines.map(|line| match line.starts_with("members") {
        true => format!("members = [{members}]\n"),
        false => format!("{line}\n"),
    });
    fs::write(copy.join("Cargo.toml"), manifest.collect::<String>())?;
    for name in CRATES {
        let (from, to) = (root.join("crates").join(name), copy.join("crates").join(name));
        copy_dir(&from.join("src"), &to.join("src"))?;
        fs::write(to.join("Cargo.toml"), without_tests(&fs::read_to_string(from.join("Cargo.toml"))?))?;
    }
    Ok(())
}

/// The manifest without the sections that only tests have.
fn without_tests(manifest: &str) -> String {
    let mut kept = String::new();
    let mut is_kept = true;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_kept = !line.starts_with("[dev-dependencies") && !line.starts_with("[[test");
        }
        if is_kept && !line.starts_with("readme") {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

fn copy_dir(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ADDED, KEYS, WANTED, mistakes_of, without_tests};
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    fn package(name: &str, manifest: &str, source: &str) -> (PathBuf, BTreeSet<String>) {
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/xtask/publish-tests").join(name);
        fs::create_dir_all(dir.join("src")).unwrap();
        fs::write(dir.join("Cargo.toml"), manifest).unwrap();
        fs::write(dir.join("src/lib.rs"), source).unwrap();
        (dir, ADDED.iter().chain(&WANTED).map(|file| (*file).to_owned()).collect())
    }

    fn whole_manifest() -> String {
        KEYS.iter()
            .map(|key| if key.contains('.') { format!("[package.{key}]\n") } else { format!("{key} = \"\"\n") })
            .collect()
    }

    #[test]
    fn what_is_missing_or_too_much_is_found() {
        let (dir, mut list) = package("whole", &whole_manifest(), "");
        assert_eq!(mistakes_of("whole", &dir, &list), [""; 0]);
        list.insert("notes.txt".into());
        list.remove("LICENSE-MIT");
        let expected = ["whole: notes.txt would be published", "whole: LICENSE-MIT would not be published"];
        assert_eq!(mistakes_of("whole", &dir, &list), expected);
        let (dir, list) = package("bare", &whole_manifest().replace("readme = \"\"\n", ""), "");
        assert_eq!(mistakes_of("bare", &dir, &list), ["bare: its Cargo.toml has no `readme`"]);
    }

    #[test]
    fn an_included_file_has_to_be_inside() {
        let source =
            "#[doc = include_str!(\"../../../guide.md\")] mod a {}\n#[doc = include_str!(\"../README.md\")] mod b {}";
        let (dir, list) = package("outside", &whole_manifest(), source);
        let expected = ["outside: src/lib.rs includes ../../../guide.md, which would not be published"];
        assert_eq!(mistakes_of("outside", &dir, &list), expected);
    }

    #[test]
    fn a_manifest_without_its_tests_keeps_the_rest() {
        let manifest = "[package]\nname = \"a\"\nreadme = \"R\"\n[dev-dependencies]\nb = \"1\"\n[[test]]\nname = \"t\"\n[lints]\nworkspace = true\n";
        assert_eq!(without_tests(manifest), "[package]\nname = \"a\"\n[lints]\nworkspace = true\n");
    }
}
