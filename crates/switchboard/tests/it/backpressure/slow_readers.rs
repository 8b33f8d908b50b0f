//! Clients that read slowly or not at all.
use super::{FILL, MASK, WELL, block, emit, join, roomy, start, text};
use std::time::{Duration, Instant};
use switchboard::Limits;
use switchboard_core::ws::Opcode;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, each_stack, masked};

#[test]
fn one_of_fifty_stops_reading_and_nobody_else_notices() {
    each_stack(|stack| async move {
        const TIME: Duration = Duration::from_millis(500);
        let limits = roomy().write_timeout(TIME).ping_interval(Duration::from_millis(300));
        let limits = limits.ping_timeout(Duration::from_millis(2900));
        let rig = start(stack, limits).await.hearing_pings();
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
    each_stack(|stack| async move {
        const TIME: Duration = Duration::from_millis(400);
        let limits = Limits::default().outbound_bytes(8 << 20).outbound_soft_bytes(64 << 10).outbound_soft_time(TIME);
        let rig = start(stack, limits).await;
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
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default()).await;
        for (count, len) in [(120_000, 1), (6000, 1000)] {
            let (mut peer, mut healthy) = (rig.connect_narrow().await, rig.connect().await);
            let ask = |n: usize| format!(r#"{{"event":"echo","data":"{}","id":{n}}}"#, "x".repeat(len));
            let all: Vec<u8> = (0..count).flat_map(|n| masked(0x81, ask(n).as_bytes(), MASK)).collect();
            let mut at = peer.flood(&all, Duration::from_millis(400)).await;
            assert!(at < all.len(), "{count} requests are taken from a client that reads no reply {stack:?}");
            let stats = rig.handle.stats();
            assert_eq!(stats.connections, 2, "killed {stack:?}");
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
                assert_eq!(reply, Got::Text(ask(n)), "{stack:?}");
            }
            drop((peer, healthy));
        }
        rig.expect_empty().await;
    });
}

#[test]
fn pongs_that_cannot_leave_are_bounded() {
    each_stack(|stack| async move {
        let rig = start(stack, roomy()).await;
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
        assert_eq!(pongs, (0..32).collect::<Vec<_>>(), "{stack:?}");
        // No further one is in front of it.
        assert_eq!(peer.request(WELL).await, WELL);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_burst_of_events_to_clients_that_read_drops_nobody() {
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default()).await;
        let mut peers = [rig.connect().await, rig.connect().await];
        for peer in &mut peers {
            join(peer, "all").await;
        }
        // Without a pause: nobody has had the chance to write.
        for n in 0..5000 {
            assert_eq!(emit(&rig, "all", n).queued, 2, "{n} {stack:?}");
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
