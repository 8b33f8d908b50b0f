//! Requests that are no upgrade, and what surrounds one that is.
use super::{Ask, accepted, refused};
use crate::plain::{HEALTHY, plain};
use std::time::Duration;
use switchboard::Limits;
use switchboard_rig::{RawClient, Response, Rig, Stack, each_stack, masked, on, read_to_end};

#[test]
fn a01_to_a08_what_is_no_upgrade() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        let good = Ask::good;
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let answer = refused(&rig, good().line(format!("{method} /ws?canary HTTP/1.1")), 405, "method").await;
            assert_eq!(answer.header("allow"), Some("GET"), "A01 {method}");
        }
        let needs_upgrade = |answer: Response| {
            assert_eq!(answer.header("upgrade"), Some("websocket"));
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
            assert_eq!(answer.header("connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
        };
        // A02: over HTTP/1.0 there is no upgrade, and hyper lets no Connection header through but its own.
        let answer = refused(&rig, good().line("GET /ws HTTP/1.0"), 426, "http_version").await;
        assert_eq!(answer.header("sec-websocket-version"), Some("13"), "A02");
        needs_upgrade(refused(&rig, good().without("Upgrade"), 426, "no_upgrade").await);
        needs_upgrade(refused(&rig, good().set("Upgrade", "foo"), 426, "no_upgrade").await);
        refused(&rig, good().without("Connection"), 400, "no_upgrade").await;
        refused(&rig, good().set("Connection", "keep-alive"), 400, "no_upgrade").await;
        accepted(&rig, good().set("Connection", "keep-alive, Upgrade")).await;
        accepted(&rig, good().set("Connection", "keep-alive").add("Connection", "uPGRADE")).await;
        needs_upgrade(refused(&rig, good().without("Sec-WebSocket-Version"), 426, "ws_version").await);
        for version in ["8", "14", "13, 8", "", "013", "canary"] {
            needs_upgrade(refused(&rig, good().set("Sec-WebSocket-Version", version), 426, "ws_version").await);
        }
        refused(&rig, good().without("Sec-WebSocket-Key"), 400, "ws_key").await;
        let keys = ["", "canary", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZTE=", "dGhlIHNhbXBsZSBub25jZ!==", "????"];
        for key in keys {
            refused(&rig, good().set("Sec-WebSocket-Key", key), 400, "ws_key").await;
        }
        refused(&rig, good().add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), 400, "dup_header").await;
        refused(&rig, good().add("Sec-WebSocket-Version", "13"), 400, "dup_header").await;
        refused(&rig, good().add("Host", "test.example"), 400, "dup_header").await;
        let origins = good().add("Origin", "http://test.example").add("Origin", "http://test.example");
        refused(&rig, origins, 400, "dup_header").await;
        refused(&rig, good().without("Host"), 400, "host").await;
        for host in ["", ":", "a b", "a\tb", "user@test.example", "test.example/canary", "a::", "\u{e9}.example"] {
            refused(&rig, good().set("Host", host), 400, "host").await;
        }
        accepted(&rig, good().set("Host", "localhost:")).await;
        accepted(&rig, good().set("Host", "localhost:").add("Origin", "http://localhost")).await;
        // An element of a list that is no text hides none of the others.
        accepted(&rig, good().set("Connection", "caf\u{e9}, Upgrade")).await;
        rig.expect_empty().await;
    });
}

#[test]
fn a09_a_body_is_smuggling() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        let hidden = "GET /ws?hidden HTTP/1.1\r\n\r\n";
        for (name, value) in [("Content-Length", "28"), ("Content-Length", "00"), ("Transfer-Encoding", "chunked")] {
            let mut bytes = Ask::good().add(name, value).bytes();
            bytes.extend_from_slice(hidden.as_bytes());
            let mut stream = rig.stream().await;
            let answer = rig.http_on(&mut stream, &bytes).await.unwrap();
            assert_eq!(answer.status, 400, "{name}");
            assert!(answer.body.contains(r#""smuggling""#), "{}", answer.body);
            assert_eq!(answer.header("connection"), Some("close"), "{name}");
            // What is hidden behind it is never answered.
            assert_eq!(read_to_end(&mut stream, Duration::from_secs(2)).await, b"", "{name}");
            rig.unnoticed().await;
        }
        let both = Ask::good().add("Content-Length", "5").add("Transfer-Encoding", "chunked");
        let answer = rig.http(&both.bytes()).await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
        let both = Ask::good().add("Content-Length", "0").add("Transfer-Encoding", "chunked");
        let answer = rig.http(&both.bytes()).await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
        rig.expect_empty().await;
    });
}

