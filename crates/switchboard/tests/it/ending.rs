//! The end of a connection: what came whole before it is answered first, and the stream stays open until both have said it.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use switchboard::close::CloseCode;
use switchboard::{Ack, App, Client, DisconnectReason, Error, Gateway, HandlerDef, Limits, Socket};
use switchboard_rig::{Got, Offer, Rig, Stack, each_stack, masked, matrix, on};

const MASK: [u8; 4] = [1, 2, 3, 4];
const LINGER: Duration = Duration::from_millis(600);

#[derive(Clone, Default)]
struct Desk {
    handled: Arc<AtomicUsize>,
    left: Arc<Mutex<Vec<DisconnectReason>>>,
    acks: Arc<Mutex<Vec<Ack<u8>>>>,
}

impl Desk {
    async fn echo(&self, text: String) -> String {
        self.handled.fetch_add(1, Ordering::SeqCst);
        text
    }
    async fn wait(&self, ms: u64) -> u64 {
        self.handled.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }
    async fn three(&self) -> impl futures_util::Stream<Item = u64> + use<> {
        futures_util::stream::iter(1..=3)
    }
    async fn endless(&self) -> impl futures_util::Stream<Item = u64> + use<> {
        use futures_util::StreamExt;
        futures_util::stream::iter(1..=3).chain(futures_util::stream::pending())
    }
    async fn later(&self, ack: Ack<u8>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(60)).await;
            ack.send(7).unwrap();
        });
    }
    async fn never(&self, ack: Ack<u8>) {
        self.acks.lock().unwrap().push(ack);
    }
    async fn asks(&self, client: &Client) -> Result<(), Error> {
        client.emit_with_ack::<u8>("q", 1, Duration::from_secs(5)).await.map(drop)
    }
    async fn kick(&self, client: &Client) {
        client.disconnect();
    }
    async fn left(&self, reason: DisconnectReason) {
        self.left.lock().unwrap().push(reason);
    }
    /// Whatever comes goes back.
    async fn loops(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            self.handled.fetch_add(1, Ordering::SeqCst);
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
    /// The same, slowly.
    async fn ponders(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
    /// The same, in a task of its own.
    async fn moved(&self, socket: Socket) {
        let desk = self.clone();
        tokio::spawn(async move { desk.loops(socket).await }).await.unwrap();
    }
    /// Answers by its end.
    async fn one(&self, mut socket: Socket) {
        if let Some(message) = socket.recv().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = socket.send(message).await;
        }
    }
    /// Has nothing to answer.
    async fn deaf(&self, _socket: Socket) {
        std::future::pending().await
    }
}

fn desk(limits: Limits) -> (App, Desk) {
    let desk = Desk::default();
    let gateway = Gateway::new(desk.clone())
        .on("echo", Desk::echo)
        .on("wait", Desk::wait)
        .handler("beside", HandlerDef::new(Desk::wait).concurrency(8))
        .on("three", Desk::three)
        .on("endless", Desk::endless)
        .on("later", Desk::later)
        .on("never", Desk::never)
        .on("asks", Desk::asks)
        .on("kick", Desk::kick)
        .on_disconnect(Desk::left);
    let raw = || Gateway::new(desk.clone()).on_disconnect(Desk::left);
    let app = App::new()
        .gateway("/ws", gateway)
        .gateway("/raw", raw().raw(Desk::loops))
        .gateway("/ponders", raw().raw(Desk::ponders))
        .gateway("/moved", raw().raw(Desk::moved))
        .gateway("/one", raw().raw(Desk::one))
        .gateway("/deaf", raw().raw(Desk::deaf));
    (app.limits(limits.linger(LINGER)), desk)
}

fn text(text: &str) -> Vec<u8> {
    masked(0x81, text.as_bytes(), MASK)
}

