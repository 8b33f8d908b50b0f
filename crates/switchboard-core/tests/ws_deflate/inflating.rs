//! Compressed messages are read within limits.
use super::{
    LIMITS, TAIL, compressed, decode, deflate, headers, json, message, noise, outcome, pack, packed, violation,
};
use crate::ws_support::masked;
use flate2::FlushCompress;
use std::borrow::Cow;
use switchboard_core::CloseCode;
use switchboard_core::ws::{Decoder, Deflate, FrameLimits, Item, Opcode, Role, Violation};

/// RFC 7692 §7.2.3.
#[test]
fn b20_the_examples_of_the_rfc() {
    let hello: [&[u8]; 5] = [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        // A last block that ends the payload needs no further one.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
    ];
    for payload in hello {
        assert_eq!(message(&compressed(Opcode::Text, true, payload)), b"Hello", "{payload:x?}");
        assert_eq!(message(&compressed(Opcode::Binary, true, payload)), b"Hello", "{payload:x?}");
        for cut in 0..=payload.len() {
            let (first, last) = payload.split_at(cut);
            let fragments = [compressed(Opcode::Text, false, first), masked(Opcode::Continuation, true, last)].concat();
            assert_eq!(message(&fragments), b"Hello", "{payload:x?} cut at {cut}");
        }
    }
    // The window of the message before is gone: the RFC's second "Hello" refers to it.
    let hello = compressed(Opcode::Text, true, hello[0]);
    let again = compressed(Opcode::Text, true, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
    let both = outcome(&[hello.clone(), again].concat(), &LIMITS);
    assert_eq!((both.items.len(), both.violation), (1, Some(Violation::CORRUPT_DEFLATE)));
    // After a message that is not compressed, and between others, nothing is left either.
    let mixed = [&hello[..], &masked(Opcode::Text, true, b"plain"), &hello, &masked(Opcode::Ping, true, b"p")].concat();
    let items = outcome(&mixed, &LIMITS).items;
    let text = |text: &'static str| Item::Text(Cow::Borrowed(text));
    assert_eq!(items, [text("Hello"), text("plain"), text("Hello"), Item::Ping(Cow::Borrowed(b"p"))]);
}

#[test]
fn b20_empty_messages() {
    // Blocks of no bytes: stored, fixed, last.
    for payload in
        [&[0x00][..], &[0x02, 0x00], &[0x03, 0x00], &[0x03, 0x00, 0x00], &[0x01], &[0x00, 0x00, 0x00, 0xff, 0xff, 0x00]]
    {
        assert_eq!(message(&compressed(Opcode::Text, true, payload)), b"", "{payload:x?}");
    }
    // No byte at all is no DEFLATE data: even an empty message has a block.
    assert_eq!(violation(&compressed(Opcode::Text, true, b""), &LIMITS), Violation::CORRUPT_DEFLATE);
}

#[test]
fn b02_where_rsv1_may_stand() {
    let payload = packed(b"abc");
    let (first, last) = payload.split_at(2);
    for (what, stream) in [
        ("a ping", compressed(Opcode::Ping, true, b"")),
        ("a pong", compressed(Opcode::Pong, true, b"")),
        ("a close", compressed(Opcode::Close, true, b"")),
        ("a continuation of nothing", compressed(Opcode::Continuation, true, &payload)),
        (
            "a continuation",
            [compressed(Opcode::Text, false, first), compressed(Opcode::Continuation, true, last)].concat(),
        ),
        (
            "a continuation of a plain message",
            [masked(Opcode::Text, false, b"a"), compressed(Opcode::Continuation, true, last)].concat(),
        ),
        (
            "a ping inside a message",
            [compressed(Opcode::Text, false, first), compressed(Opcode::Ping, true, b"")].concat(),
        ),
    ] {
        assert_eq!(violation(&stream, &LIMITS), Violation::RESERVED_BITS, "{what}");
    }
    for bits in [0x10, 0x20, 0x30, 0x50, 0x60, 0x70] {
        let mut frame = masked(Opcode::Text, true, &payload);
        frame[0] |= bits;
        assert_eq!(violation(&frame, &LIMITS), Violation::RESERVED_BITS, "{bits:x}");
    }
    for opcode in [0x3, 0x7, 0xB, 0xF] {
        assert_eq!(violation(&[0xC0 | opcode, 0x80, 0, 0, 0, 0], &LIMITS).code, CloseCode::PROTOCOL);
    }
    let inside = [compressed(Opcode::Text, false, first), compressed(Opcode::Text, true, &payload)].concat();
    assert_eq!(violation(&inside, &LIMITS), Violation::EXPECTED_CONTINUATION);
    // Without the agreement, as in tests/ws_frames.rs.
    let mut frame = compressed(Opcode::Text, true, &payload);
    assert_eq!(Decoder::new(Role::Server).decode(&mut frame, &LIMITS), Err(Violation::RESERVED_BITS));
}

/// Whatever an encoder may send: levels, windows, flushes in between, last blocks, fragments with pings between them.
#[test]
fn b20_messages_of_any_encoder_are_read() {
    for len in [1, 2, 100, 1000, 16 << 10, (16 << 10) + 1, 40_000, 100_000] {
        for payload in [json(len)[..len].to_vec(), vec![b'a'; len]] {
            let Ok(text) = str::from_utf8(&payload) else { continue };
            for (level, window) in [(0, 15), (1, 9), (1, 15), (2, 12), (6, 9), (6, 15), (9, 15)] {
                for flush in [FlushCompress::Sync, FlushCompress::Full, FlushCompress::Finish] {
                    let bytes = pack(&payload, level, flush, window);
                    if bytes.len() > LIMITS.max_frame {
                        continue;
                    }
                    let found = decode(&compressed(Opcode::Text, true, &bytes), &LIMITS, usize::MAX);
                    assert_eq!(found.items, [Item::Text(text.into())], "{len} level {level} window {window} {flush:?}");
                }
            }
            let bytes = packed(&payload);
            let mut fragments = Vec::new();
            for (at, part) in bytes.chunks(bytes.len().div_ceil(4)).enumerate() {
                let fin = (at + 1) * bytes.len().div_ceil(4) >= bytes.len();
                match at {
                    0 => fragments.extend(compressed(Opcode::Text, fin, part)),
                    _ => fragments.extend(masked(Opcode::Continuation, fin, part)),
                }
                fragments.extend(masked(Opcode::Ping, true, b"still here"));
            }
            let mut items = decode(&fragments, &LIMITS, 997).items;
            items.retain(|item| !matches!(item, Item::Ping(_)));
            assert_eq!(items, [Item::Text(text.into())], "{len} in fragments");
        }
    }
}

#[test]
fn b20_corrupt_blocks_and_missing_ends_are_1007() {
    let payload = json(3000);
    let bytes = packed(&payload);
    let text = |payload: &[u8]| compressed(Opcode::Text, true, payload);
    for cut in 0..bytes.len() {
        let found = decode(&text(&bytes[..cut]), &LIMITS, usize::MAX);
        assert_eq!(found.violation, Some(Violation::CORRUPT_DEFLATE), "cut at {cut} of {}", bytes.len());
        assert_eq!(found.items, []);
    }
    for (what, payload) in [
        ("a reserved block type", vec![0x07]),
        ("stored lengths that differ", vec![0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48]),
        ("a distance beyond the start", vec![0xf2, 0x00, 0x11, 0x00, 0x00]),
        ("the tail left in", [&bytes[..], &TAIL].concat()),
        ("garbage behind a last block", [&pack(&payload, 6, FlushCompress::Finish, 15)[..], b"\xff\xff"].concat()),
        ("a message cut behind a last block", [&pack(b"a", 6, FlushCompress::Finish, 15)[..], &bytes[..300]].concat()),
        ("plain text", b"{\"event\":\"echo\"}".to_vec()),
        ("a zlib header", [&[0x78, 0x9c][..], &bytes].concat()),
    ] {
        assert_eq!(violation(&text(&payload), &LIMITS), Violation::CORRUPT_DEFLATE, "{what}");
    }
    assert_eq!(Violation::CORRUPT_DEFLATE.code, CloseCode::INVALID_PAYLOAD);
    // Behind a last block another stream may follow.
    let two = [&pack(b"one ", 6, FlushCompress::Finish, 15)[..], &packed(b"two")].concat();
    assert_eq!(message(&text(&two)), b"one two");
}

#[test]
fn b20_what_is_inflated_is_held_to_max_message() {
    let limits = FrameLimits { max_message: 20_000, max_frame: 20_000, max_fragments: 8 };
    let text = |payload: &[u8]| compressed(Opcode::Text, true, payload);
    for fits in [0, 1, 19_999, 20_000] {
        let found = outcome(&text(&packed(&vec![b'a'; fits])), &limits);
        assert_eq!(found.items, [Item::Text("a".repeat(fits).into())]);
    }
    for len in [20_001, 20_002, 40_000, 20_000_000] {
        let bomb = packed(&vec![b'a'; len]);
        assert_eq!(violation(&text(&bomb), &limits), Violation::MESSAGE_TOO_BIG, "{len}");
        // What stands behind the limit is not looked at, and what follows is ignored.
        let corrupt = [&bomb[..bomb.len() - 2], &[0xff; 50]].concat();
        if len > 40_000 {
            assert_eq!(violation(&text(&corrupt), &limits), Violation::MESSAGE_TOO_BIG, "{len}, then corrupt");
        }
        let mut twice = text(&bomb);
        twice.extend(text(b"\xff\xff"));
        twice.extend(text(&bomb));
        assert_eq!(violation(&twice, &limits), Violation::MESSAGE_TOO_BIG, "{len}, then others");
    }
    let corrupt_first = [&[0x07][..], &packed(&vec![b'a'; 20_000_000])].concat();
    assert_eq!(violation(&text(&corrupt_first), &limits), Violation::CORRUPT_DEFLATE);
    // The compressed payload counts too, before it is inflated.
    let long = pack(&noise(20_001), 0, FlushCompress::Sync, 15);
    assert_eq!(violation(&text(&long), &limits), Violation::FRAME_TOO_BIG);
    let none = FrameLimits { max_message: usize::MAX, max_frame: usize::MAX, max_fragments: 8 };
    assert_eq!(outcome(&text(&packed(&json(50_000))), &none).items.len(), 1);
    let zero = FrameLimits { max_message: 1, max_frame: 100, max_fragments: 8 };
    assert_eq!(violation(&text(&packed(b"ab")), &zero).code, CloseCode::TOO_BIG);
}

#[test]
fn b20_text_is_checked_after_it_is_inflated() {
    for bad in [&b"\xff"[..], b"abc\xc0\xaf", b"\xed\xa0\x80", b"ends cut \xe2\x82"] {
        let frame = compressed(Opcode::Text, true, &packed(bad));
        assert_eq!(violation(&frame, &LIMITS), Violation::INVALID_UTF8, "{bad:x?}");
        assert_eq!(message(&compressed(Opcode::Binary, true, &packed(bad))), bad);
    }
    // The compressed bytes themselves are no text.
    let bytes = packed(&json(1000));
    let (first, last) = bytes.split_at(500.min(bytes.len() / 2));
    assert!(str::from_utf8(first).is_err());
    let cut = [compressed(Opcode::Text, false, first), masked(Opcode::Continuation, true, last)].concat();
    assert_eq!(message(&cut), json(1000));
}

#[test]
fn b20_the_work_of_a_message_is_what_it_yields_or_what_it_takes() {
    let blocks = [0x03, 0x00].repeat(10_000);
    let long = [&blocks[..], &packed(b"x")].concat();
    for deflate in [deflate(), Deflate::negotiate_keeping(&headers(&["permessage-deflate"]), 15).unwrap().0] {
        let mut decoder = Decoder::new(Role::Server).with_deflate(Some(deflate));
        let mut decode = |frames: &[Vec<u8>]| {
            let mut items = 0;
            for frame in frames {
                items += usize::from(decoder.decode(&mut frame.clone(), &LIMITS).unwrap().item.is_some());
            }
            assert_eq!(items, 1);
            (decoder.take_inflated(), decoder.take_compressed())
        };
        let (first, rest) = long.split_at(7000);
        for frames in [
            vec![compressed(Opcode::Binary, true, &long)],
            vec![compressed(Opcode::Binary, false, first), masked(Opcode::Continuation, true, rest)],
        ] {
            assert_eq!(decode(&frames), ((16 * long.len()).div_ceil(1024) * 1024, long.len() / 1024 * 1024));
        }
        assert_eq!(decode(&[compressed(Opcode::Binary, true, &packed(&[7; 50_000]))]), (50_176, 0));
        assert_eq!(decode(&[masked(Opcode::Binary, true, &long)]), (0, 0), "it is not compressed");
    }
}
