//! The Python client of Socket.IO: a second implementation of the protocol.

use std::time::Duration;

use e2e::{Server, python_script};

#[test]
fn over_a_websocket() {
    run("websocket");
}

#[test]
fn over_polling() {
    run("polling");
}

#[test]
fn by_default() {
    run("polling,websocket");
}

fn run(transports: &str) {
    let server = Server::start("e2e-socketio");
    let env = [("URL", &*server.url("/")), ("TRANSPORTS", transports)];
    let output = python_script("client", &env, Duration::from_secs(60));
    assert!(output.stdout.ends_with("done\n"), "{output:?}");
}
