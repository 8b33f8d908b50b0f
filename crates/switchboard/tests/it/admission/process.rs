//! The limits of a process: descriptors, handshakes, connections, memory.
use super::child::{ELSEWHERE, Elsewhere, number, serve, stubborn};
use super::{Held, MIB, WELL, ask, refusal, upgrade};
use crate::plain::plain;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchboard::Limits;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Rig, Stack, on, read_to_end};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
#[ignore = "a server for `without_descriptors_…`"]
fn server_without_descriptors() {
    serve(stubborn(Limits::default()));
}

#[test]
fn without_descriptors_those_who_come_are_told_and_those_who_are_there_are_served() {
    let mut elsewhere = Elsewhere::start("server_without_descriptors", "ulimit -n 400;");
    on(Stack::Listen, |_| async {
        let rig = &elsewhere.rig;
        let mut there = rig.connect().await;
        assert!(number(&mut there, "hoard").await > 300);
        for _ in 0..5 {
            let mut stream = rig.stream().await;
            let watch = Stopwatch::with(elsewhere.child.id());
            assert_eq!(read_to_end(&mut stream, Duration::from_secs(10)).await, b"", "closed, and not left waiting");
            watch.within(Duration::from_secs(2));
            assert_eq!(there.request(WELL).await, WELL);
        }
        // The peer knows it before it is counted.
        while number(&mut there, "refused").await < 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        there.request(r#"{"event":"free","id":1}"#).await;
        let mut back = rig.connect().await;
        assert_eq!(back.request(WELL).await, WELL);
        assert_eq!(there.request(WELL).await, WELL);
    });
    assert!(elsewhere.is_running());
}

#[test]
#[ignore = "a server for `j03_…`"]
fn server_of_few_descriptors() {
    if std::env::var_os(ELSEWHERE).is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false).init();
        serve(stubborn(Limits::default()));
    }
}

/// A process of 256 descriptors had none left beside a reserve of 256: it took one WebSocket, and said nothing.
#[test]
fn j03_few_descriptors_leave_most_of_them_to_websockets_and_the_log_says_how_many() {
    for (descriptors, least, warns) in [(256, 140, true), (100, 50, true), (64, 30, true), (4400, 200, false)] {
        let mut elsewhere = Elsewhere::start("server_of_few_descriptors", &format!("ulimit -n {descriptors};"));
        on(Stack::Listen, |_| async {
            let rig = &elsewhere.rig;
            let mut there = Vec::new();
            for n in 0..least {
                match upgrade(rig, rig.stream().await, None).await {
                    Ok(stream) => there.push(stream),
                    Err(answer) => panic!("of {descriptors} descriptors: {answer:?} after {n} WebSockets"),
                }
            }
        });
        assert_eq!(elsewhere.said.contains("WARN"), warns, "{descriptors}: {}", elsewhere.said);
        assert_eq!(elsewhere.said.contains("ulimit -n"), warns, "{descriptors}: {}", elsewhere.said);
        assert!(elsewhere.is_running());
    }
}

#[test]
#[ignore = "a server for `r15_…`"]
fn server_of_two_hundred() {
    serve(stubborn(Limits::default().max_connections(Some(200))));
}

#[test]
#[ignore = "a server for `beyond_512_…`"]
fn server_of_512_handshakes() {
    serve(stubborn(Limits::default()));
}

