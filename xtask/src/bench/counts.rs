//! What a message costs, counted and not timed: system calls, instructions, allocations.

use std::path::Path;
use std::process::Command;

use crate::bench::Plan;
use crate::bench::build::Binaries;
use crate::bench::callgrind;
use crate::bench::load::{Load, get, words};
use crate::bench::peers::Peer;
use crate::bench::results::Holes;
use crate::bench::server::Server;
use crate::run::on_path;

/// What is done while it is counted, and after how many messages a run ends, at the first and at the second time.
pub(super) struct Work {
    pub(super) title: &'static str,
    pub(super) load: &'static [&'static str],
    pub(super) messages: (u64, u64),
}

#[rustfmt::skip]
pub(super) const WORK: &[Work] = &[
    Work { title: "an echo, 1 in flight", load: &["echo"], messages: (10_000, 40_000) },
    Work { title: "an echo, 16 in flight", load: &["echo", "--in-flight", "16"], messages: (50_000, 250_000) },
    Work {
        title: "a delivery, one publish at a time", load: &["fanout", "--connections", "1000"],
        messages: (10_000, 60_000),
    },
    Work {
        title: "a delivery, 64 publishers",
        load: &["fanout", "--connections", "1000", "--in-flight", "64", "--publishers", "64"],
        messages: (200_000, 1_000_000),
    },
];

/// What `perf` counts in a server.
const EVENTS: &[(&str, &str)] = &[("system calls", "raw_syscalls:sys_enter"), (INSTRUCTIONS, "instructions:u")];

/// What Callgrind counts where `perf` cannot.
const INSTRUCTIONS: &str = "user instructions";

/// The servers it is counted in. Allocations are counted in the first alone.
const COUNTED: &[&str] = &["switchboard", "sketch", "axum-tuned"];

pub(crate) struct Counts {
    pub(crate) peers: Vec<&'static str>,
    pub(crate) rows: Vec<CountRow>,
}

/// One thing that is counted in one kind of work, for each of the servers.
pub(crate) struct CountRow {
    pub(crate) title: String,
    pub(crate) cells: Vec<Option<f64>>,
}

impl Counts {
    pub(crate) fn take(binaries: &Binaries, load: &Load, plan: &Plan, holes: &mut Holes, say: &dyn Fn(&str)) -> Counts {
        let is_counted = |peer: &&&Peer| COUNTED.contains(&peer.name);
        let peers: Vec<&'static Peer> = plan.peers.iter().filter(is_counted).copied().collect();
        let mut counts = Counts { peers: peers.iter().map(|peer| peer.label).collect(), rows: Vec::new() };
        let file = binaries.log.with_file_name("bench-perf.csv");
        for (what, event) in EVENTS {
            let perf = probe(event);
            if perf.is_err() && *what == INSTRUCTIONS && callgrind::is_there() {
                counts.simulated(binaries, load, plan, &peers, holes, say);
                continue;
            }
            if let Err(why) = perf {
                say(&format!("NO {}: {why}", what.to_uppercase()));
                holes.skipped.push(format!("{what} a message: {why}"));
                continue;
            }
            for work in WORK {
                let count = |peer: &&Peer| per_message(binaries, load, peer, work, event, &file);
                let cells = peers.iter().map(|peer| hole(count(peer), what, work, peer, holes, say)).collect();
                counts.push(format!("{what} for {}", work.title), cells, say);
            }
        }
        for work in WORK {
            let count = |peer: &&Peer| allocations(binaries, load, peer, work);
            let cells = peers.iter().map(|peer| match peer.is_switchboard() {
                true => hole(count(peer), "allocations", work, peer, holes, say),
                false => None,
            });
            let cells = cells.collect();
            counts.push(format!("allocations for {}", work.title), cells, say);
        }
        counts
    }

