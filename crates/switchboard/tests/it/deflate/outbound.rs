//! Compressed messages to clients.
use super::{BINARY, OFFER, TEXT, deflating, frame, on_by_default, packed, sent, unpacked};
use crate::plain::{Plain, plain};
use std::time::Duration;
use switchboard::{App, Client, Compression, Gateway, Limits, Socket};
use switchboard_core::ws::Opcode;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Offer, Rig, Stack, each_stack, matrix, on};

#[test]
fn what_is_sent_compressed() {
    matrix(|stack| async move {
        let app = plain(Limits::default()).compression(on_by_default());
        let server = app.server();
        let rig = Rig::start(stack, app).await;
        let (mut ours, mut plainly) = (deflating(&rig).await, rig.connect().await);
        rig.until(|stats| stats.connections == 2).await;
        // A reply from the threshold on: 1 KiB of message.
        for (len, first) in [(1023, 0x81), (1024, TEXT), (1025, TEXT), (60_000, TEXT)] {
            let around = r#"{"event":"echo","data":""}"#.len();
            let text = format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(len - around));
            ours.send(&text).await;
            let (found, bytes) = ours.recv_frame().await;
            assert_eq!(found, first, "{len} {stack:?}");
            if first == TEXT {
                assert!(bytes.len() < len / 4);
                assert_eq!(unpacked(&bytes, 15), text);
            }
            assert_eq!(plainly.request(&text).await, text);
        }
        // A push, of a service and volatile; an error and a request of the server are messages too.
        let data = "push ".repeat(1000);
        server.broadcast("news", &data);
        let text = format!(r#"{{"event":"news","data":"{data}"}}"#);
        assert_eq!(plainly.recv_text().await, text);
        let (first, bytes) = ours.recv_frame().await;
        assert_eq!((first, unpacked(&bytes, 15)), (TEXT, text.clone()));
        server.all().volatile().emit("news", &data);
        plainly.expect(&text).await;
        assert_eq!(ours.recv_frame().await, (TEXT, bytes));
        // What is short stays as it is, in its place.
        for _ in 0..3 {
            server.broadcast("news", "short");
            server.broadcast("news", &data);
        }
        for _ in 0..3 {
            ours.expect(r#"{"event":"news","data":"short"}"#).await;
            ours.expect(&text).await;
        }
        let ended = rig.handle.clone();
        tokio::spawn(async move { ended.shutdown().await });
        let (first, goaway) = ours.recv_frame().await;
        assert_eq!(first, 0x81);
        assert!(String::from_utf8(goaway).unwrap().contains("sys.goaway"));
        assert_eq!(ours.recv_frame().await.0, 0x88);
    });
}

/// All who agreed get the same bytes; the others, and those whose window is too small, the plain ones. In order, each once.
#[test]
fn a_broadcast_reaches_every_kind_of_member() {
    each_stack(|stack| async move {
        let app = plain(Limits::default()).compression(on_by_default());
        let app = app
            .gateway("/fast", Gateway::new(Plain).on("echo", Plain::echo).compression(Compression::default().level(1)));
        let app = app.gateway("/late", Gateway::new(Plain).compression(Compression::default().threshold(100_000)));
        let app = app.gateway("/never", Gateway::new(Plain).compression(None));
        let server = app.server();
        let rig = Rig::start(stack, app).await;
        let small = "permessage-deflate; server_max_window_bits=11";
        let mut peers = Vec::new();
        for (gateway, offer, compressed) in [
            ("/ws", OFFER, true),
            ("/ws", "permessage-deflate", true),
            ("/ws", "permessage-deflate; server_max_window_bits=15", true),
            ("/fast", OFFER, true),
            ("/ws", small, false),
            ("/late", OFFER, false),
            ("/never", OFFER, false),
            ("/ws", "none", false),
        ] {
            peers.push((rig.connect_with(Offer::to(gateway).extensions(offer)).await, offer, compressed));
        }
        rig.until(|stats| stats.connections == peers.len()).await;
        let data = "member ".repeat(1000);
        let text = format!(r#"{{"event":"news","data":"{data}"}}"#);
        for round in 0..3 {
            assert_eq!(server.broadcast("n", round).queued, peers.len());
            assert_eq!(server.broadcast("news", &data).queued, peers.len());
        }
        let mut same = None;
        for (peer, offer, compressed) in &mut peers {
            for round in 0..3 {
                assert_eq!(peer.recv_frame().await, (0x81, format!(r#"{{"event":"n","data":{round}}}"#).into_bytes()));
                let (first, bytes) = peer.recv_frame().await;
                if !*compressed {
                    assert_eq!((first, bytes), (0x81, text.clone().into_bytes()), "{offer}");
                    continue;
                }
                assert_eq!((first, unpacked(&bytes, 15)), (TEXT, text.clone()), "{offer}");
                assert_eq!(*same.get_or_insert_with(|| bytes.clone()), bytes, "one form for all");
            }
        }
        // A message that the small window holds.
        let data = "x".repeat(1500);
        server.broadcast("news", &data);
        for (peer, offer, compressed) in &mut peers {
            let (first, bytes) = peer.recv_frame().await;
            assert_eq!(first == TEXT, *compressed || *offer == small, "{offer}");
            if first == TEXT {
                assert_eq!(unpacked(&bytes, 11), format!(r#"{{"event":"news","data":"{data}"}}"#));
            }
        }
        drop(peers);
        rig.expect_empty().await;
    });
}

struct Raw;

impl Raw {
    async fn run(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

#[test]
fn raw_gateways_compress_too() {
    matrix(|stack| async move {
        let gateway = Gateway::new(Raw).raw(Raw::run).compression(Compression::default().threshold(0).level(200));
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = deflating(&rig).await;
        let text = "raw ".repeat(2000);
        peer.send_bytes(&sent(&text)).await;
        let (first, bytes) = peer.recv_frame().await;
        assert_eq!((first, unpacked(&bytes, 15)), (TEXT, text.clone()));
        peer.send_frame(Opcode::Binary, true, text.as_bytes()).await;
        let (first, bytes) = peer.recv_frame().await;
        assert_eq!((first, unpacked(&bytes, 15)), (BINARY, text));
        // What does not shrink goes as it is: nothing, and noise.
        let mut noise = vec![0; 5000];
        let mut state = 7u64;
        for byte in &mut noise {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
        for payload in [&noise[..], b"", b"a"] {
            peer.send_bytes(&frame(BINARY, &packed(payload))).await;
            assert_eq!(peer.recv_frame().await, (0x82, payload.to_vec()));
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

/// Messages of a client may wait, and what it asks of others is awaited, whatever is compressed.
#[test]
fn a_request_of_the_server_is_compressed_too() {
    struct Asks;
    impl Asks {
        async fn ask(&self, client: &Client) -> usize {
            let answer: String =
                client.emit_with_ack("question", "? ".repeat(1000), Duration::from_secs(5)).await.unwrap();
            answer.len()
        }
    }
    each_stack(|stack| async move {
        let app = App::new().gateway("/ws", Gateway::new(Asks).on("ask", Asks::ask)).compression(on_by_default());
        let rig = Rig::start(stack, app).await;
        let mut peer = deflating(&rig).await;
        peer.send_bytes(&sent(r#"{"event":"ask"}"#)).await;
        let (first, bytes) = peer.recv_frame().await;
        let question: serde_json::Value = serde_json::from_str(&unpacked(&bytes, 15)).unwrap();
        assert_eq!((first, &question["event"]), (TEXT, &"question".into()));
        let answer = format!(r#"{{"ack":{},"data":"{}"}}"#, question["ack"], "! ".repeat(500));
        peer.send_bytes(&sent(&answer)).await;
        peer.expect(r#"{"event":"ask","data":1000}"#).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

/// A client that reads nothing is bounded by what it is sent, which is the compressed form.
#[test]
fn a_slow_consumer_is_one_still() {
    on(Stack::Memory, |stack| async move {
        let limits = Limits::default().outbound_messages(50).outbound_reserved(1);
        let app = plain(limits).compression(on_by_default());
        let server = app.server();
        let rig = Rig::start(stack, app).await;
        let (peer, mut healthy) = (deflating(&rig).await, deflating(&rig).await);
        rig.until(|stats| stats.connections == 2).await;
        let data: String =
            (0..40_000u32).map(|i| char::from(b'a' + (i.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
        let watch = Stopwatch::start();
        while rig.handle.stats().connections == 2 {
            watch.within(Duration::from_secs(20));
            server.broadcast("news", &data);
            assert!(healthy.recv_text().await.len() > 40_000);
        }
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}
