//! The official JavaScript client of Socket.IO, in each of its transports.

use std::time::Duration;

use e2e::{Control, NodeScript, Server, root};

/// Tests of one script, which is run with each way of connecting.
macro_rules! in_each_mode {
    ($($script:ident => $name:literal,)*) => { $(
        mod $script {
            #[test]
            fn by_default() {
                super::run($name, "default");
            }

            #[test]
            fn over_a_websocket() {
                super::run($name, "websocket");
            }

            #[test]
            fn over_polling() {
                super::run($name, "polling");
            }
        }
    )* };
}

in_each_mode! {
    every_event_and_ack => "socketio-events",
    namespaces_on_one_connection => "socketio-namespaces",
    what_ends_a_connection => "socketio-ending",
    thousands_of_events_in_one_tick => "socketio-burst",
}

#[test]
fn two_hundred_upgrade_under_traffic() {
    run("socketio-upgrade", "default");
}

#[test]
fn one_room_for_all_kinds_of_clients() {
    run("socketio-rooms", "default");
}

#[test]
fn two_kinds_of_tabs_in_chromium() {
    run("socketio-page", "default");
}

#[test]
fn behind_nginx() {
    let server = start();
    let proxy = e2e::Proxy::start(server.addr());
    let output = NodeScript::new("socketio-events").env("URL", proxy.url("/")).env("MODE", "default").run();
    assert!(output.stdout.ends_with("done\n"), "{output:?}");
}

fn start() -> Server {
    let library = root().join("e2e/node_modules/socket.io-client/dist/socket.io.min.js");
    Server::start_with("e2e-socketio", &[("SOCKETIO_CLIENT", &*library.to_string_lossy())])
}

/// Runs a script against a server that the script can stop and start.
#[track_caller]
fn run(script: &str, mode: &str) {
    let server = start();
    let script = NodeScript::new(script).env("URL", server.url("/")).env("WS_URL", server.ws_url("/ws"));
    let control = Control::serve(server);
    let script = script.env("CONTROL", control.port()).env("MODE", mode);
    let output = script.limit(Duration::from_secs(90)).run();
    assert!(output.stdout.ends_with("done\n"), "{output:?}");
}
