//! Namespaces know nothing of each other, and share the node.
use crate::rig::{Path, Peer, Rig, http, matrix, on, paths};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use switchboard::axum::{Router, extract::State, routing::get};
use switchboard::{App, Client, ClientId, Error, Gateway, Limits, Namespace, Root, Server};
use switchboard_core::ws::handshake::ClientRequest;
use tokio::sync::Notify;

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

/// No gateway is ever in it.
struct Nobody;
impl Namespace for Nobody {
    const NAME: &'static str = "/nobody";
}

/// One of each pair reaches something, so that silence means isolation.
#[derive(Default)]
struct Talk {
    started: Notify,
    go: Notify,
}

impl Talk {
    async fn id(&self, client: &Client) -> String {
        client.id().to_string()
    }
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    async fn say(&self, room: String, client: &Client) -> usize {
        client.broadcast_to(room, "said", "by a client").queued
    }
    async fn shout(&self, client: &Client) -> usize {
        client.broadcast("shouted", "by a client").queued
    }
    async fn wait(&self) {
        self.started.notify_one();
        self.go.notified().await;
    }
    async fn ask(&self, client: &Client) -> Result<String, Error> {
        client.emit_with_ack("name?", (), Duration::from_secs(20)).await
    }
}

fn talk() -> Gateway<Talk> {
    shared(&Arc::default())
}

fn shared(state: &Arc<Talk>) -> Gateway<Talk> {
    Gateway::shared(state.clone())
        .on("id", Talk::id)
        .on("join", Talk::join)
        .on("say", Talk::say)
        .on("shout", Talk::shout)
        .on("wait", Talk::wait)
        .on("ask", Talk::ask)
}

fn two() -> App {
    App::new().gateway("/ws", talk()).gateway("/admin", talk().namespace::<Admin>())
}

