//! User instructions, counted by Callgrind: the same on every machine, including those without a counter for `perf`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Options;
use crate::bench::build::{self, Binaries};
use crate::bench::counts::{WORK, Work, show};
use crate::bench::load::{Load, get, words};
use crate::bench::page;
use crate::bench::peers::{PEERS, Peer};
use crate::bench::server::Server;
use crate::run::{Stop, on_path};

pub(super) fn is_there() -> bool {
    on_path("valgrind")
}

/// `cargo xtask instructions`.
pub(super) fn print(options: &Options) -> Result<(), Stop> {
    let binaries = build::for_instructions(options)?;
    let load = Load::new(&binaries);
    let peer = PEERS.iter().find(|peer| peer.is_switchboard()).expect("it is in the table");
    for work in WORK {
        let count = per_message(&binaries, &load, peer, work, work.messages.1).map_err(Stop::Failed)?;
        println!("instructions for {}: {}", work.title, show(count));
    }
    let stages = stages(&binaries, &load, peer).map_err(Stop::Failed)?;
    println!("{stages}");
    page::write_stages(options, &stages).map_err(Stop::Failed)
}

/// The stages around a handler: `STAGE` of the server, and its description.
const STAGES: &[(&str, &str)] = &[
    ("guard", "a guard"),
    ("async-guard", "a guard that may wait"),
    ("interceptor", "an interceptor"),
    ("pipe", "a pipe of the whole payload"),
    ("filter", "a filter, where nothing fails"),
    ("all", "one of each"),
];

/// What each stage adds to an echo, as a table.
fn stages(binaries: &Binaries, load: &Load, peer: &Peer) -> Result<String, String> {
    let echo = &WORK[1];
    // All stages together are so slow that the load generator would time out with more messages.
    let messages = echo.messages.0;
    let without = per_message(binaries, load, peer, echo, messages)?;
    let mut table =
        format!("| around an echo | instructions | more |\n|---|---:|---:|\n| nothing | {} | |\n", show(without));
    for (stage, what) in STAGES {
        let env = [peer.env, &[("STAGE", *stage)]].concat();
        let with = per_message_in(binaries, load, peer, &env, echo, messages)?;
        let more = 100.0 * (with / without - 1.0);
        table += &format!("| {what} | {} | {more:+.0} % |\n", show(with));
    }
    Ok(table)
}

/// Counts in two servers, the second with twice the messages: the difference has nothing of what a server does only once.
pub(super) fn per_message(
    binaries: &Binaries,
    load: &Load,
    peer: &Peer,
    work: &Work,
    messages: u64,
) -> Result<f64, String> {
    per_message_in(binaries, load, peer, peer.env, work, messages)
}

type Env<'a> = &'a [(&'a str, &'a str)];

fn per_message_in(
    binaries: &Binaries,
    load: &Load,
    peer: &Peer,
    env: Env<'_>,
    work: &Work,
    messages: u64,
) -> Result<f64, String> {
    let short = count(binaries, load, peer, env, work, messages)?;
    let long = count(binaries, load, peer, env, work, 2 * messages)?;
    Ok((long.instructions - short.instructions) / (long.messages - short.messages))
}

struct Run {
    messages: f64,
    instructions: f64,
}

fn count(
    binaries: &Binaries,
    load: &Load,
    peer: &Peer,
    env: Env<'_>,
    work: &Work,
    messages: u64,
) -> Result<Run, String> {
    let file = binaries.log.with_file_name("callgrind.out");
    let _ = fs::remove_file(&file);
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(&file);
    let mut command: Vec<PathBuf> = vec!["valgrind".into(), "--tool=callgrind".into(), out.into()];
    command.extend(binaries.command(peer).ok_or("it is not installed")?);
    let server = Server::start_on("0", &command, env, peer.dialect, &binaries.log)?;
    let report = load.run(&server, &[words(work.load), words(&["--count", &messages.to_string()])].concat())?;
    server.stop()?;
    Ok(Run { messages: get(&report, "messages")?, instructions: total(&file)? })
}

/// The sum at the end of Callgrind's file: `totals: 12345`.
fn total(file: &Path) -> Result<f64, String> {
    let text = fs::read_to_string(file).map_err(|why| format!("Callgrind wrote nothing: {why}"))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.ok_or_else(|| "Callgrind wrote no total".into())
}