/// All places are taken by connections without a request, or with a part of one: the first of them makes room.
#[test]
fn beyond_512_handshakes_the_first_without_a_head_makes_room() {
    // An eighth of what the process may open is more than 512.
    let elsewhere = Elsewhere::start("server_of_512_handshakes", "ulimit -n 4400;");
    on(Stack::Listen, |_| async {
        let rig = &elsewhere.rig;
        let mut there = rig.connect().await;
        let mut silent = Vec::new();
        for n in 0..512 {
            let mut stream = rig.stream().await;
            stream.write_all(&ask(None)[..n % 60]).await.unwrap();
            silent.push(stream);
        }
        let mut byte = [0];
        // Connections are accepted in their order, so that all of these have their places before it.
        for first in 0..3 {
            let mut coming = rig.stream().await;
            coming.write_all(&ask(None)).await.unwrap();
            let answered = tokio::time::timeout(Duration::from_secs(5), coming.read(&mut byte)).await;
            assert_eq!((answered.expect("its turn").unwrap(), &byte), (1, b"H"), "it is served");
            let ended = tokio::time::timeout(Duration::from_secs(5), silent[first].read(&mut byte)).await;
            assert!(matches!(ended.expect("its end"), Ok(0) | Err(_)), "{first} is sent away");
            let refused = number(&mut there, "refused").await;
            assert!(refused > first as u64, "{refused}");
            // It has the place no longer than its handshake takes.
            silent.push(rig.stream().await);
        }
        // Far behind those: whoever nobody needs to go has their time.
        let mut whole = silent.remove(120);
        let early = tokio::time::timeout(Duration::from_millis(100), whole.read(&mut byte)).await;
        assert!(early.is_err(), "{early:?}");
        whole.write_all(&ask(None)).await.unwrap();
        assert_eq!(whole.read(&mut byte).await.unwrap(), 1);
    });
}

/// Those who say nothing come and come, and among them many who ask at once: their requests are no sign that others will ask.
#[test]
fn who_asks_at_once_does_not_wait_beside_those_who_say_nothing() {
    let elsewhere = Elsewhere::start("server_of_512_handshakes", "ulimit -n 4400;");
    on(Stack::Listen, |_| async {
        let rig = &elsewhere.rig;
        let mut silent = VecDeque::new();
        let (mut waited, mut until) = (Duration::ZERO, None);
        const TIME: Duration = Duration::from_secs(4);
        while until.is_none_or(|until| Instant::now() < until) {
            silent.push_back(rig.stream().await);
            if silent.len() > 600 {
                // Gone for long, for others.
                silent.pop_front();
                until.get_or_insert_with(|| Instant::now() + TIME);
                let began = Instant::now();
                let mut coming = rig.stream().await;
                coming.write_all(&ask(None)).await.unwrap();
                let answered = tokio::time::timeout(Duration::from_secs(5), coming.read(&mut [0])).await;
                assert_eq!(answered.expect("its turn").unwrap(), 1);
                if began.elapsed() > Duration::from_millis(200) {
                    waited += began.elapsed();
                }
            }
        }
        // Of every half second half was waited, when requests that come at once counted.
        assert!(waited < TIME / 4, "{waited:?}");
    });
}

/// More come while nobody looks than there are places: those whose head is there by then are served, all of them.
#[test]
fn nobody_whose_head_has_come_makes_room() {
    for threads in [0, 2] {
        let (sender, address) = std::sync::mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let routes = axum::Router::new()
                    .route("/block", axum::routing::get(async || std::thread::sleep(Duration::from_millis(1500))));
                let app = plain(Limits::default()).mount(routes);
                let app = if threads > 0 { app.threads(threads) } else { app };
                let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
                sender.send((bound.local_addr(), bound.handle())).unwrap();
                bound.serve().await;
            });
        });
        let (address, handle) = address.recv().unwrap();
        on(Stack::Listen, |_| async move {
            let rig = Rig::elsewhere(address);
            let mut blocking = rig.stream().await;
            blocking.write_all(b"GET /block HTTP/1.1\r\nHost: test.example\r\n\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut all = Vec::new();
            for _ in 0..700 {
                let mut stream = rig.stream().await;
                stream.write_all(&ask(None)).await.unwrap();
                all.push(stream);
            }
            let mut byte = [0];
            for (n, stream) in all.iter_mut().enumerate() {
                let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut byte)).await;
                assert!(matches!(read, Ok(Ok(1))), "{n} of 700, {threads} threads: {read:?}");
            }
        });
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(handle.shutdown());
        serving.join().unwrap();
    }
}

