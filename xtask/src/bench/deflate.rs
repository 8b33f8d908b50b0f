//! Compression (permessage-deflate) against none: what it saves on the wire, and what it costs.

use std::path::PathBuf;
use std::slice;

use crate::bench::Plan;
use crate::bench::build::Binaries;
use crate::bench::load::{Load, Report, limit, words};
use crate::bench::measurements::Kind;
use crate::bench::peers::Peer;
use crate::bench::results::{Cell, Figure, Holes, Limit, compare};
use crate::bench::server::Server;

/// The servers it is measured in; of a short run the first alone.
const SERVERS: &[&str] = &["switchboard", "ws"];

const TEXT: &[&str] = &["--text", "4096", "--records"];
const ROOM: &[&str] = &["fanout", "--connections", "1000"];
const ECHO: &[&str] = &["echo"];

/// Of `ws`: the first message that it compresses on a connection makes a stream of zlib, which takes a second for 1,000.
const WARMUP: &[&str] = &["--warmup", "2"];

/// At most this many rounds: those of `ws` take long.
const ROUNDS: usize = 11;

/// What is done in a round, in this order: the load, and what of it is compressed.
const RUNS: [(&[&str], &str); 5] = [(ROOM, OFF), (ROOM, "both"), (ECHO, OFF), (ECHO, "answers"), (ECHO, "both")];
const OFF: &str = "off";
/// Places in [`RUNS`].
const ROOM_PLAIN: usize = 0;
const ROOM_BOTH: usize = 1;
const ECHO_PLAIN: usize = 2;
const ECHO_ANSWERS: usize = 3;
const ECHO_BOTH: usize = 4;

/// One figure, plain and compressed.
pub(crate) struct Line {
    pub(crate) title: &'static str,
    pub(crate) kind: Kind,
    plain: usize,
    packed: usize,
}

#[rustfmt::skip]
pub(crate) const LINES: &[Line] = &[
    Line { title: "Room of 1,000, one publish at a time: bytes a delivery", kind: Kind::Bytes, plain: ROOM_PLAIN, packed: ROOM_BOTH },
    Line { title: "… server CPU a delivery", kind: Kind::Micros, plain: ROOM_PLAIN, packed: ROOM_BOTH },
    Line { title: "… deliveries a second", kind: Kind::Rate, plain: ROOM_PLAIN, packed: ROOM_BOTH },
    Line { title: "Echo, 64 connections × 1: bytes an answer", kind: Kind::Bytes, plain: ECHO_PLAIN, packed: ECHO_BOTH },
    Line { title: "… server CPU an echo, the answers compressed", kind: Kind::Micros, plain: ECHO_PLAIN, packed: ECHO_ANSWERS },
    Line { title: "… server CPU an echo, both directions compressed", kind: Kind::Micros, plain: ECHO_PLAIN, packed: ECHO_BOTH },
];

/// What the load generator calls a figure of a message.
fn key(kind: Kind) -> &'static str {
    match kind {
        Kind::Rate => "per_second",
        Kind::Bytes => "bytes_per_message",
        Kind::Micros => "server_us_per_message",
    }
}

/// A server without compression and one with it, and what the runs reported, round by round.
pub(crate) struct Pair {
    pub(crate) peer: &'static Peer,
    plain: Server,
    packed: Server,
    reports: [Vec<Report>; RUNS.len()],
}

impl Pair {
    fn start(binaries: &Binaries, peer: &'static Peer) -> Result<Pair, String> {
        let plain = Server::start(binaries, peer, peer.dialect)?;
        let start = |command: &[PathBuf], env: &[(&str, &str)]| {
            Server::start_on("0", command, env, peer.dialect, &binaries.log)
        };
        let packed = match peer.is_switchboard() {
            true => start(slice::from_ref(&binaries.compressing), peer.env)?,
            false => start(&binaries.command(peer).ok_or("it is not installed")?, &[("DEFLATE", "1")])?,
        };
        Ok(Pair { peer, plain, packed, reports: Default::default() })
    }

