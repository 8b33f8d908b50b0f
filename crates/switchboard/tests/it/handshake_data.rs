//! What handlers know of the request that opened the connection: path parameters, the query, the surroundings.
use serde::Deserialize;
use std::collections::HashMap;
use switchboard::axum::Router;
use switchboard::di::{Injectable, Module, ModuleDef, Provider};
use switchboard::extract::{Path, Query};
use switchboard::gateway::{Messages, Mount};
use switchboard::raw::Message;
use switchboard::{App, Client, Ctx, Error, EventName, Gateway, Socket};
use switchboard_rig::{Got, RawClient, Response, Rig, Stack, each_stack, matrix, on};

struct Rooms;

#[derive(Clone, Deserialize)]
struct Place {
    project: u32,
    channel: String,
}

#[derive(Clone, Deserialize)]
struct Wanted {
    since: u64,
    #[serde(default)]
    name: Option<String>,
}

impl Rooms {
    async fn place(&self, Path(place): Path<Place>) -> String {
        format!("{}/{}", place.project, place.channel)
    }
    async fn pair(&self, Path((project, channel)): Path<(u32, String)>, suffix: String) -> String {
        format!("{project}/{channel}{suffix}")
    }
    async fn since(&self, wanted: Query<Wanted>) -> (u64, Option<String>) {
        (wanted.since, wanted.name.clone())
    }
    async fn joined(&self, Path(place): Path<Place>, client: &Client) {
        client.join(format!("project {}", place.project));
    }
    async fn rooms(&self, client: Client) -> Vec<String> {
        client.rooms().iter().map(ToString::to_string).collect()
    }
}

fn rooms() -> Gateway<Rooms> {
    Gateway::new(Rooms)
        .on("place", Rooms::place)
        .on("pair", Rooms::pair)
        .on("since", Rooms::since)
        .on("rooms", Rooms::rooms)
        .on_connect(Rooms::joined)
}

async fn ask(peer: &mut RawClient, event: &str, data: &str) -> String {
    let reply = peer.request(&format!(r#"{{"event":"{event}","data":{data}}}"#)).await;
    let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
    reply["data"].to_string()
}

async fn get(rig: &Rig, path: &str) -> Response {
    let request = switchboard_rig::upgrade_request(path);
    rig.http(&request).await.expect("an answer")
}

/// A refusal, with its code and detail.
async fn refused(rig: &Rig, path: &str) -> (u16, String, String) {
    let answer = get(rig, path).await;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.body);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body["code"].as_str().unwrap().to_owned(), body["detail"].as_str().unwrap().to_owned())
}

