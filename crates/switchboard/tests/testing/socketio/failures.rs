//! What is said when a test of a Socket.IO client fails.
use crate::SHORT;
use serde_json::json;
use switchboard::{Args, Binary};

macro_rules! panics {
    ($($name:ident($app:ident, $ada:ident): $expected:literal, $body:expr;)*) => {
        $(#[tokio::test(start_paused = true)]
        #[should_panic(expected = $expected)]
        async fn $name() {
            let $app = super::memory();
            let mut $ada = $app.socketio("/").await;
            let _ = (&$app, &mut $ada);
            $body;
        })*
    };
}

panics! {
    request_shows_the_error(app, ada):
        r#"expected the ack of "forbid", but there came the error 30[{"error":{"status":"error","code":"forbidden""#,
        ada.request::<()>("forbid", ()).await;
    request_shows_the_log(app, ada):
        "\n  log: ERROR switchboard: internal error event=fail client=",
        ada.request::<()>("fail", ()).await;
    request_shows_what_is_no_t(app, ada):
        r#"the data of 30["x"] is no u32: invalid type: string "x", expected u32"#,
        ada.request::<u32>("echo", "x").await;
    request_shows_the_disconnect(app, ada):
        r#"expected the ack of "kick", but there came a DISCONNECT packet"#,
        { ada.emit("kick", ()).await; ada.request::<()>("kick", ()).await };
    request_shows_what_waits(app, ada):
        r#"expected the ack of "wait", but nothing came within 5s; 1 message(s) wait to be taken, first the event 2["pushed",1]"#,
        { ada.emit("push", 1).await; ada.request::<()>("wait", 10_000).await };
    request_error_shows_the_ack(app, ada):
        r#"expected an error as the ack of "echo", but there came the ack 30[1]"#,
        ada.request_error("echo", 1).await;
    expect_shows_another_event(app, ada):
        r#"expected the event "pushed", but there came the event 2["tick",1]"#,
        { ada.emit("count", 1).await; ada.expect::<u8>("pushed").await };
    expect_shows_the_exception(app, ada):
        r#"expected the event "tick", but there came the exception 2["exception",{"status":"error","code":"unknown_event""#,
        { ada.emit("typo", ()).await; ada.expect::<u8>("tick").await };
    expect_shows_the_place(app, ada):
        "but nothing came within 5s\n  at crates/switchboard/tests/testing/socketio/failures.rs:",
        ada.expect::<u8>("tick").await;
    expect_shows_what_is_no_t(app, ada):
        r#"the data of 2["tick",1] is no alloc::string::String"#,
        { ada.emit("count", 1).await; ada.expect::<String>("tick").await };
    expect_shows_the_servers_request(app, ada):
        r#"expected the event "before", but there came the server's request 2"#,
        { ada.emit("name", ()).await; ada.expect::<()>("before").await; ada.expect::<()>("before").await };
    expect_shows_how_the_connection_ended(app, ada):
        r#"expected the event "tick", but there came close 1001"#,
        { app.shutdown().await; ada.expect::<u8>("tick").await };
    bytes_are_named(app, ada):
        r#"expected the event "news", but there came the event 51-["pic",{"_placeholder":true,"num":0}] with its attachments"#,
        { app.server().broadcast("pic", Binary::from(vec![1])); ada.expect::<u8>("news").await };
    bytes_show_what_is_no_t(app, ada):
        r#"with its attachments is no u8: "#,
        { app.server().broadcast("pic", Binary::from(vec![1])); ada.expect::<u8>("pic").await };
    too_few_arguments(app, ada):
        r#"the data of 2["pair",1] is no switchboard::extract::args::Args<(u8, u8)>: invalid length 1"#,
        { app.server().broadcast("pair", 1); ada.expect::<Args<(u8, u8)>>("pair").await };
    skip_until_shows_the_disconnect(app, ada):
        r#"expected the event "end" after 1 skipped packet(s), but there came a DISCONNECT packet"#,
        { ada.emit("count", 1).await; ada.expect::<u8>("tick").await; ada.emit("kick", ()).await; ada.skip_until::<u8>("end").await };
    expect_exception_shows_another_code(app, ada):
        r#"expected the exception "not_found", but there came the exception 2["exception",{"status":"error","code":"forbidden""#,
        { ada.emit("forbid", ()).await; ada.expect_exception("not_found").await };
    expect_text_shows_the_disconnect(app, ada):
        "expected an event or an ack, but there came a DISCONNECT packet",
        { ada.emit("kick", ()).await; ada.expect_text().await };
    expect_request_shows_the_event(app, ada):
        r#"expected the server's request "name?", but there came the event 2["before"]"#,
        { ada.emit("name", ()).await; drop(ada.expect_request("name?").await) };
    expect_silence_shows_the_noise(app, ada):
        r#"expected silence for 50ms, but there came the event 2["tick",1]"#,
        { ada.emit("count", 1).await; ada.expect_silence(SHORT).await };
    expect_disconnect_is_no_close(app, ada):
        "expected a DISCONNECT packet, but there came close 1001",
        { app.shutdown().await; ada.expect_disconnect().await };
    expect_closed_is_no_disconnect(app, ada):
        "expected the end of the connection, but there came a DISCONNECT packet",
        { ada.emit("kick", ()).await; ada.expect_closed().await };
    connect_shows_the_refusal(app, ada):
        "Socket.IO's /admin: the server refused with CONNECT_ERROR: unauthenticated, Log in first\n  at crates/switchboard/tests/testing/socketio/failures.rs:",
        app.socketio("/admin").await;
    connect_shows_the_refused_transport(app, ada):
        "Socket.IO's /: the server refused: 403 Forbidden",
        app.socketio("/").polling().origin("https://evil.example").await;
    refused_shows_that_it_was_not(app, ada):
        "expected Socket.IO's / to refuse, but the server accepted: ",
        app.socketio("/").refused().await;
    a_namespace_that_cannot_be(app, ada):
        r#""admin": A namespace must begin with /"#,
        app.socketio("admin").await;
    a_namespace_twice(app, ada):
        "another client of this connection is in /",
        drop(ada.enter("/", ()).await);
    auth_is_an_object(app, ada):
        "`auth` of Socket.IO is an object, not 7",
        app.socketio("/").auth(7).await;
    auth_that_is_no_t(app, ada):
        "is no u8: ",
        app.socketio("/admin").auth(json!({})).refused().await.json::<u8>();
    data_that_cannot_be_serialised(app, ada):
        r#"the data of "echo" cannot be serialised: key must be a string"#,
        ada.emit("echo", std::collections::BTreeMap::from([((), ())])).await;
    an_upgrade_that_is_refused(app, ada):
        "the upgrade to a WebSocket: the server refused: 400",
        {
            let app = switchboard::testing::TestApp::new(super::served().socketio(switchboard::SocketIo::default().allow_upgrades(false)));
            app.socketio("/").upgrade().await
        };
    an_application_without_it(app, ada):
        "the application serves no Socket.IO clients",
        { let other = crate::memory(); other.socketio("/").await };
}
