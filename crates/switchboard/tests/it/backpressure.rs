//! Backpressure: docs/limits.md "Backpressure and admission" 3 to 6, and the caps of the buffers.
use crate::control::Stopwatch;
use crate::rig::{Got, Path, Peer, Rig, masked, on, paths, settle};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use switchboard::{App, Client, Delivery, Error, Gateway, Limits, VolatilePolicy};
use switchboard_core::ws::Opcode;
use tokio::sync::Semaphore;

#[derive(Clone)]
struct Press {
    /// What `hold` waits for.
    gate: Arc<Semaphore>,
    /// How many times `numbered` was called.
    numbered: Arc<AtomicUsize>,
}

impl Press {
    fn new() -> Press {
        Press { gate: Arc::new(Semaphore::new(0)), numbered: Arc::default() }
    }

    async fn echo(&self, text: String) -> String {
        text
    }
    async fn hold(&self, n: u64) -> u64 {
        self.gate.acquire().await.unwrap().forget();
        n
    }
    async fn ask(&self, client: &Client, n: u64) -> Result<Value, Error> {
        client.emit_with_ack("question", n, Duration::from_secs(5)).await
    }
    async fn ask_late(&self, client: &Client, n: u64) -> Result<Value, Error> {
        self.gate.acquire().await.unwrap().forget();
        client.emit_with_ack("question", n, Duration::from_secs(5)).await
    }
    async fn join(&self, rooms: Vec<String>, client: &Client) -> Result<usize, Error> {
        for room in &rooms {
            client.join(room).await?;
        }
        Ok(rooms.len())
    }
    async fn big(&self, len: usize) -> String {
        "x".repeat(len)
    }
    async fn numbered(&self, (n, len): (usize, usize)) -> (usize, String) {
        self.numbered.fetch_add(1, Ordering::Relaxed);
        (n, "x".repeat(len))
    }
}

impl Press {
    /// Closed connections are kept for a short time only, because many tests wait for it.
    fn app(&self, limits: Limits) -> App {
        self.lingering(limits.linger(Duration::from_millis(250)))
    }

    fn lingering(&self, limits: Limits) -> App {
        let gateway = Gateway::new(self.clone())
            .on("echo", Press::echo)
            .on("hold", Press::hold)
            .on("ask", Press::ask)
            .on("ask_late", Press::ask_late)
            .on("join", Press::join)
            .on("big", Press::big)
            .on("numbered", Press::numbered);
        App::new().gateway("/ws", gateway).limits(limits)
    }
}

async fn start(path: Path, limits: Limits) -> Rig {
    Rig::start(path, Press::new().app(limits)).await
}

const WELL: &str = r#"{"event":"echo","data":"well"}"#;
const MASK: [u8; 4] = [1, 2, 3, 4];
/// More than a socket and its peer take, when the peer does not read.
const FILL: usize = 1 << 20;

