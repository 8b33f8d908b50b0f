//! The example chat: two people in Chromium, and Node's `ws`.

use std::time::Duration;

use e2e::{Control, NodeScript, Proxy, Server};

#[test]
fn two_people_chat_in_the_browser() {
    run("chat", Duration::from_secs(90));
}

#[test]
fn node_speaks_to_the_same_gateway() {
    run("chat-ws", Duration::from_secs(60));
}

#[test]
fn node_speaks_messagepack() {
    run("chat-msgpack", Duration::from_secs(60));
}

#[test]
fn node_compresses_and_inflates() {
    run("chat-deflate", Duration::from_secs(60));
}

/// `wasClean` in Chromium, for closes of the client and of the server, directly and behind nginx.
#[test]
fn every_close_is_clean_in_the_browser() {
    run("closing", Duration::from_secs(60));
}

/// Runs a script against a chat that the script can stop and start.
fn run(script: &str, limit: Duration) {
    let chat = Server::start("chat");
    let (url, ws) = (chat.url("/"), chat.ws_url("/ws"));
    chat.wait_for_log("GET /ws → ChatGateway (7 messages, 2 hooks)", Duration::from_secs(5));
    let proxy = Proxy::start(chat.addr());
    let control = Control::serve(chat);
    let script = NodeScript::new(script).env("URL", url).env("WS_URL", ws).env("PROXY_URL", proxy.url("/"));
    let output = script.env("CONTROL", control.port()).limit(limit).run();
    assert!(output.stdout.ends_with("done\n"), "{output:?}");
}
