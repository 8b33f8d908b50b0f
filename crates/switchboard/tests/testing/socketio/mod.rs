//! Clients of Socket.IO: with each transport, in memory and over a socket.
use crate::{SHORT, lab};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::time::Duration;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::testing::{SocketIoConnecting, TestApp};
use switchboard::{App, Args, Binary, Client, Detail, Error, Gateway, Handshake, Namespace, SocketIo, Transport};

mod failures;

mod moving;

/// How a client connects.
#[derive(Clone, Copy, PartialEq)]
enum By {
    WebSocket,
    Polling,
    Upgraded,
}

impl By {
    fn connecting<'a>(self, app: &'a TestApp, namespace: &str) -> SocketIoConnecting<'a> {
        let connecting = app.socketio(namespace);
        match self {
            By::WebSocket => connecting.websocket(),
            By::Polling => connecting.polling(),
            By::Upgraded => connecting.upgrade(),
        }
    }
}

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

enum Closed {}
impl Namespace for Closed {
    const NAME: &'static str = "/closed";
}

struct Play;

impl Play {
    async fn swap(&self, Args((a, b)): Args<(Value, Value)>) -> Args<(Value, Value)> {
        Args((b, a))
    }
    /// The bytes come back as an event, and in the ack.
    async fn draw(&self, picture: Binary, client: &Client) -> Args<(usize, Binary)> {
        client.emit("drawn", json!({ "bytes": picture.len() }));
        client.emit("picture", &picture);
        Args((picture.len(), picture))
    }
    async fn sign(&self, client: &Client) -> Result<usize, Error> {
        let picture: Binary = client.emit_with_ack("sign", Args(("here", 7)), Duration::from_secs(60)).await?;
        Ok(picture.len())
    }
    async fn nothing(&self) -> Option<u8> {
        None
    }
}

struct Office;

impl Office {
    async fn who(&self, client: &Client) -> String {
        client.id().to_string()
    }
    async fn kick(&self, client: &Client) {
        client.disconnect();
    }
    async fn refuse(&self) -> Result<(), Error> {
        Err(Error::forbidden("Closed"))
    }
}

struct Door;

impl ConnectGuard for Door {
    async fn connect(&self, handshake: &mut Handshake) -> Result<(), Error> {
        let auth: Option<Value> = handshake.auth()?;
        match auth.is_some_and(|auth| auth["token"] == "t0k3n") {
            true => Ok(()),
            false => Err(Error::unauthenticated("Log in first")),
        }
    }
}

fn served() -> App {
    let play = Gateway::new(Play).on("swap", Play::swap).on("draw", Play::draw);
    let play = play.on("sign", Play::sign).on("nothing", Play::nothing);
    let admin = Gateway::new(Office).on("who", Office::who).on("kick", Office::kick);
    let admin = admin.guard(GuardDef::of(Door).connect()).namespace::<Admin>();
    let closed = Gateway::new(Office).on("who", Office::who).on_connect(Office::refuse).namespace::<Closed>();
    let app = lab().gateway("/play", play).gateway("/admin", admin).gateway("/closed", closed);
    app.socketio(SocketIo::default())
}

fn memory() -> TestApp {
    TestApp::new(served())
}

/// Where the application of a test is.
enum At {
    Memory,
    Socket,
}

impl At {
    async fn app(self) -> TestApp {
        match self {
            At::Memory => memory(),
            At::Socket => TestApp::listen(served()).await,
        }
    }
}

macro_rules! tests {
    ($at:ident, $by:ident: $($name:ident)*) => {
        $(#[tokio::test]
        async fn $name() {
            use crate::socketio::{At, By};
            crate::socketio::$name(At::$at.app().await, By::$by).await;
        })*
    };
}

macro_rules! with_each_transport {
    ($($name:ident)*) => {
        mod in_memory {
            mod websocket { tests! { Memory, WebSocket: $($name)* } }
            mod polling { tests! { Memory, Polling: $($name)* } }
            mod upgraded { tests! { Memory, Upgraded: $($name)* } }
        }
        mod over_a_socket {
            mod websocket { tests! { Socket, WebSocket: $($name)* } }
            mod polling { tests! { Socket, Polling: $($name)* } }
            mod upgraded { tests! { Socket, Upgraded: $($name)* } }
        }
    };
}

with_each_transport! {
    events_and_acks
    several_arguments
    errors_as_a_client_gets_them
    a_request_of_the_server
    bytes_in_both_directions
    a_stream
    refusals
    several_namespaces_on_one_connection
    a_kick
    a_shutdown
    ends_that_the_client_decides
    what_a_client_says_in_its_requests
    a_client_that_breaks_the_protocol
    rooms_with_everybody
}