fn text(event: &str, data: impl serde::Serialize) -> String {
    format!(r#"{{"event":"{event}","data":{}}}"#, serde_json::to_string(&data).unwrap())
}

fn hold(n: u64) -> String {
    text("hold", n)
}

/// Joins `all`, so that this peer's client can be told from others.
async fn join(peer: &mut Peer, room: &str) {
    assert_eq!(peer.request(&text("join", [room])).await, text("join", 1));
}

fn emit(rig: &Rig, room: &str, data: impl serde::Serialize) -> Delivery {
    rig.handle.server().broadcast_to(room, "e", data)
}

/// Fills the socket of the only client in `stopped`: it refuses bytes from then on.
async fn block(rig: &Rig) {
    assert_eq!(emit(rig, "stopped", "x".repeat(FILL)).queued, 1);
    for _ in 0..50 {
        settle().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(rig.handle.stats().queued_bytes > 0, "its socket takes everything");
}

async fn read_fill(peer: &mut Peer) {
    assert_eq!(peer.text().await.len(), text("e", "").len() + FILL);
}

fn roomy() -> Limits {
    Limits::default().outbound_bytes(4 << 20).outbound_soft_bytes(4 << 20)
}

#[test]
fn sixteen_messages_wait_then_reading_pauses() {
    paths(|path| async move {
        let press = Press::new();
        let rig = Rig::start(path, press.app(Limits::default())).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        peer.send_all((0..16).map(hold)).await;
        // One runs, fifteen wait: control frames are still handled at once.
        peer.send_frame(Opcode::Ping, true, b"before").await;
        assert_eq!(peer.recv().await, Got::Pong(b"before".to_vec()), "{path:?}");
        peer.send_all((16..40).map(hold)).await;
        peer.send_frame(Opcode::Ping, true, b"after").await;
        peer.expect_silence(Duration::from_millis(60)).await;
        assert_eq!(rig.handle.stats().in_flight, 1, "one at a time");
        assert_eq!(healthy.request(WELL).await, WELL);
        press.gate.add_permits(40);
        let mut answers = Vec::new();
        while answers.len() < 41 {
            answers.push(peer.recv().await);
        }
        answers.retain(|got| *got != Got::Pong(b"after".to_vec()));
        assert_eq!(answers, (0..40).map(|n| Got::Text(hold(n))).collect::<Vec<_>>());
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn as_many_bytes_wait_then_reading_pauses() {
    paths(|path| async move {
        let press = Press::new();
        let rig = Rig::start(path, press.app(Limits::default())).await;
        let (mut peer, mut healthy) = (rig.connect_narrow().await, rig.connect().await);
        peer.send(&hold(1)).await;
        let large = text("echo", "x".repeat(60 << 10));
        let frame = masked(0x81, large.as_bytes(), MASK);
        peer.send_bytes(&frame.repeat(4)).await;
        peer.send_frame(Opcode::Ping, true, b"before").await;
        assert_eq!(peer.recv().await, Got::Pong(b"before".to_vec()));
        peer.send_bytes(&frame).await;
        // 300 KiB wait in five messages: not even a ping is read now.
        peer.send_frame(Opcode::Ping, true, b"after").await;
        peer.expect_silence(Duration::from_millis(60)).await;
        let all = frame.repeat(200);
        let sent = peer.flood(&all, Duration::from_millis(300)).await;
        assert!(sent < all.len(), "12 MB are taken from a client whose handler hangs");
        assert_eq!(healthy.request(WELL).await, WELL);
        press.gate.add_permits(1);
        assert_eq!(texts(&mut peer, 1).await, [hold(1)]);
        let (mut answers, mut at) = (0, sent);
        while answers < 205 {
            at += peer.flood(&all[at..], Duration::from_millis(1)).await;
            match peer.recv_within(Duration::from_secs(5)).await {
                Some(Got::Text(answer)) => assert_eq!(answer.len(), large.len()),
                Some(Got::Pong(_)) => continue,
                other => panic!("{other:?} after {answers}"),
            }
            answers += 1;
        }
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

/// The number that the server wants to be answered with, of a question.
fn question(text: &str) -> u64 {
    let question: Value = serde_json::from_str(text).unwrap();
    assert_eq!(question["event"], "question", "{text}");
    question["ack"].as_u64().unwrap()
}

#[test]
fn an_answer_is_read_while_its_handler_runs() {
    paths(|path| async move {
        let rig = start(path, Limits::default()).await;
        let mut peer = rig.connect().await;
        let ack = question(&peer.request(r#"{"event":"ask","data":1,"id":1}"#).await);
        // Messages wait behind it, and it does not wait behind them.
        peer.send_all([WELL; 10]).await;
        assert_eq!(
            peer.request(&format!(r#"{{"ack":{ack},"data":"yes"}}"#)).await,
            r#"{"event":"ask","data":"yes","id":1}"#
        );
        for _ in 0..10 {
            peer.expect(WELL).await;
        }
        let ack = question(&peer.request(r#"{"event":"ask","data":1,"id":1}"#).await);
        let error = peer.request(&format!(r#"{{"ack":{ack},"error":{{"code":"mine","message":"No"}}}}"#)).await;
        assert!(error.contains(r#""code":"mine","message":"No""#), "{error}");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn what_its_own_handler_asks_fails_at_once_while_reading_is_paused() {
    paths(|path| async move {
        let rig = start(path, Limits::default()).await;
        let (mut peer, mut other) = (rig.connect().await, rig.connect().await);
        let watch = Stopwatch::start();
        peer.send_all((0..60).map(|n| text("ask", n))).await;
        let (mut overloaded, mut answered) = (0, 0);
        while overloaded + answered < 60 {
            let got = peer.text().await;
            if got.contains(r#""code":"overloaded""#) {
                assert!(got.contains(r#""retryable":true"#), "{got}");
                overloaded += 1;
            } else if got.contains(r#""event":"question""#) {
                peer.send(&format!(r#"{{"ack":{},"data":1}}"#, question(&got))).await;
            } else {
                assert_eq!(got, text("ask", 1));
                answered += 1;
            }
        }
        assert!(overloaded >= 1 && answered >= 1, "{overloaded} {answered}");
        // Nobody waits for the timeout.
        watch.within(Duration::from_secs(3));
        assert_eq!(other.request(WELL).await, WELL);
        drop((peer, other));
        rig.expect_empty().await;
    });
}

#[test]
fn what_its_own_handler_asks_after_reading_has_paused_fails_at_once() {
    paths(|path| async move {
        let press = Press::new();
        let rig = Rig::start(path, press.app(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"ask_late","data":1,"id":1}"#).await;
        peer.send_all([WELL; 20]).await;
        peer.send_frame(Opcode::Ping, true, b"").await;
        peer.expect_silence(Duration::from_millis(30)).await;
        let watch = Stopwatch::start();
        press.gate.add_permits(1);
        let error = texts(&mut peer, 1).await.remove(0);
        assert!(error.contains(r#""id":1,"#) && error.contains(r#""code":"overloaded""#), "{error}");
        watch.within(Duration::from_secs(1));
        let mut answers = texts(&mut peer, 20).await;
        answers.dedup();
        assert_eq!(answers, [WELL]);
        drop(peer);
        rig.expect_empty().await;
    });
}

/// The next texts, whatever else comes between them.
async fn texts(peer: &mut Peer, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        if let Got::Text(text) = peer.recv().await {
            texts.push(text);
        }
    }
    texts
}

#[test]
fn a_queue_that_has_room_again_lets_its_handlers_ask() {
    paths(|path| async move {
        let rig = start(path, Limits::default()).await;
        let mut peer = rig.connect().await;
        peer.send_all((0..17).map(|n| text("ask", n))).await;
        let (mut overloaded, mut answered) = (0, 0);
        while overloaded + answered < 17 {
            let got = peer.text().await;
            if got.contains(r#""code":"overloaded""#) {
                overloaded += 1;
            } else if got.contains(r#""event":"question""#) {
                // The one that ran when the queue became full has been given up: its answer is ignored.
                peer.send(&format!(r#"{{"ack":{},"data":1}}"#, question(&got))).await;
            } else {
                answered += 1;
            }
        }
        assert_eq!((overloaded, answered), (1, 16), "{path:?}");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn others_may_ask_a_paused_client_and_wait() {
    paths(|path| async move {
        let press = Press::new();
        let rig = Rig::start(path, press.app(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send_all((0..20).map(hold)).await;
        rig.until(|stats| stats.in_flight == 1).await;
        let client = rig.handle.server().clients().remove(0);
        let asking =
            tokio::spawn(async move { client.emit_with_ack::<u8>("question", 0, Duration::from_secs(5)).await });
        let ack = question(&peer.text().await);
        peer.send(&format!(r#"{{"ack":{ack},"data":9}}"#)).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(!asking.is_finished());
        press.gate.add_permits(20);
        assert_eq!(asking.await.unwrap().unwrap(), 9);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn more_bytes_than_may_wait_close_4001() {
    paths(|path| async move {
        let rig = start(path, Limits::default()).await;
        let (mut stopped, mut healthy) = (rig.connect_narrow().await, rig.connect().await);
        join(&mut stopped, "all").await;
        join(&mut healthy, "all").await;
        let data = "x".repeat(20 << 10);
        let mut sent = 0;
        let dropped = loop {
            let delivery = emit(&rig, "all", &data);
            sent += 1;
            assert!(rig.handle.stats().queued_bytes <= (1 << 20) + data.len() + 100);
            healthy.expect(&text("e", &data)).await;
            if delivery.dropped > 0 {
                break delivery;
            }
            assert_eq!(delivery.queued, 2);
            assert!(sent < 1000, "never");
        };
        assert_eq!((dropped.queued, dropped.dropped, dropped.is_complete()), (1, 1, false));
        assert!(sent >= 50, "a MiB may wait: {sent}");
        // Whole frames, then the reason.
        assert_eq!(stopped.expect_close().await, 4001);
        stopped.expect_end().await;
        assert_eq!(emit(&rig, "all", 1).queued, 1);
        healthy.expect(&text("e", 1)).await;
        assert!(rig.handle.stats().dropped >= 50);
        drop((stopped, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn more_messages_than_may_wait_close_4001_and_replies_have_places_of_their_own() {
    paths(|path| async move {
        let limits = roomy().outbound_messages(64).outbound_reserved(32);
        let rig = start(path, limits).await;
        let (mut stopped, mut healthy) = (rig.connect_narrow().await, rig.connect().await);
        join(&mut stopped, "stopped").await;
        block(&rig).await;
        // The filling is one of 32.
        for n in 0..31 {
            assert_eq!(emit(&rig, "stopped", n).queued, 1, "{n}");
        }
        stopped.send(WELL).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(rig.handle.stats().connections, 2, "a reply is queued");
        read_fill(&mut stopped).await;
        for n in 0..31 {
            stopped.expect(&text("e", n)).await;
        }
        stopped.expect(WELL).await;
        // Once more, and one push too many.
        block(&rig).await;
        for n in 0..31 {
            assert_eq!(emit(&rig, "stopped", n).queued, 1, "{n}");
        }
        stopped.send(WELL).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        let delivery = emit(&rig, "stopped", "too many");
        assert_eq!((delivery.queued, delivery.dropped), (0, 1));
        let delivery = emit(&rig, "stopped", "gone");
        assert_eq!((delivery.queued, delivery.dropped), (0, 0));
        assert_eq!(stopped.expect_close().await, 4001);
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((stopped, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn the_longest_message_is_taken_when_nothing_waits() {
    paths(|path| async move {
        // The frame that is begun is finished before the close frame, and takes its time.
        let limits = Limits::default().linger(Duration::from_secs(8)).max_message_out(4 << 20);
        let rig = Rig::start(path, Press::new().lingering(limits)).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        join(&mut peer, "stopped").await;
        let long = "x".repeat(15 << 18);
        assert_eq!(emit(&rig, "stopped", &long).queued, 1);
        assert_eq!(peer.text().await.len(), text("e", "").len() + long.len());
        let refused = emit(&rig, "stopped", "x".repeat(4 << 20));
        assert_eq!((refused.queued, refused.dropped, refused.refused), (0, 0, true));
        let asked = rig.handle.server().clients_in("stopped").remove(0);
        let error = asked.emit_with_ack::<u8>("q", "x".repeat(4 << 20), Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.code().as_str(), "payload_too_large");
        assert!(peer.request(&text("big", 4 << 20)).await.contains(r#""code":"internal""#));
        assert_eq!(peer.request(WELL).await, WELL);
        // Not when something waits.
        assert_eq!(emit(&rig, "stopped", &long).queued, 1);
        assert_eq!(emit(&rig, "stopped", &long).dropped, 1);
        assert_eq!(peer.expect_close().await, 4001);
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

/// What a client has asked for takes no room from what others emit to it.
#[test]
fn a_push_has_its_room_beside_a_long_reply() {
    paths(|path| async move {
        // The reply is finished before the close frame, and takes its time.
        let rig = Rig::start(path, Press::new().lingering(Limits::default().linger(Duration::from_secs(8)))).await;
        let mut peer = rig.connect_narrow().await;
        join(&mut peer, "stopped").await;
        peer.send(&text("big", 8 << 20)).await;
        rig.until(|stats| stats.queued_bytes > 2 << 20).await;
        for n in 0..10 {
            assert_eq!(emit(&rig, "stopped", (n, "x".repeat(64 << 10))).queued, 1, "{path:?}");
        }
        assert_eq!(peer.text().await.len(), text("big", "").len() + (8 << 20));
        for n in 0..10 {
            peer.expect(&text("e", (n, "x".repeat(64 << 10)))).await;
        }
        assert_eq!(peer.request(WELL).await, WELL);
        // Nor do they have more.
        peer.send(&text("big", 8 << 20)).await;
        rig.until(|stats| stats.queued_bytes > 2 << 20).await;
        let queued = (0..20).take_while(|_| emit(&rig, "stopped", "x".repeat(64 << 10)).queued == 1).count();
        assert!((15..17).contains(&queued), "{queued} of 64 KiB in 1 MiB");
        assert_eq!(peer.expect_close().await, 4001);
        drop(peer);
        rig.expect_empty().await;
    });
}

/// The only reply to what was read goes straight to the socket, which takes a part of it, or nothing, when it is full.
#[test]
fn a_reply_that_the_socket_takes_in_part_comes_whole_and_in_its_place() {
    paths(|path| async move {
        let press = Press::new();
        let rig = Rig::start(path, press.app(Limits::default())).await;
        for len in [100, 3_000, 2 << 20] {
            let mut peer = rig.connect_narrow().await;
            let (before, mut asked) = (press.numbered.load(Ordering::Relaxed), 0);
            while rig.handle.stats().queued_bytes == 0 {
                assert!(asked < 50_000, "{path:?} {len}: the socket takes all");
                peer.send(&text("numbered", (asked, len))).await;
                asked += 1;
                // Each alone.
                let deadline = Instant::now() + Duration::from_secs(5);
                while press.numbered.load(Ordering::Relaxed) < before + asked {
                    assert!(Instant::now() < deadline, "{path:?} {len}: {asked} is not handled");
                    tokio::task::yield_now().await;
                }
            }
            for n in 0..asked {
                peer.expect(&text("numbered", (n, "x".repeat(len)))).await;
            }
            assert_eq!(peer.request(WELL).await, WELL);
        }
        rig.expect_empty().await;
    });
}

#[test]
fn volatile_messages_are_dropped_in_front_of_a_full_socket() {
    paths(|path| async move {
        let rig = start(path, roomy()).await;
        let mut peer = rig.connect_narrow().await;
        join(&mut peer, "stopped").await;
        let server = rig.handle.server();
        let volatile = |n: u32| server.to("stopped").volatile().emit("v", n);
        let client = server.clients_in("stopped").remove(0);
        assert_eq!(volatile(0).queued, 1);
        peer.expect(&text("v", 0)).await;
        assert_eq!(client.emit_volatile("v", 1).queued, 1);
        peer.expect(&text("v", 1)).await;
        block(&rig).await;
        for n in 2..100 {
            assert_eq!((volatile(n).dropped, client.emit_volatile("v", n).dropped), (1, 1));
        }
        // The latest of a key replaces the one before.
        for n in 0..500 {
            assert_eq!(server.to("stopped").latest("a").emit("a", n).queued, 1);
            assert_eq!(server.to("stopped").latest("b").emit("b", n).queued, 1);
        }
        assert_eq!(emit(&rig, "stopped", "end").queued, 1);
        assert!(rig.handle.stats().queued_bytes < FILL + 200);
        read_fill(&mut peer).await;
        for expected in [text("a", 499), text("b", 499), text("e", "end")] {
            peer.expect(&expected).await;
        }
        assert_eq!(volatile(7).queued, 1, "and again");
        peer.expect(&text("v", 7)).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn drop_oldest_keeps_the_newest_volatile_messages() {
    paths(|path| async move {
        let limits = roomy().volatile(VolatilePolicy::DropOldest).outbound_messages(42).outbound_reserved(32);
        let rig = start(path, limits).await;
        let mut peer = rig.connect_narrow().await;
        join(&mut peer, "stopped").await;
        let server = rig.handle.server();
        block(&rig).await;
        assert_eq!(emit(&rig, "stopped", "kept").queued, 1);
        for n in 0..100 {
            assert_eq!(server.to("stopped").volatile().emit("v", n).queued, 1);
        }
        read_fill(&mut peer).await;
        peer.expect(&text("e", "kept")).await;
        for n in 92..100 {
            peer.expect(&text("v", n)).await;
        }
        assert_eq!(peer.request(WELL).await, WELL);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn one_of_fifty_stops_reading_and_nobody_else_notices() {
    paths(|path| async move {
        const TIME: Duration = Duration::from_millis(500);
        let limits = roomy().write_timeout(TIME).ping_interval(Duration::from_millis(300));
        let limits = limits.ping_timeout(Duration::from_millis(2900));
        let rig = start(path, limits).await.hearing_pings();
        let mut stopped = rig.connect_narrow().await;
        join(&mut stopped, "stopped").await;
        join(&mut stopped, "all").await;
        let mut others = Vec::new();
        for _ in 0..49 {
            let mut peer = rig.connect().await;
            join(&mut peer, "all").await;
            others.push(peer);
        }
        block(&rig).await;
        let blocked = Stopwatch::start();
        let data = "x".repeat(4 << 10);
        let mut sent = 0;
        let mut pings = 0;
        let mut ended = None;
        // On a busy machine a round takes long: there are enough of them in any case.
        while ended.is_none() || sent <= 10 {
            if ended.is_none() && rig.handle.stats().connections < 50 {
                // The write's time, then the close frame's, which nobody takes.
                blocked.within(TIME + Duration::from_millis(600));
                ended = Some(blocked.elapsed());
            }
            let delivery = emit(&rig, "all", (sent, &data));
            assert!(delivery.queued >= 49 && delivery.queued + delivery.dropped <= 50, "{delivery:?}");
            assert!(ended.is_some() || blocked.elapsed() < TIME * 40, "never closed");
            for peer in &mut others {
                loop {
                    match peer.recv().await {
                        Got::Ping(payload) => {
                            pings += 1;
                            peer.send_frame(Opcode::Pong, true, &payload).await;
                        }
                        got => {
                            assert_eq!(got, Got::Text(text("e", (sent, &data))));
                            break;
                        }
                    }
                }
            }
            sent += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(ended >= Some(TIME), "{ended:?}");
        assert_eq!(rig.handle.stats().connections, 49);
        assert!(pings >= 49, "{sent} events, {pings} pings");
        drop((stopped, others));
        rig.expect_empty().await;
    });
}

#[test]
fn a_slow_reader_above_the_soft_limit_has_its_time() {
    paths(|path| async move {
        const TIME: Duration = Duration::from_millis(400);
        let limits = Limits::default().outbound_bytes(8 << 20).outbound_soft_bytes(64 << 10).outbound_soft_time(TIME);
        let rig = start(path, limits).await;
        let (mut slow, mut quick) = (rig.connect_narrow().await, rig.connect().await);
        join(&mut slow, "all").await;
        join(&mut quick, "all").await;
        let data = "x".repeat(32 << 10);
        for _ in 0..100 {
            assert_eq!(emit(&rig, "all", &data).queued, 2);
            quick.expect(&text("e", &data)).await;
        }
        let (began, watch) = (Instant::now(), Stopwatch::start());
        // It reads, so that each write makes progress, but never catches up.
        let close = loop {
            match slow.recv().await {
                Got::Text(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                other => break other,
            }
            watch.within(TIME * 4);
        };
        assert_eq!(close, Got::Close(Some((4001, "slow_consumer".into()))));
        assert!(began.elapsed() >= TIME / 2, "{:?}", began.elapsed());
        // Who is above it for less than that is not closed.
        for _ in 0..3 {
            for _ in 0..20 {
                emit(&rig, "all", &data);
            }
            tokio::time::sleep(TIME / 4).await;
            for _ in 0..20 {
                quick.expect(&text("e", &data)).await;
            }
        }
        assert_eq!(quick.request(WELL).await, WELL);
        drop((slow, quick));
        rig.expect_empty().await;
    });
}

/// Requests and no reading of replies: the client waits for itself, and loses nothing.
#[test]
fn a_client_that_pipelines_without_reading_is_paused() {
    paths(|path| async move {
        let rig = start(path, Limits::default()).await;
        for (count, len) in [(120_000, 1), (6000, 1000)] {
            let (mut peer, mut healthy) = (rig.connect_narrow().await, rig.connect().await);
            let ask = |n: usize| format!(r#"{{"event":"echo","data":"{}","id":{n}}}"#, "x".repeat(len));
            let all: Vec<u8> = (0..count).flat_map(|n| masked(0x81, ask(n).as_bytes(), MASK)).collect();
            let mut at = peer.flood(&all, Duration::from_millis(400)).await;
            assert!(at < all.len(), "{count} requests are taken from a client that reads no reply {path:?}");
            let stats = rig.handle.stats();
            assert_eq!(stats.connections, 2, "killed {path:?}");
            assert!(stats.queued_bytes <= (256 << 10) + (64 << 10), "{}", stats.queued_bytes);
            assert_eq!(healthy.request(WELL).await, WELL);
            for n in 0..count {
                if n % 200 == 0 {
                    at += peer.flood(&all[at..], Duration::from_millis(1)).await;
                }
                let reply = loop {
                    match peer.recv_within(Duration::from_millis(20)).await {
                        Some(got) => break got,
                        None => at += peer.flood(&all[at..], Duration::from_millis(20)).await,
                    }
                };
                assert_eq!(reply, Got::Text(ask(n)), "{path:?}");
            }
            drop((peer, healthy));
        }
        rig.expect_empty().await;
    });
}

#[test]
fn pongs_that_cannot_leave_are_bounded() {
    paths(|path| async move {
        let rig = start(path, roomy()).await;
        let mut peer = rig.connect_narrow().await;
        join(&mut peer, "stopped").await;
        block(&rig).await;
        for n in 0..60u8 {
            peer.send_frame(Opcode::Ping, true, &[n]).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(rig.handle.stats().queued_bytes < FILL + 40 * 3);
        let mut pongs = Vec::new();
        let mut filled = false;
        while !filled || pongs.len() < 32 {
            match peer.recv().await {
                Got::Pong(payload) => pongs.push(payload[0]),
                Got::Text(_) => filled = true,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pongs, (0..32).collect::<Vec<_>>(), "{path:?}");
        // No further one is in front of it.
        assert_eq!(peer.request(WELL).await, WELL);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_client_has_128_rooms() {
    on(Path::Memory, |path| async move {
        let rig = start(path, Limits::default()).await;
        let mut peer = rig.connect().await;
        let rooms: Vec<String> = (0..128).map(|n| format!("room {n}")).collect();
        assert_eq!(peer.request(&text("join", &rooms)).await, text("join", 128));
        let refused = peer.request(&text("join", ["one more"])).await;
        assert!(refused.contains(r#""code":"rate_limited""#) && refused.contains(r#""retryable":false"#), "{refused}");
        assert_eq!(peer.request(&text("join", ["room 0"])).await, text("join", 1), "joined already");
        assert_eq!((rig.handle.stats().rooms, rig.handle.stats().memberships), (128, 128));
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn the_answers_that_are_awaited_are_bounded() {
    paths(|path| async move {
        let rig = start(path, Limits::default().pending_acks_node(70)).await;
        let (a, b) = (rig.connect().await, rig.connect().await);
        let clients = rig.handle.server().clients();
        let ask = |client: &Client| {
            let client = client.clone();
            tokio::spawn(async move { client.emit_with_ack::<u8>("q", 1, Duration::from_secs(30)).await })
        };
        let mut asking: Vec<_> = (0..64).map(|_| ask(&clients[0])).collect();
        rig.until(|stats| stats.pending_acks == 64).await;
        assert_eq!(ask(&clients[0]).await.unwrap().unwrap_err().code().as_str(), "rate_limited");
        asking.extend((0..6).map(|_| ask(&clients[1])));
        rig.until(|stats| stats.pending_acks == 70).await;
        assert_eq!(ask(&clients[1]).await.unwrap().unwrap_err().code().as_str(), "rate_limited", "the node's");
        drop((a, b));
        for asked in asking {
            assert_eq!(asked.await.unwrap().unwrap_err().code().as_str(), "not_found");
        }
        assert_eq!(ask(&clients[0]).await.unwrap().unwrap_err().code().as_str(), "not_found");
        rig.expect_empty().await;
    });
}

#[test]
fn the_handlers_of_a_node_are_bounded() {
    paths(|path| async move {
        let press = Press::new();
        let rig = Rig::start(path, press.app(Limits::default().handlers(2))).await;
        let mut peers = [rig.connect().await, rig.connect().await, rig.connect().await];
        for peer in &mut peers[..2] {
            peer.send(&hold(1)).await;
        }
        rig.until(|stats| stats.in_flight == 2).await;
        let answer: Value =
            serde_json::from_str(&peers[2].request(r#"{"event":"hold","data":2,"id":2}"#).await).unwrap();
        assert_eq!((&answer["data"]["code"], &answer["data"]["retryable"]), (&json!("overloaded"), &json!(true)));
        press.gate.add_permits(3);
        for peer in &mut peers[..2] {
            peer.expect(&hold(1)).await;
        }
        assert_eq!(peers[2].request(&hold(3)).await, hold(3));
        drop(peers);
        rig.expect_empty().await;
    });
}

#[test]
fn a_burst_of_events_to_clients_that_read_drops_nobody() {
    paths(|path| async move {
        let rig = start(path, Limits::default()).await;
        let mut peers = [rig.connect().await, rig.connect().await];
        for peer in &mut peers {
            join(peer, "all").await;
        }
        // Without a pause: nobody has had the chance to write.
        for n in 0..5000 {
            assert_eq!(emit(&rig, "all", n).queued, 2, "{n} {path:?}");
        }
        for n in 0..5000 {
            for peer in &mut peers {
                peer.expect(&text("e", n)).await;
            }
        }
        drop(peers);
        rig.expect_empty().await;
    });
}
