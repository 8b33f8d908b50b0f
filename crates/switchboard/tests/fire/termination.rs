//! R16: a process that is told to end, while clients ask.
use crate::child::Server;
use crate::{ms, run, turn};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use switchboard_rig::{Got, RawClient, Stream, read_to_end};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(40);

fn request(event: &str, data: u64, id: u64) -> String {
    format!(r#"{{"event":"{event}","data":{data},"id":{id}}}"#)
}

/// What one client saw: requests answered, and answered `draining`, and the end.
struct Seen {
    sent: Vec<Instant>,
    answered: u64,
    draining: u64,
}

/// Asks every now and then, whatever was answered, until it is told to go.
async fn ask(mut peer: RawClient, offset: u64) -> Seen {
    let mut seen = Seen { sent: Vec::new(), answered: 0, draining: 0 };
    tokio::time::sleep(ms(offset)).await;
    let mut next = tokio::time::Instant::now();
    let close = loop {
        let pause = next.saturating_duration_since(tokio::time::Instant::now());
        match peer.recv_within(pause).await {
            None => {
                let id = seen.sent.len() as u64;
                // Some of them take longer than the others are apart.
                let text = if id % 4 == 3 { request("wait", 45, id) } else { request("echo", 7, id) };
                let bytes = switchboard_rig::masked(0x81, text.as_bytes(), [1, 2, 3, 4]);
                // After the server's close frame nothing is taken any more.
                if peer.flood(&bytes, ms(500)).await == bytes.len() {
                    seen.sent.push(Instant::now());
                }
                next += ms(30);
            }
            Some(Got::Text(text)) if text.contains("sys.goaway") => {}
            Some(Got::Text(text)) => {
                let id = seen.answered + seen.draining;
                // What is refused overtakes what runs.
                if text.contains(r#""code":"draining""#) {
                    seen.draining += 1;
                } else if text == request("echo", 7, id) || text == request("wait", 45, id) {
                    assert!(seen.draining == 0, "begun behind one that was refused: {text}");
                    seen.answered += 1;
                } else {
                    let id: u64 = text.rsplit_once(r#""id":"#).unwrap().1.trim_end_matches('}').parse().unwrap();
                    assert!(id < seen.answered + seen.draining && id >= seen.answered, "out of order: {text}");
                    seen.answered += 1;
                }
            }
            Some(Got::Close(close)) => break close,
            Some(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(close, Some((1001, "service_restart".into())));
    assert_eq!(peer.recv().await, Got::End);
    seen
}

/// Every request that was sent before the signal is answered, with what it asked for or with `draining`; then every client is
/// told 1001, and the process ends well.
#[test]
fn r16_sigterm_loses_nothing_that_was_accepted() {
    let _turn = turn();
    let test = async || {
        let mut server = Server::start("hasty");
        let mut clients = JoinSet::new();
        for at in 0..150 {
            let peer = server.connect("/ws").await;
            clients.spawn_local(ask(peer, at % 30));
        }
        // One in the middle of its handshake, and one that never says anything.
        let mut half: Box<dyn Stream> = Box::new(server.stream().await);
        half.write_all(b"GET /ws HTTP/1.1\r\nHost: ").await.unwrap();
        let mut silent: Box<dyn Stream> = Box::new(server.stream().await);
        tokio::time::sleep(ms(1000)).await;
        let accepted = Instant::now();
        // What is on its way when the signal comes is not read yet: the machine has a moment for it.
        tokio::time::sleep(ms(150)).await;
        server.terminate();
        let signal = Instant::now();
        let (mut answered, mut draining, mut behind, mut silent_ones) = (0, 0, 0, 0);
        while let Some(seen) = clients.join_next().await {
            let seen = seen.unwrap();
            let in_front = seen.sent.iter().filter(|at| **at < accepted).count() as u64;
            let got = seen.answered + seen.draining;
            assert!(got >= in_front, "{in_front} were sent in time, and {got} answered");
            answered += seen.answered;
            draining += seen.draining;
            behind += seen.sent.len() as u64 - got;
            silent_ones += (seen.sent.iter().filter(|at| **at < signal).count() as u64).saturating_sub(got);
        }
        read_to_end(&mut half, Duration::from_secs(5)).await;
        read_to_end(&mut silent, Duration::from_secs(5)).await;
        let status = server.ended(Duration::from_secs(10)).await;
        eprintln!(
            "    {answered} answered, {draining} draining, {behind} sent and not read ({silent_ones} of them in the 150 ms \
             before the signal); the end after {:?}",
            signal.elapsed()
        );
        assert!(status.success(), "{status}: {}", server.said());
        assert!(!server.said().contains("panicked at"), "{}", server.said());
    };
    run(PATIENCE, test);
}

/// A handler that hangs is waited for, and not by who says it twice.
#[test]
fn r16_a_second_sigterm_ends_at_once() {
    let _turn = turn();
    let test = async || {
        let mut server = Server::start("hasty");
        let mut hanging = server.connect("/ws").await;
        hanging.send(&request("forever", 1, 1)).await;
        let mut idle = server.connect("/ws").await;
        assert_eq!(idle.request(&request("echo", 7, 1)).await, request("echo", 7, 1));
        server.until(Duration::from_secs(5), |numbers| numbers.in_flight == 1).await;
        server.terminate();
        assert_eq!(idle.skip_until_close().await, 1001);
        drop(idle);
        hanging.expect_silence(ms(500)).await;
        let began = Instant::now();
        server.terminate();
        let answer = hanging.recv_text().await;
        assert!(answer.contains(r#""id":1"#) && answer.contains(r#""code":"draining""#), "{answer}");
        assert_eq!(hanging.skip_until_close().await, 1001);
        drop(hanging);
        let status = server.ended(Duration::from_secs(5)).await;
        eprintln!("    the end after {:?}", began.elapsed());
        assert!(status.success(), "{status}");
        let said = server.said();
        assert!(said.contains("ended at once") && !said.contains("panicked at"), "{said}");
    };
    run(PATIENCE, test);
}

/// In one process, under load: the same through `Handle::shutdown`.
#[test]
fn r16_a_shutdown_from_within_loses_nothing_that_was_accepted() {
    let _turn = turn();
    let test = async || {
        let app = crate::victim::app(crate::victim::limits("hasty"));
        let rig = switchboard_rig::Rig::start(switchboard_rig::Stack::Listen, app).await;
        let answered = Rc::new(Cell::new(0));
        let mut clients = JoinSet::new();
        for at in 0..60 {
            let (peer, answered) = (rig.connect().await, answered.clone());
            clients.spawn_local(async move {
                let seen = ask(peer, at % 30).await;
                // One thread: what was sent before is in the server's socket, and is read before the next turn.
                answered.set(answered.get() + seen.answered + seen.draining);
                (seen.sent, seen.answered + seen.draining)
            });
        }
        tokio::time::sleep(ms(600)).await;
        let accepted = Instant::now();
        tokio::time::sleep(ms(100)).await;
        let report = rig.handle.shutdown().await;
        assert_eq!(report.aborted, 0);
        while let Some(seen) = clients.join_next().await {
            let (sent, got) = seen.unwrap();
            let in_front = sent.iter().filter(|at| **at < accepted).count() as u64;
            assert!(got >= in_front, "{in_front} were sent in time, and {got} answered");
        }
        assert!(answered.get() > 500, "{}", answered.get());
        rig.expect_empty().await;
    };
    run(PATIENCE, test);
}