async fn events_and_acks(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    assert_eq!(ada.transport(), if by == By::Polling { Transport::Polling } else { Transport::WebSocket });
    assert_eq!((ada.namespace(), ada.id()), ("/", &*app.server().local().clients()[0].id().to_string()));
    ada.emit("push", json!({ "n": 1 })).await;
    assert_eq!(ada.expect::<Value>("pushed").await, json!({ "n": 1 }));
    assert_eq!(ada.request::<Vec<String>>("echo", ["a", "b"]).await, ["a", "b"]);
    assert_eq!(ada.request::<Value>("echo", ()).await, Value::Null);
    ada.request::<()>("wait", 0).await;
    assert_eq!(ada.request::<Option<u8>>("nothing", ()).await, None);
    // What comes before an ack waits.
    assert_eq!(ada.request::<u32>("count", 3).await, 3);
    ada.emit("push", "here").await;
    assert_eq!(ada.expect::<u32>("tick").await, 1);
    assert_eq!(ada.skip_until::<String>("pushed").await, "here");
    ada.send_text(r#"427["echo","as it is"]"#).await;
    assert_eq!(ada.expect_text().await, r#"437["as it is"]"#);
    ada.expect_silence(SHORT).await;
}

async fn several_arguments(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    let swapped: Args<(u8, String)> = ada.request("swap", Args(("a", 1))).await;
    assert_eq!(swapped.0, (1, "a".to_owned()));
    // Without `Args`, several are an array.
    assert_eq!(ada.request::<Value>("swap", Args(("a", 1))).await, json!([1, "a"]));
    ada.emit("swap", Args((Value::Null, [2]))).await;
    assert_eq!(ada.expect::<Args<Vec<Value>>>("swap").await.0, [json!([2]), Value::Null]);
    // One argument is one, also with `Args`.
    assert_eq!(ada.request::<Args<(u8,)>>("echo", 7).await.0, (7,));
    assert_eq!(ada.request::<Args<Vec<u8>>>("wait", 0).await.0, [] as [u8; 0]);
}

async fn errors_as_a_client_gets_them(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    let error = ada.request_error("forbid", ()).await;
    assert_eq!((error.code.as_str(), error.message.as_str()), ("forbidden", "Not here"));
    assert_eq!(error.details, [Detail::new("/room", "closed", "It is closed")]);
    assert_eq!((error.retryable, error.retry_after_ms), (true, Some(20)));
    ada.emit("forbid", ()).await;
    assert_eq!(ada.expect_exception("forbidden").await.message, "Not here");
    ada.emit("typo", ()).await;
    ada.expect_exception("unknown_event").await;
    let call = ada.begin("forbid", ()).await;
    assert_eq!(ada.expect_error(call).await, error);
}

async fn a_request_of_the_server(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    let call = ada.begin("name", ()).await;
    ada.expect::<()>("before").await;
    let asked = ada.expect_request("name?").await;
    assert_eq!((asked.event(), asked.data::<String>().as_str()), ("name?", "please"));
    asked.answer("ada").await;
    assert_eq!(ada.expect_reply::<String>(call).await, "welcome, ada");

    let call = ada.begin("sign", ()).await;
    let asked = ada.expect_request("sign").await;
    assert_eq!(asked.data::<Args<(String, u8)>>().0, ("here".to_owned(), 7));
    asked.answer(Binary::from(vec![0; 9])).await;
    assert_eq!(ada.expect_reply::<usize>(call).await, 9);
}

async fn bytes_in_both_directions(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    for picture in [vec![], vec![0, 1, 255], vec![7; 100_000]] {
        let picture = Binary::from(picture);
        let drawn: Args<(usize, Binary)> = ada.request("draw", &picture).await;
        assert_eq!(drawn.0, (picture.len(), picture.clone()));
        assert_eq!(ada.expect::<Value>("drawn").await, json!({ "bytes": picture.len() }));
        assert_eq!(ada.expect::<Binary>("picture").await, picture);
    }
}

async fn a_stream(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    let call = ada.begin("numbers", 3).await;
    for number in 1..=3 {
        assert_eq!(ada.expect::<u32>("numbers").await, number);
    }
    ada.expect_reply::<()>(call).await;
    let call = ada.begin("breaks_at", 2).await;
    assert_eq!(ada.expect::<u32>("breaks_at").await, 1);
    assert_eq!(ada.expect_error(call).await.code, "conflict");
}

async fn refusals(app: TestApp, by: By) {
    let nowhere = by.connecting(&app, "/nowhere").refused().await;
    assert_eq!((nowhere.message.as_str(), nowhere.code.as_str()), ("Invalid namespace", ""));
    assert!(nowhere.data.is_none() && nowhere.http.is_none());
    assert_eq!(nowhere.to_string(), "the server refused with CONNECT_ERROR: Invalid namespace");

    let refused = by.connecting(&app, "/admin").auth(json!({ "token": "forged" })).refused().await;
    assert_eq!((refused.message.as_str(), refused.code.as_str()), ("Log in first", "unauthenticated"));
    assert_eq!(refused.json::<Value>()["code"], "unauthenticated");
    let refused = by.connecting(&app, "/admin").try_connect().await.unwrap_err();
    assert_eq!(refused.to_string(), "the server refused with CONNECT_ERROR: unauthenticated, Log in first");

    let evil = by.connecting(&app, "/").origin("https://evil.example").refused().await;
    assert_eq!((evil.message.as_str(), evil.http.as_ref().unwrap().status.as_u16()), ("Forbidden", 403));
    assert!(evil.to_string().starts_with("the server refused: 403"), "{evil}");

    assert_eq!(by.connecting(&app, "/closed").await.expect_refused().await.code, "forbidden");
    app.expect_empty().await;
}

async fn several_namespaces_on_one_connection(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    assert_eq!(ada.enter("/admin", ()).await.unwrap_err().code, "unauthenticated");
    assert_eq!(ada.enter("/nowhere", ()).await.unwrap_err().message, "Invalid namespace");
    let mut admin = ada.enter("/admin", json!({ "token": "t0k3n" })).await.unwrap();
    assert_eq!((admin.namespace(), admin.transport()), ("/admin", ada.transport()));
    assert_eq!(admin.request::<String>("who", ()).await, admin.id());
    assert_ne!(admin.id(), ada.id());
    // The end of one is not the end of the other.
    admin.emit("kick", ()).await;
    admin.expect_disconnect().await;
    assert_eq!(ada.request::<u8>("echo", 1).await, 1);
    drop(admin);
    let admin = ada.enter("/admin", json!({ "token": "t0k3n" })).await.unwrap();
    admin.disconnect().await;
    assert_eq!(ada.request::<u8>("echo", 2).await, 2);
    let mut admin = ada.enter("/admin", json!({ "token": "t0k3n" })).await.unwrap();
    ada.close().await;
    admin.expect_closed().await;
    app.expect_empty().await;
}

async fn a_kick(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    ada.emit("kick", ()).await;
    ada.expect_disconnect().await;
    // As with the official client, what is sent now goes nowhere.
    ada.emit("echo", 1).await;
    ada.expect_silence(SHORT).await;
    drop(ada);
    app.expect_empty().await;
}

async fn a_shutdown(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    let mut admin = ada.enter("/admin", json!({ "token": "t0k3n" })).await.unwrap();
    ada.request::<()>("join", "lobby").await;
    assert_eq!(app.shutdown().await.aborted, 0);
    ada.expect_closed().await;
    admin.expect_closed().await;
    ada.emit("echo", 1).await;
    app.expect_empty().await;
}

async fn ends_that_the_client_decides(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    ada.emit("count", 3).await;
    ada.close().await;
    by.connecting(&app, "/").await.disconnect().await;
    drop(by.connecting(&app, "/").await);
    app.expect_empty().await;
}

async fn what_a_client_says_in_its_requests(app: TestApp, by: By) {
    let connecting = by.connecting(&app, "/").bearer("t0k3n").cookie("a", "1").cookie("b", "2").query("x", "y z");
    let mut ada = connecting.origin("http://chat.example").host("chat.example").header("x-name", "ada").await;
    assert_eq!(ada.request::<String>("header", "cookie").await, "a=1; b=2");
    assert_eq!(ada.request::<String>("header", "authorization").await, "Bearer t0k3n");
    assert_eq!(ada.request::<String>("header", "host").await, "chat.example");
    assert_eq!(ada.request::<String>("header", "x-name").await, "ada");
    assert_eq!(ada.request::<String>("address", ()).await, "127.0.0.1");
}

async fn a_client_that_breaks_the_protocol(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    ada.send_text("4nonsense").await;
    ada.expect_closed().await;
    app.expect_empty().await;
}

async fn rooms_with_everybody(app: TestApp, by: By) {
    let mut ada = by.connecting(&app, "/").await;
    let mut bob = app.connect("/ws").await;
    ada.request::<()>("join", "lobby").await;
    bob.request::<()>("join", "lobby").await;
    assert_eq!(app.server().broadcast_to("lobby", "news", 1).queued, 2);
    assert_eq!((ada.expect::<u8>("news").await, bob.expect::<u8>("news").await), (1, 1));
    app.server().broadcast("all", ());
    ada.expect::<IgnoredAny>("all").await;
}
