//! What is said when a test fails.
use crate::{Bytes, SHORT};
use switchboard::testing::{expect_all, expect_nobody};

macro_rules! panics {
    ($($name:ident($app:ident, $ada:ident): $expected:literal, $body:expr;)*) => {
        $(#[tokio::test(start_paused = true)]
        #[should_panic(expected = $expected)]
        async fn $name() {
            let $app = crate::memory();
            let mut $ada = $app.connect("/ws").await;
            let _ = (&$app, &mut $ada);
            $body;
        })*
    };
}

panics! {
    request_shows_the_exception(app, ada):
        r#"expected the reply to "forbid", but there came the exception {"event":"exception","id":"test-1","data":{"status":"error","code":"forbidden""#,
        ada.request::<()>("forbid", ()).await;
    request_shows_the_log(app, ada):
        "\n  log: ERROR switchboard: internal error event=fail client=",
        ada.request::<()>("fail", ()).await;
    request_shows_what_is_no_t(app, ada):
        r#"the data of the reply {"event":"echo","data":"x","id":"test-1"} is no u32: invalid type: string "x", expected u32"#,
        ada.request::<u32>("echo", "x").await;
    request_shows_the_close(app, ada):
        r#"expected the reply to "kick", but the connection has ended: close 4503 (kicked)"#,
        { ada.send("kick", ()).await; ada.request::<()>("kick", ()).await };
    request_shows_what_waits(app, ada):
        r#"expected the reply to "wait", but nothing came within 5s; 1 message(s) wait to be taken, first the push {"event":"pushed","data":1}"#,
        { ada.send("push", 1).await; ada.request::<()>("wait", 10_000).await };
    request_error_shows_the_reply(app, ada):
        r#"expected an error that answers "echo", but there came the reply {"event":"echo","data":1,"id":"test-1"}"#,
        ada.request_error("echo", 1).await;
    expect_reply_shows_the_exception(app, ada):
        r#"expected the reply to "forbid", but there came the exception"#,
        { let call = ada.begin("forbid", ()).await; ada.expect_reply::<()>(call).await };
    expect_error_shows_the_reply(app, ada):
        r#"expected an error that answers "echo", but there came the reply"#,
        { let call = ada.begin("echo", ()).await; ada.expect_error(call).await };
    expect_shows_another_push(app, ada):
        r#"expected the push "pushed", but there came the push {"event":"tick","data":1}"#,
        { ada.send("count", 1).await; ada.expect::<u8>("pushed").await };
    expect_shows_the_exception(app, ada):
        r#"expected the push "tick", but there came the exception {"event":"exception","data":{"status":"error","code":"unknown_event""#,
        { ada.send("typo", ()).await; ada.expect::<u8>("tick").await };
    expect_shows_the_place(app, ada):
        "but nothing came within 5s\n  at crates/switchboard/tests/testing/failures.rs:",
        ada.expect::<u8>("tick").await;
    expect_shows_what_is_no_t(app, ada):
        r#"the data of the push {"event":"tick","data":1} is no alloc::string::String"#,
        { ada.send("count", 1).await; ada.expect::<String>("tick").await };
    expect_says_that_the_client_does_not_read(app, ada):
        "but the client does not read; call `read_again` first",
        { ada.stop_reading(); ada.expect::<u8>("tick").await };
    a_long_message_is_cut(app, ada):
        "xxx… (20028 bytes)",
        { ada.send("push", "x".repeat(20_000)).await; ada.expect::<u8>("tick").await };
    skip_until_counts_what_it_skipped(app, ada):
        r#"expected the push "end" after 4 skipped message(s), but nothing came within 5s"#,
        // The value of "count" is answered without an id, as three ticks before it.
        { ada.send("count", 3).await; ada.skip_until::<u8>("end").await };
    skip_until_shows_the_close(app, ada):
        r#"expected the push "end" after 1 skipped message(s), but the connection has ended: close 4503 (kicked)"#,
        { ada.send("kick", ()).await; ada.skip_until::<u8>("end").await };
    expect_exception_shows_the_push(app, ada):
        r#"expected the exception "forbidden", but there came the push {"event":"tick","data":1}"#,
        { ada.send("count", 1).await; ada.expect_exception("forbidden").await };
    expect_exception_shows_another_code(app, ada):
        r#"expected the exception "not_found", but there came the exception {"event":"exception","data":{"status":"error","code":"forbidden""#,
        { ada.send("forbid", ()).await; ada.expect_exception("not_found").await };
    expect_request_shows_the_push(app, ada):
        r#"expected the server's request "name?", but there came the push {"event":"before","data":null}"#,
        { ada.send("name", ()).await; drop(ada.expect_request("name?").await) };
    expect_shows_the_servers_request(app, ada):
        r#"expected the push "before", but there came the server's request {"event":"name?","data":"please","ack":"#,
        { ada.send("name", ()).await; ada.expect::<()>("before").await; ada.expect::<()>("before").await };
    the_data_of_a_request_is_no_t(app, ada):
        r#"the data of the server's request {"event":"name?""#,
        { ada.send("name", ()).await; ada.expect::<()>("before").await; ada.expect_request("name?").await.data::<u8>() };
    message_pack_is_shown_as_what_it_says(app, ada):
        r#"expected the push "tock", but there came the push {"data":1,"event":"tick"} (MessagePack)"#,
        {
            let mut packed = app.connecting("/ws").message_pack().connect().await;
            packed.send("count", 1).await;
            packed.expect::<u8>("tock").await
        };
    message_pack_with_bytes_is_shown_as_bytes(app, ada):
        r#"there came the push "bytes", 20 bytes of binary, b"\x82\xa5event\xa5bytes\xa4data\xc4"#,
        {
            let mut packed = app.connecting("/ws").message_pack().connect().await;
            app.server().broadcast("bytes", Bytes(&[]));
            packed.expect::<u8>("tock").await
        };
    message_pack_shows_what_is_no_t(app, ada):
        r#"the data of the push {"data":1,"event":"tick"} (MessagePack) is no alloc::string::String: /data expected a string"#,
        {
            let mut packed = app.connecting("/ws").message_pack().connect().await;
            packed.send("count", 1).await;
            packed.expect::<String>("tick").await
        };
    expect_text_shows_the_binary(app, ada):
        r#"expected a text message, but there came 3 bytes of binary, b"\x00a\xff""#,
        { let mut raw = app.connect("/raw").await; raw.send_binary([0, 97, 255]).await; raw.expect_text().await };
    expect_binary_shows_the_text(app, ada):
        "expected a binary message, but there came the text hello",
        { let mut raw = app.connect("/raw").await; raw.send_text("hello").await; raw.expect_binary().await };
    expect_silence_shows_the_noise(app, ada):
        r#"expected silence for 50ms, but there came the push {"event":"tick","data":1}"#,
        { ada.send("count", 1).await; ada.expect_silence(SHORT).await };
    expect_silence_is_no_end(app, ada):
        "expected silence for 50ms, but there came the push {\"event\":\"sys.goaway\"",
        { ada.send("kick", ()).await; ada.expect_silence(SHORT).await };
    expect_close_shows_another_code(app, ada):
        "expected close 1000, but there came close 4503 (kicked)",
        { ada.send("kick", ()).await; ada.expect_close(1000).await };
    expect_close_shows_the_push(app, ada):
        r#"expected close 4503, but there came the push {"event":"tick","data":1}"#,
        { ada.send("count", 1).await; ada.expect_close(4503).await };
    connect_shows_the_refusal(app, ada):
        "GET /nowhere: the server refused: 404 Not Found",
        app.connect("/nowhere").await;
    connect_shows_a_bad_path(app, ada):
        "GET nowhere: the path must begin with /",
        app.connect("nowhere").await;
    a_header_that_cannot_be(app, ada):
        r#""a b": "c" cannot be a header"#,
        app.connecting("/ws").header("a b", "c").connect().await;
    data_that_cannot_be_serialised(app, ada):
        r#"the data of "echo" cannot be serialised: key must be a string"#,
        ada.send("echo", std::collections::BTreeMap::from([((), ())])).await;
    a_server_that_takes_nothing(app, ada):
        "the server did not take what was sent within 5s",
        { ada.send("wait", 20_000).await; for _ in 0..100 { ada.send("push", "x".repeat(50_000)).await } };
    connect_shows_why_it_was_refused(app, ada):
        "GET /locked: the server refused: 401 unauthenticated, Log in first\n  at crates/switchboard/tests/testing/failures.rs:",
        app.connecting("/locked").connect().await;
    refused_shows_that_it_was_not(app, ada):
        "expected GET /ws to be refused, but the server accepted it: 101 Switching Protocols\n  at crates/switchboard/tests/testing/failures.rs:",
        app.connecting("/ws").refused().await;
    a_refusal_that_is_no_t(app, ada):
        "the body well is no u8: expected value at line 1 column 1",
        app.connecting("/health").refused().await.json::<u8>();
    a_cookie_that_cannot_be(app, ada):
        r#""a"="b;c" cannot be a cookie"#,
        app.connecting("/ws").cookie("a", "b;c").connect().await;
    next_item_shows_the_end(app, ada):
        r#"expected item 2 of "numbers", but there came the stream's end {"event":"numbers","id":"test-1","done":true}"#,
        { let mut stream = ada.stream("numbers", 1).await; for _ in 0..2 { stream.next_item::<u32>().await; } };
    next_item_shows_the_error(app, ada):
        r#"expected item 1 of "breaks_at", but there came the exception {"event":"exception","id":"test-1","data":{"status":"error","code":"conflict""#,
        ada.stream("breaks_at", 1).await.next_item::<u32>().await;
    next_item_shows_a_reply(app, ada):
        r#"expected item 1 of "echo", but there came the reply {"event":"echo","data":1,"id":"test-1"}"#,
        ada.stream("echo", 1).await.next_item::<u32>().await;
    next_item_shows_what_is_no_t(app, ada):
        r#"the data of the stream's item {"event":"numbers","data":1,"id":"test-1","more":true} is no alloc::string::String"#,
        ada.stream("numbers", 1).await.next_item::<String>().await;
    next_item_has_patience(app, ada):
        r#"expected item 1 of "wait", but nothing came within 5s"#,
        ada.stream("wait", 10_000).await.next_item::<u32>().await;
    collect_shows_the_error(app, ada):
        r#"expected item 3 of "breaks_at", or its end, but there came the exception"#,
        ada.stream("breaks_at", 3).await.collect::<u32>().await;
    expect_end_shows_the_item(app, ada):
        r#"expected the end of "numbers" after 1 item(s), but there came the stream's item {"event":"numbers","data":2,"#,
        { let mut stream = ada.stream("numbers", 2).await; stream.next_item::<u32>().await; stream.expect_end().await };
    expect_error_of_a_stream_shows_the_end(app, ada):
        r#"expected an error that ends "numbers" after 0 item(s), but there came the stream's end"#,
        ada.stream("numbers", 0).await.expect_error().await;
    cancel_shows_the_reply(app, ada):
        r#"expected the end of "echo", which is cancelled, but there came the reply"#,
        { let stream = ada.stream("echo", 1).await; stream.cancel().await };
    a_stream_of_a_client_that_is_gone(app, ada):
        r#"expected item 1 of "wait", but the connection has ended: close 4503 (kicked)"#,
        { let mut stream = ada.stream("wait", 60_000).await; app.server().local().clients()[0].disconnect(); stream.next_item::<u8>().await };
    request_shows_that_it_is_a_stream(app, ada):
        r#"expected the reply to "numbers", but there came the stream's item {"event":"numbers","data":1,"#,
        ada.request::<u32>("numbers", 1).await;
    expect_all_counts_the_clients(app, ada):
        r#"expected the push "pushed" for client 2 of 2, but nothing came within 5s"#,
        { let mut bob = app.connect("/ws").await; ada.send("push", 1).await; expect_all::<u8>([&mut ada, &mut bob], "pushed").await };
    expect_all_shows_what_came(app, ada):
        r#"expected the push "news" for client 1 of 1, but there came the push {"event":"pushed","data":1}"#,
        { ada.send("push", 1).await; expect_all::<u8>([&mut ada], "news").await };
    expect_nobody_counts_the_clients(app, ada):
        r#"expected silence for 50ms for client 2 of 2, but there came the push {"event":"pushed","data":1}"#,
        { let mut bob = app.connect("/ws").await; bob.send("push", 1).await; expect_nobody([&mut ada, &mut bob], SHORT).await };
    expect_nobody_is_no_end(app, ada):
        "expected silence for 50ms for client 1 of 1, but there came ",
        { ada.send("kick", ()).await; expect_nobody([&mut ada], SHORT).await };
    expect_empty_shows_what_is_left(app, ada):
        "expected nothing to be left, but there is Stats { connections: 1,",
        app.expect_empty().await;
}
