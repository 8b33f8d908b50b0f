//! `switchboard::testing`: each method in use, and what each says when it fails.
mod lab;

use self::lab::{Lab, lab, memory};
use axum::body::Body;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::time::Duration;
use switchboard::di::{Module, ModuleDef};
use switchboard::testing::TestApp;
use switchboard::{App, Detail, Error, Gateway, Limits, Origins};

mod acks;

mod alone;

mod clock;

mod connecting;

mod failures;

mod logs;

mod several;

mod socketio;

mod streams;

const SHORT: Duration = Duration::from_millis(50);

macro_rules! in_memory_and_over_a_socket {
    ($($name:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::memory()).await;
            })*
        }
        mod over_a_socket {
            $(#[tokio::test]
            async fn $name() {
                super::$name(switchboard::testing::TestApp::listen(super::lab()).await).await;
            })*
        }
    };
}

in_memory_and_over_a_socket! {
    messages_in_both_directions
    pushes_before_a_reply_wait
    skip_until_drops_what_comes_before
    errors_as_a_client_gets_them
    a_request_of_the_server
    a_call_in_two_halves
    closes_that_the_server_decides
    closes_that_the_client_decides
    a_dropped_client_is_gone
    what_a_client_says_in_its_handshake
    a_refused_handshake
    a_raw_gateway
    plain_http
    a_client_that_does_not_read
    everybody_from_outside
    the_log
    a_shutdown
}

