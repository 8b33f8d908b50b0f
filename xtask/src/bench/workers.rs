//! Two workers against one.

use std::thread;

use crate::bench::Plan;
use crate::bench::build::Binaries;
use crate::bench::load::{Load, get, words};
use crate::bench::peers::PEERS;
use crate::bench::results::{Holes, median};
use crate::bench::server::Server;

const LOAD: &[&str] = &["echo", "--connections", "4", "--in-flight", "16"];

/// The median of the ratios of Switchboard's rates, four busy connections, both on the same cores.
pub(crate) fn measure(
    binaries: &Binaries,
    load: &Load,
    plan: &Plan,
    holes: &mut Holes,
    say: &dyn Fn(&str),
) -> Option<f64> {
    let ratio = ratio(binaries, load, plan);
    match &ratio {
        Ok(ratio) => say(&format!("two workers against one: {ratio:.2}×")),
        Err(why) => {
            say(&format!("two workers against one: {why}"));
            holes.faults.push(format!("two workers against one: {why}"));
        }
    }
    ratio.ok()
}

fn ratio(binaries: &Binaries, load: &Load, plan: &Plan) -> Result<f64, String> {
    let peer = PEERS.iter().find(|peer| peer.is_switchboard()).expect("it is in the table");
    let program = binaries.command(peer).ok_or("it is not built")?;
    // With a third core the load has one for itself.
    let third = thread::available_parallelism().is_ok_and(|cores| cores.get() > 2);
    let load_cores = if third { "2" } else { "0,1" };
    let start = |workers| Server::start_on("0,1", &program, &[("WORKERS", workers)], peer.dialect, &binaries.log);
    let (one, two) = (start("1")?, start("2")?);
    let args = [words(LOAD), plan.times().to_vec()].concat();
    let rate = |server| load.run_on(load_cores, server, &args).and_then(|report| get(&report, "per_second"));
    let ratios = (0..plan.rounds).map(|_| {
        let one = rate(&one)?;
        Ok(rate(&two)? / one)
    });
    let ratios = ratios.collect::<Result<Vec<f64>, String>>()?;
    median(ratios.into_iter()).ok_or_else(|| "no round".to_owned())
}
