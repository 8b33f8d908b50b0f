//! `cargo xtask bench`: Switchboard and its peers, measured in turn on this machine.
//!
//! `bench/peers.rs` is the table of servers, `bench/measurements.rs` that of measurements; to add one, add a row.

mod build;
mod callgrind;
mod counts;
mod deflate;
mod load;
mod machine;
mod measurements;
mod page;
mod peers;
mod plot;
mod results;
pub(crate) mod server;
mod workers;

use std::time::{Duration, Instant};

use crate::Options;
use crate::run::Stop;
use build::Binaries;
use counts::Counts;
use load::Load;
use measurements::{MEASUREMENTS, Measurement};
use peers::{PEERS, Peer};
pub(crate) use results::median;
use results::{Holes, Results, Row};
use server::Server;

/// What `--only` calls the measurements that are not in the table of [`MEASUREMENTS`].
const COUNTS: &str = "counts";
const WORKERS: &str = "workers";
const DEFLATE: &str = "deflate";
const OTHERS: [&str; 3] = [COUNTS, WORKERS, DEFLATE];

/// What is measured, and for how long.
struct Plan {
    rounds: usize,
    warmup: Duration,
    measured: Duration,
    measurements: Vec<&'static Measurement>,
    peers: Vec<&'static Peer>,
    counts: bool,
    workers: bool,
    deflate: bool,
    /// Every measurement and server is chosen, so the files are written.
    is_complete: bool,
}

impl Plan {
    fn parse(args: &[String]) -> Result<Plan, String> {
        let mut quick = false;
        let mut names: Vec<&str> = Vec::new();
        let mut args = args.iter().map(String::as_str).peekable();
        while let Some(arg) = args.next() {
            match arg {
                "--quick" => quick = true,
                "--only" => {
                    let before = names.len();
                    while let Some(name) = args.next_if(|arg| !arg.starts_with('-')) {
                        names.push(name);
                    }
                    if names.len() == before {
                        return Err("--only needs a NAME".into());
                    }
                }
                other => return Err(format!("bench has no option `{other}`")),
            }
        }
        let is_measurement =
            |name: &&str| OTHERS.contains(name) || MEASUREMENTS.iter().any(|known| known.name == *name);
        let is_peer = |name: &&str| PEERS.iter().any(|known| known.name == *name);
        if let Some(name) = names.iter().find(|name| !is_measurement(name) && !is_peer(name)) {
            return Err(format!("no measurement or server `{name}`"));
        }
        let all_measurements = !names.iter().any(is_measurement);
        let all_peers = !names.iter().any(is_peer);
        let is_asked = |name: &str| all_measurements || names.contains(&name);
        // Many short rounds: a disturbance of the machine mostly lasts for seconds, and so affects all servers of a round.
        let (rounds, warmup, measured) = if quick { (3, 80, 200) } else { (21, 100, 300) };
        Ok(Plan {
            rounds,
            warmup: Duration::from_millis(warmup),
            measured: Duration::from_millis(measured),
            measurements: MEASUREMENTS.iter().filter(|known| is_asked(known.name)).collect(),
            // The others are compared with raw TCP.
            peers: PEERS.iter().filter(|known| known.is_raw() || all_peers || names.contains(&known.name)).collect(),
            counts: is_asked(COUNTS),
            workers: is_asked(WORKERS),
            deflate: is_asked(DEFLATE),
            is_complete: names.is_empty(),
        })
    }

    /// Shorter, and less exact.
    fn is_quick(&self) -> bool {
        self.rounds < 7
    }
}

/// The lines of `--help`.
pub(crate) fn help() -> String {
    let names = |names: Vec<&str>| names.join(", ");
    let mut measurements: Vec<&str> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
    measurements.extend(OTHERS);
    let peers = PEERS.iter().map(|peer| peer.name).collect();
    format!("\nmeasurements:  {}\nservers:  {}\n", names(measurements), names(peers))
}

