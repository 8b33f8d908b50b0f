//! R33 and D24: what outlives its turn is held against the limit of memory. Messages that wait, unfinished ones, those of raw
//! gateways, and what handlers in flight have made of theirs.
use crate::child::Server;
use crate::figures::figure;
use crate::victim::WELL;
use crate::{MASK, MIB, ms, run, turn};
use std::time::{Duration, Instant};
use switchboard_core::ws::Opcode;
use switchboard_rig::{Got, RawClient, masked};

/// A healthy client is answered: by its answer, or by `overloaded`. True: by its answer.
async fn is_served(healthy: &mut RawClient) -> bool {
    healthy.send(WELL).await;
    let answer = healthy.recv_text().await;
    let served = answer == WELL;
    assert!(served || answer.contains(r#""code":"overloaded""#), "{answer}");
    served
}

/// The resident memory is within what is promised, and the server serves again once the flood is gone.
async fn expect_held(
    mut server: Server,
    limit: i64,
    baseline: i64,
    what: &str,
    flood: Vec<RawClient>,
    mut healthy: RawClient,
) {
    let most = server.most_memory();
    let bound = (limit + baseline) * 11 / 10;
    eprintln!("    {what}: {} MiB at most, {} allowed, {} idle", most / MIB, bound / MIB, baseline / MIB);
    figure("R33", what, most as f64 / bound as f64, "of limit + idle + 10 %", 1.0);
    assert!(most <= bound, "{what}: {} MiB of {} MiB", most / MIB, bound / MIB);
    server.expect_well();
    drop(flood);
    let began = Instant::now();
    // Handlers have their last time. While those of the flood end one after another, memory may become short once more.
    let mut served_in_turn = 0;
    while served_in_turn < 50 {
        assert!(began.elapsed() < ms(12_000), "{what}: not served again");
        if is_served(&mut healthy).await {
            served_in_turn += 1;
        } else {
            served_in_turn = 0;
            tokio::time::sleep(ms(50)).await;
        }
    }
    drop(healthy);
    server.until(Duration::from_secs(10), |numbers| numbers.left() == [0; 6]).await;
    server.expect_well();
}

/// Each of so many clients sends these bytes, as far as they are read.
async fn flood(server: &Server, path: &str, clients: usize, bytes: &[u8]) -> Vec<RawClient> {
    let mut flood = Vec::new();
    for _ in 0..clients {
        flood.push((server.connect(path).await, 0));
    }
    for patience in [ms(15), ms(2), ms(2)] {
        for (peer, sent) in &mut flood {
            *sent += peer.flood(&bytes[*sent..], patience).await;
        }
    }
    flood.into_iter().map(|(peer, _)| peer).collect()
}

/// How many of them have heard `overloaded` by now; nobody was closed.
async fn refused(flood: &mut [RawClient]) -> usize {
    let mut refused = 0;
    for peer in flood {
        loop {
            match tokio::time::timeout(ms(1), peer.recv()).await {
                // A busy machine may take its time.
                Ok(Got::Text(text)) if text.contains(r#""code":"timeout""#) => {}
                Ok(Got::Text(text)) => {
                    assert!(text.contains(r#""code":"overloaded""#), "{text}");
                    assert!(text.contains(r#""retryable":true"#), "{text}");
                    refused += 1;
                }
                Ok(Got::Ping(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(_) => break,
            }
        }
    }
    refused
}

/// A message of 64 KB that a `Value` has some ninety times as much memory for.
fn expensive() -> String {
    let objects = vec![r#"{"":0}"#; 9_000].join(",");
    format!(r#"{{"event":"keep","data":[{objects}]}}"#)
}

#[test]
fn r33_values_that_handlers_keep_stay_under_the_limit() {
    let _turn = turn();
    run(Duration::from_secs(60), async || {
        let server = Server::start("held-200");
        let mut healthy = server.connect("/ws").await;
        assert!(is_served(&mut healthy).await);
        let baseline = server.memory();
        let message = expensive();
        let mut flood = Vec::new();
        for _ in 0..80 {
            flood.push(server.connect("/ws").await);
        }
        for peer in &mut flood {
            peer.send(&message).await;
        }
        let began = Instant::now();
        while began.elapsed() < ms(2000) {
            is_served(&mut healthy).await;
            tokio::time::sleep(ms(50)).await;
        }
        let (refused, kept) = (refused(&mut flood).await, server.numbers().in_flight);
        assert!(refused > 10, "what is too much is refused: {refused}, beside {kept} that are kept");
        expect_held(server, 200 * MIB, baseline, "values that handlers keep", flood, healthy).await;
    });
}

#[test]
fn r33_messages_that_wait_stay_under_the_limit() {
    let _turn = turn();
    run(Duration::from_secs(60), async || {
        let server = Server::start("held-128");
        let mut healthy = server.connect("/ws").await;
        assert!(is_served(&mut healthy).await);
        let baseline = server.memory();
        let slow = masked(0x81, br#"{"event":"forever"}"#, MASK);
        let long = masked(0x81, format!(r#"{{"event":"ignore","data":"{}"}}"#, "y".repeat(65_000)).as_bytes(), MASK);
        let bytes = [slow, long.repeat(6)].concat();
        let flood = flood(&server, "/ws", 600, &bytes).await;
        let began = Instant::now();
        while began.elapsed() < ms(2000) {
            is_served(&mut healthy).await;
            tokio::time::sleep(ms(50)).await;
        }
        expect_held(server, 128 * MIB, baseline, "messages that wait", flood, healthy).await;
    });
}

#[test]
fn r33_unfinished_messages_and_those_of_raw_gateways_stay_under_the_limit() {
    let _turn = turn();
    run(Duration::from_secs(60), async || {
        let cases = [("/ws", 2600, "unfinished messages"), ("/raw-deaf", 800, "messages of raw gateways")];
        for (path, clients, what) in cases {
            let server = Server::start("held-128");
            let mut healthy = server.connect("/ws").await;
            assert!(is_served(&mut healthy).await);
            let baseline = server.memory();
            let bytes = match path {
                "/ws" => masked(0x01, &[b'y'; 64_000], MASK),
                _ => masked(0x82, &[7; 64_000], MASK).repeat(4),
            };
            let flood = flood(&server, path, clients, &bytes).await;
            let began = Instant::now();
            while began.elapsed() < ms(1000) {
                is_served(&mut healthy).await;
                tokio::time::sleep(ms(50)).await;
            }
            expect_held(server, 128 * MIB, baseline, what, flood, healthy).await;
        }
    });
}

/// Who is there already when the memory is short has nothing to fear from it, and its control frames are answered.
#[test]
fn d24_pings_are_answered_and_acks_taken_while_new_messages_are_refused() {
    let _turn = turn();
    run(Duration::from_secs(60), async || {
        let server = Server::start("held-128");
        let mut healthy = server.connect("/ws").await;
        // At eight times their bytes 197 of these are 80 % of 128 MiB.
        let message = format!(r#"{{"event":"keep","data":"{}"}}"#, "y".repeat(65_000));
        let mut flood = Vec::new();
        for _ in 0..260 {
            flood.push(server.connect("/ws").await);
        }
        for peer in &mut flood {
            peer.send(&message).await;
        }
        let began = Instant::now();
        while is_served(&mut healthy).await {
            assert!(began.elapsed() < ms(3000), "never short of memory");
        }
        healthy.send_frame(Opcode::Ping, true, b"there?").await;
        assert_eq!(healthy.recv().await, Got::Pong(b"there?".to_vec()));
        assert!(refused(&mut flood).await > 10);
        drop(flood);
        while !is_served(&mut healthy).await {
            assert!(began.elapsed() < ms(15_000), "not served again");
            tokio::time::sleep(ms(50)).await;
        }
    });
}
