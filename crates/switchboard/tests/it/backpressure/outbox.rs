//! The outbox of a connection: what it holds, what is dropped, and when it closes.
use super::{FILL, Press, WELL, block, emit, join, read_fill, roomy, start, text};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use switchboard::{Limits, VolatilePolicy};
use switchboard_rig::{Rig, each_stack};

#[test]
fn more_bytes_than_may_wait_close_4001() {
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default()).await;
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
        assert_eq!(stopped.skip_until_close().await, 4001);
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
    each_stack(|stack| async move {
        let limits = roomy().outbound_messages(64).outbound_reserved(32);
        let rig = start(stack, limits).await;
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
        assert_eq!(stopped.skip_until_close().await, 4001);
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((stopped, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn the_longest_message_is_taken_when_nothing_waits() {
    each_stack(|stack| async move {
        // The frame that is begun is finished before the close frame, and takes its time.
        let limits = Limits::default().linger(Duration::from_secs(8)).max_message_out(4 << 20);
        let rig = Rig::start(stack, Press::new().lingering(limits)).await;
        let (mut peer, mut healthy) = (rig.connect().await, rig.connect().await);
        join(&mut peer, "stopped").await;
        let long = "x".repeat(15 << 18);
        assert_eq!(emit(&rig, "stopped", &long).queued, 1);
        assert_eq!(peer.recv_text().await.len(), text("e", "").len() + long.len());
        let refused = emit(&rig, "stopped", "x".repeat(4 << 20));
        assert_eq!((refused.queued, refused.dropped, refused.refused), (0, 0, true));
        let asked = rig.handle.server().local().clients_in("stopped").remove(0);
        let error = asked.emit_with_ack::<u8>("q", "x".repeat(4 << 20), Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.code().as_str(), "payload_too_large");
        assert!(peer.request(&text("big", 4 << 20)).await.contains(r#""code":"internal""#));
        assert_eq!(peer.request(WELL).await, WELL);
        // Not when something waits.
        assert_eq!(emit(&rig, "stopped", &long).queued, 1);
        assert_eq!(emit(&rig, "stopped", &long).dropped, 1);
        assert_eq!(peer.skip_until_close().await, 4001);
        assert_eq!(healthy.request(WELL).await, WELL);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

/// What a client has asked for takes no room from what others emit to it.
#[test]
fn a_push_has_its_room_beside_a_long_reply() {
    each_stack(|stack| async move {
        // The reply is finished before the close frame, and takes its time.
        let rig = Rig::start(stack, Press::new().lingering(Limits::default().linger(Duration::from_secs(8)))).await;
        let mut peer = rig.connect_narrow().await;
        join(&mut peer, "stopped").await;
        peer.send(&text("big", 8 << 20)).await;
        rig.until(|stats| stats.queued_bytes > 2 << 20).await;
        for n in 0..10 {
            assert_eq!(emit(&rig, "stopped", (n, "x".repeat(64 << 10))).queued, 1, "{stack:?}");
        }
        assert_eq!(peer.recv_text().await.len(), text("big", "").len() + (8 << 20));
        for n in 0..10 {
            peer.expect(&text("e", (n, "x".repeat(64 << 10)))).await;
        }
        assert_eq!(peer.request(WELL).await, WELL);
        // Nor do they have more.
        peer.send(&text("big", 8 << 20)).await;
        rig.until(|stats| stats.queued_bytes > 2 << 20).await;
        let queued = (0..20).take_while(|_| emit(&rig, "stopped", "x".repeat(64 << 10)).queued == 1).count();
        assert!((15..17).contains(&queued), "{queued} of 64 KiB in 1 MiB");
        assert_eq!(peer.skip_until_close().await, 4001);
        drop(peer);
        rig.expect_empty().await;
    });
}

/// The only reply to what was read goes straight to the socket, which takes a part of it, or nothing, when it is full.
#[test]
fn a_reply_that_the_socket_takes_in_part_comes_whole_and_in_its_place() {
    each_stack(|stack| async move {
        let press = Press::new();
        let rig = Rig::start(stack, press.app(Limits::default())).await;
        for len in [100, 3_000, 2 << 20] {
            let mut peer = rig.connect_narrow().await;
            let (before, mut asked) = (press.numbered.load(Ordering::Relaxed), 0);
            while rig.handle.stats().queued_bytes == 0 {
                assert!(asked < 50_000, "{stack:?} {len}: the socket takes all");
                peer.send(&text("numbered", (asked, len))).await;
                asked += 1;
                // Each alone.
                let deadline = Instant::now() + Duration::from_secs(5);
                while press.numbered.load(Ordering::Relaxed) < before + asked {
                    assert!(Instant::now() < deadline, "{stack:?} {len}: {asked} is not handled");
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
    each_stack(|stack| async move {
        let rig = start(stack, roomy()).await;
        let mut peer = rig.connect_narrow().await;
        join(&mut peer, "stopped").await;
        let server = rig.handle.server();
        let volatile = |n: u32| server.to("stopped").volatile().emit("v", n);
        let client = server.local().clients_in("stopped").remove(0);
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
    each_stack(|stack| async move {
        let limits = roomy().volatile(VolatilePolicy::DropOldest).outbound_messages(42).outbound_reserved(32);
        let rig = start(stack, limits).await;
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
