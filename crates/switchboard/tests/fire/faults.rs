//! R18 and R19: the application's faults stay where they are.
use crate::child::Server;
use crate::figures::{self, figure};
use crate::witness::Witness;
use crate::{ms, over, run, turn};
use std::time::{Duration, Instant};
use switchboard_rig::{Got, RawClient};

const PATIENCE: Duration = Duration::from_secs(60);
/// Of each kind.
const TIMES: u64 = 100;

fn request(event: &str, data: &str, id: u64) -> String {
    format!(r#"{{"event":"{event}","data":{data},"id":{id}}}"#)
}

#[track_caller]
fn assert_error(answer: &str, code: &str, id: u64) {
    let expected = format!(r#"{{"event":"exception","id":{id},"data":{{"status":"error","code":"{code}","message":""#);
    assert!(answer.starts_with(&expected) && !answer.contains("purpose"), "{answer}");
}

/// In a handler before and after it waits, in what reads and writes messages, in an extractor, in an awaited answer, in a
/// connection's state, in each hook, in a raw loop.
#[test]
fn r18_panics_everywhere() {
    let _turn = turn();
    run(PATIENCE, async || {
        // With 72 handlers at once, a place that is lost is soon missed.
        let server = Server::start("few");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(700)).await;
        let mut peer = server.connect("/ws").await;
        let mut panics = 0;
        for id in 0..TIMES {
            for event in
                ["panics", "panics_later", "panics_in_serialize", "panics_in_deserialize", "panics_in_extractor"]
            {
                assert_error(&peer.request(&request(event, "1", id)).await, "internal", id);
                panics += 1;
            }
            let question = peer.request(&request("ask_panics", "1", id)).await;
            let ack = question.strip_prefix(r#"{"event":"question","data":null,"ack":"#).expect("a question");
            let answer = format!(r#"{{"ack":{},"data":1}}"#, ack.trim_end_matches('}'));
            assert_error(&peer.request(&answer).await, "internal", id);
            panics += 1;

            let mut armed = server.connect("/ws").await;
            assert!(armed.request(&request("arm", "1", id)).await.contains(r#""data":null"#));
            drop(armed);
            panics += 1;
            for (path, code) in [("/joining-panics", 1011), ("/raw-panics", 1011)] {
                let mut lost = server.connect(path).await;
                lost.flood(&switchboard_rig::masked(0x81, b"now", [1; 4]), ms(500)).await;
                assert_eq!(lost.skip_until_close().await, code, "{path}");
                panics += 1;
            }
            let mut leaving = server.connect("/leaving-panics").await;
            assert_eq!(leaving.request(&request("echo", "1", id)).await, request("echo", "1", id));
            drop(leaving);
            panics += 1;
        }
        let numbers = server.until(Duration::from_secs(5), |numbers| numbers.connections == 2).await;
        assert_eq!(numbers.panics, panics);
        let beside = witness.beside().await;
        eprintln!("    {panics} panics");
        beside.not_much_worse_than(&before, 10);
        // Nothing that they held is missing.
        for from in (0..10_000).step_by(100) {
            peer.send_all((from..from + 100).map(|id| request("echo", "1", id))).await;
            for id in from..from + 100 {
                peer.expect(&request("echo", "1", id)).await;
            }
        }
        let mut others: Vec<RawClient> = Vec::new();
        for _ in 0..64 {
            others.push(server.connect("/ws").await);
        }
        for other in &mut others {
            other.send(&request("wait", "300", 1)).await;
        }
        for other in &mut others {
            other.expect(&request("wait", "300", 1)).await;
        }
        drop((peer, others));
        over(server, witness).await;
    });
}

/// The profile `cut`: handlers have 600 ms.
const LIMIT: Duration = ms(600);

#[test]
fn r19_handlers_that_never_end_are_cut() {
    let _turn = turn();
    run(PATIENCE, async || {
        let server = Server::start("cut");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(700)).await;
        let mut latest = LIMIT;
        // Asleep, and busy in every turn.
        for (event, count) in [("forever", 50), ("deaf", 1)] {
            let mut peers = Vec::new();
            for _ in 0..count {
                let mut peer = server.connect("/ws").await;
                peer.send(&request(event, "1", 1)).await;
                peers.push((peer, server.stopwatch()));
            }
            for (peer, watch) in &mut peers {
                assert_error(&peer.recv_text().await, "timeout", 1);
                let elapsed = watch.elapsed();
                assert!(elapsed >= LIMIT, "{event}: {elapsed:?}");
                // A tenth, and the step of the clock.
                watch.within(LIMIT.mul_f64(1.1) + ms(600));
                latest = latest.max(elapsed);
                assert_eq!(peer.request(&request("echo", "1", 2)).await, request("echo", "1", 2));
            }
        }
        figure(
            "R19",
            "51 handlers that never end are cut: the latest",
            latest.div_duration_f64(LIMIT),
            "× its time",
            1.1,
        );
        // A cancel is not asked what it thinks of it.
        let mut peer = server.connect("/ws").await;
        peer.send(&request("deaf", "1", 1)).await;
        tokio::time::sleep(ms(50)).await;
        let watch = server.stopwatch();
        assert_error(&peer.request(r#"{"cancel":1}"#).await, "cancelled", 1);
        watch.within(ms(500));
        assert_eq!(peer.request(&request("echo", "1", 2)).await, request("echo", "1", 2));
        drop(peer);
        let beside = witness.beside().await;
        beside.not_much_worse_than(&before, 10);
        over(server, witness).await;
    });
}

/// One of two workers is taken for two seconds, which no handler may do; the other one serves the rest.
#[test]
fn r19_a_handler_that_blocks_its_worker() {
    let _turn = turn();
    run(PATIENCE, async || {
        let server = Server::start("cut");
        let witness = Witness::new(&server);
        // A core is taken all the same, but not the server's worker on it.
        let elsewhere = std::thread::spawn(|| {
            let began = Instant::now();
            while began.elapsed() < ms(2000) {
                std::hint::spin_loop();
            }
        });
        let before = witness.watch(ms(2000)).await;
        elsewhere.join().unwrap();
        let mut peer = server.connect("/ws").await;
        drop(witness.times());
        // For longer than a handler has: it is answered when it lets go.
        let began = Instant::now();
        let answer = peer.request(&request("spin", "2000", 9)).await;
        assert!(began.elapsed() >= ms(2000));
        let beside = witness.beside().await;
        assert!(answer == request("spin", "2000", 9) || answer.contains(r#""code":"timeout""#), "{answer}");
        assert_eq!(peer.request(&request("echo", "1", 2)).await, request("echo", "1", 2));
        let longest = beside.at(1.0);
        eprintln!("    the longest answer beside it: {longest:?}");
        assert!(longest <= ms(1000), "{longest:?}");
        let who = "one beside a handler that blocks a worker of two for 2 s";
        figures::beside("R19", who, "a core that another program takes", &before, &beside, 2.0);
        beside.not_much_worse_than(&before, 10);
        peer.close(1000).await;
        assert_eq!(peer.recv().await, Got::Close(Some((1000, String::new()))));
        drop(peer);
        over(server, witness).await;
    });
}
