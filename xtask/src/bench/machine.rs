//! What the figures depend on.

use std::fs;
use std::process::Command;
use std::thread;

use crate::bench::Plan;
use crate::bench::measurements::ECHOES;

/// The conditions of a run, in a sentence.
pub(crate) fn describe(plan: &Plan) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cpu = cpu.map_or("unknown CPU", |(_, name)| name);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    let [rustc, node] = [("rustc", "rustc "), ("node", "v")].map(|(program, prefix)| version(program, prefix));
    let (rounds, time, finer) = (plan.rounds, plan.measured.as_millis(), ECHOES);
    let (echoes, short) = (rounds * finer as usize, time / u128::from(finer));
    format!(
        "{rounds} rounds of {time} ms, of the echoes {echoes} of {short} ms; {cpu}, {cores} cores, Linux {kernel}, \
         Rust {rustc}, Node.js {node}; one server thread on one core, the load on another."
    )
}

fn version(program: &str, prefix: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let version = text.trim().strip_prefix(prefix).and_then(|text| text.split(' ').next());
    version.unwrap_or("missing").to_owned()
}
