//! What the machine must have, and installing what it lacks.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use crate::Options;
use crate::run::{Job, Outcome, Stop, on_path};

/// A program that some part needs.
pub(crate) struct Tool {
    /// The Debian package that brings it. Parts name it in `needs`.
    pub(crate) package: &'static str,
    /// Any of these on `PATH` will do.
    programs: &'static [&'static str],
    /// What it is for.
    pub(crate) purpose: &'static str,
}

/// To have another package installed, add a row.
#[rustfmt::skip]
pub(crate) const TOOLS: &[Tool] = &[
    Tool { package: "chromium", programs: &["chromium"], purpose: "the browser of the browser tests" },
    Tool { package: "nodejs", programs: &["node"], purpose: "runs the JavaScript clients" },
    Tool { package: "npm", programs: &["npm"], purpose: "installs the JavaScript clients" },
    Tool { package: "python3", programs: &["python3"], purpose: "runs the Python client" },
    Tool { package: "python3-pip", programs: &["pip3"], purpose: "installs the Python client" },
    Tool { package: "nginx-light", programs: &["nginx", "/usr/sbin/nginx"], purpose: "the proxy of the tests with real clients" },
    Tool { package: "haproxy", programs: &["haproxy", "/usr/sbin/haproxy"], purpose: "checks the guide's configuration" },
    Tool { package: "procps", programs: &["kill"], purpose: "`kill`: sends servers their signals" },
    Tool { package: "util-linux", programs: &["setpriv"], purpose: "`setpriv`, `taskset`: place what is measured" },
    Tool { package: "valgrind", programs: &["valgrind"], purpose: "counts instructions where `perf` cannot" },
    Tool { package: "g++", programs: &["g++", "c++", "clang++"], purpose: "compiles libFuzzer" },
];

pub(crate) fn is_installed(package: &str) -> bool {
    let tool = TOOLS.iter().find(|tool| tool.package == package);
    tool.expect("a part's needs are in TOOLS").programs.iter().any(|program| on_path(program))
}

/// The `tools` part.
pub(crate) fn install(job: &mut Job<'_>) -> Outcome {
    check_components(job)?;
    install_packages(job, &TOOLS.iter().map(|tool| tool.package).collect::<Vec<_>>())?;
    install_node_modules(job, "e2e")?;
    install_python_modules(job)
}

/// Rustup's own components; there is no package for them.
fn check_components(job: &mut Job<'_>) -> Outcome {
    for component in ["fmt", "clippy"] {
        if job.cargo(&[component, "--version"]).is_err() {
            let fix = "`rustup component add rustfmt clippy` installs it";
            return Err(Stop::CannotRun(format!("cargo {component} is missing: {fix}")));
        }
    }
    Ok(())
}

/// Installs those of the packages, by their names in [`TOOLS`], that are missing.
pub(crate) fn install_packages(job: &mut Job<'_>, packages: &[&str]) -> Outcome {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing_list = missing.join(" ");
    let Some(sudo) = root_prefix() else {
        let why = "no apt-get, or neither root nor a sudo that asks no password";
        return Err(Stop::CannotRun(format!("{missing_list} must be installed by hand ({why})")));
    };
    job.say(&format!("installing {missing_list}"));
    let apt = |args: &[&str]| {
        let mut words = sudo.to_vec();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]);
        words.extend(args);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    job.run(&mut apt(&["update"])).map_err(Stop::into_cannot_run)?;
    let mut install = apt(&["install", "--no-install-recommends"]);
    install.args(&missing);
    job.run(&mut install).map_err(Stop::into_cannot_run)?;
    match missing.iter().find(|package| !is_installed(package)) {
        Some(package) => Err(Stop::Failed(format!("{package} was installed, and its program is still not on PATH"))),
        None => Ok(()),
    }
}

/// What to put before a command to run it as root: nothing, or `sudo -n`. `None` when that cannot be done.
fn root_prefix() -> Option<&'static [&'static str]> {
    let id = Command::new("id").arg("-u").output().ok()?;
    let sudo_works = || Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|output| output.status.success());
    match () {
        () if !on_path("apt-get") => None,
        () if id.stdout.trim_ascii() == b"0" => Some(&[]),
        () if sudo_works() => Some(&["sudo", "-n"]),
        () => None,
    }
}

/// Installs what the lock file in a directory of the repository says, where it is not there yet.
pub(crate) fn install_node_modules(job: &mut Job<'_>, directory: &str) -> Outcome {
    let options = job.options();
    if node_modules_are_current(options, directory) {
        return Ok(());
    }
    job.say(&format!("npm ci in {directory}"));
    job.run(Command::new("npm").args(["ci", "--prefix", directory])).map_err(Stop::into_cannot_run)?;
    let stamp = stamp(options, directory);
    fs::write(&stamp, lock(options, directory)).map_err(|error| Stop::Failed(format!("{}: {error}", stamp.display())))
}

/// Whether a directory's `node_modules` is what its lock file says.
pub(crate) fn node_modules_are_current(options: &Options, directory: &str) -> bool {
    fs::read(stamp(options, directory)).is_ok_and(|installed| installed == lock(options, directory))
}

/// The list of what the Python client needs, with hashes.
const REQUIREMENTS: &str = "e2e/python/requirements.txt";
/// Where it is installed: a folder that is put on Python's path, so that nothing of the machine's own changes.
const PYTHON_MODULES: &str = "e2e/python_modules";

/// Installs what the list of the Python client says, where it is not there yet.
fn install_python_modules(job: &mut Job<'_>) -> Outcome {
    let options = job.options();
    if python_modules_are_current(options) {
        return Ok(());
    }
    job.say(&format!("pip install in {PYTHON_MODULES}"));
    // pip replaces nothing in a folder that is there.
    let folder = options.root.join(PYTHON_MODULES);
    if let Err(error) = fs::remove_dir_all(&folder)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(Stop::Failed(format!("{}: {error}", folder.display())));
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]);
    // Only what runs no code when it is installed.
    pip.args(["--only-binary", ":all:", "--target", PYTHON_MODULES, "--requirement", REQUIREMENTS]);
    job.run(&mut pip).map_err(Stop::into_cannot_run)?;
    let stamp = python_stamp(options);
    let requirements = requirements(options);
    fs::write(&stamp, requirements).map_err(|error| Stop::Failed(format!("{}: {error}", stamp.display())))
}

/// Whether what is installed is what the list says.
pub(crate) fn python_modules_are_current(options: &Options) -> bool {
    fs::read(python_stamp(options)).is_ok_and(|installed| installed == requirements(options))
}

/// A copy of the list that was last installed.
fn python_stamp(options: &Options) -> PathBuf {
    options.root.join(PYTHON_MODULES).join(".installed-requirements.txt")
}

fn requirements(options: &Options) -> Vec<u8> {
    fs::read(options.root.join(REQUIREMENTS)).unwrap_or_default()
}

/// A copy of the lock file that `npm ci` last installed.
fn stamp(options: &Options, directory: &str) -> PathBuf {
    options.root.join(directory).join("node_modules/.installed-lock.json")
}

fn lock(options: &Options, directory: &str) -> Vec<u8> {
    fs::read(options.root.join(directory).join("package-lock.json")).unwrap_or_default()
}
