//! Properties of whole streams: cut anywhere, the outcome is the same; what is written is what is read.
mod ws_support;

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use switchboard_core::ws::{
    Decoder, FrameLimits, HEADER_ROOM, Item, Opcode, Role, Violation, finish_frame, frame_len, write_frame,
};
use ws_support::{LIMITS, Len, decode, masked, outcome, raw};

const ROOMY: FrameLimits = FrameLimits { max_message: 1 << 20, max_frame: 1 << 20, max_fragments: 64 };

/// Streams that use every state of the decoder, with every way to end.
fn corpus() -> Vec<Vec<u8>> {
    let text =
        "aé€😀 and some more text, long enough to pass sixty-four bytes and the first growth of a buffer".as_bytes();
    let parts = [
        masked(Opcode::Text, false, &text[..2]),
        masked(Opcode::Ping, true, b"between"),
        masked(Opcode::Continuation, false, b""),
        masked(Opcode::Continuation, false, &text[2..8]),
        masked(Opcode::Pong, true, b""),
        masked(Opcode::Continuation, true, &text[8..]),
        masked(Opcode::Binary, true, &[0xFE; 300]),
        masked(Opcode::Text, true, text),
        masked(Opcode::Binary, false, b""),
        masked(Opcode::Continuation, true, b""),
    ]
    .concat();
    let key = Some([1, 2, 3, 4]);
    let ends = [
        vec![],
        masked(Opcode::Close, true, b"\x03\xE8done"),
        [masked(Opcode::Close, true, b""), vec![0xFF; 9]].concat(),
        masked(Opcode::Close, true, b"\x03\xEC"),
        masked(Opcode::Close, true, b"x"),
        masked(Opcode::Close, true, b"\x03\xE8\xFF"),
        masked(Opcode::Text, true, b"good until \xED\xA0\x80 here"),
        masked(Opcode::Text, false, b"cut \xF0\x9F"),
        [masked(Opcode::Text, false, b"cut \xF0\x9F"), masked(Opcode::Continuation, true, b"\x98")].concat(),
        raw(0x81, Len::Byte(2), b"hi", None),
        raw(0xC1, Len::Byte(2), b"hi", key),
        raw(0x83, Len::Byte(2), b"hi", key),
        raw(0x09, Len::Byte(2), b"hi", key),
        raw(0x89, Len::Two(126), &[0; 126], key),
        raw(0x80, Len::Byte(2), b"hi", key),
        [masked(Opcode::Text, false, b"a"), masked(Opcode::Text, true, b"b")].concat(),
        raw(0x82, Len::Eight(1 << 63), b"", key),
        raw(0x82, Len::Two(5), b"hello", key),
        raw(0x82, Len::Two(900), b"", key),
        [masked(Opcode::Binary, false, &[0; 800]), masked(Opcode::Continuation, true, &[0; 201])].concat(),
        [masked(Opcode::Text, false, b""), masked(Opcode::Continuation, false, b"").repeat(8)].concat(),
    ];
    ends.iter().map(|end| [&parts[..], end].concat()).collect()
}

#[test]
fn b19_cut_at_every_byte_the_outcome_is_the_same() {
    let mut seen = Vec::new();
    for stream in corpus() {
        let whole = outcome(Role::Server, &stream);
        assert!(whole.items.len() >= 6, "the stream is read up to its end");
        for cut in 1..stream.len() {
            assert_eq!(decode(Role::Server, &stream, &LIMITS, [cut]), whole, "cut at {cut}");
        }
        for size in [2, 3, 5, 13, 14, 15, 64] {
            assert_eq!(decode(Role::Server, &stream, &LIMITS, std::iter::repeat(size)), whole, "pieces of {size}");
        }
        seen.extend(whole.violation);
    }
    // Of the other role, and of tests/ws_deflate.rs.
    seen.extend([Violation::MASKED_FRAME, Violation::CORRUPT_DEFLATE]);
    for violation in Violation::ALL {
        assert!(seen.contains(violation), "{violation} is not in the corpus");
    }
}

#[derive(Clone, Debug)]
struct Message {
    text: bool,
    payload: Vec<u8>,
    /// Where the payload is cut into frames, in 256ths.
    cuts: Vec<u8>,
    /// A ping after each frame but the last.
    ping: bool,
}

fn message() -> impl Strategy<Value = Message> {
    let payload = prop_oneof![
        vec(any::<char>(), 0..200).prop_map(|text| (true, text.into_iter().collect::<String>().into_bytes())),
        vec(any::<u8>(), 0..300).prop_map(|bytes| (false, bytes)),
        (65_530..65_545_usize).prop_map(|len| (false, vec![0x5A; len])),
        (124..128_usize).prop_map(|len| (true, vec![b'a'; len])),
    ];
    (payload, vec(any::<u8>(), 0..5), any::<bool>()).prop_map(|((text, payload), cuts, ping)| Message {
        text,
        payload,
        cuts,
        ping,
    })
}

