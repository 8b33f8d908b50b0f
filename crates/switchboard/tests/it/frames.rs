//! Frames and text: docs/limits.md groups B and C.
use crate::control::Stopwatch;
use crate::rig::{Got, Path, Peer, Rig, Stream, masked, matrix, on, paths, settle};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::{App, Client, CloseCode, DisconnectReason, Gateway, Limits};
use switchboard_core::ws::{Opcode, Violation};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

/// The gateway of these tests.
pub(crate) struct Plain;

impl Plain {
    pub(crate) async fn echo(&self, text: String) -> String {
        text
    }
    pub(crate) async fn wait(&self, ms: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }
    async fn none(&self) {}
    async fn bye(&self, client: &Client) {
        client.close(CloseCode::REPLACED);
    }
}

pub(crate) fn plain(limits: Limits) -> App {
    let gateway = Gateway::new(Plain).on("echo", Plain::echo).on("wait", Plain::wait).on("bye", Plain::bye);
    let gateway = gateway.on("n", Plain::none);
    App::new().gateway("/ws", gateway).limits(limits)
}

pub(crate) const HEALTHY: &str = r#"{"event":"echo","data":"well"}"#;
const MASK: [u8; 4] = [1, 2, 3, 4];
/// How long a closed connection is kept: short, because every test waits for it.
const LINGER: Duration = Duration::from_millis(400);

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, MASK)
}

/// Whether the on-connect hook has ended when the bytes come.
#[derive(Clone, Copy, Debug)]
enum Hook {
    Ended,
    Runs,
}

/// Its hook waits until the test lets it go on.
struct Slow(Arc<Semaphore>);

