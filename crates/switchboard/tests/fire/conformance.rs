//! R25: every case of RFC 6455, whole and in pieces, on a socket and in memory, with events and raw.
use crate::corpus::{self, Case, Message};
use crate::seed::Rng;
use crate::{run, turn, victim};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::{Gateway, Limits, Socket};
use switchboard_rig::{Got, Rig, Stack, settle};

const RAW: &str = "/recorded";
/// Up to this length a case is cut at every byte.
const SHORT: usize = 48;
/// Above it, at so many places of chance.
const LONG_CUTS: usize = 3;

/// A raw gateway that gives back what it receives, and keeps it.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    received: Vec<Message>,
    ended: bool,
}

impl Recorder {
    async fn run(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            self.0.lock().unwrap().received.push(match message.clone() {
                switchboard::raw::Message::Text(text) => Message::Text(text),
                other => Message::Binary(other.as_bytes().to_vec()),
            });
            let _ = socket.send(message).await;
        }
        self.0.lock().unwrap().ended = true;
    }

    /// What one connection received, once it has ended.
    async fn take(&self) -> Vec<Message> {
        for _ in 0..10_000 {
            if self.0.lock().unwrap().ended {
                return std::mem::take(&mut *self.0.lock().unwrap()).received;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the loop of a raw gateway does not end")
    }
}

fn limits() -> Limits {
    victim::limits("default").malformed_per_10s(u32::MAX)
}

#[test]
fn r25_rfc_6455_on_a_socket() {
    conform(Stack::Listen);
}

#[test]
fn r25_rfc_6455_in_memory() {
    conform(Stack::Memory);
}

fn conform(stack: Stack) {
    let _turn = turn();
    let mut rng = Rng::new();
    let cases = corpus::cases();
    run(Duration::from_secs(300), async || {
        let recorder = Recorder::default();
        let recorded = Gateway::new(recorder.clone()).raw(Recorder::run);
        let rig = Rig::start(stack, victim::app(limits()).gateway("/recorded", recorded)).await;
        // One that asks all the time, with the server's ticks in between.
        let (mut healthy, end) = (rig.connect().await, Arc::new(AtomicBool::new(false)));
        assert_eq!(healthy.request(r#"{"event":"join","data":["ticks"]}"#).await, r#"{"event":"join","data":null}"#);
        let (ended, server) = (end.clone(), rig.handle.server());
        let healthy = tokio::spawn(async move {
            for n in 0u64.. {
                if ended.load(Ordering::Relaxed) {
                    return n;
                }
                server.broadcast_to("ticks", "tick", n);
                let sent = format!(r#"{{"event":"echo","data":{n}}}"#);
                healthy.send(&sent).await;
                healthy.expect(&format!(r#"{{"event":"tick","data":{n}}}"#)).await;
                healthy.expect(&sent).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            unreachable!("a number has no end")
        });
        let mut ran = 0;
        for gateway in [RAW, "/ws"] {
            for case in &cases {
                let length = case.bytes.len();
                let cuts: Vec<usize> = match length {
                    0..=SHORT => (1..length).collect(),
                    _ => (0..LONG_CUTS).map(|_| 1 + rng.below(length - 1)).collect(),
                };
                check(&rig, &recorder, gateway, case, &[]).await;
                for cut in &cuts {
                    check(&rig, &recorder, gateway, case, &[*cut]).await;
                }
                ran += cuts.len() + 1;
                if gateway == RAW {
                    // Byte by byte.
                    let every: Vec<usize> = (1..length.min(SHORT)).collect();
                    check(&rig, &recorder, gateway, case, &every).await;
                    ran += 1;
                }
            }
        }
        end.store(true, Ordering::Relaxed);
        let asked = healthy.await.unwrap();
        assert!(asked > 100, "{asked} requests beside {ran} runs");
        rig.expect_empty().await;
        eprintln!("    {stack:?}: {} cases, run {ran} times", cases.len());
    });
}

/// Sends a case in pieces, and holds what comes against what must.
async fn check(rig: &Rig, recorder: &Recorder, gateway: &str, case: &Case, cuts: &[usize]) {
    let mut peer = rig.connect_to(gateway).await;
    let mut from = 0;
    for to in cuts.iter().copied().chain([case.bytes.len()]) {
        // The server may have closed before the last bytes; and it must not wait for us to read.
        from += peer.flood(&case.bytes[from..to], Duration::from_millis(200)).await;
        if from < to {
            break;
        }
        settle().await;
    }
    let what = || format!("{} on {gateway}, cut at {cuts:?}", case.name);
    let (mut messages, mut pongs) = (Vec::new(), Vec::new());
    let mut unsent = &case.bytes[from..];
    let close = loop {
        let got = match peer.recv_within(Duration::from_millis(if unsent.is_empty() { 10_000 } else { 1 })).await {
            Some(got) => got,
            None if unsent.is_empty() => panic!("{}: nothing came", what()),
            None => {
                let sent = peer.flood(unsent, Duration::from_millis(1)).await;
                unsent = &unsent[sent..];
                continue;
            }
        };
        match got {
            Got::Pong(payload) => pongs.push(payload),
            Got::Text(text) => messages.push(Message::Text(text)),
            Got::Binary(bytes) => messages.push(Message::Binary(bytes)),
            Got::Close(close) => break close,
            other => panic!("{}: {other:?}", what()),
        }
    };
    assert_eq!(close, case.close, "{}", what());
    assert_eq!(pongs, case.pongs, "{}", what());
    // Many cases end within a frame, so that the close frame cannot be answered; the server need not wait for that here.
    drop(peer);
    if gateway == RAW {
        assert!(case.messages.starts_with(&messages), "{}: {messages:?}", what());
        assert_eq!(recorder.take().await, case.messages, "{}", what());
        return;
    }
    assert_eq!(messages.len(), case.messages.len(), "{}: {messages:?}", what());
    for (got, sent) in messages.iter().zip(&case.messages) {
        assert!(is_answer(sent, got), "{}: {got:?} for {sent:?}", what());
    }
}

/// An envelope is echoed; of everything else is said what it is not.
fn is_answer(sent: &Message, got: &Message) -> bool {
    let Message::Text(got) = got else { return false };
    match sent {
        Message::Text(sent) if sent.starts_with("{\"event\":\"echo\"") => sent == got,
        _ => got.starts_with(r#"{"event":"exception""#) && got.contains(r#""code":"bad_request""#),
    }
}