    /// Instructions under Callgrind. It is slow, so that a short run counts in Switchboard alone.
    fn simulated(
        &mut self,
        binaries: &Binaries,
        load: &Load,
        plan: &Plan,
        peers: &[&'static Peer],
        holes: &mut Holes,
        say: &dyn Fn(&str),
    ) {
        for work in WORK {
            let cells = peers.iter().map(|peer| match peer.is_switchboard() || !plan.is_quick() {
                true => {
                    // This is enough; with more, a server that writes each message separately would take minutes.
                    let count = callgrind::per_message(binaries, load, peer, work, work.messages.0);
                    hole(count, INSTRUCTIONS, work, peer, holes, say)
                }
                false => None,
            });
            let cells = cells.collect();
            self.push(format!("{INSTRUCTIONS} for {}", work.title), cells, say);
        }
    }

    fn push(&mut self, title: String, cells: Vec<Option<f64>>, say: &dyn Fn(&str)) {
        let shown = cells.iter().zip(&self.peers);
        let shown = shown.filter_map(|(cell, peer)| Some(format!("{peer} {}", show((*cell)?))));
        say(&format!("{title}: {}", shown.collect::<Vec<_>>().join("  ")));
        self.rows.push(CountRow { title, cells });
    }
}

/// Three digits.
pub(crate) fn show(count: f64) -> String {
    match count {
        100.0.. => format!("{count:.0}"),
        10.0.. => format!("{count:.1}"),
        1.0.. => format!("{count:.2}"),
        _ => format!("{count:.3}"),
    }
}

fn hole(
    count: Result<f64, String>,
    what: &str,
    work: &Work,
    peer: &Peer,
    holes: &mut Holes,
    say: &dyn Fn(&str),
) -> Option<f64> {
    count
        .inspect_err(|why| {
            let hole = format!("{what} for {}, {}: {why}", work.title, peer.label);
            say(&hole);
            holes.faults.push(hole);
        })
        .ok()
}

/// Whether an event can be counted here.
fn probe(event: &str) -> Result<(), String> {
    if !on_path("perf") {
        return Err("perf is missing; Debian's linux-perf has it".into());
    }
    let output = Command::new("perf").args(["stat", "-x,", "-e", event, "true"]).output();
    let output = output.map_err(|why| format!("perf: {why}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find(|line| line.contains(event)).and_then(|line| line.split(',').next());
    match count.map(str::parse::<f64>) {
        Some(Ok(_)) => Ok(()),
        _ => Err(format!("perf cannot count {event} on this machine, or may not")),
    }
}

/// Counts in two runs, the second longer: the difference has nothing of what opening the connections costs.
fn per_message(
    binaries: &Binaries,
    load: &Load,
    peer: &Peer,
    work: &Work,
    event: &str,
    file: &Path,
) -> Result<f64, String> {
    let server = Server::start(binaries, peer, peer.dialect)?;
    let count = |messages: u64| -> Result<(f64, f64), String> {
        let args = [words(work.load), words(&["--count", &messages.to_string()])].concat();
        let (report, count) = load.run_counting(&server, &args, event, file)?;
        Ok((get(&report, "messages")?, count))
    };
    // A first run, so that the server has done what it does only once.
    count(work.messages.0)?;
    let (short, long) = (count(work.messages.0)?, count(work.messages.1)?);
    Ok((long.1 - short.1) / (long.0 - short.0))
}

fn allocations(binaries: &Binaries, load: &Load, peer: &Peer, work: &Work) -> Result<f64, String> {
    let server =
        Server::start_on("0", std::slice::from_ref(&binaries.counting), peer.env, peer.dialect, &binaries.log)?;
    let count = format!("{}", work.messages.1);
    let report = load.run(&server, &[words(work.load), words(&["--allocations", "--count", &count])].concat())?;
    get(&report, "allocations_per_message")
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn counts_have_three_digits() {
        assert_eq!([0.1254, 1.0, 12.345, 4321.0].map(show), ["0.125", "1.00", "12.3", "4321"]);
    }
}