impl Slow {
    async fn joined(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Each input on a connection of its own, beside one that asks all the time and must not notice: the code and reason on the
/// wire, and the end of the stream after `linger`, when nothing is left although no peer has gone.
fn closes(path: Path, hook: Hook, rows: Vec<(&'static str, Vec<u8>, u16, &'static str)>) {
    on(path, |path| {
        let rows = rows.clone();
        async move {
            let hooks = Arc::new(Semaphore::new(0));
            let slow = Gateway::new(Slow(hooks.clone())).on_connect(Slow::joined);
            let app = plain(Limits::default().linger(LINGER)).gateway("/slow", slow);
            let rig = Rig::start(path, app).await;
            let mut healthy = rig.connect().await;
            let mut peers = Vec::new();
            for (row, bytes, code, reason) in &rows {
                let known = Violation::ALL.iter().any(|known| known.reason == *reason && known.code.get() == *code);
                assert!(known, "{row}: {code} {reason} is not on the fixed list");
                let mut peer = match hook {
                    Hook::Ended => rig.connect().await,
                    Hook::Runs => rig.connect_to("/slow").await,
                };
                peer.send_bytes(bytes).await;
                assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
                assert_eq!(peer.closed().await, (*code, (*reason).to_owned()), "{row} {path:?} {hook:?}");
                peers.push(peer);
            }
            hooks.add_permits(rows.len());
            let watch = Stopwatch::start();
            rig.until(|stats| stats.connections == 1).await;
            watch.within(LINGER + Duration::from_millis(500));
            assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
            for peer in &mut peers {
                assert_eq!(peer.recv().await, Got::End);
            }
            drop((healthy, peers));
            rig.expect_empty().await;
        }
    });
}

fn everywhere(rows: Vec<(&'static str, Vec<u8>, u16, &'static str)>) {
    for path in [Path::Listen, Path::Memory] {
        for hook in [Hook::Ended, Hook::Runs] {
            closes(path, hook, rows.clone());
        }
    }
}

#[test]
fn b01_to_b06_headers_that_must_not_be() {
    let mut rows = vec![
        ("B01 unmasked", vec![0x81, 0x02, b'h', b'i'], 1002, "unmasked_frame"),
        ("B02 RSV1", frame(0xC1, b"a"), 1002, "reserved_bits"),
        ("B02 RSV2", frame(0xA1, b"a"), 1002, "reserved_bits"),
        ("B02 RSV3", frame(0x92, b"a"), 1002, "reserved_bits"),
        ("B02 RSV1 on a ping", frame(0xC9, b"a"), 1002, "reserved_bits"),
        ("B02 RSV1 on a continuation", [frame(0x01, b"a"), frame(0xC0, b"b")].concat(), 1002, "reserved_bits"),
        ("B05 ping of 126", vec![0x89, 0xFE, 0, 126], 1002, "control_too_long"),
        ("B05 close of 64 KiB", vec![0x88, 0xFF], 1002, "control_too_long"),
        ("B06 continuation of nothing", frame(0x80, b"a"), 1002, "unexpected_continuation"),
        ("B06 continuation of nothing, open", frame(0x00, b"a"), 1002, "unexpected_continuation"),
        ("B06 text in text", [frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002, "expected_continuation"),
        ("B06 binary in text", [frame(0x01, b"a"), frame(0x02, b"b")].concat(), 1002, "expected_continuation"),
    ];
    for opcode in (3..=7).chain(11..=15) {
        rows.push(("B03", frame(0x80 | opcode, b"a"), 1002, "reserved_opcode"));
        rows.push(("B03 open", frame(opcode, b""), 1002, "reserved_opcode"));
    }
    for opcode in [8, 9, 10] {
        rows.push(("B04", frame(opcode, b"a"), 1002, "fragmented_control"));
    }
    everywhere(rows);
}

#[test]
fn b07_to_b11_lengths_and_sums() {
    let long = |bytes: [u8; 8]| [&[0x82, 0xFF][..], &bytes].concat();
    let part = vec![b'a'; 40 << 10];
    let crossing = [frame(0x02, &part), [&[0x80, 0xFE][..], &40_960u16.to_be_bytes(), &MASK].concat()].concat();
    let many: Vec<u8> =
        std::iter::once(frame(0x01, b"a")).chain((0..128).map(|_| frame(0x00, b"a"))).flatten().collect();
    let empty: Vec<u8> =
        std::iter::once(frame(0x01, b"")).chain((0..128).map(|_| frame(0x00, b""))).flatten().collect();
    everywhere(vec![
        ("B07 top bit", long([0x80, 0, 0, 0, 0, 0, 0, 1]), 1002, "length_top_bit"),
        ("B07 all bits", long([0xFF; 8]), 1002, "length_top_bit"),
        (
            "B07 2^63-1",
            [long([0x7F, 255, 255, 255, 255, 255, 255, 255]), MASK.to_vec()].concat(),
            1009,
            "frame_too_big",
        ),
        ("B08 16 bits for 5", vec![0x81, 0xFE, 0, 5], 1002, "non_minimal_length"),
        ("B08 64 bits for 65535", long([0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), 1002, "non_minimal_length"),
        ("B09 header alone", long([0, 0, 0, 0, 0, 1, 0, 1]), 1009, "frame_too_big"),
        ("B10 at the crossing frame's header", crossing, 1009, "message_too_big"),
        ("B11 129 fragments", many, 1008, "too_many_fragments"),
        ("B11 129 empty fragments", empty, 1008, "too_many_fragments"),
    ]);
}

#[test]
fn b15_close_frames_that_must_not_be() {
    let mut rows = vec![
        ("B15 one byte", frame(0x88, b"\x03"), 1002, "close_body"),
        ("B15 reason", frame(0x88, b"\x03\xe8\xff"), 1007, "close_reason"),
        ("B15 reason cut", frame(0x88, b"\x03\xe8\xe2\x82"), 1007, "close_reason"),
    ];
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535u16] {
        rows.push(("B15 code", frame(0x88, &code.to_be_bytes()), 1002, "close_code"));
    }
    everywhere(rows);
}

#[test]
fn c01_text_that_is_not_utf8() {
    let bad: [&[u8]; 9] = [
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"ok\xff",
        b"\x80",
        b"cut\xe2\x82",
    ];
    let mut rows: Vec<_> = bad.iter().map(|bad| ("C01", frame(0x81, bad), 1007, "invalid_utf8")).collect();
    for bad in &bad[..6] {
        let (first, second) = bad.split_at(1);
        rows.push(("C01 in two", [frame(0x01, first), frame(0x80, second)].concat(), 1007, "invalid_utf8"));
    }
    rows.push(("C01 cut at the end", [frame(0x01, b"a\xe2"), frame(0x80, b"\x82")].concat(), 1007, "invalid_utf8"));
    // At the first bad byte: the rest of this frame never comes.
    let unfinished = frame(0x81, &[[b'a', 0xFF].as_slice(), &[b'a'; 60_000]].concat());
    rows.push(("C01 fails fast", unfinished[..20].to_vec(), 1007, "invalid_utf8"));
    everywhere(rows);
}

#[test]
fn b11_the_limit_of_fragments_may_be_65536_and_more() {
    on(Path::Memory, |path| async move {
        let rig = Rig::start(path, plain(Limits::default().max_fragments(70_000))).await;
        let mut peer = rig.connect().await;
        let mut bytes = frame(0x01, br#"{"event":"echo","data":"#);
        for _ in 0..65_600 {
            bytes.extend(frame(0x00, b""));
        }
        bytes.extend(frame(0x80, br#""well"}"#));
        peer.send_bytes(&bytes).await;
        peer.expect(HEALTHY).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b12_what_is_unfinished_must_go_on() {
    for path in [Path::Listen, Path::Memory] {
        on(path, |path| async move {
            const PATIENCE: Duration = Duration::from_millis(200);
            let limits = Limits::default().partial_timeout(PATIENCE).linger(LINGER);
            let rig = Rig::start(path, plain(limits)).await;
            let mut healthy = rig.connect().await;
            let message = frame(0x81, HEALTHY.as_bytes());
            let unfinished = [
                message[..1].to_vec(),
                message[..4].to_vec(),
                message[..20].to_vec(),
                frame(0x01, b"{"),
                frame(0x01, b""),
            ];
            for bytes in unfinished {
                let mut peer = rig.connect().await;
                peer.send_bytes(&bytes).await;
                let watch = Stopwatch::start();
                assert_eq!(peer.closed().await, (1008, "drip".into()), "{bytes:?}");
                assert!(watch.elapsed() >= PATIENCE, "{:?}", watch.elapsed());
                watch.within(PATIENCE * 2);
                peer.expect_end().await;
            }
            // Slow, but it goes on: six times the patience in all.
            let mut slow = rig.connect().await;
            for piece in message.chunks(message.len().div_ceil(12)) {
                slow.send_bytes(piece).await;
                tokio::time::sleep(PATIENCE / 2).await;
            }
            slow.expect(HEALTHY).await;
            // Between messages there is all the time in the world.
            assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
            drop((healthy, slow));
            rig.expect_empty().await;
        });
    }
}

#[test]
fn b12_pings_are_no_progress_of_a_message() {
    for path in [Path::Listen, Path::Memory] {
        on(path, |path| async move {
            let limits = Limits::default().partial_timeout(Duration::from_millis(200)).linger(LINGER);
            let rig = Rig::start(path, plain(limits)).await;
            let mut peer = rig.connect().await;
            peer.send_frame(Opcode::Text, false, b"{").await;
            let mut close = None;
            for _ in 0..20 {
                peer.send_frame(Opcode::Ping, true, b"p").await;
                while let Some(got) = peer.recv_within(Duration::from_millis(50)).await {
                    close = close.or(match got {
                        Got::Pong(_) => None,
                        got => Some(got),
                    });
                    if close.is_some() {
                        break;
                    }
                }
                if close.is_some() {
                    break;
                }
            }
            assert_eq!(close, Some(Got::Close(Some((1008, "drip".into())))), "{path:?}");
            drop(peer);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn b13_pongs_come_in_order_with_their_payload() {
    matrix(|path| async move {
        let rig = Rig::start(path, plain(Limits::default())).await;
        let mut peer = rig.connect().await;
        let payload = |i: usize| vec![i as u8; i * 125 / 99];
        let pings: Vec<u8> = (0..100).flat_map(|i| frame(0x89, &payload(i))).collect();
        peer.send_bytes(&pings).await;
        for i in 0..100 {
            assert_eq!(peer.recv().await, Got::Pong(payload(i)), "ping {i} {path:?}");
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b13_pongs_keep_their_order_among_replies() {
    paths(|path| async move {
        let rig = Rig::start(path, plain(Limits::default())).await;
        let mut peer = rig.connect().await;
        let long = "x".repeat(600);
        let mut bytes = Vec::new();
        for i in 0..30u8 {
            let data = if i % 3 == 0 { long.as_str() } else { "short" };
            bytes.extend(frame(0x81, format!(r#"{{"event":"echo","data":"{data}","id":{i}}}"#).as_bytes()));
            bytes.extend(frame(0x89, &[i]));
        }
        peer.send_bytes(&bytes).await;
        let (mut pongs, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            match peer.recv().await {
                Got::Pong(payload) => pongs.push(payload[0]),
                Got::Text(text) => {
                    let text: serde_json::Value = serde_json::from_str(&text).unwrap();
                    ids.push(text["id"].as_u64().unwrap() as u8);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pongs, (0..30).collect::<Vec<_>>(), "{path:?}");
        assert_eq!(ids, (0..30).collect::<Vec<_>>(), "{path:?}");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b13_a_flood_of_pings_is_closed() {
    paths(|path| async move {
        let rig = Rig::start(path, plain(Limits::default().linger(LINGER))).await;
        let (mut flood, mut healthy) = (rig.connect().await, rig.connect().await);
        let pings: Vec<u8> = (0..201).flat_map(|_| frame(0x89, b"")).collect();
        let watch = Stopwatch::start();
        flood.send_bytes(&pings).await;
        let mut pongs = 0;
        let close = loop {
            match flood.recv().await {
                Got::Pong(_) => pongs += 1,
                other => break other,
            }
        };
        assert_eq!(close, Got::Close(Some((1008, "ping_flood".into()))));
        // Two windows at most, if the second began in between.
        assert!((1..=200).contains(&pongs), "{pongs}");
        watch.within(Duration::from_secs(2));
        flood.expect_end().await;
        assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
        drop((flood, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn b13_a_flood_of_pongs_that_nobody_asked_for_is_closed() {
    paths(|path| async move {
        let rig = Rig::start(path, plain(Limits::default().linger(LINGER))).await;
        let (mut flood, mut healthy) = (rig.connect().await, rig.connect().await);
        let few: Vec<u8> = (0..49).flat_map(|_| [frame(0x8A, b"x"), frame(0x89, b"")].concat()).collect();
        healthy.send_bytes(&few).await;
        let pongs: Vec<u8> = (0..201).flat_map(|_| frame(0x8A, b"x")).collect();
        flood.send_bytes(&pongs).await;
        assert_eq!(flood.recv().await, Got::Close(Some((1008, "ping_flood".into()))));
        flood.expect_end().await;
        for _ in 0..49 {
            assert_eq!(healthy.recv().await, Got::Pong(Vec::new()));
        }
        assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
        drop((flood, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn b14_b21_b23_c02_c03_c04_what_is_allowed() {
    paths(|path| async move {
        let rig = Rig::start(path, plain(Limits::default())).await;
        let mut peer = rig.connect().await;
        for payload in [&b""[..], b"unsolicited", &[0; 8], &[0xFF; 125]] {
            peer.send_frame(Opcode::Pong, true, payload).await;
        }
        assert_eq!(peer.request(HEALTHY).await, HEALTHY, "B14");
        for mask in [[0; 4], [0xFF; 4], [0, 0, 0, 1]] {
            for _ in 0..2 {
                peer.send_bytes(&masked(0x81, HEALTHY.as_bytes(), mask)).await;
                peer.expect(HEALTHY).await;
            }
        }
        for bytes in [frame(0x81, b""), frame(0x82, b""), [frame(0x01, b""), frame(0x80, b"")].concat()] {
            peer.send_bytes(&bytes).await;
            assert!(peer.text().await.contains(r#""code":"bad_request""#), "B23 {bytes:?}");
        }
        let euro = r#"{"event":"echo","data":"€𝄞é"}"#;
        for cut in 1..euro.len() {
            let (first, second) = euro.as_bytes().split_at(cut);
            peer.send_bytes(&[frame(0x01, first), frame(0x89, b"between"), frame(0x80, second)].concat()).await;
            let mut got = [peer.recv().await, peer.recv().await];
            got.sort_by_key(|got| matches!(got, Got::Text(_)));
            assert_eq!(got, [Got::Pong(b"between".to_vec()), Got::Text(euro.into())], "C02 cut at {cut}");
        }
        peer.send_frame(Opcode::Binary, true, HEALTHY.as_bytes()).await;
        peer.expect(HEALTHY).await;
        peer.send_frame(Opcode::Binary, true, b"\xff\xfe{}").await;
        assert!(peer.text().await.contains(r#""code":"bad_request""#), "C03");
        for text in
            ["\u{feff}{\"event\":\"echo\",\"data\":\"x\"}", "{\"event\":\"echo\",\"data\":\"\0\"}", "\0", "a\rb"]
        {
            assert!(peer.request(text).await.contains(r#""code":"bad_request""#), "C04 {text:?}");
        }
        assert_eq!(peer.request("\r\n\t {\"event\":\"echo\",\"data\":\"well\"}\r").await, HEALTHY, "C04");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b16_after_a_close_nothing_counts() {
    paths(|path| async move {
        let rig = Rig::start(path, plain(Limits::default().linger(LINGER))).await;
        let mut healthy = rig.connect().await;
        let mut peers = Vec::new();
        for (body, echoed) in [
            (&b""[..], None),
            (b"\x03\xe8", Some((1000, ""))),
            (b"\x03\xe9bye", Some((1001, "bye"))),
            (b"\x0f\xa5\xc3\xa9", Some((4005, "é"))),
        ] {
            let mut peer = rig.connect().await;
            peer.send_all([HEALTHY]).await;
            let close = frame(0x88, body);
            peer.send_bytes(&[close.clone(), frame(0x81, HEALTHY.as_bytes()), close, vec![0xFF; 9]].concat()).await;
            peer.expect(HEALTHY).await;
            // The same code and reason; without a body where there was none.
            assert_eq!(peer.recv().await, Got::Close(echoed.map(|(code, said)| (code, said.to_owned()))), "{body:?}");
            peer.expect_end().await;
            // No FIN follows, but further bytes.
            let _ = peer.flood(&[0; 4096], Duration::from_millis(20)).await;
            peers.push(peer);
        }
        let watch = Stopwatch::start();
        rig.until(|stats| stats.connections == 1).await;
        watch.within(LINGER + Duration::from_millis(300));
        assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
        drop((healthy, peers));
        rig.expect_empty().await;
    });
}

/// What is on its way is read, and no more: who floods on behind its close does so against a full socket.
#[test]
fn b16_a_flood_behind_a_close_is_not_read() {
    const FLOOD: usize = 256 << 20;
    matrix(|path| async move {
        let rig = Rig::start(path, plain(Limits::default().linger(Duration::from_millis(500)))).await;
        let mut healthy = rig.connect().await;
        // Closed for its own fault, and for the server's reasons.
        for last in [frame(0xC1, b"reserved"), frame(0x81, br#"{"event":"bye"}"#)] {
            let mut peer = rig.connect().await;
            peer.send_bytes(&last).await;
            let mut sent = 0;
            let nothing = vec![0; 1 << 20];
            while sent < FLOOD {
                match peer.flood(&nothing, Duration::from_millis(200)).await {
                    0 => break,
                    more => sent += more,
                }
            }
            // What both sockets hold, and what was read.
            assert!(sent < 24 << 20, "{path:?}: {sent}");
            assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
            rig.until(|stats| stats.connections == 1).await;
        }
        drop(healthy);
        rig.expect_empty().await;
    });
}

#[test]
fn b17_a_close_that_nobody_answers() {
    paths(|path| async move {
        let rig = Rig::start(path, plain(Limits::default().linger(LINGER))).await;
        let mut silent = rig.connect().await;
        silent.send(r#"{"event":"bye"}"#).await;
        let goaway = silent.text().await;
        assert!(goaway.starts_with(r#"{"event":"sys.goaway","data":{"code":4508,"reason":"replaced","#), "{goaway}");
        assert_eq!(silent.closed().await, (4508, "replaced".into()));
        let watch = Stopwatch::start();
        // It is sent to after that, and sends itself.
        assert_eq!(rig.handle.server().broadcast("x", 1).queued, 0);
        let _ = silent.flood(&frame(0x81, HEALTHY.as_bytes()), Duration::from_millis(20)).await;
        rig.until(|stats| stats.connections == 0).await;
        assert!(watch.elapsed() > LINGER / 2, "{:?}", watch.elapsed());
        watch.within(LINGER + Duration::from_millis(300));
        assert_eq!(silent.recv().await, Got::End);
        drop(silent);
        rig.expect_empty().await;
    });
}

#[derive(Default, Clone)]
struct Ends(Arc<Mutex<Vec<DisconnectReason>>>);

impl Ends {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn ended(&self, reason: DisconnectReason) {
        self.0.lock().unwrap().push(reason);
    }
}

#[test]
fn b18_reset_and_end_in_mid_frame() {
    on(Path::Listen, |path| async move {
        let ends = Ends::default();
        let gateway = Gateway::new(ends.clone()).on("echo", Ends::echo).on_disconnect(Ends::ended);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let mut healthy = rig.connect().await;
        let message = frame(0x81, HEALTHY.as_bytes());
        let cuts = [1, 3, 8, message.len() - 1];
        for cut in cuts {
            for reset in [true, false] {
                let stream = tokio::net::TcpStream::connect(rig.address()).await.unwrap();
                let socket = socket2::SockRef::from(&stream).try_clone().unwrap();
                let stream: Box<dyn Stream> = Box::new(stream);
                let mut peer = Peer::handshake(stream, "/ws").await;
                peer.send_bytes(&message[..cut]).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
                if reset {
                    socket.set_linger(Some(Duration::ZERO)).unwrap();
                    drop(peer);
                    drop(socket);
                } else {
                    peer.finish().await;
                    peer.expect_end().await;
                }
            }
        }
        assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
        rig.until(|stats| stats.connections == 1).await;
        assert_eq!(*ends.0.lock().unwrap(), vec![DisconnectReason::Lost; cuts.len() * 2]);
        drop(healthy);
        rig.expect_empty().await;
    });
}

/// All kinds of input that keep a connection alive, then a close.
fn conversation() -> Vec<u8> {
    [
        frame(0x81, br#"{"event":"echo","data":"one","id":1}"#),
        frame(0x01, br#"{"event":"echo","#),
        frame(0x89, b"ping"),
        frame(0x00, b""),
        frame(0x80, "\"data\":\"€\"}".as_bytes()),
        frame(0x82, br#"{"event":"echo","data":"two"}"#),
        frame(0x81, br#"{"event":"unknown","id":"a"}"#),
        frame(0x8A, b"pong"),
        frame(0x81, b""),
        frame(0x81, format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(130)).as_bytes()),
        frame(0x88, b"\x03\xe8"),
    ]
    .concat()
}

/// The answers; pongs may overtake, so they are counted apart.
async fn answers(peer: &mut Peer) -> (Vec<Got>, Vec<Got>) {
    let mut all = Vec::new();
    loop {
        let got = peer.recv().await;
        let end = got == Got::End;
        // The server pings when it wants.
        if !matches!(got, Got::Ping(_)) {
            all.push(got);
        }
        if end {
            return all.into_iter().partition(|got| matches!(got, Got::Pong(_)));
        }
    }
}

#[test]
fn b19_chopped_at_every_byte() {
    for path in [Path::Listen, Path::Memory] {
        on(path, |path| async move {
            let rig = Rig::start(path, plain(Limits::default())).await;
            let bytes = conversation();
            let mut whole = rig.connect().await;
            whole.send_bytes(&bytes).await;
            let expected = answers(&mut whole).await;
            assert_eq!(expected.0, [Got::Pong(b"ping".to_vec())]);
            assert_eq!(expected.1.len(), 8, "{expected:?}");
            for cut in (1..bytes.len()).step_by(if path == Path::Memory { 1 } else { 7 }) {
                let mut peer = rig.connect().await;
                peer.send_bytes(&bytes[..cut]).await;
                settle().await;
                // The peer may have its answer, and be closed, before the last bytes.
                let _ = peer.flood(&bytes[cut..], Duration::from_secs(5)).await;
                assert_eq!(answers(&mut peer).await, expected, "cut at {cut} {path:?}");
            }
            let mut single = rig.connect().await;
            for byte in bytes.chunks(1) {
                single.send_bytes(byte).await;
                settle().await;
            }
            assert_eq!(answers(&mut single).await, expected, "byte by byte {path:?}");
            drop((whole, single));
            rig.expect_empty().await;
        });
    }
}

#[test]
fn b19_thousands_of_frames_in_one_segment() {
    matrix(|path| async move {
        let rig = Rig::start(path, plain(Limits::default())).await;
        // The second is more than `outbound_messages`: all in one read, and a client that reads is no slow consumer.
        for count in [1000, 2200] {
            let mut peer = rig.connect().await;
            let ask = |i| frame(0x81, format!(r#"{{"event":"n","id":{i}}}"#).as_bytes());
            peer.send_bytes(&(0..count).flat_map(ask).collect::<Vec<u8>>()).await;
            for i in 0..count {
                peer.expect(&format!(r#"{{"event":"n","data":null,"id":{i}}}"#)).await;
            }
        }
        rig.expect_empty().await;
    });
}

/// The rig's own frames are what they say.
#[tokio::test]
async fn the_stream_of_a_peer_is_a_stream() {
    let (mut ours, theirs) = tokio::io::duplex(64);
    ours.shutdown().await.unwrap();
    let mut theirs: Box<dyn Stream> = Box::new(theirs);
    assert_eq!(crate::rig::read_to_end(&mut theirs, Duration::from_secs(1)).await, b"");
}

#[test]
fn c03_a_gateway_of_one_kind_of_frame_refuses_the_other() {
    async fn run(path: Path) {
        let echo = || Gateway::new(Plain).on("echo", Plain::echo);
        let app = App::new().gateway("/ws", echo()).gateway("/text", echo().text_only());
        let rig = Rig::start(path, app.gateway("/binary", echo().binary_only())).await;
        let (text, binary) = (Opcode::Text, Opcode::Binary);
        for (path, taken, refused, reason) in
            [("/text", text, binary, "text_only"), ("/binary", binary, text, "binary_only")]
        {
            let mut peer = rig.connect_to(path).await;
            peer.send_frame(taken, true, HEALTHY.as_bytes()).await;
            peer.expect(HEALTHY).await;
            peer.send_frame(refused, true, HEALTHY.as_bytes()).await;
            assert_eq!(peer.closed().await, (1003, reason.to_owned()));
            peer.expect_end().await;
        }
        let mut peer = rig.connect().await;
        for opcode in [text, binary] {
            peer.send_frame(opcode, true, HEALTHY.as_bytes()).await;
            peer.expect(HEALTHY).await;
        }
    }
    paths(run);
}
