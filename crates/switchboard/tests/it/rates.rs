//! Rates of messages: docs/limits.md "Backpressure and admission" 3, D17, H04, R12.
use serde_json::Value;
use std::time::Duration;
use switchboard::{App, Client, Error, Gateway, GatewayLimits, Limits, Rate, Socket};
use switchboard_core::ws::Opcode;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, RawClient, Rig, Stack, each_stack, matrix, on, paused};

#[derive(Default)]
struct Busy;

impl Busy {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await.map(drop)
    }
    async fn leave(&self, room: String, client: &Client) {
        client.leave(room);
    }
    async fn ask(&self, client: &Client) -> Result<Value, Error> {
        client.emit_with_ack("question", 1, Duration::from_secs(20)).await
    }
    async fn hang(&self) {
        std::future::pending().await
    }
}

async fn start(stack: Stack, limits: Limits) -> Rig {
    let gateway = Gateway::new(Busy)
        .on("echo", Busy::echo)
        .on("join", Busy::join)
        .on("leave", Busy::leave)
        .on("ask", Busy::ask)
        .on("hang", Busy::hang);
    Rig::start(stack, App::new().gateway("/ws", gateway).limits(limits)).await
}

const WELL: &str = r#"{"event":"echo","data":"well"}"#;

fn echo(id: usize) -> String {
    format!(r#"{{"event":"echo","data":"well","id":{id}}}"#)
}

/// The `retry_after_ms` of a refusal that names its request.
fn refused(answer: &str, id: usize) -> u64 {
    let answer: Value = serde_json::from_str(answer).unwrap();
    assert_eq!(answer["event"], "exception", "{answer}");
    assert_eq!(answer["id"], id, "{answer}");
    let error = if answer["data"].is_object() { &answer["data"] } else { &answer };
    assert_eq!((&error["code"], &error["retryable"]), (&"rate_limited".into(), &true.into()), "{answer}");
    error["retry_after_ms"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}

/// Sends requests until one is refused: how many were answered, and when the next one may come.
async fn until_refused(peer: &mut RawClient) -> (usize, u64) {
    for n in 0..1000 {
        let answer = peer.request(&echo(n)).await;
        if answer != echo(n) {
            return (n, refused(&answer, n));
        }
    }
    panic!("never refused")
}

async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[test]
fn d17_the_rate_of_messages_is_exact() {
    paused(async {
        // The peers answer no pings: the first one, at a random point of the interval, is far away.
        let limits = Limits::default().ping_interval(Duration::from_secs(100 * 24 * 3600));
        let rig = start(Stack::Memory, limits.message_rate(Some(Rate::new(8, 20)))).await;
        let (mut peer, mut other) = (rig.connect().await, rig.connect().await);
        assert_eq!(until_refused(&mut peer).await, (20, 125));
        for (wait, answered, after) in [(124, 0, 1), (1, 1, 125), (250, 2, 125), (2000, 16, 125), (60_000, 20, 125)] {
            sleep(wait).await;
            assert_eq!(until_refused(&mut peer).await, (answered, after), "after {wait} ms");
        }
        assert_eq!(rig.handle.stats().rate_limited, 6);
        assert_eq!(until_refused(&mut other).await.0, 20, "each has its own");
    });
}

#[test]
fn public_rates_of_messages_are_what_it_says() {
    paused(async {
        let limits = Limits::public().ping_interval(Duration::from_secs(100 * 24 * 3600));
        let rig = start(Stack::Memory, limits).await;
        let (mut peer, mut other) = (rig.connect().await, rig.connect().await);
        for answered in [200, 100, 100] {
            assert_eq!(until_refused(&mut peer).await, (answered, 10));
            sleep(1000).await;
        }
        // 4 MiB at once, and 1 MiB a second.
        let long = format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat((32 << 10) - WELL.len() + 4));
        assert_eq!(long.len(), 32 << 10);
        for answered in [128, 32, 32] {
            for _ in 0..answered {
                assert_eq!(other.request(&long).await, long);
            }
            assert!(other.request(&long).await.contains(r#""code":"rate_limited""#));
            sleep(1000).await;
        }
    });
}

#[test]
fn d17_the_rate_of_bytes_is_exact() {
    paused(async {
        let bytes = WELL.len() as u32;
        let limits = Limits::default().byte_rate(Some(Rate::new(bytes, 10 * bytes))).max_message(WELL.len());
        let rig = start(Stack::Memory, limits).await;
        let mut peer = rig.connect().await;
        for (wait, answered) in [(0, 10), (999, 0), (1, 1), (5000, 5)] {
            sleep(wait).await;
            for _ in 0..answered {
                assert_eq!(peer.request(WELL).await, WELL, "after {wait} ms");
            }
            assert!(peer.request(WELL).await.contains(r#""code":"rate_limited""#), "after {wait} ms");
        }
        // What is no text counts by its bytes too.
        sleep(3000).await;
        for _ in 0..3 {
            peer.send_frame(Opcode::Binary, true, &vec![0xFF; WELL.len()]).await;
            assert!(peer.recv_text().await.contains(r#""code":"bad_request""#));
        }
        assert!(peer.request(WELL).await.contains(r#""code":"rate_limited""#));
    });
}

#[test]
fn d17_who_keeps_on_is_closed_4003() {
    paused(async {
        let rig = start(Stack::Memory, Limits::default().message_rate(Some(Rate::new(1, 10)))).await;
        let (mut peer, mut other) = (rig.connect().await, rig.connect().await);
        peer.send_all((0..20).map(echo)).await;
        for n in 0..20 {
            let answer = peer.recv_text().await;
            if n < 10 { assert_eq!(answer, echo(n)) } else { assert!(refused(&answer, n) > 0) }
        }
        // Ten refusals within ten seconds are allowed; then their time is over, and ten more are.
        sleep(10_000).await;
        peer.send_all((0..20).map(echo)).await;
        for n in 0..20 {
            let answer = peer.recv_text().await;
            if n < 10 { assert_eq!(answer, echo(n)) } else { assert!(refused(&answer, n) > 0) }
        }
        peer.send(&echo(99)).await;
        refused(&peer.recv_text().await, 99);
        let goaway = peer.recv_text().await;
        assert!(goaway.contains("4003") && goaway.contains(r#""retry_after_ms":"#), "{goaway}");
        assert_eq!(peer.recv_close().await, (4003, "rate_limited".to_owned()));
        assert_eq!(other.request(WELL).await, WELL);
        assert_eq!(rig.handle.stats().rate_limited, 21);
    });
}

#[test]
fn d17_who_keeps_on_with_bytes_is_closed_4003() {
    paused(async {
        let limits = Limits::default().ping_interval(Duration::from_secs(100 * 24 * 3600)).max_message(1000);
        let rig = start(Stack::Memory, limits.byte_rate(Some(Rate::new(1, 5000)))).await;
        let mut peer = rig.connect().await;
        let long = format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(1000 - WELL.len() + 4));
        for round in 0..2 {
            // Five pass, at first; and five are refused, in ten seconds.
            for n in 0..if round == 0 { 10 } else { 5 } {
                let answer = peer.request(&long).await;
                if round == 0 && n < 5 { assert_eq!(answer, long) } else { assert!(answer.contains("rate_limited")) }
            }
            sleep(10_000).await;
        }
        for _ in 0..5 {
            assert!(peer.request(&long).await.contains("rate_limited"));
        }
        peer.send(&long).await;
        assert_eq!(peer.skip_until_close().await, 4003);
        assert_eq!(rig.handle.stats().rate_limited, 16);
    });
}

#[test]
fn answers_and_cancels_are_not_refused() {
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default().message_rate(Some(Rate::new(1, 3)))).await;
        let mut peer = rig.connect().await;
        let question: Value = serde_json::from_str(&peer.request(r#"{"event":"ask","id":"ask"}"#).await).unwrap();
        let ack = question["ack"].as_u64().unwrap();
        peer.send_all([echo(1), echo(2), echo(3)]).await;
        refused(&peer.recv_text().await, 3);
        assert_eq!(
            peer.request(&format!(r#"{{"ack":{ack},"data":"yes"}}"#)).await,
            r#"{"event":"ask","data":"yes","id":"ask"}"#
        );
        assert_eq!((peer.recv_text().await, peer.recv_text().await), (echo(1), echo(2)));
        sleep(1100).await;
        peer.send(r#"{"event":"hang","id":7}"#).await;
        refused(&peer.request(&echo(8)).await, 8);
        assert!(peer.request(r#"{"cancel":7}"#).await.contains(r#""code":"cancelled""#));
        // Answers that nobody awaits are counted like any other message.
        for _ in 0..4 {
            peer.send(&format!(r#"{{"ack":{ack},"data":"again"}}"#)).await;
        }
        assert_eq!(peer.skip_until_close().await, 4003);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn h04_joins_and_leaves_are_messages() {
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default().message_rate(Some(Rate::new(10, 50)))).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        let steps =
            (0..2000).map(|n| format!(r#"{{"event":"{}","data":"r"}}"#, if n % 2 == 0 { "join" } else { "leave" }));
        let watch = Stopwatch::start();
        peer.send_all(steps).await;
        assert_eq!(peer.skip_until_close().await, 4003);
        watch.within(Duration::from_secs(2));
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

/// docs/limits.md R12 at a small size.
#[test]
fn r12_a_flood_is_closed_and_nobody_else_notices() {
    matrix(|stack| async move {
        let rig = start(stack, Limits::public()).await;
        let mut healthy = rig.connect().await;
        let (mut many, mut large) = (rig.connect().await, rig.connect().await);
        let text = |data: &str| {
            let text = format!(r#"{{"event":"echo","data":"{data}"}}"#);
            switchboard_rig::masked(0x81, text.as_bytes(), [1, 2, 3, 4])
        };
        let (small, long) = (text("x").repeat(50_000), text(&"x".repeat(60 << 10)).repeat(600));
        let flood = async {
            tokio::join!(drown(&mut many, &small), drown(&mut large, &long));
        };
        let well = async {
            for _ in 0..60 {
                let watch = Stopwatch::start();
                assert_eq!(healthy.request(WELL).await, WELL);
                watch.within(Duration::from_secs(1));
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        };
        tokio::join!(flood, well);
        // 200 messages, and 4 MiB, and one more of each; twice that where the ten seconds end meanwhile.
        let refused = rig.handle.stats().rate_limited;
        assert!((201 + 69..=2 * (201 + 69)).contains(&refused), "{refused}");
        drop((many, large, healthy));
        rig.expect_empty().await;
    });
}

/// Sends and reads at the same time, until the server closes.
async fn drown(peer: &mut RawClient, bytes: &[u8]) {
    let mut sent = 0;
    let watch = Stopwatch::start();
    loop {
        sent += peer.flood(&bytes[sent..], Duration::from_millis(1)).await;
        while let Some(got) = peer.recv_within(Duration::from_millis(1)).await {
            match got {
                Got::Close(close) => return assert_eq!(close.map(|(code, _)| code), Some(4003)),
                Got::End => panic!("no close frame"),
                _ => {}
            }
        }
        // To send takes its part of this, and more so in a test than in a client.
        watch.within(Duration::from_secs(2));
    }
}

#[test]
fn a_raw_gateway_closes_at_once() {
    struct Raw;
    impl Raw {
        async fn run(&self, mut socket: Socket) -> Result<(), Error> {
            while let Some(message) = socket.recv().await {
                socket.send(message).await?;
            }
            Ok(())
        }
    }
    matrix(|stack| async move {
        let limits = GatewayLimits::default().message_rate(Some(Rate::new(1, 3)));
        let rig = Rig::start(stack, App::new().gateway("/ws", Gateway::new(Raw).raw(Raw::run).limits(limits))).await;
        let mut peer = rig.connect().await;
        for text in ["1", "2", "3"] {
            assert_eq!(peer.request(text).await, text);
        }
        peer.send("4").await;
        assert_eq!(peer.recv_close().await, (4003, "rate_limited".to_owned()));
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn without_rates_nobody_is_limited() {
    on(Stack::Listen, |stack| async move {
        let rig = start(stack, Limits::default()).await;
        let mut peer = rig.connect().await;
        for _ in 0..10 {
            peer.send_all((0..500).map(echo)).await;
            for n in 0..500 {
                peer.expect(&echo(n)).await;
            }
        }
        assert_eq!(rig.handle.stats().rate_limited, 0);
    });
}
