//! The inbound queue of a connection, and what pauses reading.
use super::{MASK, Press, WELL, hold, start, text};
use serde_json::Value;
use std::time::Duration;
use switchboard::Limits;
use switchboard_core::ws::Opcode;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, RawClient, Rig, each_stack, masked};

#[test]
fn sixteen_messages_wait_then_reading_pauses() {
    each_stack(|stack| async move {
        let press = Press::new();
        let rig = Rig::start(stack, press.app(Limits::default())).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        peer.send_all((0..16).map(hold)).await;
        // One runs, fifteen wait: control frames are still handled at once.
        peer.send_frame(Opcode::Ping, true, b"before").await;
        assert_eq!(peer.recv().await, Got::Pong(b"before".to_vec()), "{stack:?}");
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
    each_stack(|stack| async move {
        let press = Press::new();
        let rig = Rig::start(stack, press.app(Limits::default())).await;
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
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default()).await;
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
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default()).await;
        let (mut peer, mut other) = (rig.connect().await, rig.connect().await);
        let watch = Stopwatch::start();
        peer.send_all((0..60).map(|n| text("ask", n))).await;
        let (mut overloaded, mut answered) = (0, 0);
        while overloaded + answered < 60 {
            let got = peer.recv_text().await;
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
    each_stack(|stack| async move {
        let press = Press::new();
        let rig = Rig::start(stack, press.app(Limits::default())).await;
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
async fn texts(peer: &mut RawClient, count: usize) -> Vec<String> {
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
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default()).await;
        let mut peer = rig.connect().await;
        peer.send_all((0..17).map(|n| text("ask", n))).await;
        let (mut overloaded, mut answered) = (0, 0);
        while overloaded + answered < 17 {
            let got = peer.recv_text().await;
            if got.contains(r#""code":"overloaded""#) {
                overloaded += 1;
            } else if got.contains(r#""event":"question""#) {
                // The one that ran when the queue became full has been given up: its answer is ignored.
                peer.send(&format!(r#"{{"ack":{},"data":1}}"#, question(&got))).await;
            } else {
                answered += 1;
            }
        }
        assert_eq!((overloaded, answered), (1, 16), "{stack:?}");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn others_may_ask_a_paused_client_and_wait() {
    each_stack(|stack| async move {
        let press = Press::new();
        let rig = Rig::start(stack, press.app(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send_all((0..20).map(hold)).await;
        rig.until(|stats| stats.in_flight == 1).await;
        let client = rig.handle.server().local().clients().remove(0);
        let asking =
            tokio::spawn(async move { client.emit_with_ack::<u8>("question", 0, Duration::from_secs(5)).await });
        let ack = question(&peer.recv_text().await);
        peer.send(&format!(r#"{{"ack":{ack},"data":9}}"#)).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(!asking.is_finished());
        press.gate.add_permits(20);
        assert_eq!(asking.await.unwrap().unwrap(), 9);
        drop(peer);
        rig.expect_empty().await;
    });
}
