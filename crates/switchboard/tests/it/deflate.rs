//! permessage-deflate: docs/limits.md A19, B02 and B20, and who gets what compressed. flate2, used directly, is the other end.
use crate::control::Stopwatch;
use crate::frames::{HEALTHY, Plain, plain};
use crate::rig::{Got, Path, Peer, Rig, masked, matrix, on, paths, settle};
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress};
use std::time::{Duration, Instant};
use switchboard::{App, Client, Compression, Gateway, Limits, Rate, Socket, gateway, messages, module};
use switchboard_core::ws::Opcode;

const OFFER: &str = "permessage-deflate; client_max_window_bits";
const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const MASK: [u8; 4] = [1, 2, 3, 4];
const LINGER: Duration = Duration::from_millis(400);

/// Compressed text, binary.
const TEXT: u8 = 0xC1;
const BINARY: u8 = 0xC2;

fn on_by_default() -> Compression {
    Compression::default()
}

fn packed(payload: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(flate2::Compression::default(), false);
    let mut out = Vec::with_capacity(payload.len() + 100);
    stream.compress_vec(payload, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

fn unpacked(payload: &[u8], window: u8) -> String {
    let mut stream = Decompress::new_with_window_bits(false, window);
    let mut out = Vec::with_capacity(1 << 20);
    for part in [payload, &[0, 0, 0xFF, 0xFF]] {
        stream.decompress_vec(part, &mut out, FlushDecompress::Sync).unwrap();
    }
    String::from_utf8(out).unwrap()
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, MASK)
}

/// A compressed message of a client.
fn sent(text: &str) -> Vec<u8> {
    frame(TEXT, &packed(text.as_bytes()))
}

fn echo(len: usize) -> String {
    format!(r#"{{"event":"echo","data":"{}"}}"#, "abcdefg ".repeat(len / 8))
}

async fn deflating(rig: &Rig) -> Peer {
    let peer = Peer::offering(rig.stream().await, "/ws", OFFER).await;
    assert!(peer.head.to_lowercase().contains(&format!("sec-websocket-extensions: {ANSWER}\r\n")), "{}", peer.head);
    peer
}

async fn asked(rig: &Rig, path: &str, offers: &[&str]) -> (u16, Option<String>) {
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: test.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    );
    for offer in offers {
        request += &format!("Sec-WebSocket-Extensions: {offer}\r\n");
    }
    let answer = rig.http((request + "\r\n").as_bytes()).await.unwrap();
    (answer.status, answer.header("sec-websocket-extensions").map(str::to_owned))
}

#[test]
fn a19_what_is_offered_and_answered() {
    paths(|path| async move {
        let app = plain(Limits::default())
            .gateway("/off", Gateway::new(Plain).on("echo", Plain::echo).compression(None))
            .gateway("/own", Gateway::new(Plain).on("echo", Plain::echo).compression(Compression::default().level(9)))
            .compression(on_by_default());
        let rig = Rig::watched(path, app).await;
        let yes = (101, Some(ANSWER.to_owned()));
        let no = (101, None);
        let window = |bits: u8| (101, Some(format!("{ANSWER}; server_max_window_bits={bits}")));
        let eight = ["permessage-deflate; x"; 7].join(", ") + ", permessage-deflate";
        for (offers, expected) in [
            (&["permessage-deflate"][..], &yes),
            (&[OFFER], &yes),
            (&["foo", "permessage-deflate; client_max_window_bits=9"], &yes),
            (&["permessage-deflate; server_max_window_bits=15"], &window(15)),
            (&["permessage-deflate; server_max_window_bits=\"10\""], &window(10)),
            (
                &["permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=9"],
                &window(9),
            ),
            (&[&eight], &yes),
            (&[], &no),
            (&["permessage-deflate; server_max_window_bits=7"], &no),
            (&["permessage-deflate; server_max_window_bits=16"], &no),
            (&["permessage-deflate; server_max_window_bits=\"x\""], &no),
            (&["permessage-deflate; client_max_window_bits=7"], &no),
            (&["permessage-deflate; unknown"], &no),
            (&["permessage-deflate; client_no_context_takeover; client_no_context_takeover"], &no),
            (&["x-webkit-deflate-frame", "??"], &no),
        ] {
            assert_eq!(asked(&rig, "/ws", offers).await, *expected, "{offers:?} {path:?}");
            assert_eq!(asked(&rig, "/own", offers).await, *expected, "{offers:?} {path:?}");
            assert_eq!(asked(&rig, "/off", offers).await, no, "{offers:?} {path:?}");
        }
        for gateway in ["/ws", "/off"] {
            let nine = format!("{eight}, permessage-deflate");
            assert_eq!(asked(&rig, gateway, &[&nine]).await, (400, None));
            assert_eq!(asked(&rig, gateway, &["permessage-deflate"; 9]).await, (400, None));
            assert_eq!(asked(&rig, gateway, &[&["permessage-deflate"; 50].join(",")]).await, (400, None));
            let long = format!("permessage-deflate; server_max_window_bits={}", "1".repeat(12 << 10));
            assert_eq!(asked(&rig, gateway, &[&long]).await.0, 431);
        }
        // Where it is declined a compressed message is what it always was.
        for (gateway, offer) in [("/off", OFFER), ("/ws", "permessage-deflate; server_max_window_bits=7")] {
            let mut peer = Peer::offering(rig.stream().await, gateway, offer).await;
            peer.send_bytes(&sent(HEALTHY)).await;
            assert_eq!(peer.closed().await, (1002, "reserved_bits".to_owned()), "{gateway}");
            rig.unnoticed().await;
        }
        rig.expect_empty().await;
    });
}

/// Each input on a connection of its own, beside one that must not notice; one close frame, then the end.
#[test]
fn b02_b20_what_ends_a_connection() {
    let text = |payload: &[u8]| frame(TEXT, payload);
    let good = packed(echo(3000).as_bytes());
    let bomb = |len: usize| packed(&vec![b' '; len]);
    let after_limit = |len: usize| {
        let bomb = bomb(len);
        [&bomb[..bomb.len() - 4], &[0xFF; 64]].concat()
    };
    let fragments = |payload: &[u8], first: u8| {
        let (a, b) = payload.split_at(payload.len() / 2);
        [frame(first, a), frame(0x89, b"ping"), frame(0x80, b)].concat()
    };
    let rows: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("B02 RSV1 on a ping", frame(0xC9, b"a"), 1002, "reserved_bits"),
        ("B02 RSV1 on a close", frame(0xC8, b""), 1002, "reserved_bits"),
        (
            "B02 RSV1 on a continuation",
            [frame(0x41, &good[..9]), frame(0xC0, &good[9..])].concat(),
            1002,
            "reserved_bits",
        ),
        ("B02 RSV2 too", frame(0xE1, &good), 1002, "reserved_bits"),
        ("B02 RSV3 too", frame(0xD1, &good), 1002, "reserved_bits"),
        ("B20 corrupt block", text(b"\x07\xff\xff"), 1007, "corrupt_deflate"),
        (
            "B20 corrupt in the middle",
            text(&[&good[..20], b"\xff\xff\xff\xff", &good[24..]].concat()),
            1007,
            "corrupt_deflate",
        ),
        ("B20 missing tail", text(&good[..good.len() - 1]), 1007, "corrupt_deflate"),
        ("B20 missing half", text(&good[..good.len() / 2]), 1007, "corrupt_deflate"),
        ("B20 the tail left in", text(&[&good[..], &[0, 0, 0xFF, 0xFF]].concat()), 1007, "corrupt_deflate"),
        ("B20 no byte at all", text(b""), 1007, "corrupt_deflate"),
        ("B20 not compressed", text(HEALTHY.as_bytes()), 1007, "corrupt_deflate"),
        ("B20 not text", text(&packed(b"{\"event\":\"\xff\"}")), 1007, "invalid_utf8"),
        ("B20 a byte too long", text(&bomb((64 << 10) + 1)), 1009, "message_too_big"),
        ("B20 a bomb of 1000:1", text(&bomb(60 << 20)), 1009, "message_too_big"),
        ("B20 a bomb in binary", frame(BINARY, &bomb(60 << 20)), 1009, "message_too_big"),
        ("B20 a bomb in fragments", fragments(&bomb(60 << 20), 0x41), 1009, "message_too_big"),
        ("B20 a bomb, then corrupt", text(&after_limit(10 << 20)), 1009, "message_too_big"),
        ("B20 corrupt, then a bomb", text(&[&b"\x07"[..], &bomb(10 << 20)].concat()), 1007, "corrupt_deflate"),
        ("B20 a bomb, then another", [text(&bomb(60 << 20)), text(&bomb(60 << 20))].concat(), 1009, "message_too_big"),
        ("B20 a bomb, then a corrupt one", [text(&bomb(60 << 20)), text(b"\x07")].concat(), 1009, "message_too_big"),
        (
            "B20 too long before it is inflated",
            [&[TEXT, 0xFF][..], &[0, 0, 0, 0, 0, 1, 0, 1]].concat(),
            1009,
            "frame_too_big",
        ),
    ];
    for path in [Path::Listen, Path::Axum, Path::Memory] {
        on(path, |path| {
            let rows = rows.clone();
            async move {
                let app = plain(Limits::default().linger(LINGER)).compression(on_by_default());
                let rig = Rig::start(path, app).await;
                let mut healthy = deflating(&rig).await;
                let mut peers = Vec::new();
                for (row, bytes, code, reason) in &rows {
                    let mut peer = deflating(&rig).await;
                    // The server may have seen enough before all is written.
                    peer.flood(bytes, Duration::from_secs(5)).await;
                    let mut got = peer.recv().await;
                    if got == Got::Pong(b"ping".to_vec()) {
                        got = peer.recv().await;
                    }
                    assert_eq!(got, Got::Close(Some((*code, (*reason).to_owned()))), "{row} {path:?}");
                    peer.expect_end().await;
                    peers.push(peer);
                }
                let rejected = rig.handle.stats().rejected;
                assert_eq!(rejected, rows.len() as u64, "each is refused once");
                healthy.send_bytes(&sent(HEALTHY)).await;
                healthy.expect(HEALTHY).await;
                drop((healthy, peers));
                rig.expect_empty().await;
            }
        });
    }
}