#[test]
fn a09_a_length_of_0_is_no_body() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        let ask = Ask::good().add("Content-Length", "0");
        accepted(&rig, ask.clone()).await;
        // What follows is frames.
        let message = masked(0x81, HEALTHY.as_bytes(), [1, 2, 3, 4]);
        let mut peer = rig.connect_by_request(&[ask.bytes(), message].concat()).await;
        peer.expect(HEALTHY).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a04_close_beside_upgrade_does_not_end_what_begins() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        for connection in ["close, Upgrade", "Upgrade, close", "close,upgrade,keep-alive", "keep-alive, Upgrade"] {
            let ask = Ask::good().set("Connection", connection);
            let answer = accepted(&rig, ask.clone()).await;
            assert_eq!(answer.header("connection"), Some("Upgrade"), "{connection}");
            let mut peer = rig.connect_by_request(&ask.bytes()).await;
            for _ in 0..3 {
                assert_eq!(peer.request(HEALTHY).await, HEALTHY, "{connection}");
            }
        }
        // What is no upgrade ends as it was asked to.
        let answer = refused(&rig, Ask::good().set("Connection", "close"), 400, "no_upgrade").await;
        assert_eq!(answer.header("connection"), Some("close"));
        rig.expect_empty().await;
    });
}

#[test]
fn a20_a26_another_request_on_the_same_connection() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        let mut stream = rig.stream().await;
        let unknown = Ask::good().line("GET /canary HTTP/1.1").bytes();
        let answer = rig.http_on(&mut stream, &unknown).await.unwrap();
        assert_eq!(answer.status, 404, "A20");
        assert!(!answer.body.contains("canary"));
        // Refused requests leave nothing behind: not in their connection either.
        for ask in
            [Ask::good().without("Upgrade"), Ask::good().set("Connection", "keep-alive").set("Sec-WebSocket-Key", "x")]
        {
            assert_ne!(rig.http_on(&mut stream, &ask.bytes()).await.unwrap().status, 101);
        }
        let mut peer = RawClient::connect(stream, "/ws").await;
        assert!(!peer.head.to_lowercase().contains("content-"), "{}", peer.head);
        peer.send(r#"{"event":"echo","data":1}"#).await;
        peer.send(r#"{"event":"echo","data":"well"}"#).await;
        assert!(peer.recv_text().await.contains("validation_failed"));
        peer.expect(r#"{"event":"echo","data":"well"}"#).await;
        // A second upgrade on an upgraded connection is no request any more, but a frame with reserved bits.
        peer.send_bytes(&Ask::good().bytes()).await;
        assert_eq!(peer.recv_close().await.0, 1002);
        peer.expect_end().await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a23_a_full_node_says_when_to_come_back() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default().max_connections(Some(3)))).await;
        let first = rig.connect().await;
        let second = rig.connect().await;
        for _ in 0..3 {
            let answer = refused(&rig, Ask::good(), 503, "admission").await;
            let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=10).contains(&after));
        }
        drop(second);
        rig.until(|stats| stats.connections == 2).await;
        let third = rig.connect().await;
        refused(&rig, Ask::good(), 503, "admission").await;
        // A place that a failed handshake had is free too.
        drop((first, third));
        rig.expect_empty().await;
        let all = [rig.connect().await, rig.connect().await, rig.connect().await];
        drop(all);
        rig.expect_empty().await;
    });
}

#[test]
fn a_draining_node_says_so() {
    for stack in [Stack::Axum, Stack::Memory] {
        on(stack, |stack| async move {
            let rig = Rig::start(stack, plain(Limits::default())).await;
            let mut busy = rig.connect().await;
            busy.send(r#"{"event":"wait","data":400,"id":1}"#).await;
            rig.until(|stats| stats.in_flight == 1).await;
            let handle = rig.handle.clone();
            let shutdown = tokio::spawn(async move { handle.shutdown().await });
            tokio::time::sleep(Duration::from_millis(20)).await;
            let answer = refused(&rig, Ask::good(), 503, "draining").await;
            assert!(answer.header("retry-after").is_some());
            busy.expect(r#"{"event":"wait","data":400,"id":1}"#).await;
            assert_eq!(busy.skip_until_close().await, 1001);
            drop(busy);
            assert_eq!(shutdown.await.unwrap().aborted, 0);
            rig.expect_empty().await;
        });
    }
}
