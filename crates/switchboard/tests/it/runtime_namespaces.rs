//! Namespaces that requests name: isolated while they have clients, and nothing afterwards.
use std::collections::HashMap;
use std::time::Duration;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{App, Client, Dynamic, Error, Gateway, Handshake, Limits, Namespace, Namespaces, Server, User};
use switchboard_rig::{RawClient, Rig, Stack, each_stack, matrix, on};
use tokio::runtime::Handle as Runtime;

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

struct Board;

impl Board {
    async fn entered(&self, client: &Client, server: Server<Dynamic>) {
        client.emit("welcome", format!("{} {}", client.namespace(), server.local().client_count()));
    }
    async fn draw(&self, line: String, server: Server<Dynamic>) -> usize {
        server.broadcast("drawn", line).queued
    }
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    async fn say(&self, room: String, client: &Client) -> usize {
        client.broadcast_to(room, "said", "by a client").queued
    }
    async fn own(&self, client: &Client, server: Server<Dynamic>) -> String {
        assert_eq!(client.namespace(), server.namespace());
        server.namespace().to_owned()
    }
    async fn all(&self, namespaces: Namespaces) -> usize {
        namespaces.count()
    }
    async fn root(&self, server: Server) -> usize {
        server.local().client_count()
    }
}

fn board() -> Gateway<Board> {
    Gateway::new(Board)
        .on("draw", Board::draw)
        .on("join", Board::join)
        .on("say", Board::say)
        .on("own", Board::own)
        .on("all", Board::all)
        .on("root", Board::root)
}

fn project(upgrade: &Handshake) -> Result<String, Error> {
    let id: String = upgrade.path_params()?;
    // Its `/` is left out.
    Ok(format!("project-{id}"))
}

fn queried(upgrade: &Handshake) -> Result<String, Error> {
    let mut query: HashMap<String, String> = upgrade.query()?;
    query.remove("name").ok_or_else(|| Error::not_found("Which one?"))
}

fn app() -> App {
    App::new()
        .gateway("/projects/{id}/ws", board().namespace_by(project))
        .gateway("/named", board().namespace_by(queried))
        .gateway("/ws", board())
        .gateway("/admin", board().namespace::<Admin>())
}