#[test]
fn b20_what_is_read_like_a_plain_message() {
    matrix(|path| async move {
        let rig = Rig::start(path, plain(Limits::default()).compression(on_by_default())).await;
        let mut peer = deflating(&rig).await;
        let long = echo(20_000);
        let (first, last) = (packed(long.as_bytes()), packed(HEALTHY.as_bytes()));
        let (a, b) = first.split_at(30);
        let two = {
            let mut stream = Compress::new(flate2::Compression::fast(), false);
            let mut out = Vec::with_capacity(500);
            let (head, rest) = HEALTHY.as_bytes().split_at(10);
            stream.compress_vec(head, &mut out, FlushCompress::Full).unwrap();
            stream.compress_vec(rest, &mut out, FlushCompress::Finish).unwrap();
            [&out[..], &[0]].concat()
        };
        let stream = [
            frame(TEXT, &last),
            frame(0x81, HEALTHY.as_bytes()),
            frame(0x41, a),
            frame(0x89, b"in between"),
            frame(0x00, b""),
            frame(0x80, b),
            frame(BINARY, &last),
            frame(TEXT, &two),
            frame(TEXT, &[0]),
            frame(TEXT, &last),
        ]
        .concat();
        let empty = "{\"event\":\"exception\",\"data\":{";
        let answers = [HEALTHY, HEALTHY, &long, HEALTHY, HEALTHY, empty, HEALTHY];
        for size in [stream.len(), 1000, 37, 1] {
            let mut pongs = 0;
            for part in stream.chunks(size) {
                peer.send_bytes(part).await;
                settle().await;
            }
            for answer in answers {
                let mut got = peer.recv().await;
                if got == Got::Pong(b"in between".to_vec()) {
                    pongs += 1;
                    got = peer.recv().await;
                }
                let Got::Text(text) = got else { panic!("{got:?}") };
                assert!(text.starts_with(answer), "{text} {path:?}, in pieces of {size}");
            }
            assert_eq!(pongs, 1);
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn what_is_sent_compressed() {
    matrix(|path| async move {
        let app = plain(Limits::default()).compression(on_by_default());
        let server = app.server();
        let rig = Rig::start(path, app).await;
        let (mut ours, mut plainly) = (deflating(&rig).await, rig.connect().await);
        rig.until(|stats| stats.connections == 2).await;
        // A reply from the threshold on: 1 KiB of message.
        for (len, first) in [(1023, 0x81), (1024, TEXT), (1025, TEXT), (60_000, TEXT)] {
            let around = r#"{"event":"echo","data":""}"#.len();
            let text = format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(len - around));
            ours.send(&text).await;
            let (found, bytes) = ours.frame().await;
            assert_eq!(found, first, "{len} {path:?}");
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
        assert_eq!(plainly.text().await, text);
        let (first, bytes) = ours.frame().await;
        assert_eq!((first, unpacked(&bytes, 15)), (TEXT, text.clone()));
        server.all().volatile().emit("news", &data);
        plainly.expect(&text).await;
        assert_eq!(ours.frame().await, (TEXT, bytes));
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
        let (first, goaway) = ours.frame().await;
        assert_eq!(first, 0x81);
        assert!(String::from_utf8(goaway).unwrap().contains("sys.goaway"));
        assert_eq!(ours.frame().await.0, 0x88);
    });
}

/// All who agreed get the same bytes; the others, and those whose window is too small, the plain ones. In order, each once.
#[test]
fn a_broadcast_reaches_every_kind_of_member() {
    paths(|path| async move {
        let app = plain(Limits::default()).compression(on_by_default());
        let app = app
            .gateway("/fast", Gateway::new(Plain).on("echo", Plain::echo).compression(Compression::default().level(1)));
        let app = app.gateway("/late", Gateway::new(Plain).compression(Compression::default().threshold(100_000)));
        let app = app.gateway("/never", Gateway::new(Plain).compression(None));
        let server = app.server();
        let rig = Rig::start(path, app).await;
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
            peers.push((Peer::offering(rig.stream().await, gateway, offer).await, offer, compressed));
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
                assert_eq!(peer.frame().await, (0x81, format!(r#"{{"event":"n","data":{round}}}"#).into_bytes()));
                let (first, bytes) = peer.frame().await;
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
            let (first, bytes) = peer.frame().await;
            assert_eq!(first == TEXT, *compressed || *offer == small, "{offer}");
            if first == TEXT {
                assert_eq!(unpacked(&bytes, 11), format!(r#"{{"event":"news","data":"{data}"}}"#));
            }
        }
        drop(peers);
        rig.expect_empty().await;
    });
}

#[gateway(path = "/own", compression = Compression::default().threshold(10))]
struct Attributed;

#[messages]
impl Attributed {
    #[subscribe_message("echo")]
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[gateway(path = "/theirs")]
struct Silent;

#[messages]
impl Silent {
    #[subscribe_message("echo")]
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[module(gateways(Attributed, Silent))]
struct Both;

#[test]
fn the_attribute_and_the_application_choose() {
    on(Path::Memory, |path| async move {
        for (app, theirs) in [(None, false), (Some(Compression::default()), true)] {
            let rig = Rig::start(path, App::create::<Both>().await.unwrap().compression(app)).await;
            assert_eq!(asked(&rig, "/theirs", &[OFFER]).await.1.is_some(), theirs);
            let mut peer = Peer::offering(rig.stream().await, "/own", OFFER).await;
            peer.send(&echo(80)).await;
            let (first, bytes) = peer.frame().await;
            assert_eq!((first, unpacked(&bytes, 15)), (TEXT, echo(80)));
        }
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
    matrix(|path| async move {
        let gateway = Gateway::new(Raw).raw(Raw::run).compression(Compression::default().threshold(0).level(200));
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let mut peer = deflating(&rig).await;
        let text = "raw ".repeat(2000);
        peer.send_bytes(&sent(&text)).await;
        let (first, bytes) = peer.frame().await;
        assert_eq!((first, unpacked(&bytes, 15)), (TEXT, text.clone()));
        peer.send_frame(Opcode::Binary, true, text.as_bytes()).await;
        let (first, bytes) = peer.frame().await;
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
            assert_eq!(peer.frame().await, (0x82, payload.to_vec()));
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
    paths(|path| async move {
        let app = App::new().gateway("/ws", Gateway::new(Asks).on("ask", Asks::ask)).compression(on_by_default());
        let rig = Rig::start(path, app).await;
        let mut peer = deflating(&rig).await;
        peer.send_bytes(&sent(r#"{"event":"ask"}"#)).await;
        let (first, bytes) = peer.frame().await;
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
    on(Path::Memory, |path| async move {
        let limits = Limits::default().outbound_messages(50).outbound_reserved(1);
        let app = plain(limits).compression(on_by_default());
        let server = app.server();
        let rig = Rig::start(path, app).await;
        let (peer, mut healthy) = (deflating(&rig).await, deflating(&rig).await);
        rig.until(|stats| stats.connections == 2).await;
        let data: String =
            (0..40_000u32).map(|i| char::from(b'a' + (i.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
        let watch = Stopwatch::start();
        while rig.handle.stats().connections == 2 {
            watch.within(Duration::from_secs(20));
            server.broadcast("news", &data);
            assert!(healthy.text().await.len() > 40_000);
        }
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

/// Messages of a client that refers back to its earlier ones: Tornado, Mojolicious and Netty, whatever they are told.
fn referring(texts: &[String]) -> Vec<Vec<u8>> {
    let mut stream = Compress::new(flate2::Compression::default(), false);
    let pack = |text: &String| {
        let mut out = Vec::with_capacity(text.len() + 100);
        stream.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
        out.truncate(out.len() - 4);
        frame(TEXT, &out)
    };
    texts.iter().map(pack).collect()
}

#[test]
fn clients_that_keep_their_window_are_served_where_it_is_kept() {
    let texts = [echo(200), echo(200), echo(40_000), HEALTHY.to_owned(), echo(40_000), echo(200)];
    matrix(|path| {
        let texts = texts.clone();
        async move {
            let gateway =
                |compression: Compression| Gateway::new(Plain).on("echo", Plain::echo).compression(compression);
            let app = plain(Limits::default())
                .compression(on_by_default())
                .gateway("/keeps", gateway(on_by_default().client_window(15)))
                .gateway("/less", gateway(on_by_default().client_window(12)));
            let rig = Rig::watched(path, app).await;
            let base = "permessage-deflate; server_no_context_takeover";
            for (gateway, offer, answer) in [
                ("/keeps", "permessage-deflate", base.to_owned()),
                ("/keeps", OFFER, base.to_owned()),
                ("/keeps", "permessage-deflate; client_no_context_takeover", ANSWER.to_owned()),
                ("/less", OFFER, format!("{base}; client_max_window_bits=12")),
                ("/less", "permessage-deflate", ANSWER.to_owned()),
                ("/ws", OFFER, ANSWER.to_owned()),
            ] {
                assert_eq!(asked(&rig, gateway, &[offer]).await, (101, Some(answer)), "{gateway} {offer}");
            }
            let mut peer = Peer::offering(rig.stream().await, "/keeps", "permessage-deflate").await;
            for (frame, text) in referring(&texts).iter().zip(&texts) {
                peer.send_bytes(frame).await;
                // What comes back is compressed by itself.
                assert_eq!(peer.text().await, *text, "{path:?}");
            }
            // One that does as it is told is served as well, beside plain messages.
            for text in &texts {
                peer.send_bytes(&sent(text)).await;
                peer.expect(text).await;
                assert_eq!(peer.request(text).await, *text);
            }
            drop(peer);
            // Off by default.
            let mut peer = Peer::offering(rig.stream().await, "/ws", OFFER).await;
            let frames = referring(&texts);
            peer.send_bytes(&frames[0]).await;
            peer.expect(&texts[0]).await;
            peer.send_bytes(&frames[1]).await;
            assert_eq!(peer.closed().await, (1007, "corrupt_deflate".to_owned()));
            drop(peer);
            rig.expect_empty().await;
        }
    });
}

/// 56 KB of bombs in a second were as many MiB as the processor could inflate.
#[test]
fn b20_what_a_connection_may_have_inflated_in_a_second_is_bounded() {
    paths(|path| async move {
        const BOMBS: usize = 60;
        const MOST: usize = 1 << 20;
        let limits = Limits::default().inflated_per_second(MOST).inbound_messages(1000).inbound_bytes(64 << 20);
        let rig = Rig::watched(path, plain(limits).compression(on_by_default())).await;
        let mut peer = deflating(&rig).await;
        // Nobody waits for what it says of them.
        let bomb = sent(&format!(r#"{{"event":"unknown","data":"{}"}}"#, "a".repeat(60_000)));
        assert!(bomb.len() < 300);
        let began = Instant::now();
        peer.send_bytes(&bomb.repeat(BOMBS)).await;
        peer.send(HEALTHY).await;
        let mut early = 0;
        loop {
            let text = peer.text().await;
            if !text.contains("unknown_event") {
                break;
            }
            early += usize::from(began.elapsed() < Duration::from_millis(900));
            rig.unnoticed().await;
        }
        let took = began.elapsed();
        // The one that passes the limit is handled.
        assert!(early <= MOST / 60_000 + 1, "{early} in the first second");
        assert!(took > Duration::from_millis(2000) && took < Duration::from_secs(9), "{took:?}");
        // What is not compressed is not counted.
        let began = Instant::now();
        for _ in 0..60 {
            peer.send(&echo(60_000)).await;
            assert!(peer.text().await.len() > 60_000);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        drop(peer);
        rig.expect_empty().await;
    });
}

/// Empty last blocks, which no client sends in the middle of a message: they say nothing, and each takes its time.
fn empty_blocks(bytes: usize) -> Vec<u8> {
    [0x03, 0x00].repeat(bytes / 2)
}

#[test]
fn b20_a_compressed_message_counts_as_it_was_sent_where_that_is_more() {
    paths(|path| async move {
        let limits = Limits::default().byte_rate(Some(Rate::new(1, 100_000)));
        let rig = Rig::start(path, plain(limits).compression(on_by_default())).await;
        let mut peer = deflating(&rig).await;
        let long = [empty_blocks(30_000), packed(HEALTHY.as_bytes())].concat();
        let (first, rest) = long.split_at(10_000);
        let whole = frame(TEXT, &long);
        let fragments = [frame(0x41, first), frame(0x80, rest)].concat();
        for message in [&whole, &fragments, &whole] {
            peer.send_bytes(message).await;
            assert_eq!(peer.text().await, HEALTHY);
        }
        peer.send_bytes(&fragments).await;
        assert!(peer.text().await.contains(r#""code":"rate_limited""#));
        // There is room for a short one.
        peer.send_bytes(&sent(HEALTHY)).await;
        assert_eq!(peer.text().await, HEALTHY);
    });
}

#[test]
fn b20_what_says_nothing_is_work_too() {
    paths(|path| async move {
        let limits = Limits::default().inflated_per_second(1 << 20);
        let rig = Rig::watched(path, plain(limits).compression(on_by_default())).await;
        let mut peer = deflating(&rig).await;
        let began = Instant::now();
        let long = frame(TEXT, &[empty_blocks(60_000), packed(HEALTHY.as_bytes())].concat());
        for _ in 0..4 {
            peer.send_bytes(&long).await;
            assert_eq!(peer.text().await, HEALTHY);
        }
        // Two of them in a second.
        assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
        drop(peer);
        rig.expect_empty().await;
    });
}
