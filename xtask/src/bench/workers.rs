//! Two workers against one, and two threads with a runtime each.

use std::thread;

use crate::bench::Plan;
use crate::bench::build::Binaries;
use crate::bench::load::{Load, get, words};
use crate::bench::peers::PEERS;
use crate::bench::results::{Holes, median};
use crate::bench::server::Server;

const LOAD: &[&str] = &["echo", "--connections", "4", "--in-flight", "16"];

/// Rates against those of one worker.
#[derive(Clone, Copy)]
pub(crate) struct Workers {
    /// Two workers of one runtime.
    pub(crate) two: f64,
    /// Two threads with a runtime of their own: `App::threads(2)`.
    pub(crate) threads: f64,
}

/// The medians of the ratios of Switchboard's rates, four busy connections, all on the same cores.
pub(crate) fn measure(
    binaries: &Binaries,
    load: &Load,
    plan: &Plan,
    holes: &mut Holes,
    say: &dyn Fn(&str),
) -> Option<Workers> {
    match ratios(binaries, load, plan) {
        Ok(workers) => {
            say(&format!("against one worker: two {:.2}×, two threads {:.2}×", workers.two, workers.threads));
            Some(workers)
        }
        Err(why) => {
            say(&format!("two workers against one: {why}"));
            holes.faults.push(format!("two workers against one: {why}"));
            None
        }
    }
}

fn ratios(binaries: &Binaries, load: &Load, plan: &Plan) -> Result<Workers, String> {
    let peer = PEERS.iter().find(|peer| peer.is_switchboard()).expect("it is in the table");
    let program = binaries.command(peer).ok_or("it is not built")?;
    // With a third core the load generator has its own.
    let third = thread::available_parallelism().is_ok_and(|cores| cores.get() > 2);
    let load_cores = if third { "2" } else { "0,1" };
    let start = |env: &[(&str, &str)]| Server::start_on("0,1", &program, env, peer.dialect, &binaries.log);
    let one = start(&[("WORKERS", "1")])?;
    let two = start(&[("WORKERS", "2")])?;
    let threads = start(&[("WORKERS", "1"), ("THREADS", "2")])?;
    let args = [words(LOAD), plan.times().to_vec()].concat();
    let rate = |server| load.run_on(load_cores, server, &args).and_then(|report| get(&report, "per_second"));
    let rounds = (0..plan.rounds).map(|_| {
        let one = rate(&one)?;
        Ok((rate(&two)? / one, rate(&threads)? / one))
    });
    let rounds = rounds.collect::<Result<Vec<(f64, f64)>, String>>()?;
    let of = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick)).ok_or("no round");
    Ok(Workers { two: of(|round| round.0)?, threads: of(|round| round.1)? })
}