async fn messages_in_both_directions(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    ada.send("push", json!({ "n": 1 })).await;
    assert_eq!(ada.expect::<Value>("pushed").await, json!({ "n": 1 }));
    ada.send_text(r#"{"event":"echo","data":"as it is","id":7}"#).await;
    assert_eq!(ada.expect_text().await, r#"{"event":"echo","data":"as it is","id":7}"#);
    let echoed: Vec<String> = ada.request("echo", ["a", "b"]).await;
    assert_eq!(echoed, ["a", "b"]);
    ada.request::<()>("wait", 0).await;
    ada.expect_silence(SHORT).await;
}

async fn pushes_before_a_reply_wait(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    assert_eq!(ada.request::<u32>("count", 3).await, 3);
    assert_eq!(ada.request::<u32>("count", 1).await, 1);
    for n in [1, 2, 3, 1] {
        assert_eq!(ada.expect::<u32>("tick").await, n);
    }
    ada.expect_silence(SHORT).await;
}

async fn skip_until_drops_what_comes_before(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    ada.send("count", 5).await;
    ada.send("push", "here").await;
    assert_eq!(ada.skip_until::<String>("pushed").await, "here");
    ada.expect_silence(SHORT).await;
}

async fn errors_as_a_client_gets_them(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    let error = ada.request_error("forbid", ()).await;
    assert_eq!((error.code.as_str(), error.message.as_str()), ("forbidden", "Not here"));
    assert_eq!(error.details, [Detail::new("/room", "closed", "It is closed")]);
    assert_eq!((error.retryable, error.retry_after_ms), (true, Some(20)));
    assert_eq!(error.event.as_deref(), Some("forbid"));
    assert_eq!(error.to_string(), "forbidden: Not here");
    ada.send("forbid", ()).await;
    assert_eq!(ada.expect_exception("forbidden").await, error);
    ada.send_text("no JSON").await;
    ada.expect_exception("bad_request").await;
}

async fn a_request_of_the_server(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    let call = ada.begin("name", ()).await;
    ada.expect::<()>("before").await;
    let asked = ada.expect_request("name?").await;
    assert_eq!(asked.data::<String>(), "please");
    asked.answer("ada").await;
    assert_eq!(ada.expect_reply::<String>(call).await, "welcome, ada");

    let call = ada.begin("name", ()).await;
    ada.expect::<()>("before").await;
    ada.expect_request("name?").await.refuse("shy", "I do not say").await;
    let error = ada.expect_error(call).await;
    assert_eq!((error.code.as_str(), error.message.as_str()), ("shy", "I do not say"));
    app.server().broadcast("over", ());
    ada.expect::<()>("over").await;
}

async fn a_call_in_two_halves(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    let long = ada.begin("wait", 60_000).await;
    assert_eq!((long.event(), long.id()), ("wait", "test-1"));
    let next = ada.begin("echo", 1).await;
    ada.cancel(&long).await;
    assert_eq!(ada.expect_reply::<u8>(next).await, 1);
    assert_eq!(ada.expect_error(long).await.code, "cancelled");
}

async fn closes_that_the_server_decides(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    ada.send("kick", ()).await;
    assert_eq!(ada.expect_close(4503).await, "kicked");
    // As in a browser, what is sent now goes nowhere.
    ada.send("echo", ()).await;
    app.expect_empty().await;
}

async fn closes_that_the_client_decides(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    ada.send("count", 3).await;
    ada.close().await;
    app.connect("/ws").await.close_with(4000).await;
    app.connect("/ws").await.close_with(99).await;
    let mut eve = app.connect("/ws").await;
    eve.stop_reading();
    eve.close().await;
    app.expect_empty().await;
}

async fn a_dropped_client_is_gone(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    ada.request::<()>("join", "lobby").await;
    assert_eq!((app.stats().connections, app.stats().rooms), (1, 1));
    drop(ada);
    app.expect_empty().await;
}

async fn what_a_client_says_in_its_handshake(app: TestApp) {
    let connecting = app.connecting("/ws?a=b").header("cookie", "a=b").bearer("t0k3n").origin("http://chat.example");
    let mut ada = connecting.host("chat.example").protocol("other").protocol("switchboard.v1.json").connect().await;
    assert_eq!(ada.protocol(), Some("switchboard.v1.json"));
    assert_eq!(ada.request::<String>("header", "cookie").await, "a=b");
    assert_eq!(ada.request::<String>("header", "authorization").await, "Bearer t0k3n");
    assert_eq!(ada.request::<String>("header", "host").await, "chat.example");
    assert_eq!(ada.request::<String>("address", ()).await, "127.0.0.1");
    let mut bob = app.connecting("/ws").origin("http://localhost").try_connect().await.unwrap();
    assert_eq!(bob.protocol(), None);
    assert_eq!(bob.request::<String>("header", "host").await, "localhost");
}

async fn a_refused_handshake(app: TestApp) {
    let refused = app.connecting("/ws").origin("https://evil.example").try_connect().await.unwrap_err();
    assert_eq!(refused.status, 403);
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert!(refused.body.contains("origin"), "{refused}");
    assert_eq!(app.try_connect("/nowhere").await.unwrap_err().status, 404);
    app.expect_empty().await;
}

async fn a_raw_gateway(app: TestApp) {
    let mut ada = app.connect("/raw").await;
    ada.send_text("hello").await;
    assert_eq!(ada.expect_text().await, "hello");
    let long = vec![7; 60_000];
    ada.send_binary(&long).await;
    assert_eq!(ada.expect_binary().await, long);
}

async fn plain_http(app: TestApp) {
    let health = app.get("/health").await;
    assert_eq!((health.status().as_u16(), health.body().as_str()), (200, "well"));
    let request = http::Request::post("/echo").body(Body::from("x".repeat(100_000))).unwrap();
    assert_eq!(app.request(request).await.into_body().len(), 100_000);
    assert_eq!(app.get("/ws").await.status(), 426);
}

async fn a_client_that_does_not_read(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    let mut bob = app.connect("/ws").await;
    ada.stop_reading();
    ada.send("count", 2).await;
    bob.request::<u32>("count", 1).await;
    ada.read_again();
    assert_eq!(ada.expect::<u32>("tick").await, 1);
    assert_eq!(ada.expect::<u32>("tick").await, 2);
}

async fn everybody_from_outside(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    let mut bob = app.connect("/ws").await;
    ada.request::<()>("join", "lobby").await;
    assert_eq!(app.server().broadcast_to("lobby", "news", 1).queued, 1);
    assert_eq!(app.handle().server().broadcast("all", 2).queued, 2);
    assert_eq!(ada.expect::<u8>("news").await, 1);
    assert_eq!(ada.expect::<u8>("all").await, 2);
    ada.expect_silence(SHORT).await;
    bob.expect::<IgnoredAny>("all").await;
}

async fn the_log(app: TestApp) {
    assert!(app.logs().contains("GET /ws → Lab (15 messages, 0 hooks)"), "{:?}", app.logs());
    let mut ada = app.connect("/ws").await;
    for _ in 0..3 {
        assert_eq!(ada.request_error("fail", ()).await.code, "internal");
    }
    tracing::warn!(target: "mine", answer = 42, "look");
    let logs = app.logs();
    // None is held back, and none is another test's.
    assert_eq!(logs.errors().len(), 3, "{logs:?}");
    assert_eq!(logs.errors()[0].field("cause"), Some("the disk is full"));
    assert_eq!(logs.warnings().last().map(ToString::to_string).as_deref(), Some("WARN mine: look answer=42"));
    assert_eq!(logs.lines().last().map(|line| line.target.clone()).as_deref(), Some("mine"));
    assert_eq!(logs.dropped(), 0);
}

async fn a_shutdown(app: TestApp) {
    let mut ada = app.connect("/ws").await;
    ada.request::<()>("join", "lobby").await;
    assert_eq!(app.shutdown().await.aborted, 0);
    assert_eq!(ada.expect_close(1001).await, "service_restart");
    app.expect_empty().await;
}

// Bounds.

#[tokio::test(start_paused = true)]
async fn a_client_keeps_so_much_and_then_reads_no_more() {
    let limits = Limits::default().outbound_messages(100).write_timeout(Duration::from_secs(3600));
    let app = TestApp::new(lab().limits(limits));
    let mut ada = app.connect("/ws").await;
    let text = "x".repeat(1000);
    let mut sent = 0;
    while sent < 3000 && app.server().broadcast("flood", &text).queued == 1 {
        sent += 1;
        tokio::task::yield_now().await;
        app.advance(Duration::ZERO).await;
    }
    assert!((1024..2000).contains(&sent), "{sent}");
    for _ in 0..1024 {
        ada.expect::<IgnoredAny>("flood").await;
    }
}

#[tokio::test]
#[should_panic(expected = "the application cannot start: 2 problems")]
async fn an_app_that_cannot_boot() {
    let gateway = || Gateway::new(Lab).on("echo", Lab::echo);
    let app = App::new().gateway("/a", gateway()).gateway("/a", gateway()).gateway("/:id", gateway());
    TestApp::new(app.origins(Origins::same()));
}

#[tokio::test]
#[should_panic(expected = "the application cannot start: 1 problem\n  1. the path")]
async fn an_app_that_cannot_boot_over_a_socket() {
    TestApp::listen(App::new().gateway("/:id", Gateway::new(Lab).on("echo", Lab::echo))).await;
}

/// A client and an application can be moved to another task, and to another thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads() {
    let app = memory();
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..8 {
        let mut client = app.connect("/ws").await;
        clients.spawn(async move {
            for _ in 0..20 {
                assert_eq!(client.request::<u32>("echo", n).await, n);
            }
            client.close().await;
        });
    }
    clients.join_all().await;
    app.expect_empty().await;
    tokio::spawn(async move { app.get("/health").await }).await.unwrap();
}

/// The handshake succeeds, and then the hook refuses.
#[tokio::test(start_paused = true)]
async fn an_on_connect_hook_that_refuses() {
    async fn refuse(_: &Refuses) -> Result<(), Error> {
        Err(Error::unauthenticated("who?"))
    }
    struct Refuses;
    let app = TestApp::new(App::new().gateway("/ws", Gateway::new(Refuses).on_connect(refuse)));
    let error = app.try_connect("/ws").await.unwrap().expect_refused(4501).await;
    assert_eq!((&*error.code, &*error.message), ("unauthenticated", "who?"));
    let mut bob = app.connect("/ws").await;
    let other = tokio::spawn(async move { bob.expect_refused(4505).await }).await;
    assert!(other.is_err(), "another code");
}

/// A factory that takes too long for the test.
#[tokio::test(start_paused = true)]
async fn the_patience_of_boot() {
    struct Never;
    struct Slow;
    impl Module for Slow {
        fn module() -> ModuleDef {
            ModuleDef::new("Slow").async_factory(|| async {
                std::future::pending::<()>().await;
                Never
            })
        }
    }
    let started = tokio::time::Instant::now();
    let error = TestApp::of::<Slow>().boot_patience(Duration::from_secs(1)).try_start().await.err().unwrap();
    assert!(error.to_string().contains("Never (async factory) cannot be made: it did not end within 1s"), "{error}");
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_client_may_speak_message_pack() {
    let app = memory();
    let mut ada = app.connecting("/ws").message_pack().connect().await;
    assert_eq!(ada.protocol(), Some("switchboard.v1.msgpack"));
    assert_eq!(ada.request::<Value>("echo", json!({ "a": [1, null] })).await, json!({ "a": [1, null] }));
    let call = ada.begin("wait", 60_000).await;
    ada.cancel(&call).await;
    assert_eq!(ada.expect_error(call).await.code, "cancelled");
    ada.send("push", 7).await;
    assert_eq!(ada.expect::<u8>("pushed").await, 7);
    assert_eq!(ada.request_error("forbid", ()).await.details[0].path, "/room");
    let call = ada.begin("name", ()).await;
    ada.expect::<IgnoredAny>("before").await;
    ada.expect_request("name?").await.answer("Ada").await;
    assert_eq!(ada.expect_reply::<String>(call).await, "welcome, Ada");
    let call = ada.begin("name", ()).await;
    ada.expect::<IgnoredAny>("before").await;
    let request = ada.expect_request("name?").await;
    assert_eq!(request.data::<String>(), "please");
    request.refuse("shy", "No").await;
    assert_eq!(ada.expect_error(call).await.code, "shy");
    // What is sent as it is, and what comes as it is.
    ada.send_text("no MessagePack").await;
    ada.expect_exception("bad_request").await;
    let echo = b"\x82\xa5event\xa4echo\xa4data\xc3";
    ada.send_binary(echo).await;
    assert_eq!(ada.expect_binary().await, echo);
    ada.send("push", Bytes(&[1, 2])).await;
    ada.expect_exception("validation_failed").await;
    ada.send("kick", ()).await;
    ada.expect_close(4503).await;
}

struct Bytes(&'static [u8]);

impl serde::Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