/// The data of the reply, which is the next that comes: all that was sent before is read already.
async fn ask(peer: &mut RawClient, event: &str, data: &str) -> String {
    let reply = peer.request(&format!(r#"{{"event":"{event}","data":"{data}"}}"#)).await;
    let data = reply.strip_prefix(&format!(r#"{{"event":"{event}","data":"#)).and_then(|data| data.strip_suffix('}'));
    data.unwrap_or_else(|| panic!("{event} {data:?} is answered by {reply}")).trim_matches('"').to_owned()
}

async fn join(peer: &mut RawClient, room: &str) {
    peer.send(&format!(r#"{{"event":"join","data":"{room}"}}"#)).await;
    ask(peer, "own", "").await;
}

/// A client that its namespace knows.
async fn enter(rig: &Rig, path: &str) -> RawClient {
    let mut peer = rig.connect_to(path).await;
    ask(&mut peer, "own", "").await;
    peer
}

fn names(namespaces: &Namespaces) -> Vec<String> {
    namespaces.names().iter().map(|name| name.to_string()).collect()
}

async fn until(what: &str, is: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

/// The status and code of a refused upgrade.
async fn refused(rig: &Rig, path: &str) -> (u16, String) {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    let answer = rig.http(request.as_bytes()).await.expect("an answer");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    assert_eq!(answer.header("retry-after").is_some(), answer.status == 503);
    (answer.status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn two_names_know_nothing_of_each_other() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let namespaces = rig.handle.namespaces();
        assert!(names(&namespaces).is_empty() && namespaces.get("/project-1").is_none());
        let mut one = enter(&rig, "/projects/1/ws").await;
        let mut other = enter(&rig, "/projects/1/ws").await;
        let mut far = enter(&rig, "/projects/2/ws").await;
        let mut root = enter(&rig, "/ws").await;
        assert_eq!(ask(&mut one, "own", "").await, "/project-1");
        assert_eq!(ask(&mut root, "own", "").await, "/", "also of one with a type");
        assert_eq!((ask(&mut one, "all", "").await, ask(&mut one, "root", "").await), ("2".into(), "1".into()));
        assert_eq!(names(&namespaces), ["/project-1", "/project-2"]);
        for peer in [&mut one, &mut other, &mut far, &mut root] {
            join(peer, "lobby").await;
        }
        // From outside: what reaches the two, then what reaches the one.
        let (first, second) = (namespaces.get("project-1").unwrap(), namespaces.get("/project-2").unwrap());
        assert_eq!((first.local().client_count(), second.local().client_count()), (2, 1));
        assert_eq!(
            (first.local().clients().len(), first.local().clients_in("lobby").len(), second.local().count_in("lobby")),
            (2, 2, 1)
        );
        assert_eq!(first.local().rooms().len(), 1);
        let (a, b) = (first.local().clients()[0].id(), second.local().clients()[0].id());
        assert!(
            first.local().client(a).is_some()
                && first.local().client(b).is_none()
                && second.local().client(a).is_none()
        );
        assert_eq!(first.broadcast("to", "all").queued, 2);
        assert_eq!(first.broadcast_to("lobby", "to", "lobby").queued, 2);
        assert_eq!(first.to(a).to(b).emit("to", "one").queued, 1);
        assert_eq!(first.except("lobby").emit("to", "nobody").queued, 0);
        assert_eq!(first.except(b).emit("to", "those").queued, 2);
        assert_eq!(second.broadcast("at", "all").queued, 1);
        assert_eq!(rig.handle.server().broadcast("root", 1).queued, 1);
        assert_eq!(format!("{first:?}"), "Server(/project-1, 2 clients)");
        // The numbers are the node's.
        let stats = first.stats();
        assert_eq!((stats.connections, stats.rooms, stats.memberships), (4, 3, 4));
        far.expect(r#"{"event":"at","data":"all"}"#).await;
        root.expect(r#"{"event":"root","data":1}"#).await;
        let mut reached = 0;
        for peer in [&mut one, &mut other] {
            peer.expect(r#"{"event":"to","data":"all"}"#).await;
            peer.expect(r#"{"event":"to","data":"lobby"}"#).await;
            let mut next = peer.recv_text().await;
            if next == r#"{"event":"to","data":"one"}"# {
                reached += 1;
                next = peer.recv_text().await;
            }
            assert_eq!(next, r#"{"event":"to","data":"those"}"#);
        }
        assert_eq!(reached, 1);
        // From clients.
        assert_eq!(
            (ask(&mut one, "say", "lobby").await, ask(&mut far, "say", "lobby").await),
            ("1".into(), "0".into())
        );
        other.expect(r#"{"event":"said","data":"by a client"}"#).await;
        assert_eq!(ask(&mut far, "own", "").await, "/project-2", "and nothing before it");
        drop((one, other, far, root, first, second));
        rig.expect_empty().await;
        until("nobody is there", || namespaces.count() == 0).await;
    });
}

#[test]
fn two_gateways_that_name_the_same_share_it() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let (mut one, mut other) = (enter(&rig, "/projects/1/ws").await, enter(&rig, "/named?name=/project-1").await);
        assert_eq!(names(&rig.handle.namespaces()), ["/project-1"]);
        let drawn = r#"{"event":"drawn","data":"a line"}"#;
        one.send(r#"{"event":"draw","data":"a line"}"#).await;
        other.expect(drawn).await;
        one.expect(drawn).await;
        one.expect(r#"{"event":"draw","data":2}"#).await;
        drop((one, other));
        rig.expect_empty().await;
    });
}

#[test]
fn hooks_have_it_and_a_kick_stays_in_it() {
    matrix(|stack| async move {
        let app = App::new().gateway("/projects/{id}/ws", board().on_connect(Board::entered).namespace_by(project));
        let rig = Rig::start(stack, app).await;
        let namespaces = rig.handle.namespaces();
        let (mut one, mut other) = (rig.connect_to("/projects/1/ws").await, rig.connect_to("/projects/2/ws").await);
        one.expect(r#"{"event":"welcome","data":"/project-1 1"}"#).await;
        other.expect(r#"{"event":"welcome","data":"/project-2 1"}"#).await;
        for peer in [&mut one, &mut other] {
            join(peer, "lobby").await;
        }
        assert_eq!(namespaces.get("/project-1").unwrap().disconnect("lobby"), 1);
        assert_eq!(one.skip_until_close().await, 4503);
        drop(one);
        until("the namespace is gone", || names(&namespaces) == ["/project-2"]).await;
        assert_eq!(ask(&mut other, "own", "").await, "/project-2");
        drop(other);
        rig.expect_empty().await;
    });
}

#[test]
fn a_server_that_is_kept_reaches_those_who_come_again() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let namespaces = rig.handle.namespaces();
        let peer = enter(&rig, "/projects/1/ws").await;
        let kept = namespaces.get("/project-1").unwrap();
        drop(peer);
        until("nobody is there", || namespaces.get("/project-1").is_none()).await;
        assert_eq!(kept.broadcast("news", 1).queued, 0);
        let mut peer = enter(&rig, "/projects/1/ws").await;
        assert_eq!(kept.broadcast("news", 2).queued, 1);
        peer.expect(r#"{"event":"news","data":2}"#).await;
    });
}

#[test]
fn ten_times_two_hundred_namespaces_leave_nothing() {
    for stream in [Stack::Listen, Stack::Memory] {
        on(stream, |stack| async move {
            let rig = Rig::start(stack, app()).await;
            let namespaces = rig.handle.namespaces();
            drop(enter(&rig, "/projects/0/ws").await);
            until("nobody is there", || namespaces.count() == 0).await;
            rig.expect_empty().await;
            let tasks = || Runtime::current().metrics().num_alive_tasks();
            // What runs for all of them together, and stays.
            until("the tasks of the first have ended", || tasks() <= 64).await;
            let before = tasks();
            for cycle in 0..10 {
                let mut peers = Vec::new();
                for n in 0..200 {
                    peers.push(enter(&rig, &format!("/projects/{cycle}-{n}/ws")).await);
                }
                assert_eq!(namespaces.count(), 200);
                assert_eq!(rig.handle.stats().connections, 200);
                // One for each connection, and at most one more below it: none for a namespace.
                assert!(tasks() <= before + 2 * 200, "{} tasks, {before} before", tasks());
                let reached: usize = namespaces
                    .names()
                    .iter()
                    .map(|name| namespaces.get(name).unwrap().broadcast("all", 1).queued)
                    .sum();
                assert_eq!(reached, 200);
                drop(peers);
                until("all of them are forgotten", || namespaces.count() == 0 && namespaces.names().is_empty()).await;
                rig.expect_empty().await;
            }
            until("their tasks have ended", || tasks() <= before).await;
        });
    }
}

#[test]
fn above_the_limit_who_would_be_the_first_is_answered_503() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, app().limits(Limits::default().runtime_namespaces(2))).await;
        let (one, other) = (enter(&rig, "/projects/1/ws").await, enter(&rig, "/projects/2/ws").await);
        let before = rig.handle.stats();
        assert_eq!(refused(&rig, "/projects/3/ws").await, (503, "namespaces".into()));
        let after = rig.handle.stats();
        assert_eq!(after.refused_connections, before.refused_connections + 1);
        // Who joins others, or a namespace with a type, is served.
        let (second, root) = (enter(&rig, "/projects/1/ws").await, enter(&rig, "/ws").await);
        drop((one, second));
        until("there is room", || rig.handle.namespaces().count() == 1).await;
        let third = enter(&rig, "/projects/3/ws").await;
        drop((other, root, third));
        rig.expect_empty().await;
    });
}

#[test]
fn names_that_cannot_be_and_functions_that_fail() {
    each_stack(|stack| async move {
        let fails = |upgrade: &Handshake| match upgrade.uri().query() {
            Some("panic") => panic!("canary"),
            Some("internal") => Err(Error::internal("canary")),
            _ => Err(Error::unauthenticated("Who is it?")),
        };
        let rig = Rig::start(stack, app().gateway("/fails", board().namespace_by(fails))).await;
        for name in ["", "a%20b", "a%0Ab", "%C2%A0", "%7F", &"x".repeat(255)] {
            assert_eq!(refused(&rig, &format!("/named?name={name}")).await, (400, "bad_request".into()), "{name:?}");
        }
        for name in ["/", "/admin", "admin"] {
            assert_eq!(refused(&rig, &format!("/named?name={name}")).await, (403, "forbidden".into()), "{name:?}");
        }
        assert_eq!(refused(&rig, "/named").await, (404, "not_found".into()));
        assert_eq!(refused(&rig, "/fails").await, (401, "unauthenticated".into()));
        assert_eq!(refused(&rig, "/fails?internal").await, (500, "internal".into()));
        assert_eq!(refused(&rig, "/fails?panic").await, (500, "internal".into()));
        assert_eq!(rig.handle.namespaces().count(), 0, "who is refused leaves nothing");
        // The longest, and one that looks like others.
        let mut longest = rig.connect_to(&format!("/named?name={}", "x".repeat(254))).await;
        assert_eq!(ask(&mut longest, "own", "").await.len(), 255);
        let mut near = rig.connect_to("/named?name=/admin/").await;
        assert_eq!(ask(&mut near, "own", "").await, "/admin/");
        drop((longest, near));
        rig.expect_empty().await;
    });
}

/// Says that everybody belongs to the team of the query string.
struct Team;

impl ConnectGuard for Team {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        let Some(team) = upgrade.uri().query().map(str::to_owned) else { return Err(Error::unauthenticated("Who?")) };
        tokio::task::yield_now().await;
        upgrade.set_user(User::new(team));
        Ok(())
    }
}

#[test]
fn it_is_asked_behind_the_guards() {
    each_stack(|stack| async move {
        let by = |upgrade: &Handshake| {
            let user = upgrade.user().ok_or_else(|| Error::internal("behind the guards"))?;
            Ok::<_, Error>(format!("/team-{}", user.id()))
        };
        let gateway = board().guard(GuardDef::of(Team).connect()).namespace_by(by);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        assert_eq!(refused(&rig, "/ws").await, (401, "unauthenticated".into()));
        let mut peer = rig.connect_to("/ws?red").await;
        assert_eq!(ask(&mut peer, "own", "").await, "/team-red");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_shutdown_closes_them_all() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let mut peers = Vec::new();
        for at in ["/projects/1/ws", "/projects/2/ws", "/ws", "/admin"] {
            peers.push(enter(&rig, at).await);
        }
        let handle = rig.handle.clone();
        let ended = tokio::spawn(async move { handle.shutdown().await });
        for peer in &mut peers {
            assert_eq!(peer.skip_until_close().await, 1001);
            peer.close(1001).await;
        }
        assert_eq!(ended.await.unwrap().aborted, 0);
        assert_eq!((rig.handle.namespaces().count(), rig.handle.stats().connections), (0, 0));
    });
}

#[test]
fn beside_a_namespace_with_a_type_it_is_a_problem_at_boot() {
    let both = board().namespace::<Admin>().namespace_by(project);
    let error = App::new().gateway("/ws", both).into_router().unwrap_err().to_string();
    assert!(error.contains("Board has a namespace, and one by the request; remove one"), "{error}");
}
