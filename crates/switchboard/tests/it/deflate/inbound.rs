//! Compressed messages from a client.
use super::{ANSWER, BINARY, LINGER, OFFER, TEXT, asked, deflating, echo, frame, on_by_default, packed, sent};
use crate::plain::{HEALTHY, Plain, plain};
use flate2::{Compress, FlushCompress};
use std::time::{Duration, Instant};
use switchboard::{Compression, Gateway, Limits, Rate};
use switchboard_rig::{Got, Offer, Rig, Stack, each_stack, matrix, on, settle};

/// Each input on a connection of its own, beside one that must not notice; one close frame, then the end.
#[test]
fn b02_b20_what_ends_a_connection() {
    let text = |payload: &[u8]| frame(TEXT, payload);
    let good = packed(echo(3000).as_bytes());
    let bomb = |len: usize| packed(&vec![b' '; len]);
    let after_limit = |len: usize| {
        let bomb = bomb(len);
        [&bomb[..bomb.len() - 4], &[0xFF; 64]].concat()
    };
    let fragments = |payload: &[u8], first: u8| {
        let (a, b) = payload.split_at(payload.len() / 2);
        [frame(first, a), frame(0x89, b"ping"), frame(0x80, b)].concat()
    };
    let rows: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("B02 RSV1 on a ping", frame(0xC9, b"a"), 1002, "reserved_bits"),
        ("B02 RSV1 on a close", frame(0xC8, b""), 1002, "reserved_bits"),
        (
            "B02 RSV1 on a continuation",
            [frame(0x41, &good[..9]), frame(0xC0, &good[9..])].concat(),
            1002,
            "reserved_bits",
        ),
        ("B02 RSV2 too", frame(0xE1, &good), 1002, "reserved_bits"),
        ("B02 RSV3 too", frame(0xD1, &good), 1002, "reserved_bits"),
        ("B20 corrupt block", text(b"\x07\xff\xff"), 1007, "corrupt_deflate"),
        (
            "B20 corrupt in the middle",
            text(&[&good[..20], b"\xff\xff\xff\xff", &good[24..]].concat()),
            1007,
            "corrupt_deflate",
        ),
        ("B20 missing tail", text(&good[..good.len() - 1]), 1007, "corrupt_deflate"),
        ("B20 missing half", text(&good[..good.len() / 2]), 1007, "corrupt_deflate"),
        ("B20 the tail left in", text(&[&good[..], &[0, 0, 0xFF, 0xFF]].concat()), 1007, "corrupt_deflate"),
        ("B20 no byte at all", text(b""), 1007, "corrupt_deflate"),
        ("B20 not compressed", text(HEALTHY.as_bytes()), 1007, "corrupt_deflate"),
        ("B20 not text", text(&packed(b"{\"event\":\"\xff\"}")), 1007, "invalid_utf8"),
        ("B20 a byte too long", text(&bomb((64 << 10) + 1)), 1009, "message_too_big"),
        ("B20 a bomb of 1000:1", text(&bomb(60 << 20)), 1009, "message_too_big"),
        ("B20 a bomb in binary", frame(BINARY, &bomb(60 << 20)), 1009, "message_too_big"),
        ("B20 a bomb in fragments", fragments(&bomb(60 << 20), 0x41), 1009, "message_too_big"),
        ("B20 a bomb, then corrupt", text(&after_limit(10 << 20)), 1009, "message_too_big"),
        ("B20 corrupt, then a bomb", text(&[&b"\x07"[..], &bomb(10 << 20)].concat()), 1007, "corrupt_deflate"),
        ("B20 a bomb, then another", [text(&bomb(60 << 20)), text(&bomb(60 << 20))].concat(), 1009, "message_too_big"),
        ("B20 a bomb, then a corrupt one", [text(&bomb(60 << 20)), text(b"\x07")].concat(), 1009, "message_too_big"),
        (
            "B20 too long before it is inflated",
            [&[TEXT, 0xFF][..], &[0, 0, 0, 0, 0, 1, 0, 1]].concat(),
            1009,
            "frame_too_big",
        ),
    ];
    for stack in [Stack::Listen, Stack::Axum, Stack::Memory] {
        on(stack, |stack| {
            let rows = rows.clone();
            async move {
                let app = plain(Limits::default().linger(LINGER)).compression(on_by_default());
                let rig = Rig::start(stack, app).await;
                let mut healthy = deflating(&rig).await;
                let mut peers = Vec::new();
                for (row, bytes, code, reason) in &rows {
                    let mut peer = deflating(&rig).await;
                    // The server may have seen enough before all is written.
                    peer.flood(bytes, Duration::from_secs(5)).await;
                    let mut got = peer.recv().await;
                    if got == Got::Pong(b"ping".to_vec()) {
                        got = peer.recv().await;
                    }
                    assert_eq!(got, Got::Close(Some((*code, (*reason).to_owned()))), "{row} {stack:?}");
                    peer.expect_end().await;
                    peers.push(peer);
                }
                let rejected = rig.handle.stats().rejected;
                assert_eq!(rejected, rows.len() as u64, "each is refused once");
                healthy.send_bytes(&sent(HEALTHY)).await;
                healthy.expect(HEALTHY).await;
                drop((healthy, peers));
                rig.expect_empty().await;
            }
        });
    }
}