/// docs/limits.md R15 at a small size.
#[test]
fn r15_a_node_never_has_more_connections_than_it_may() {
    let elsewhere = Elsewhere::start("server_of_two_hundred", "");
    on(Stack::Listen, |_| async {
        let rig = Arc::new(Rig::elsewhere(elsewhere.rig.address()));
        let mut there = rig.connect().await;
        assert_eq!(there.request(WELL).await, WELL);
        let descriptors = elsewhere.descriptors();
        for _ in 0..2 {
            let before = number(&mut there, "refused").await;
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..1000 {
                let rig = rig.clone();
                all.spawn(async move { upgrade(&rig, rig.stream().await, None).await });
            }
            let (mut held, mut sent_away) = (Vec::new(), 0);
            while let Some(outcome) = all.join_next().await {
                match outcome.unwrap() {
                    Ok(stream) => held.push(stream),
                    Err(answer) => {
                        assert_eq!(refusal(answer), (503, "admission".to_owned()));
                        sent_away += 1;
                    }
                }
                if sent_away % 100 == 1 {
                    assert!(number(&mut there, "connections").await <= 200);
                }
            }
            assert_eq!((held.len(), sent_away), (199, 801), "and the one that was there");
            assert_eq!(number(&mut there, "refused").await, before + 801);
            // A place is free as soon as its client is gone.
            let mut best = Duration::MAX;
            for _ in 0..5 {
                drop(held.pop());
                let gone = Instant::now();
                held.push(admitted_again(&rig).await);
                best = best.min(gone.elapsed());
            }
            assert!(best < Duration::from_millis(100), "{best:?}");
            drop(held);
            for _ in 0..500 {
                if number(&mut there, "connections").await == 1 && elsewhere.descriptors() == descriptors {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(elsewhere.descriptors(), descriptors, "every descriptor is back");
        }
    });
}

async fn admitted_again(rig: &Rig) -> Held {
    let watch = Stopwatch::start();
    loop {
        match upgrade(rig, rig.stream().await, None).await {
            Ok(held) => return held,
            Err(_) => watch.within(Duration::from_secs(5)),
        }
    }
}

const MEMORY: usize = 96 * MIB;

#[test]
#[ignore = "a server for `r33_…`"]
fn server_of_little_memory() {
    let limits = Limits::default().memory(Some(MEMORY)).outbound_bytes(16 * MIB).outbound_soft_bytes(16 * MIB);
    let patient = limits.outbound_messages(1 << 20).write_timeout(Duration::from_secs(60));
    serve(stubborn(patient.outbound_soft_time(Duration::from_secs(60))));
}

/// docs/limits.md R33 at a small size: 50 clients that read nothing could make 800 MiB wait.
#[test]
fn r33_a_process_stays_under_its_memory_and_serves_those_who_read() {
    let mut elsewhere = Elsewhere::start("server_of_little_memory", "");
    on(Stack::Listen, |_| async {
        let rig = &elsewhere.rig;
        let mut stopped = Vec::new();
        for _ in 0..50 {
            let mut peer = rig.connect_narrow().await;
            peer.request(r#"{"event":"stop_reading","id":1}"#).await;
            stopped.push(peer);
        }
        let (mut flooding, mut healthy) = (rig.connect().await, rig.connect().await);
        flooding.send(r#"{"event":"flood","id":1}"#).await;
        let mut worst = Duration::ZERO;
        let queued = loop {
            let watch = Stopwatch::with(elsewhere.child.id());
            assert_eq!(healthy.request(WELL).await, WELL);
            watch.within(Duration::from_secs(2));
            worst = worst.max(watch.elapsed());
            if let Some(answer) = flooding.recv_within(Duration::from_millis(20)).await {
                break format!("{answer:?}");
            }
        };
        let (peak, evicted) = (number(&mut healthy, "peak").await, number(&mut healthy, "evicted").await);
        let figures = format!("{queued}: {peak} KiB at most, {evicted} evicted, {worst:?} at worst");
        assert!(peak < MEMORY as u64 / 1024, "{figures}");
        assert!(evicted >= 40, "{figures}");
        // Its memory is its own again: who comes is admitted, at the latest when the next sample was taken.
        for n in 0.. {
            match upgrade(rig, rig.stream().await, None).await {
                Ok(_) => break,
                Err(answer) => assert!(n < 100, "{answer:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(stopped);
    });
    assert!(elsewhere.is_running());
}