/// The data of the reply, which is the next that comes: all that was sent before is read already.
async fn ask(peer: &mut Peer, event: &str, data: &str) -> String {
    let reply = peer.request(&format!(r#"{{"event":"{event}","data":"{data}"}}"#)).await;
    let data = reply.strip_prefix(&format!(r#"{{"event":"{event}","data":"#)).and_then(|data| data.strip_suffix('}'));
    data.unwrap_or_else(|| panic!("{event} {data:?} is answered by {reply}")).trim_matches('"').to_owned()
}

async fn join(peer: &mut Peer, room: &str) -> ClientId {
    peer.send(&format!(r#"{{"event":"join","data":"{room}"}}"#)).await;
    ClientId::parse(&ask(peer, "id", "").await).unwrap()
}

fn ids(clients: Vec<Client>) -> BTreeSet<String> {
    clients.iter().map(|client| client.id().to_string()).collect()
}

fn set<const N: usize>(ids: [ClientId; N]) -> BTreeSet<String> {
    ids.iter().map(ClientId::to_string).collect()
}

fn names<N>(server: &Server<N>) -> BTreeSet<String> {
    server.rooms().iter().map(|room| room.to_string()).collect()
}

#[test]
fn a_server_counts_and_lists_its_own_namespace() {
    matrix(|path| async move {
        let rig = Rig::start(path, two()).await;
        let (root, admin) = (rig.handle.server(), rig.handle.server_of::<Admin>());
        let (mut one, mut other, mut boss) = (rig.connect().await, rig.connect().await, rig.connect_to("/admin").await);
        let (a, b) = (join(&mut one, "lobby").await, join(&mut other, "lobby").await);
        let c = join(&mut boss, "lobby").await;
        join(&mut boss, "secret").await;
        let own = c.to_string();
        assert_eq!((root.client_count(), admin.client_count()), (2, 1));
        assert_eq!((ids(root.clients()), ids(admin.clients())), (set([a, b]), set([c])));
        assert_eq!((ids(root.clients_in("lobby")), ids(admin.clients_in("lobby"))), (set([a, b]), set([c])));
        assert_eq!((root.count_in("lobby"), admin.count_in("lobby")), (2, 1));
        assert_eq!((root.count_in("secret"), admin.count_in("secret")), (0, 1));
        assert_eq!((root.count_in(&own), admin.count_in(&own)), (0, 1), "a client's id is a room of its namespace");
        assert!(root.clients_in(&own).is_empty() && root.clients_in("secret").is_empty());
        assert!(root.client(c).is_none() && admin.client(c).is_some());
        assert!(root.client(a).is_some() && admin.client(a).is_none());
        assert_eq!(names(&root), BTreeSet::from(["lobby".to_owned()]));
        assert_eq!(names(&admin), BTreeSet::from(["lobby".to_owned(), "secret".to_owned()]));
        assert_eq!(
            (format!("{root:?}"), format!("{admin:?}")),
            ("Server(/, 2 clients)".into(), "Server(/admin, 1 clients)".into())
        );
        // The numbers are the node's, whoever is asked.
        for stats in [rig.handle.stats(), root.stats(), admin.stats()] {
            assert_eq!((stats.connections, stats.rooms, stats.memberships), (3, 3, 4));
        }
        drop((one, other, boss));
        rig.expect_empty().await;
    });
}

#[test]
fn what_is_sent_stays_in_its_namespace() {
    matrix(|path| async move {
        let rig = Rig::start(path, two()).await;
        let (root, admin) = (rig.handle.server(), rig.handle.server_of::<Admin>());
        let (mut one, mut other, mut boss) = (rig.connect().await, rig.connect().await, rig.connect_to("/admin").await);
        join(&mut one, "lobby").await;
        join(&mut other, "lobby").await;
        let own = join(&mut boss, "lobby").await.to_string();
        join(&mut boss, "secret").await;
        // From the server: what reaches the two, then what reaches the one, then what reaches nobody.
        for (queued, reaches) in [
            (root.broadcast("to", "all").queued, 2),
            (root.emit("to", "all").queued, 2),
            (root.broadcast_to("lobby", "to", "lobby").queued, 2),
            (root.to("lobby").to("secret").to(&own).emit("to", "union").queued, 2),
            (root.except("secret").except(&own).emit("to", "rest").queued, 2),
            (admin.broadcast("at", "all").queued, 1),
            (admin.broadcast_to("lobby", "at", "lobby").queued, 1),
            (admin.to(&own).emit("at", "own").queued, 1),
            (root.broadcast_to("secret", "lost", 1).queued, 0),
            (root.to(&own).emit("lost", 1).queued, 0),
            (root.all().except("lobby").emit("lost", 1).queued, 0),
            (admin.except("lobby").emit("lost", 1).queued, 0),
        ] {
            assert_eq!(queued, reaches);
        }
        for peer in [&mut one, &mut other] {
            for data in ["all", "all", "lobby", "union", "rest"] {
                peer.expect(&format!(r#"{{"event":"to","data":"{data}"}}"#)).await;
            }
        }
        for data in ["all", "lobby", "own"] {
            boss.expect(&format!(r#"{{"event":"at","data":"{data}"}}"#)).await;
        }
        // From a client.
        assert_eq!(ask(&mut one, "say", "lobby").await, "1");
        assert_eq!(ask(&mut one, "shout", "").await, "1");
        other.expect(r#"{"event":"said","data":"by a client"}"#).await;
        other.expect(r#"{"event":"shouted","data":"by a client"}"#).await;
        assert_eq!(ask(&mut one, "say", "secret").await, "0");
        assert_eq!(ask(&mut one, "say", &own).await, "0");
        assert_eq!(ask(&mut boss, "say", "lobby").await, "0");
        assert_eq!(ask(&mut boss, "shout", "").await, "0");
        let refused = one.request(&format!(r#"{{"event":"join","data":"{own}"}}"#)).await;
        assert!(refused.contains(r#""code":"forbidden""#), "{refused}");
        for peer in [&mut one, &mut other, &mut boss] {
            // Nothing else came before this.
            ask(peer, "id", "").await;
        }
        drop((one, other, boss));
        rig.expect_empty().await;
    });
}

#[test]
fn a_kick_and_a_departure_stay_in_their_namespace() {
    matrix(|path| async move {
        let rig = Rig::start(path, two()).await;
        let (root, admin) = (rig.handle.server(), rig.handle.server_of::<Admin>());
        let (mut one, mut boss, mut deputy) =
            (rig.connect().await, rig.connect_to("/admin").await, rig.connect_to("/admin").await);
        join(&mut one, "lobby").await;
        let own = join(&mut boss, "lobby").await.to_string();
        join(&mut boss, "secret").await;
        join(&mut deputy, "lobby").await;
        assert_eq!((root.disconnect("secret"), root.disconnect(&own), root.disconnect("lobby")), (0, 0, 1));
        assert_eq!(one.expect_close().await, 4503);
        drop(one);
        rig.until(|stats| stats.connections == 2).await;
        assert_eq!((root.rooms().len(), admin.count_in("lobby")), (0, 2), "the room of the same name has its members");
        assert_eq!(ask(&mut boss, "say", "lobby").await, "1");
        deputy.expect(r#"{"event":"said","data":"by a client"}"#).await;
        assert_eq!(admin.disconnect("secret"), 1);
        assert_eq!(boss.expect_close().await, 4503);
        ask(&mut deputy, "id", "").await;
        drop((boss, deputy));
        rig.expect_empty().await;
    });
}

#[test]
fn gateways_of_one_namespace_share_it() {
    struct Another;
    impl Another {
        async fn joined(&self, client: &Client) {
            client.join("lobby");
        }
    }
    matrix(|path| async move {
        let app = App::new();
        let (before, root) = (app.server_of::<Admin>(), app.server());
        let app = app
            .gateway("/one", talk().namespace::<Admin>())
            // The last one wins.
            .gateway(
                "/two",
                Gateway::new(Another).on_connect(Another::joined).namespace::<Nobody>().namespace::<Admin>(),
            )
            .gateway("/three", talk().namespace::<Admin>().namespace::<Root>());
        let rig = Rig::start(path, app).await;
        let (mut one, mut two, mut three) =
            (rig.connect_to("/one").await, rig.connect_to("/two").await, rig.connect_to("/three").await);
        join(&mut three, "lobby").await;
        rig.until(|stats| (stats.connections, stats.memberships) == (3, 2)).await;
        let admin = rig.handle.server_of::<Admin>();
        for server in [&before, &before.clone(), &admin] {
            assert_eq!((server.client_count(), server.count_in("lobby")), (2, 1));
        }
        assert_eq!((root.client_count(), root.count_in("lobby")), (1, 1));
        assert_eq!(rig.handle.server_of::<Root>().client_count(), 1, "`server()` is that of the default");
        assert_eq!(ask(&mut one, "say", "lobby").await, "1");
        two.expect(r#"{"event":"said","data":"by a client"}"#).await;
        assert_eq!(ask(&mut three, "say", "lobby").await, "0");
        drop((one, two, three));
        rig.expect_empty().await;
    });
}

#[test]
fn a_server_of_a_namespace_in_routes_and_tasks() {
    fn is_shared<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    is_shared::<Server<Rc<()>>>();

    #[derive(Clone)]
    struct Services {
        admin: Server<Admin>,
        nobody: Server<Nobody>,
    }
    async fn announce(State(services): State<Services>) -> String {
        let admin = services.admin.broadcast("news", "from a route").queued;
        format!("{admin} {}", services.nobody.broadcast("news", "lost").queued)
    }
    paths(|path| async move {
        let app = two();
        // Before the application is mounted, and without any gateway.
        let services = Services { admin: app.server_of(), nobody: app.server_of() };
        let task = {
            let (admin, nobody) = (services.admin.clone(), services.nobody.clone());
            async move { (admin.to("lobby").emit("news", "from a task").queued, nobody.all().emit("news", 1).queued) }
        };
        let nobody = services.nobody.clone();
        let routes = Router::new().route("/announce", get(announce)).with_state(services);
        let rig = Rig::start(path, app.mount(routes)).await;
        let (mut user, mut boss) = (rig.connect().await, rig.connect_to("/admin").await);
        for peer in [&mut user, &mut boss] {
            join(peer, "lobby").await;
        }
        let answer = rig.http(b"GET /announce HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "1 0"));
        assert_eq!(tokio::spawn(task).await.unwrap(), (1, 0));
        boss.expect(r#"{"event":"news","data":"from a route"}"#).await;
        boss.expect(r#"{"event":"news","data":"from a task"}"#).await;
        ask(&mut user, "id", "").await;
        assert_eq!((nobody.client_count(), nobody.count_in("lobby"), nobody.rooms().len()), (0, 0, 0));
        assert_eq!((nobody.disconnect("lobby"), nobody.clients().len()), (0, 0));
        drop((user, boss));
        rig.expect_empty().await;
    });
}

#[test]
fn a_shutdown_closes_every_namespace() {
    matrix(|path| async move {
        let state: Arc<Talk> = Arc::default();
        let app = App::new().gateway("/ws", talk()).gateway("/admin", shared(&state).namespace::<Admin>());
        let rig = Rig::start(path, app).await;
        let (mut user, mut idle, mut busy) =
            (rig.connect().await, rig.connect_to("/admin").await, rig.connect_to("/admin").await);
        busy.send(r#"{"event":"wait","id":1}"#).await;
        state.started.notified().await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        for peer in [&mut user, &mut idle] {
            assert_eq!(peer.expect_close().await, 1001);
            peer.close(1001).await;
        }
        // A namespace that is made meanwhile changes nothing.
        assert_eq!(rig.handle.server_of::<Nobody>().client_count(), 0);
        assert!(!shutdown.is_finished(), "a handler of a namespace is in flight");
        state.go.notify_one();
        busy.expect(r#"{"event":"wait","data":null,"id":1}"#).await;
        assert_eq!(busy.expect_close().await, 1001);
        busy.close(1001).await;
        assert_eq!(shutdown.await.unwrap().aborted, 0);
        rig.expect_empty().await;
    });
}

#[test]
fn a_shutdown_out_of_patience_ends_every_namespace() {
    matrix(|path| async move {
        let state: Arc<Talk> = Arc::default();
        let app = App::new().gateway("/ws", shared(&state)).gateway("/admin", shared(&state).namespace::<Admin>());
        let rig = Rig::start(path, app).await;
        let mut peers = [rig.connect().await, rig.connect_to("/admin").await];
        for peer in &mut peers {
            peer.send(r#"{"event":"wait","id":1}"#).await;
            state.started.notified().await;
        }
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown_within(Duration::ZERO).await });
        for peer in &mut peers {
            assert!(peer.text().await.contains(r#""code":"draining""#));
            assert_eq!(peer.expect_close().await, 1001);
            peer.close(1001).await;
        }
        assert_eq!(shutdown.await.unwrap().aborted, 2);
        rig.expect_empty().await;
    });
}

fn upgrade(path: &str) -> Vec<u8> {
    ClientRequest::new("test.example", path, [7; 16]).unwrap().encode()
}

async fn refusal(rig: &Rig, path: &str) -> (u16, String) {
    let answer = http(&mut rig.stream().await, &upgrade(path)).await.unwrap();
    let reason = answer.body.split('"').nth(3).unwrap_or_default().to_owned();
    (answer.status, reason)
}

#[test]
fn a_namespace_that_is_made_after_a_shutdown_refuses() {
    on(Path::Memory, |path| async move {
        let app = two();
        assert_eq!(app.handle().shutdown().await.aborted, 0);
        let rig = Rig::start(path, app).await;
        for path in ["/ws", "/admin"] {
            assert_eq!(refusal(&rig, path).await, (503, "draining".into()), "{path}");
        }
        rig.expect_empty().await;
    });
}

#[test]
fn the_limits_of_the_node_count_over_namespaces() {
    paths(|path| async move {
        let limits = Limits::default().max_connections(Some(2)).handlers(1).pending_acks_node(1);
        let state: Arc<Talk> = Arc::default();
        let app = App::new()
            .limits(limits)
            .gateway("/ws", shared(&state))
            .gateway("/admin", shared(&state).namespace::<Admin>());
        let rig = Rig::start(path, app).await;
        let (mut user, mut boss) = (rig.connect().await, rig.connect_to("/admin").await);
        for path in ["/ws", "/admin"] {
            assert_eq!(refusal(&rig, path).await, (503, "admission".into()), "{path}");
        }
        boss.send(r#"{"event":"wait","id":1}"#).await;
        state.started.notified().await;
        let refused = user.request(r#"{"event":"wait","id":2}"#).await;
        assert!(refused.contains(r#""code":"overloaded""#), "{refused}");
        state.go.notify_one();
        boss.expect(r#"{"event":"wait","data":null,"id":1}"#).await;
        // One answer is awaited of the one; the other's may not be asked for.
        let asked = rig.handle.server_of::<Admin>().clients().remove(0);
        let answer = asked.emit_with_ack::<String>("name?", (), Duration::from_secs(20));
        boss.expect(r#"{"event":"name?","data":null,"ack":1}"#).await;
        let refused = user.request(r#"{"event":"ask","id":3}"#).await;
        assert!(refused.contains(r#""code":"rate_limited""#), "{refused}");
        boss.send(r#"{"ack":1,"data":"Ann"}"#).await;
        assert_eq!(answer.await.unwrap(), "Ann");
        // A place that one namespace gives back is the other's.
        drop(boss);
        rig.until(|stats| stats.connections == 1).await;
        let third = rig.connect().await;
        assert_eq!(refusal(&rig, "/admin").await, (503, "admission".into()));
        assert_eq!((rig.handle.server().client_count(), rig.handle.server_of::<Admin>().client_count()), (2, 0));
        drop((user, third));
        rig.expect_empty().await;
    });
}

#[test]
fn time_passes_in_every_namespace() {
    paths(|path| async move {
        let limits = Limits::default().handler_timeout(Duration::from_millis(100));
        let app = App::new().limits(limits).gateway("/admin", talk().namespace::<Admin>());
        let rig = Rig::start(path, app).await;
        let mut boss = rig.connect_to("/admin").await;
        let answer = boss.request(r#"{"event":"wait","id":1}"#).await;
        assert!(answer.contains(r#""code":"timeout""#), "{answer}");
        drop(boss);
        rig.expect_empty().await;
    });
}

macro_rules! namespace {
    ($($type:ident = $name:expr;)*) => {
        $(
            enum $type {}
            impl Namespace for $type {
                const NAME: &'static str = $name;
            }
        )*
    };
}
namespace! {
    Twin = "/admin";
    Bare = "bare";
    Spaced = "/a b";
    Controlled = "/a\u{7}";
    Long = LONG;
    Longest = LONG.split_at(255).0;
    Slash = "/";
}
const LONG: &str = match std::str::from_utf8(&[b'/'; 256]) {
    Ok(name) => name,
    Err(_) => "",
};

#[test]
fn names_that_cannot_be_are_reported_at_boot() {
    let line = line!();
    let app = App::new()
        .gateway("/1", talk().namespace::<Admin>())
        .gateway("/2", talk().namespace::<Twin>())
        .gateway("/3", talk().namespace::<Twin>())
        .gateway("/4", talk().namespace::<Bare>())
        .gateway("/5", talk().namespace::<Spaced>())
        .gateway("/6", talk().namespace::<Controlled>())
        .gateway("/7", talk().namespace::<Long>())
        .gateway("/8", talk().namespace::<Longest>())
        .gateway("/9", talk())
        .gateway("/10", talk().namespace::<Slash>())
        .gateway("/11", talk().namespace::<Root>());
    // Nobody panics for them, and nobody is there.
    assert_eq!(app.server_of::<Twin>().client_count(), 0);
    assert_eq!(app.server_of::<Bare>().broadcast("e", 1).queued, 0);
    assert_eq!(app.handle().server_of::<Long>().disconnect("lobby"), 0);
    let error = app.into_router().err().unwrap();
    let file = file!();
    let text = format!("{error:?}");
    let here = module_path!();
    let expected = [
        (
            format!(
                "{here}::Admin and {here}::Twin are two namespaces of one name, /admin; use one of them, or rename one"
            ),
            vec![2, 3],
        ),
        (format!("the namespace {here}::Bare: its name \"bare\" does not begin with '/'; write \"/bare\""), vec![5]),
        (
            format!(
                "the namespace {here}::Spaced: its name \"/a b\" has whitespace or a control character; remove that"
            ),
            vec![6],
        ),
        (
            format!(
                "the namespace {here}::Controlled: its name \"/a\\u{{7}}\" has whitespace or a control character; remove that"
            ),
            vec![7],
        ),
        (format!("the namespace {here}::Long: its name has 256 bytes; shorten it to at most 255"), vec![8]),
        (
            format!(
                "the namespace {here}::Slash: its name \"/\" is that of the default, switchboard::Root; use that one, or choose another name"
            ),
            vec![11],
        ),
    ];
    assert_eq!(error.problems().len(), expected.len(), "{text}");
    for (problem, (message, lines)) in error.problems().iter().zip(expected) {
        let places: String = lines.iter().map(|at| format!("\n     at {file}:{}", line + at)).collect();
        assert_eq!(problem.to_string(), format!("{message}{places}"));
    }
}
