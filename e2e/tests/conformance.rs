//! The suites of Socket.IO's two protocols, and the table of their clauses.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use e2e::{NodeScript, Server, root};

#[test]
fn engine_io() {
    conforms("conformance-engineio", "## Engine.IO");
}

#[test]
fn socket_io() {
    conforms("conformance-socketio", "## Socket.IO");
}

/// Every clause holds, and the table of the section has exactly those that were run.
fn conforms(suite: &str, section: &str) {
    // One after the other: their clauses look at the clock.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Server::start_with("switchboard-bench", &[("CONFORMANCE", "socketio"), ("PORT", "0")]);
    let output = NodeScript::new(suite).env("URL", server.url("/")).limit(Duration::from_secs(100)).run();
    let run: BTreeSet<&str> = output.stdout.lines().filter_map(|line| line.strip_prefix("ok ")).collect();

    let page = std::fs::read_to_string(root().join("docs/socketio-conformance.md")).expect("the table");
    let table = page.split_once(section).expect("the section").1;
    let table = table.split("\n## ").next().unwrap_or(table);
    let listed: BTreeSet<&str> = table.lines().filter_map(clauses).flatten().collect();
    assert_eq!(run, listed, "left: what {suite} has, right: what the table has");
}

/// The names in the last column of a row.
fn clauses(line: &str) -> Option<impl Iterator<Item = &str>> {
    let row = line.strip_prefix('|')?.strip_suffix('|')?;
    let (_, cell) = row.rsplit_once('|')?;
    Some(cell.split('`').skip(1).step_by(2))
}