/// The frames of a message, and the items that must come of them.
fn write(message: &Message, mask: Option<[u8; 4]>, out: &mut Vec<u8>, items: &mut Vec<Item<'static>>) {
    let len = message.payload.len();
    let mut cuts: Vec<usize> = message.cuts.iter().map(|&cut| usize::from(cut) * len / 256).collect();
    cuts.sort_unstable();
    cuts.push(len);
    let mut start = 0;
    for (i, &end) in cuts.iter().enumerate() {
        let opcode = match (i, message.text) {
            (0, true) => Opcode::Text,
            (0, false) => Opcode::Binary,
            _ => Opcode::Continuation,
        };
        let last = i + 1 == cuts.len();
        write_frame(out, opcode, last, &message.payload[start..end], mask);
        if message.ping && !last {
            write_frame(out, Opcode::Ping, true, b"ping", mask);
            items.push(Item::Ping(Cow::Borrowed(b"ping")));
        }
        start = end;
    }
    items.push(match message.text {
        true => Item::Text(Cow::Owned(String::from_utf8(message.payload.clone()).unwrap())),
        false => Item::Binary(Cow::Owned(message.payload.clone())),
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_is_read(
        messages in vec(message(), 1..6),
        mask in any::<[u8; 4]>(),
        sizes in vec(1..400_usize, 1..50),
        server in any::<bool>(),
    ) {
        let (role, mask) = if server { (Role::Server, Some(mask)) } else { (Role::Client, None) };
        let (mut stream, mut items) = (Vec::new(), Vec::new());
        for message in &messages {
            write(message, mask, &mut stream, &mut items);
        }
        for outcome in [decode(role, &stream, &ROOMY, []), decode(role, &stream, &ROOMY, sizes.iter().copied().cycle())] {
            prop_assert_eq!(&outcome.items, &items);
            prop_assert_eq!(outcome.violation, None);
        }
    }

    #[test]
    fn any_bytes_however_cut_give_one_outcome(
        frames in vec((any::<u8>(), 0..130_u8, vec(any::<u8>(), 0..140)), 0..12),
        noise in vec(any::<u8>(), 0..20),
        sizes in vec(1..40_usize, 1..30),
        server in any::<bool>(),
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let mut stream = Vec::new();
        for (first, len, payload) in frames {
            // Mostly well-formed first bytes, so that streams get past their first frame.
            let first = if first & 1 == 0 { [0x81, 0x01, 0x00, 0x80, 0x82, 0x89][usize::from(first) % 6] } else { first };
            let len = if first & 2 == 0 { payload.len() as u8 } else { len };
            let field = if len < 126 { Len::Byte(len) } else { Len::Two(u16::from(len)) };
            stream.extend_from_slice(&raw(first, field, &payload, server.then_some([7, 7, 0, 7])));
        }
        stream.extend_from_slice(&noise);
        let whole = decode(role, &stream, &LIMITS, []);
        prop_assert_eq!(&decode(role, &stream, &LIMITS, sizes.iter().copied().cycle()), &whole);
        prop_assert_eq!(&decode(role, &stream, &LIMITS, std::iter::repeat(1)), &whole);
    }

    #[test]
    fn c01_text_fails_where_the_standard_library_says(
        good in "\\PC{0,80}",
        bytes in vec(any::<u8>(), 0..8),
    ) {
        let payload = [good.as_bytes(), &bytes].concat();
        prop_assume!(payload.len() <= 700);
        let mut decoder = Decoder::new(Role::Client);
        // Declares more than is there, so that only a byte that cannot be UTF-8 fails.
        decoder.decode(&mut raw(0x81, Len::Two(800), b"", None), &LIMITS).unwrap();
        for end in 1..=payload.len() {
            let can_be = str::from_utf8(&payload[..end]).map_or_else(|error| error.error_len().is_none(), |_| true);
            let decoded = decoder.decode(&mut [payload[end - 1]], &LIMITS).map(|decoded| decoded.item.is_none());
            prop_assert_eq!(decoded, if can_be { Ok(true) } else { Err(Violation::INVALID_UTF8) });
            if !can_be {
                break;
            }
        }
    }

    #[test]
    fn a_finished_frame_is_one_whole_frame(at in 0..20_usize, len in prop_oneof![0..300_usize, 65_500..65_600_usize]) {
        let mut buf = vec![0x33; at + HEADER_ROOM + len];
        let start = finish_frame(&mut buf, at, Opcode::Text);
        prop_assert!((at..=at + 8).contains(&start));
        prop_assert_eq!(frame_len(&buf[start..]), Some(buf.len() - start));
        let outcome = decode(Role::Client, &buf[start..], &ROOMY, []);
        prop_assert_eq!(outcome.items, [Item::Text(Cow::Owned("3".repeat(len)))]);
    }
}