/// Runs what was asked for. True when no server did anything wrong.
pub(crate) fn run(options: &Options, args: &[String]) -> Result<bool, String> {
    let plan = Plan::parse(args)?;
    let started = Instant::now();
    match measure(options, &plan, started) {
        Ok(results) => {
            let (table, deflate) = (page::table(&results), page::deflate(&results.deflate));
            println!("\n{table}\n{deflate}");
            results.holes.skipped.iter().for_each(|hole| println!("---- SKIPPED: {hole}"));
            results.holes.faults.iter().for_each(|hole| println!("---- FAILED: {hole}"));
            if plan.is_complete {
                let plot = plot::draw(&results);
                page::write(options, &table, &deflate, &plot)?;
                println!("bench/README.md and bench/plot.svg are written");
            }
            println!("{} s", started.elapsed().as_secs());
            Ok(results.holes.faults.is_empty())
        }
        Err(Stop::Failed(why) | Stop::CannotRun(why)) => {
            println!("---- bench: {why}");
            Ok(false)
        }
    }
}

/// Counts the user instructions of Switchboard's server, for each kind of work. True when all were counted.
pub(crate) fn instructions(options: &Options, args: &[String]) -> Result<bool, String> {
    if let Some(word) = args.first() {
        return Err(format!("instructions has no option `{word}`"));
    }
    match callgrind::print(options) {
        Ok(()) => Ok(true),
        Err(Stop::Failed(why) | Stop::CannotRun(why)) => {
            println!("---- instructions: {why}");
            Ok(false)
        }
    }
}

fn measure(options: &Options, plan: &Plan, started: Instant) -> Result<Results, Stop> {
    let mut results = Results::new(machine::describe(plan), &plan.peers);
    let binaries = build::everything(options, &mut results.holes)?;
    let load = Load::new(&binaries);
    let say = |line: &str| println!("[{:>4} s] {line}", started.elapsed().as_secs());
    for measurement in &plan.measurements {
        let row = take(plan, &binaries, &load, measurement, &mut results.holes, &say);
        results.rows.push(row);
    }
    if plan.counts {
        results.counts = Some(Counts::take(&binaries, &load, plan, &mut results.holes, &say));
    }
    if plan.workers {
        results.workers = workers::measure(&binaries, &load, plan, &mut results.holes, &say);
    }
    if plan.deflate {
        results.deflate = deflate::measure(&binaries, &load, plan, &mut results.holes, &say);
    }
    Ok(results)
}

/// One measurement of every server, round by round: a server's figure is held against raw TCP's of the same round.
fn take(
    plan: &Plan,
    binaries: &Binaries,
    load: &Load,
    measurement: &'static Measurement,
    holes: &mut Holes,
    say: &dyn Fn(&str),
) -> Row {
    let mut row = Row::new(measurement, plan.peers.len());
    let mut servers: Vec<Option<Server>> = plan.peers.iter().map(|_| None).collect();
    let mut is_broken = vec![false; plan.peers.len()];
    let rounds = if measurement.is_steady { 1 } else { plan.rounds * measurement.finer as usize };
    for round in 0..rounds {
        let mut line = format!("{} {}/{rounds}", measurement.name, round + 1);
        for (index, peer) in plan.peers.iter().enumerate() {
            let dialect = peer.dialect_of(measurement).filter(|_| !is_broken[index] && binaries.has(peer));
            let Some(dialect) = dialect else {
                row.cells[index].push(None);
                continue;
            };
            let figure = match &servers[index] {
                Some(server) => load.measure(server, plan, measurement),
                None => Server::start(binaries, peer, dialect).and_then(|server| {
                    let figure = load.measure(&server, plan, measurement);
                    // A server whose memory is measured has to be new.
                    servers[index] = (!measurement.is_steady).then_some(server);
                    figure
                }),
            };
            match figure {
                Ok(figure) => {
                    line += &format!("  {} {}", peer.name, measurement.kind.show(figure.value));
                    row.cells[index].push(Some(figure));
                }
                Err(why) => {
                    say(&format!("{} of {}: {why}", measurement.name, peer.name));
                    holes.faults.push(format!("{} of {}: {why}", measurement.title, peer.label));
                    is_broken[index] = true;
                    servers[index] = None;
                    row.cells[index].push(None);
                }
            }
        }
        say(&line);
    }
    row
}