#[test]
fn a7_path_parameters_are_typed_and_read_before_the_upgrade() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/projects/{project}/{channel}/ws", rooms())).await;
        let mut peer = rig.connect_to("/projects/7/a%20b/ws?since=1").await;
        assert_eq!(ask(&mut peer, "place", "null").await, r#""7/a b""#);
        assert_eq!(ask(&mut peer, "pair", r#""!""#).await, r#""7/a b!""#);
        assert_eq!(ask(&mut peer, "rooms", "null").await, r#"["project 7"]"#);
        let (status, code, detail) = refused(&rig, "/projects/canary/general/ws?since=1").await;
        assert_eq!((status, code.as_str()), (400, "bad_request"));
        assert!(detail.contains("`project`") && !detail.contains("canary"), "{detail}");
        let (status, code, _) = refused(&rig, "/projects/7/%FF/ws?since=1").await;
        assert_eq!((status, code.as_str()), (400, "bad_request"));
        assert_eq!(get(&rig, "/projects/7/ws?since=1").await.status, 404);
        assert_eq!(rig.handle.stats().rejected, 2);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn e14_the_query_is_typed_and_read_before_the_upgrade() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/{project}/{channel}", rooms())).await;
        let mut peer = rig.connect_to("/1/a?since=42&name=Ada%20L&more=x").await;
        assert_eq!(ask(&mut peer, "since", "null").await, r#"[42,"Ada L"]"#);
        for query in ["", "?", "?since=canary", "?name=x", "?since=1&since=2"] {
            let (status, code, detail) = refused(&rig, &format!("/1/a{query}")).await;
            assert_eq!((status, code.as_str()), (400, "bad_request"), "{query}");
            assert!(!detail.contains("canary"), "{detail}");
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a25_names_of_another_languages_objects_are_unknown_keys() {
    const QUERY: &str = "__proto__=a&constructor=b&toString=c&__proto__[since]=7&sid=__proto__&since=42";
    async fn map(all: Query<HashMap<String, String>>) -> usize {
        for (key, value) in [("__proto__", "a"), ("constructor", "b"), ("toString", "c"), ("__proto__[since]", "7")] {
            assert_eq!(all.get(key).map(String::as_str), Some(value));
        }
        all.len()
    }
    each_stack(|stack| async move {
        let map = Gateway::functions().on_fn("map", map);
        let echo = Gateway::functions().on_fn("echo", |text: String| async move { text });
        let app = App::new().gateway("/ws", echo).gateway("/map", map).gateway("/{project}/{channel}", rooms());
        let rig = Rig::watched(stack, app).await;
        let mut typed = rig.connect_to(&format!("/1/__proto__?{QUERY}")).await;
        assert_eq!(ask(&mut typed, "since", "null").await, "[42,null]");
        assert_eq!(ask(&mut typed, "place", "null").await, r#""1/__proto__""#);
        let mut untyped = rig.connect_to(&format!("/map?{QUERY}")).await;
        assert_eq!(ask(&mut untyped, "map", "null").await, "6");
        let mut deaf = rig.connect_to(&format!("/ws?{QUERY}")).await;
        assert_eq!(ask(&mut deaf, "echo", r#""x""#).await, r#""x""#);
        rig.unnoticed().await;
        // What is nested by such a name fills no field.
        let (status, code, _) = refused(&rig, "/1/a?__proto__[since]=7&constructor.prototype.since=7").await;
        assert_eq!((status, code.as_str()), (400, "bad_request"));
        drop((typed, untyped, deaf));
        rig.expect_empty().await;
    });
}

struct Wrong;
impl Wrong {
    async fn two(&self, path: Path<(u32, u32)>) -> u32 {
        path.0.1
    }
    async fn panics(&self, _path: Path<Panics>) {}
}

#[derive(Clone)]
struct Panics;
impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Panics, D::Error> {
        panic!("canary")
    }
}

#[test]
fn a_type_that_the_path_cannot_have_is_a_fault_of_the_server() {
    each_stack(|stack| async move {
        let app = App::new()
            .gateway("/one/{id}", Gateway::new(Wrong).on("two", Wrong::two))
            .gateway("/panics/{id}", Gateway::new(Wrong).on("panics", Wrong::panics));
        let rig = Rig::start(stack, app).await;
        for path in ["/one/1", "/panics/1"] {
            let (status, code, detail) = refused(&rig, path).await;
            assert_eq!((status, code.as_str(), detail.as_str()), (500, "internal", "Internal error"), "{path}");
        }
        rig.expect_empty().await;
    });
}

#[tokio::test]
async fn parameters_of_a_router_around_the_application_count_too() {
    struct Nested;
    impl Nested {
        async fn all(&self, params: Path<HashMap<String, String>>) -> (String, String) {
            (params["tenant"].clone(), params["id"].clone())
        }
    }
    let gateway = || App::new().gateway("/rooms/{id}", Gateway::new(Nested).on("all", Nested::all));
    let routers: [Router; 3] = [
        Router::new().nest("/t/{tenant}", gateway().into_router().unwrap()),
        Router::new().nest_service("/t/{tenant}", Router::from(gateway())),
        Router::new().merge(gateway().prefix("/t/{tenant}")),
    ];
    for router in routers {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let rig = Rig::elsewhere(address);
        let mut peer = rig.connect_to("/t/acme/rooms/9").await;
        assert_eq!(ask(&mut peer, "all", "null").await, r#"["acme","9"]"#);
    }
}

struct Greeting(&'static str);

struct Surroundings;
impl Injectable for Surroundings {
    fn provider() -> Provider<Surroundings> {
        Provider::factory(|| Surroundings)
    }
}
impl Messages for Surroundings {
    fn messages(gateway: Gateway<Surroundings>) -> Gateway<Surroundings> {
        gateway.on("greet", Surroundings::greet).on("missing", Surroundings::missing)
    }
}
impl Mount for Surroundings {}
impl Surroundings {
    async fn greet(&self, ctx: Ctx, name: EventName) -> Result<String, Error> {
        assert_eq!(ctx.event(), &*name);
        assert!(ctx.user().is_none());
        // It may be kept: a task outlives the handler.
        let spoken = tokio::spawn(async move {
            ctx.client().emit("later", ctx.event());
            ctx.resolve::<Greeting>().map(|greeting| greeting.0.to_owned())
        });
        spoken.await.unwrap()
    }
    async fn missing(&self, ctx: Ctx) -> Result<usize, Error> {
        ctx.resolve::<String>().map(|text| text.len())
    }
}

struct RawSurroundings;
impl Injectable for RawSurroundings {
    fn provider() -> Provider<RawSurroundings> {
        Provider::factory(|| RawSurroundings)
    }
}
impl Messages for RawSurroundings {
    fn messages(gateway: Gateway<RawSurroundings>) -> Gateway<RawSurroundings> {
        gateway.raw(RawSurroundings::on_connect)
    }
}
impl Mount for RawSurroundings {
    const PATH: &'static str = "/raw/{room}";
}
impl RawSurroundings {
    async fn on_connect(&self, ctx: Ctx, Path(room): Path<u32>, mut socket: Socket) -> Result<(), Error> {
        let greeting = ctx.resolve::<Greeting>()?;
        ctx.client().join(format!("room {room}")).await?;
        socket.send(format!("{} to {room}", greeting.0)).await?;
        while let Some(message) = socket.recv().await {
            match message {
                Message::Text(text) => socket.send(text.to_uppercase()).await?,
                binary => socket.send(binary).await?,
            }
        }
        Ok(())
    }
}

struct Site;
impl Module for Site {
    fn module() -> ModuleDef {
        ModuleDef::new("Site").value(Greeting("welcome")).gateway::<Surroundings>().gateway::<RawSurroundings>()
    }
}

#[test]
fn a9_the_surroundings_in_one_parameter() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, App::create::<Site>().await.unwrap()).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"greet","id":1}"#).await;
        peer.expect(r#"{"event":"later","data":"greet"}"#).await;
        peer.expect(r#"{"event":"greet","data":"welcome","id":1}"#).await;
        assert!(peer.request(r#"{"event":"missing"}"#).await.contains(r#""code":"internal""#));
        let mut raw = rig.connect_to("/raw/5").await;
        raw.expect("welcome to 5").await;
        assert_eq!(rig.handle.server().local().count_in("room 5"), 1);
        assert_eq!(raw.request("abc").await, "ABC");
        raw.send_frame(switchboard_core::ws::Opcode::Binary, true, &[1, 2, 0xFF]).await;
        assert_eq!(raw.recv().await, Got::Binary(vec![1, 2, 0xFF]));
        assert_eq!(get(&rig, "/raw/canary").await.status, 400);
        drop((peer, raw));
        rig.expect_empty().await;
    });
}

#[test]
fn nothing_is_kept_that_nobody_asks_for() {
    on(Stack::Listen, |stack| async move {
        // `Path` of one gateway does not bind another.
        let free = Gateway::functions().on_fn("ping", || async { "pong" });
        let app = App::new().gateway("/{project}/{channel}", rooms()).gateway("/free/x/{id}", free);
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect_to("/free/x/anything?since=nothing").await;
        assert_eq!(ask(&mut peer, "ping", "null").await, r#""pong""#);
    });
}
