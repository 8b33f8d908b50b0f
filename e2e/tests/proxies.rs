//! The proxies of the guide's chapter on Socket.IO: their configurations, as they are in the text, in front of two nodes.

use std::net::SocketAddr;

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
