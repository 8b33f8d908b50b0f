//! Everything that runs in a measurement, built and installed.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::Options;
use crate::bench::peers::{Peer, Program};
use crate::bench::results::Holes;
use crate::run::{Job, Outcome, Stop, on_path};
use crate::tools;

const SERVER: [&str; 2] = ["-p", "switchboard-bench"];
const NODE: &str = "bench/peers/node";
const PATIENCE: Duration = Duration::from_secs(1800);

/// Where everything is.
pub(crate) struct Binaries {
    release: PathBuf,
    /// Switchboard's server with every allocation counted.
    pub(crate) counting: PathBuf,
    /// Switchboard's server with compression.
    pub(crate) compressing: PathBuf,
    node: Option<PathBuf>,
    /// What the servers say on their standard error.
    pub(crate) log: PathBuf,
}

impl Binaries {
    pub(crate) fn rust(&self, name: &str) -> PathBuf {
        self.release.join(name)
    }

    /// The program of a server, and its arguments. `None`: it could not be installed.
    pub(crate) fn command(&self, peer: &Peer) -> Option<Vec<PathBuf>> {
        match peer.program {
            Program::Rust(name) => Some(vec![self.rust(name)]),
            Program::Node(script) => Some(vec!["node".into(), self.node.as_ref()?.join(script)]),
        }
    }

    pub(crate) fn has(&self, peer: &Peer) -> bool {
        self.command(peer).is_some()
    }
}

/// Builds the servers and the load generator in release, and installs the packages of the Node.js servers. What of the
/// latter fails is reported prominently, and those servers are left out.
pub(crate) fn everything(options: &Options, holes: &mut Holes) -> Result<Binaries, Stop> {
    let mut job = Job::start(options, "bench", "bench: building …".to_owned(), PATIENCE);
    let built = build(&mut job);
    if built.is_err() {
        job.end("FAILED");
        job.output().iter().for_each(|line| println!("{line}"));
    }
    let [counting, compressing] = built?;
    let node = match install(&mut job) {
        Ok(()) => Some(options.root.join(NODE)),
        Err(Stop::Failed(why) | Stop::CannotRun(why)) => {
            job.say(&format!("THE NODE.JS SERVERS ARE LEFT OUT: {why}"));
            holes.skipped.push(format!("the Node.js servers: {why}"));
            None
        }
    };
    let log = options.target.join("xtask/bench-servers.log");
    let _ = fs::remove_file(&log);
    job.end(&format!("{} s", job.elapsed().as_secs()));
    if !["taskset", "setpriv"].into_iter().all(on_path) {
        return Err(Stop::CannotRun("taskset and setpriv are missing; they are in util-linux".into()));
    }
    Ok(Binaries { release: options.target.join("release"), counting, compressing, node, log })
}

/// The server and the load generator alone, and Valgrind.
pub(crate) fn for_instructions(options: &Options) -> Result<Binaries, Stop> {
    let mut job = Job::start(options, "instructions", "instructions: building …".to_owned(), PATIENCE);
    let built = tools::install_packages(&mut job, &["valgrind", "util-linux"])
        .and_then(|()| cargo(&mut job, &["-p", "switchboard-bench"]))
        .and_then(|()| cargo(&mut job, &["--manifest-path", "bench/Cargo.toml", "-p", "bench-load"]));
    job.end(if built.is_ok() { "done" } else { "FAILED" });
    if built.is_err() {
        job.output().iter().for_each(|line| println!("{line}"));
    }
    built?;
    let release = options.target.join("release");
    let log = options.target.join("xtask/instructions-server.log");
    let server = release.join("switchboard-bench");
    Ok(Binaries { counting: server.clone(), compressing: server, release, node: None, log })
}

/// The counting server and the compressing one have the name of the plain one, so they are built first and copied away.
fn build(job: &mut Job<'_>) -> Result<[PathBuf; 2], Stop> {
    let counting = build_with(job, "count-allocations", "switchboard-bench-counting")?;
    let compressing = build_with(job, "deflate", "switchboard-bench-compressing")?;
    cargo(job, &SERVER)?;
    cargo(job, &["--manifest-path", "bench/Cargo.toml"])?;
    Ok([counting, compressing])
}

fn build_with(job: &mut Job<'_>, feature: &str, name: &str) -> Result<PathBuf, Stop> {
    let target = &job.options().target;
    cargo(job, &[&SERVER[..], &["--features", feature]].concat())?;
    let copy = target.join("xtask").join(name);
    fs::copy(target.join("release/switchboard-bench"), &copy)
        .map_err(|why| Stop::Failed(format!("{}: {why}", copy.display())))?;
    Ok(copy)
}

fn cargo(job: &mut Job<'_>, what: &[&str]) -> Outcome {
    let mut command = job.cargo_command(&["build", "--release", "--locked"]);
    command.args(what).arg("--target-dir").arg(&job.options().target);
    job.run(&mut command)
}

fn install(job: &mut Job<'_>) -> Outcome {
    tools::install_packages(job, &["nodejs", "npm", "util-linux", "valgrind"])?;
    tools::install_node_modules(job, NODE)
}