    fn round(&mut self, load: &Load, plan: &Plan) -> Result<(), String> {
        for ((work, deflate), reports) in RUNS.iter().zip(&mut self.reports) {
            let server = if *deflate == OFF { &self.plain } else { &self.packed };
            let warmup = if self.peer.is_switchboard() { &[] } else { WARMUP };
            let args = [work, TEXT, &["--deflate", deflate]].map(words).concat();
            reports.push(load.run(server, &[&args[..], &plan.times(), &words(warmup)].concat())?);
        }
        Ok(())
    }

    fn figures(&self, run: usize, kind: Kind) -> Vec<Option<Figure>> {
        let figure = |report: &Report| Some(Figure { value: *report.get(key(kind))?, limit: limit(report) });
        self.reports[run].iter().map(figure).collect()
    }

    /// The figures without and with compression, each with its ratio to the figure without.
    pub(crate) fn cells(&self, line: &Line) -> Option<(Cell, Cell)> {
        let (plain, packed) = (self.figures(line.plain, line.kind), self.figures(line.packed, line.kind));
        Some((compare(&plain, &plain)?, compare(&packed, &plain)?))
    }

    /// Server CPU of a delivery that is compressed for its member alone, as an answer is, and its ratio to a plain one's.
    pub(crate) fn compressed_for_each(&self) -> Option<(f64, f64)> {
        let value = |run| {
            let figures = self.figures(run, Kind::Micros);
            compare(&figures, &figures).map(|cell| cell.value)
        };
        let delivery = value(ROOM_PLAIN)?;
        let compressed = delivery + value(ECHO_ANSWERS)? - value(ECHO_PLAIN)?;
        Some((compressed, compressed / delivery))
    }

    /// Server CPU in the last round, run by run.
    fn latest(&self) -> String {
        let last = |run| self.figures(run, Kind::Micros).pop().flatten();
        let show = |run| last(run).map_or("–".to_owned(), |figure: Figure| Kind::Micros.show(figure.value));
        (0..RUNS.len()).map(show).collect::<Vec<_>>().join("  ")
    }

    /// How many figures were taken while another program used a core, and how many there are.
    pub(crate) fn disturbed(&self) -> (usize, usize) {
        let reports = || self.reports.iter().flatten();
        (reports().filter(|report| limit(report) == Limit::Others).count(), reports().count())
    }
}

/// Every server in turn, round by round. One that does something wrong is left out.
pub(crate) fn measure(
    binaries: &Binaries,
    load: &Load,
    plan: &Plan,
    holes: &mut Holes,
    say: &dyn Fn(&str),
) -> Vec<Pair> {
    let mut fault = |peer: &Peer, why: String| {
        say(&format!("compression of {}: {why}", peer.name));
        holes.faults.push(format!("compression of {}: {why}", peer.label));
    };
    let servers = if plan.is_quick() { &SERVERS[..1] } else { SERVERS };
    let peers = plan.peers.iter().filter(|peer| servers.contains(&peer.name) && binaries.has(peer));
    let mut pairs = Vec::new();
    for peer in peers {
        match Pair::start(binaries, peer) {
            Ok(pair) => pairs.push(pair),
            Err(why) => fault(peer, why),
        }
    }
    let rounds = plan.rounds.min(ROUNDS);
    for round in 0..rounds {
        pairs.retain_mut(|pair| match pair.round(load, plan) {
            Ok(()) => {
                say(&format!("deflate {}/{rounds}  {} {}", round + 1, pair.peer.name, pair.latest()));
                true
            }
            Err(why) => {
                fault(pair.peer, why);
                false
            }
        });
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::{LINES, OFF, RUNS};

    #[test]
    fn a_line_holds_compressed_work_against_the_same_work() {
        for line in LINES {
            let ((plain, off), (packed, deflate)) = (RUNS[line.plain], RUNS[line.packed]);
            assert_eq!((plain, off), (packed, OFF), "{}", line.title);
            assert_ne!(deflate, OFF, "{}", line.title);
        }
    }
}
