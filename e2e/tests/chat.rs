//! The example chat: two people in Chromium, and Node's `ws`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use e2e::{NodeScript, Proxy, Server};

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
    let chat = Arc::new(Mutex::new(chat));
    let control = serve_control(Arc::downgrade(&chat));
    let script = NodeScript::new(script).env("URL", url).env("WS_URL", ws).env("PROXY_URL", proxy.url("/"));
    let output = script.env("CONTROL", control).limit(limit).run();
    assert!(output.stdout.ends_with("done\n"), "{output:?}");
}

/// A port of 127.0.0.1 on which a script orders, a line each: `term`, `wait`, `start`. Each is answered when it is done.
fn serve_control(chat: Weak<Mutex<Server>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(chat) = chat.upgrade() else { return };
            obey(&mut chat.lock().unwrap_or_else(PoisonError::into_inner), stream);
        }
    });
    port.to_string()
}

fn obey(chat: &mut Server, stream: TcpStream) {
    let mut order = String::new();
    BufReader::new(&stream).read_line(&mut order).expect("a line");
    let answer = match order.trim_end() {
        "term" => {
            chat.send_sigterm();
            "ok".to_owned()
        }
        "wait" => chat.wait(Duration::from_secs(10)).to_string(),
        "start" => {
            chat.restart();
            "ok".to_owned()
        }
        other => format!("no such order: {other}"),
    };
    writeln!(&stream, "{answer}").expect("the script reads the answer");
}