#[test]
fn b20_what_is_read_like_a_plain_message() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default()).compression(on_by_default())).await;
        let mut peer = deflating(&rig).await;
        let long = echo(20_000);
        let (first, last) = (packed(long.as_bytes()), packed(HEALTHY.as_bytes()));
        let (a, b) = first.split_at(30);
        let two = {
            let mut stream = Compress::new(flate2::Compression::fast(), false);
            let mut out = Vec::with_capacity(500);
            let (head, rest) = HEALTHY.as_bytes().split_at(10);
            stream.compress_vec(head, &mut out, FlushCompress::Full).unwrap();
            stream.compress_vec(rest, &mut out, FlushCompress::Finish).unwrap();
            [&out[..], &[0]].concat()
        };
        let stream = [
            frame(TEXT, &last),
            frame(0x81, HEALTHY.as_bytes()),
            frame(0x41, a),
            frame(0x89, b"in between"),
            frame(0x00, b""),
            frame(0x80, b),
            frame(BINARY, &last),
            frame(TEXT, &two),
            frame(TEXT, &[0]),
            frame(TEXT, &last),
        ]
        .concat();
        let empty = "{\"event\":\"exception\",\"data\":{";
        let answers = [HEALTHY, HEALTHY, &long, HEALTHY, HEALTHY, empty, HEALTHY];
        for size in [stream.len(), 1000, 37, 1] {
            let mut pongs = 0;
            for part in stream.chunks(size) {
                peer.send_bytes(part).await;
                settle().await;
            }
            for answer in answers {
                let mut got = peer.recv().await;
                if got == Got::Pong(b"in between".to_vec()) {
                    pongs += 1;
                    got = peer.recv().await;
                }
                let Got::Text(text) = got else { panic!("{got:?}") };
                assert!(text.starts_with(answer), "{text} {stack:?}, in pieces of {size}");
            }
            assert_eq!(pongs, 1);
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

/// Messages of a client that refers back to its earlier ones: Tornado, Mojolicious and Netty, whatever they are told.
fn referring(texts: &[String]) -> Vec<Vec<u8>> {
    let mut stream = Compress::new(flate2::Compression::default(), false);
    let pack = |text: &String| {
        let mut out = Vec::with_capacity(text.len() + 100);
        stream.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
        out.truncate(out.len() - 4);
        frame(TEXT, &out)
    };
    texts.iter().map(pack).collect()
}

#[test]
fn clients_that_keep_their_window_are_served_where_it_is_kept() {
    let texts = [echo(200), echo(200), echo(40_000), HEALTHY.to_owned(), echo(40_000), echo(200)];
    matrix(|stack| {
        let texts = texts.clone();
        async move {
            let gateway =
                |compression: Compression| Gateway::new(Plain).on("echo", Plain::echo).compression(compression);
            let app = plain(Limits::default())
                .compression(on_by_default())
                .gateway("/keeps", gateway(on_by_default().client_window(15)))
                .gateway("/less", gateway(on_by_default().client_window(12)));
            let rig = Rig::watched(stack, app).await;
            let base = "permessage-deflate; server_no_context_takeover";
            for (gateway, offer, answer) in [
                ("/keeps", "permessage-deflate", base.to_owned()),
                ("/keeps", OFFER, base.to_owned()),
                ("/keeps", "permessage-deflate; client_no_context_takeover", ANSWER.to_owned()),
                ("/less", OFFER, format!("{base}; client_max_window_bits=12")),
                ("/less", "permessage-deflate", ANSWER.to_owned()),
                ("/ws", OFFER, ANSWER.to_owned()),
            ] {
                assert_eq!(asked(&rig, gateway, &[offer]).await, (101, Some(answer)), "{gateway} {offer}");
            }
            let mut peer = rig.connect_with(Offer::to("/keeps").extensions("permessage-deflate")).await;
            for (frame, text) in referring(&texts).iter().zip(&texts) {
                peer.send_bytes(frame).await;
                // What comes back is compressed by itself.
                assert_eq!(peer.recv_text().await, *text, "{stack:?}");
            }
            // One that does as it is told is served as well, beside plain messages.
            for text in &texts {
                peer.send_bytes(&sent(text)).await;
                peer.expect(text).await;
                assert_eq!(peer.request(text).await, *text);
            }
            drop(peer);
            // Off by default.
            let mut peer = rig.connect_with(Offer::to("/ws").extensions(OFFER)).await;
            let frames = referring(&texts);
            peer.send_bytes(&frames[0]).await;
            peer.expect(&texts[0]).await;
            peer.send_bytes(&frames[1]).await;
            assert_eq!(peer.recv_close().await, (1007, "corrupt_deflate".to_owned()));
            drop(peer);
            rig.expect_empty().await;
        }
    });
}

/// 56 KB of bombs in a second were as many MiB as the processor could inflate.
#[test]
fn b20_what_a_connection_may_have_inflated_in_a_second_is_bounded() {
    each_stack(|stack| async move {
        const BOMBS: usize = 60;
        const MOST: usize = 1 << 20;
        let limits = Limits::default().inflated_per_second(MOST).inbound_messages(1000).inbound_bytes(64 << 20);
        let rig = Rig::watched(stack, plain(limits).compression(on_by_default())).await;
        let mut peer = deflating(&rig).await;
        // Nobody waits for what it says of them.
        let bomb = sent(&format!(r#"{{"event":"unknown","data":"{}"}}"#, "a".repeat(60_000)));
        assert!(bomb.len() < 300);
        let began = Instant::now();
        peer.send_bytes(&bomb.repeat(BOMBS)).await;
        peer.send(HEALTHY).await;
        let mut early = 0;
        loop {
            let text = peer.recv_text().await;
            if !text.contains("unknown_event") {
                break;
            }
            early += usize::from(began.elapsed() < Duration::from_millis(900));
            rig.unnoticed().await;
        }
        let took = began.elapsed();
        // The one that passes the limit is handled.
        assert!(early <= MOST / 60_000 + 1, "{early} in the first second");
        assert!(took > Duration::from_millis(2000) && took < Duration::from_secs(9), "{took:?}");
        // What is not compressed is not counted.
        let began = Instant::now();
        for _ in 0..60 {
            peer.send(&echo(60_000)).await;
            assert!(peer.recv_text().await.len() > 60_000);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        drop(peer);
        rig.expect_empty().await;
    });
}

/// Empty last blocks, which no client sends in the middle of a message: they say nothing, and each takes its time.
fn empty_blocks(bytes: usize) -> Vec<u8> {
    [0x03, 0x00].repeat(bytes / 2)
}

#[test]
fn b20_a_compressed_message_counts_as_it_was_sent_where_that_is_more() {
    each_stack(|stack| async move {
        let limits = Limits::default().byte_rate(Some(Rate::new(1, 100_000)));
        let rig = Rig::start(stack, plain(limits).compression(on_by_default())).await;
        let mut peer = deflating(&rig).await;
        let long = [empty_blocks(30_000), packed(HEALTHY.as_bytes())].concat();
        let (first, rest) = long.split_at(10_000);
        let whole = frame(TEXT, &long);
        let fragments = [frame(0x41, first), frame(0x80, rest)].concat();
        for message in [&whole, &fragments, &whole] {
            peer.send_bytes(message).await;
            assert_eq!(peer.recv_text().await, HEALTHY);
        }
        peer.send_bytes(&fragments).await;
        assert!(peer.recv_text().await.contains(r#""code":"rate_limited""#));
        // There is room for a short one.
        peer.send_bytes(&sent(HEALTHY)).await;
        assert_eq!(peer.recv_text().await, HEALTHY);
    });
}

#[test]
fn b20_what_says_nothing_is_work_too() {
    each_stack(|stack| async move {
        let limits = Limits::default().inflated_per_second(1 << 20);
        let rig = Rig::watched(stack, plain(limits).compression(on_by_default())).await;
        let mut peer = deflating(&rig).await;
        let began = Instant::now();
        let long = frame(TEXT, &[empty_blocks(60_000), packed(HEALTHY.as_bytes())].concat());
        for _ in 0..4 {
            peer.send_bytes(&long).await;
            assert_eq!(peer.recv_text().await, HEALTHY);
        }
        // Two of them in a second.
        assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
        drop(peer);
        rig.expect_empty().await;
    });
}
