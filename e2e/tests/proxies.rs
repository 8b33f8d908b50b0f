//! The proxies of the guide's chapter on Socket.IO: their configurations, as they are in the text, in front of two nodes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use e2e::{NodeScript, Proxy, Server, free};

const CHAPTER: &str = include_str!("../../docs/guide/src/socketio.md");

#[test]
fn nginx_takes_the_configuration() {
    Proxy::check_nginx(block("nginx"));
}

#[test]
fn haproxy_takes_the_configuration() {
    Proxy::check_haproxy(block("haproxy"));
}

#[test]
fn sessions_are_sticky_behind_nginx() {
    let nodes = nodes();
    let addr = free();
    let proxy = Proxy::nginx(addr, &between(block("nginx"), &[("listen 8080", format!("listen {addr}"))], &nodes));
    serve(&proxy);
}

#[test]
fn sessions_are_sticky_behind_haproxy() {
    let nodes = nodes();
    let addr = free();
    let bind = [("bind 127.0.0.1:8081", format!("bind {addr}"))];
    let proxy = Proxy::haproxy(addr, &between(block("haproxy"), &bind, &nodes));
    serve(&proxy);
}

#[test]
fn a_session_of_another_node_is_unknown_and_the_log_says_why() {
    let [one, two] = nodes();
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = get(&one, path);
    let (_, sid) = opened.split_once(r#""sid":""#).expect("an open packet");
    let sid = &sid[..sid.find('"').expect("it ends")];
    let refused = get(&two, &format!("{path}&sid={sid}"));
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert!(refused.ends_with(r#"{"code":1,"message":"Session ID unknown"}"#), "{refused}");
    two.wait_for_log("a request has the session id of another node", Duration::from_secs(5));
}

/// The answer to a request, head and body.
fn get(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(server.addr()).expect("the server listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.addr()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("a text");
    answer
}

fn nodes() -> [Server; 2] {
    [Server::start("e2e-socketio"), Server::start("e2e-socketio")]
}

/// The official client: every form of an event, polling alone and with an upgrade.
#[track_caller]
fn serve(proxy: &Proxy) {
    for mode in ["polling", "default"] {
        let output = NodeScript::new("socketio-events").env("URL", proxy.url("/")).env("MODE", mode).run();
        assert!(output.stdout.ends_with("done\n"), "{mode}: {output:?}");
    }
}

/// The configuration with the addresses of this test, each of which must be in it.
fn between(configuration: &str, own: &[(&str, String)], nodes: &[Server; 2]) -> String {
    let node = |at: usize, addr: SocketAddr| (["127.0.0.1:3001", "127.0.0.1:3002"][at], addr.to_string());
    let nodes = [node(0, nodes[0].addr()), node(1, nodes[1].addr())];
    own.iter().chain(&nodes).fold(configuration.to_owned(), |text, (shown, actual)| {
        assert!(text.contains(shown), "{shown} is not in the configuration any more");
        text.replace(shown, actual)
    })
}

/// The block of a language in the chapter.
fn block(language: &str) -> &'static str {
    let (_, after) = CHAPTER.split_once(&format!("```{language}\n")).expect("the chapter has such a block");
    after.split_once("```").expect("it ends").0
}