fn echo(said: &str) -> String {
    format!(r#"{{"event":"echo","data":"{said}"}}"#)
}

/// Its name, its bytes, and the close frame that answers.
type Case = (&'static str, Vec<u8>, Option<(u16, String)>);

/// What ends a connection.
fn ends() -> Vec<Case> {
    let close = |code: u16, reason: &str| masked(0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat(), MASK);
    let said = |code: u16, reason: &str| Some((code, reason.to_owned()));
    vec![
        ("3.2", [masked(0xA1, b"rsv 2", MASK), masked(0x89, b"", MASK)].concat(), said(1002, "reserved_bits")),
        ("3.3", [masked(0xB1, b"rsv 3", MASK), masked(0x89, b"", MASK)].concat(), said(1002, "reserved_bits")),
        ("4.1.3", [masked(0x85, b"", MASK), masked(0x89, b"", MASK)].concat(), said(1002, "reserved_opcode")),
        ("4.1.4", [masked(0x86, b"reserved", MASK), masked(0x89, b"", MASK)].concat(), said(1002, "reserved_opcode")),
        ("4.2.3", [masked(0x8D, b"", MASK), masked(0x89, b"", MASK)].concat(), said(1002, "reserved_opcode")),
        ("4.2.4", [masked(0x8E, b"reserved", MASK), masked(0x89, b"", MASK)].concat(), said(1002, "reserved_opcode")),
        ("5.15", [masked(0x00, b"nothing", MASK), text("more")].concat(), said(1002, "unexpected_continuation")),
        ("too long", masked(0x82, &vec![0; 70_000], MASK), said(1009, "frame_too_big")),
        ("no text", masked(0x81, b"\xFF", MASK), said(1007, "invalid_utf8")),
        ("close", [close(4321, "my own words é"), text("behind it")].concat(), said(4321, "my own words é")),
        ("its code", close(1012, ""), said(1012, "")),
        ("bare close", masked(0x88, b"", MASK), None),
    ]
}

/// The seven Autobahn cases that end in the same read as a message, and all other ends: the answer comes first, and the end after it.
#[test]
fn what_came_whole_before_the_end_is_answered_before_it() {
    matrix(|stack| async move {
        let (app, desk) = desk(Limits::default());
        let rig = Rig::start(stack, app).await;
        for (case, bytes, close) in ends() {
            for place in ["/ws", "/raw", "/ponders", "/moved", "/one"] {
                desk.handled.store(0, Ordering::SeqCst);
                let what = format!("{case} {place} {stack:?}");
                let mut peer = rig.connect_to(place).await;
                let said = if place == "/ws" { echo("well") } else { "well".to_owned() };
                // 5.15 has its message in two fragments.
                let (half, rest) = said.as_bytes().split_at(2);
                let message = [masked(0x01, half, MASK), masked(0x80, rest, MASK)].concat();
                let count = if place == "/one" { 1 } else { 2 };
                peer.send_bytes(&[message.repeat(count), bytes.clone()].concat()).await;
                for _ in 0..count {
                    assert_eq!(peer.recv().await, Got::Text(said.clone()), "{what}");
                }
                let answered = Instant::now();
                assert_eq!(peer.recv().await, Got::Close(close.clone()), "{what}");
                assert!(answered.elapsed() < LINGER / 2, "it waits for nothing more: {what} {:?}", answered.elapsed());
                if !case.contains("close") && case != "its code" {
                    peer.close(1002).await;
                }
                peer.expect_end().await;
                assert!(answered.elapsed() < LINGER, "{what} {:?}", answered.elapsed());
                if matches!(place, "/ws" | "/raw" | "/moved") {
                    assert_eq!(desk.handled.load(Ordering::SeqCst), 2, "nothing that comes later: {what}");
                }
                rig.expect_empty().await;
                let left = std::mem::take(&mut *desk.left.lock().unwrap());
                assert_eq!(left.len(), 1, "{what}");
            }
        }
    });
}

#[test]
fn answers_that_are_ready_in_time_precede_the_close_frame_and_later_ones_are_counted() {
    matrix(|stack| async move {
        let (app, desk) = desk(Limits::default());
        let rig = Rig::start(stack, app).await;
        let ends = ends();
        for (case, bytes, close) in ends.iter().filter(|(case, ..)| ["3.2", "close"].contains(case)) {
            let what = format!("{case} {stack:?}");
            // One by one, beside each other, as streams, and later.
            let mut peer = rig.connect().await;
            let asked =
                ["wait 30 1", "wait 30 2", "beside 30 3", "three 0 4", "endless 0 5", "later 0 6"].map(|asked| {
                    let asked: Vec<&str> = asked.split(' ').collect();
                    let (event, ms, id) = (asked[0], asked[1], asked[2]);
                    text(&format!(r#"{{"event":"{event}","data":{ms},"id":{id}}}"#))
                });
            peer.send_bytes(&[asked.concat(), bytes.clone()].concat()).await;
            let mut texts = Vec::new();
            let got = loop {
                match peer.recv().await {
                    Got::Text(text) => texts.push(text),
                    other => break other,
                }
            };
            assert_eq!(got, Got::Close(close.clone()), "{what}");
            for part in [
                r#"{"event":"wait","data":30,"id":1}"#,
                r#"{"event":"wait","data":30,"id":2}"#,
                r#"{"event":"beside","data":30,"id":3}"#,
                r#""data":7,"id":6}"#,
            ] {
                assert!(texts.iter().any(|text| text.contains(part)), "{what}: {part} in {texts:?}");
            }
            for id in [4, 5] {
                let items = texts.iter().filter(|text| text.contains(&format!(r#""id":{id}"#))).count();
                assert!(items >= 3, "{what}: {id} in {texts:?}");
            }
            drop(peer);
            rig.expect_empty().await;

            let (mut peer, dropped) = (rig.connect().await, rig.handle.stats().dropped);
            peer.send_bytes(&[text(r#"{"event":"wait","data":1200,"id":1}"#), bytes.clone()].concat()).await;
            let asked = Instant::now();
            assert_eq!(peer.recv().await, Got::Close(close.clone()), "{what}");
            let waited = asked.elapsed();
            assert!(waited >= LINGER - Duration::from_millis(50) && waited < LINGER * 2, "{what}: {waited:?}");
            drop(peer);
            rig.expect_empty().await;
            assert_eq!(rig.handle.stats().dropped - dropped, 1, "{what}");

            // Nothing is waited for that cannot come: an answer of the client, and a stream without an end.
            let mut peer = rig.connect().await;
            let asks = [text(r#"{"event":"endless","id":1}"#), text(r#"{"event":"asks","id":2}"#)].concat();
            let asked = Instant::now();
            peer.send_bytes(&[asks, bytes.clone()].concat()).await;
            while let Got::Text(_) = peer.recv().await {}
            assert!(asked.elapsed() < LINGER / 2, "{what}: {:?}", asked.elapsed());
            drop(peer);
            rig.expect_empty().await;
        }
        desk.left.lock().unwrap().clear();
    });
}

/// A peer that ends its half of the stream still reads: handlers have their own time for it.
#[test]
fn requests_and_the_end_of_the_stream_in_one_segment_are_answered() {
    matrix(|stack| async move {
        let (app, desk) = desk(Limits::default());
        let rig = Rig::start(stack, app).await;
        let long = LINGER.as_millis() as u64 + 200;
        for behind in [&b""[..], b"\x81\x85\x01"] {
            let mut peer = rig.connect().await;
            let wait = format!(r#"{{"event":"wait","data":{long}}}"#);
            let asked =
                [text(&echo("one")), text(&wait), text(&echo("two")), text(r#"{"event":"later","id":9}"#)].concat();
            peer.send_bytes(&[&asked[..], behind].concat()).await;
            peer.finish().await;
            peer.expect(&echo("one")).await;
            peer.expect(&wait).await;
            peer.expect(&echo("two")).await;
            peer.expect(r#"{"event":"later","data":7,"id":9}"#).await;
            peer.expect_end().await;
            rig.expect_empty().await;
            assert_eq!(std::mem::take(&mut *desk.left.lock().unwrap()), [DisconnectReason::Lost], "{stack:?}");
            for place in ["/raw", "/ponders", "/moved", "/one"] {
                let mut peer = rig.connect_to(place).await;
                peer.send_bytes(&[text("one"), text("two"), behind.to_vec()].concat()).await;
                peer.finish().await;
                peer.expect("one").await;
                if place != "/one" {
                    peer.expect("two").await;
                }
                if place == "/one" {
                    // The loop has returned.
                    let _ = peer.recv().await;
                } else {
                    peer.expect_end().await;
                }
                rig.expect_empty().await;
            }
            desk.left.lock().unwrap().clear();
        }
        // One that takes nothing any more has no such time.
        let mut peer = rig.connect().await;
        peer.send_bytes(&text(r#"{"event":"wait","data":50}"#).repeat(3)).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

/// An answer and the end of the stream are one thing each, for streams that wait for ever and clients that vanish.
#[test]
fn what_has_no_end_ends_with_its_peer() {
    on(Stack::Listen, |stack| async move {
        let (app, _desk) = desk(Limits::default().handler_timeout(Duration::from_millis(700)));
        let rig = Rig::start(stack, app).await;
        for place in ["/deaf", "/ws"] {
            let mut peer = rig.connect_to(place).await;
            peer.send_bytes(&[text(r#"{"event":"endless"}"#), text(r#"{"event":"asks"}"#)].concat()).await;
            peer.finish().await;
            let asked = Instant::now();
            while peer.recv().await != Got::End {}
            // The loop that never asks has a handler's time.
            let most = if place == "/ws" { 400 } else { 1300 };
            assert!(asked.elapsed() < Duration::from_millis(most), "{place}: {:?}", asked.elapsed());
            rig.expect_empty().await;
        }
        let mut peer = rig.connect().await;
        peer.send_bytes(&[text(r#"{"event":"never","id":1}"#), masked(0x88, b"", MASK)].concat()).await;
        assert_eq!(peer.recv().await, Got::Close(None));
        drop(peer);
        rig.expect_empty().await;
    });
}

/// After the server's close frame the stream stays open until the client's has come, or `linger` is over.
#[test]
fn the_stream_ends_after_both_close_frames() {
    matrix(|stack| async move {
        let (app, _desk) = desk(Limits::default());
        let rig = Rig::start(stack, app).await;
        let half = text("half");
        let mut ways: Vec<(&str, Vec<u8>, u16)> = vec![
            ("kick", text(r#"{"event":"kick"}"#), 4503),
            ("kick, and half a frame", [&text(r#"{"event":"kick"}"#)[..], &half[..5]].concat(), 4503),
        ];
        ways.extend(ends().into_iter().filter_map(|(case, bytes, close)| match close {
            Some((code @ (1002 | 1007 | 1009), _)) => Some((case, bytes, code)),
            _ => None,
        }));
        for (way, bytes, code) in ways {
            for answers in ["a close frame", "the end", "nothing"] {
                if answers == "nothing" && !["kick", "3.2"].contains(&way) {
                    continue;
                }
                let what = format!("{way} {answers} {stack:?}");
                let mut peer = rig.connect().await;
                peer.send_bytes(&bytes).await;
                assert_eq!(peer.skip_until_close().await, code, "{what}");
                let closed = Instant::now();
                peer.expect_silence(Duration::from_millis(60)).await;
                match answers {
                    "a close frame" => {
                        if way.contains("half") {
                            peer.send_bytes(&half[5..]).await;
                        }
                        // What was on its way comes before it.
                        peer.send_bytes(&[text(&echo("late")), masked(0x88, &code.to_be_bytes(), MASK)].concat()).await;
                    }
                    "the end" => peer.finish().await,
                    _ => {}
                }
                assert_eq!(peer.recv().await, Got::End, "{what}");
                let elapsed = closed.elapsed();
                match answers {
                    "nothing" => assert!(elapsed >= LINGER - Duration::from_millis(50), "{what} {elapsed:?}"),
                    _ => assert!(elapsed < LINGER / 2 + Duration::from_millis(60), "{what} {elapsed:?}"),
                }
                rig.expect_empty().await;
            }
        }
        // The client's close frame in the same read as what sends it away.
        let mut peer = rig.connect().await;
        let sent = Instant::now();
        peer.send_bytes(&[text(r#"{"event":"kick"}"#), text(&echo("x")), masked(0x88, b"", MASK)].concat()).await;
        assert_eq!(peer.skip_until_close().await, 4503);
        peer.expect_end().await;
        assert!(sent.elapsed() < LINGER / 2, "{stack:?} {:?}", sent.elapsed());
        rig.expect_empty().await;
    });
}

/// Codes that clients take for a breach of the protocol are not an application's either.
#[test]
fn codes_that_clients_fail_on_are_not_sent() {
    for code in [1012, 1013, 1014] {
        assert_eq!(CloseCode::new(code), None);
    }
    on(Stack::Listen, |stack| async move {
        let (app, _desk) = desk(Limits::default());
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(&echo("here")).await, echo("here"));
        let ended = rig.handle.clone();
        let ended = tokio::spawn(async move { ended.shutdown().await });
        let goaway = peer.recv_text().await;
        assert!(
            goaway.starts_with(
                r#"{"event":"sys.goaway","data":{"code":1001,"reason":"service_restart","retryable":true,"retry_after_ms":"#
            ),
            "{goaway}"
        );
        assert_eq!(peer.recv_close().await, (1001, "service_restart".into()));
        peer.close(1001).await;
        peer.expect_end().await;
        ended.await.unwrap();
    });
}

/// What is closed behind a 101 stays open for the client's close frame, too.
#[test]
fn a_farewell_waits_for_the_close_frame() {
    each_stack(|stack| async move {
        let (app, _desk) = desk(Limits::default());
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect_with(Offer::to("/ws").protocols(&["switchboard.v9.json"])).await;
        assert_eq!(peer.recv_close().await, (4506, "unsupported_version".into()));
        peer.expect_silence(Duration::from_millis(60)).await;
        let closed = Instant::now();
        peer.close(4506).await;
        peer.expect_end().await;
        assert!(closed.elapsed() < LINGER / 2, "{:?}", closed.elapsed());
        drop(peer);
        rig.expect_empty().await;
    });
}
