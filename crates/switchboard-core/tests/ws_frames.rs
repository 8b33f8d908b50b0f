//! The B and C rows of the limits: what a frame, or a stream of them, is answered with.
mod ws_support;

use std::borrow::Cow;

use switchboard_core::ws::{
    Decoder, FrameLimits, HEADER_ROOM, Item, MAX_CONTROL, Opcode, Role, Violation, close_body, finish_frame, frame_len,
    write_close, write_control, write_frame,
};
use switchboard_core::{Close, CloseCode};
use ws_support::{LIMITS, Len, masked, outcome, raw};

const KEY: Option<[u8; 4]> = Some([9, 8, 7, 6]);

fn text(text: &str) -> Item<'static> {
    Item::Text(Cow::Owned(text.to_owned()))
}

fn binary(bytes: &[u8]) -> Item<'static> {
    Item::Binary(Cow::Owned(bytes.to_vec()))
}

fn ping(bytes: &[u8]) -> Item<'static> {
    Item::Ping(Cow::Owned(bytes.to_vec()))
}

/// The stream gives these items and no violation, whole and byte by byte.
#[track_caller]
fn gives(stream: &[u8], items: &[Item<'static>]) {
    let outcome = outcome(Role::Server, stream);
    assert_eq!((outcome.items.as_slice(), outcome.violation), (items, None), "{stream:?}");
}

/// The last byte of the stream is the one that breaks the rule; nothing came before.
#[track_caller]
fn breaks(stream: &[u8], violation: Violation, code: u16) {
    let outcome = outcome(Role::Server, stream);
    assert_eq!((outcome.items.len(), outcome.violation), (0, Some(violation)), "{stream:?}");
    assert_eq!(violation.code.get(), code);
}

/// Neither more bytes nor fewer: the stream without its last byte is still good.
#[track_caller]
fn breaks_at_the_last_byte(stream: &[u8], violation: Violation, code: u16) {
    breaks(stream, violation, code);
    assert_eq!(outcome(Role::Server, &stream[..stream.len() - 1]).violation, None);
}

#[test]
fn a_whole_frame_is_lent_from_the_input() {
    for (opcode, payload) in [(Opcode::Text, &b"h\xC3\xA9"[..]), (Opcode::Binary, b"\xFF"), (Opcode::Ping, b"p")] {
        let mut input = masked(opcode, true, payload);
        let range = input.as_ptr_range();
        let mut decoder = Decoder::new(Role::Server);
        let decoded = decoder.decode(&mut input, &LIMITS).unwrap();
        let bytes = match decoded.item.unwrap() {
            Item::Text(Cow::Borrowed(text)) => text.as_bytes(),
            Item::Binary(Cow::Borrowed(bytes)) | Item::Ping(Cow::Borrowed(bytes)) => bytes,
            other => panic!("not borrowed: {other:?}"),
        };
        assert_eq!(bytes, payload);
        assert!(range.contains(&bytes.as_ptr()));
        assert!(!decoder.is_partial());
    }
}

#[test]
fn a_frame_whose_header_was_cut_is_still_lent() {
    let mut input = masked(Opcode::Text, true, b"hello");
    let mut decoder = Decoder::new(Role::Server);
    assert_eq!(decoder.decode(&mut input[..3], &LIMITS).unwrap().item, None);
    assert_eq!(decoder.buffered(), 3);
    let decoded = decoder.decode(&mut input[3..], &LIMITS).unwrap();
    assert!(matches!(decoded.item, Some(Item::Text(Cow::Borrowed("hello")))));
    assert!(!decoder.is_partial());
}

#[test]
fn an_idle_decoder_is_two_words() {
    assert!(size_of::<Decoder>() <= 16, "{}", size_of::<Decoder>());
    let mut decoder = Decoder::new(Role::Server);
    for mut piece in masked(Opcode::Binary, true, &[7; 500]).chunks(99).map(<[u8]>::to_vec) {
        decoder.decode(&mut piece, &LIMITS).unwrap();
    }
    assert!(!decoder.is_partial(), "after the message, nothing is held");
    assert_eq!(decoder.buffered(), 0);
}

#[test]
fn b01_an_unmasked_client_frame_is_1002() {
    breaks_at_the_last_byte(&raw(0x81, Len::Byte(2), b"hi", None)[..2], Violation::UNMASKED_FRAME, 1002);
    breaks(&raw(0x89, Len::Byte(0), b"", None), Violation::UNMASKED_FRAME, 1002);
}

#[test]
fn b01_a_masked_server_frame_is_1002() {
    let outcome = outcome(Role::Client, &masked(Opcode::Text, true, b"hi"));
    assert_eq!(outcome.violation, Some(Violation::MASKED_FRAME));
    assert_eq!(Violation::MASKED_FRAME.code, CloseCode::PROTOCOL);
}

#[test]
fn b02_reserved_bits_are_1002() {
    for bits in [0x10, 0x20, 0x40, 0x70] {
        for opcode in [0x0, 0x1, 0x2, 0x8, 0x9, 0xA] {
            breaks_at_the_last_byte(&[0x80 | bits | opcode], Violation::RESERVED_BITS, 1002);
        }
    }
}

#[test]
fn b03_reserved_opcodes_are_1002() {
    for opcode in (3..=7).chain(11..=15) {
        for fin in [0, 0x80] {
            breaks_at_the_last_byte(&[fin | opcode], Violation::RESERVED_OPCODE, 1002);
        }
    }
}

#[test]
fn b04_a_fragmented_control_frame_is_1002() {
    for opcode in [0x8, 0x9, 0xA] {
        breaks_at_the_last_byte(&[opcode], Violation::FRAGMENTED_CONTROL, 1002);
    }
}

#[test]
fn b05_a_control_payload_over_125_is_1002() {
    for opcode in [0x88, 0x89, 0x8A] {
        for len in [126, 127] {
            breaks_at_the_last_byte(&[opcode, 0x80 | len], Violation::CONTROL_TOO_LONG, 1002);
        }
    }
    gives(&masked(Opcode::Ping, true, &[1; MAX_CONTROL]), &[ping(&[1; MAX_CONTROL])]);
}

#[test]
fn b06_a_continuation_of_nothing_is_1002() {
    breaks_at_the_last_byte(&[0x80], Violation::UNEXPECTED_CONTINUATION, 1002);
    breaks_at_the_last_byte(&[0x00], Violation::UNEXPECTED_CONTINUATION, 1002);
    let mut stream = [masked(Opcode::Text, false, b"a"), masked(Opcode::Continuation, true, b"b")].concat();
    stream.push(0x80);
    let outcome = outcome(Role::Server, &stream);
    assert_eq!((outcome.items, outcome.violation), (vec![text("ab")], Some(Violation::UNEXPECTED_CONTINUATION)));
}

#[test]
fn b06_a_new_message_inside_a_fragmented_one_is_1002() {
    for first in [0x81, 0x82, 0x01, 0x02] {
        let mut stream = masked(Opcode::Binary, false, b"a");
        stream.push(first);
        breaks_at_the_last_byte(&stream, Violation::EXPECTED_CONTINUATION, 1002);
    }
}

#[test]
fn b07_the_top_bit_of_a_64_bit_length_is_1002() {
    for len in [1 << 63, u64::MAX] {
        breaks_at_the_last_byte(&raw(0x82, Len::Eight(len), b"", KEY)[..10], Violation::LENGTH_TOP_BIT, 1002);
    }
}

#[test]
fn b07_b09_a_length_over_the_limit_is_1009_on_the_header_alone() {
    for len in [Len::Two(801), Len::Two(u16::MAX), Len::Eight(1 << 16), Len::Eight((1 << 63) - 1)] {
        let header = raw(0x82, len, b"", KEY);
        // Before the masking key, and so before any payload.
        breaks_at_the_last_byte(&header[..header.len() - 4], Violation::FRAME_TOO_BIG, 1009);
    }
    gives(&masked(Opcode::Binary, true, &[3; 800]), &[binary(&[3; 800])]);
}

#[test]
fn b07_memory_grows_with_what_arrives_not_with_what_is_declared() {
    let limits = FrameLimits::default();
    for first in [0x81, 0x82, 0x02] {
        let mut decoder = Decoder::new(Role::Server);
        decoder.decode(&mut raw(first, Len::Two(u16::MAX), b"", KEY), &limits).unwrap();
        assert_eq!(decoder.buffered(), 0);
        for arrived in 1..=60_000_usize {
            let unmasked = b'a' ^ KEY.unwrap()[(arrived - 1) % 4];
            assert_eq!(decoder.decode(&mut [unmasked], &limits).unwrap().item, None);
            let held = decoder.buffered();
            assert!((arrived..=(2 * arrived).clamp(64, limits.max_message)).contains(&held), "{held} for {arrived}");
        }
    }
}

#[test]
fn b08_non_minimal_length_is_1002() {
    for len in [Len::Two(0), Len::Two(125), Len::Eight(0), Len::Eight(125), Len::Eight(126), Len::Eight(65_535)] {
        let header = raw(0x82, len, b"", KEY);
        breaks_at_the_last_byte(&header[..header.len() - 4], Violation::NON_MINIMAL_LENGTH, 1002);
    }
    let limits = FrameLimits { max_message: 70_000, max_frame: 70_000, max_fragments: 1 };
    for len in [125, 126, 65_535, 65_536] {
        let stream = masked(Opcode::Binary, true, &vec![5; len]);
        assert_eq!(ws_support::decode(Role::Server, &stream, &limits, []).items, [binary(&vec![5; len])]);
    }
}

#[test]
fn b10_fragments_over_max_message_are_1009_at_the_crossing_header() {
    let start = [masked(Opcode::Binary, false, &[1; 800]), masked(Opcode::Continuation, false, &[2; 199])].concat();
    let crossing = raw(0x80, Len::Byte(2), b"", KEY);
    breaks_at_the_last_byte(&[&start[..], &crossing[..2]].concat(), Violation::MESSAGE_TOO_BIG, 1009);
    let last = masked(Opcode::Continuation, true, &[3]);
    let message = [&[1; 800][..], &[2; 199], &[3]].concat();
    gives(&[start, last].concat(), &[binary(&message)]);
}

#[test]
fn b10_the_sum_cannot_wrap() {
    let limits = FrameLimits { max_message: usize::MAX, max_frame: usize::MAX, max_fragments: 8 };
    let mut stream = masked(Opcode::Binary, false, b"ab");
    stream.extend_from_slice(&raw(0x80, Len::Eight((1 << 63) - 1), b"xyz", KEY));
    let outcome = ws_support::decode(Role::Server, &stream, &limits, []);
    assert_eq!((outcome.items.len(), outcome.violation), (0, None), "waits for the rest");
}

#[test]
fn b11_more_than_max_fragments_is_1008() {
    for payload in [&b""[..], b"x"] {
        let mut stream = masked(Opcode::Text, false, payload);
        for _ in 1..LIMITS.max_fragments {
            stream.extend_from_slice(&masked(Opcode::Continuation, false, payload));
        }
        stream.push(0x00);
        breaks_at_the_last_byte(&stream, Violation::TOO_MANY_FRAGMENTS, 1008);
        *stream.last_mut().unwrap() = 0x80;
        breaks_at_the_last_byte(&stream, Violation::TOO_MANY_FRAGMENTS, 1008);
    }
    let mut stream = masked(Opcode::Text, false, b"x");
    for i in 1..LIMITS.max_fragments {
        stream.extend_from_slice(&masked(Opcode::Ping, true, b"p"));
        stream.extend_from_slice(&masked(Opcode::Continuation, i + 1 == LIMITS.max_fragments, b"x"));
    }
    assert_eq!(outcome(Role::Server, &stream).items.last(), Some(&text("xxxxxxxx")), "pings do not count");
}

#[test]
fn b11_the_limit_may_be_large_or_none() {
    let stream = [masked(Opcode::Text, false, b"x"), vec![]].concat();
    let mut limits = FrameLimits { max_fragments: 0, ..LIMITS };
    let refused = ws_support::decode(Role::Server, &stream, &limits, []);
    assert_eq!(refused.violation, Some(Violation::TOO_MANY_FRAGMENTS));
    let whole = masked(Opcode::Text, true, b"x");
    assert_eq!(ws_support::decode(Role::Server, &whole, &limits, []).items, [text("x")]);
    limits.max_fragments = 100_000;
    let mut stream = stream;
    for _ in 0..90_000 {
        stream.extend_from_slice(&masked(Opcode::Continuation, false, b""));
    }
    stream.extend_from_slice(&masked(Opcode::Continuation, true, b"y"));
    assert_eq!(ws_support::decode(Role::Server, &stream, &limits, [4096]).items, [text("xy")]);
}

#[test]
fn b14_an_unsolicited_pong_is_an_item() {
    gives(&masked(Opcode::Pong, true, b"?"), &[Item::Pong(Cow::Borrowed(b"?"))]);
}

#[test]
fn b15_bad_close_bodies() {
    let close = |body: &[u8]| masked(Opcode::Close, true, body);
    breaks_at_the_last_byte(&close(b"\x03"), Violation::CLOSE_BODY, 1002);
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, u16::MAX] {
        breaks_at_the_last_byte(&close(&code.to_be_bytes()), Violation::CLOSE_CODE, 1002);
        breaks(&close(&[&code.to_be_bytes()[..], b"\xFF"].concat()), Violation::CLOSE_CODE, 1002);
    }
    breaks_at_the_last_byte(&close(b"\x03\xE8bye\xFF"), Violation::CLOSE_REASON, 1007);
    breaks_at_the_last_byte(&close(b"\x03\xE8bye\xC3"), Violation::CLOSE_REASON, 1007);
}

#[test]
fn b15_good_close_bodies() {
    gives(&masked(Opcode::Close, true, b""), &[Item::Close(None)]);
    for code in [1000_u16, 1001, 1002, 1003, 1007, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        let outcome = outcome(Role::Server, &masked(Opcode::Close, true, &code.to_be_bytes()));
        let [Item::Close(Some(close))] = &outcome.items[..] else { panic!("{outcome:?}") };
        assert_eq!((close.code.get(), close.reason.as_str()), (code, ""));
    }
    let body = [&b"\x0F\xA0"[..], "é".repeat(61).as_bytes(), b"x"].concat();
    let outcome = outcome(Role::Server, &masked(Opcode::Close, true, &body));
    let [Item::Close(Some(close))] = &outcome.items[..] else { panic!("{outcome:?}") };
    assert_eq!(close.reason.len(), 123);
}

/// The peer's close frame behind whatever ends the connection, cut at every byte.
#[test]
fn b16_the_peers_close_is_heard_behind_anything() {
    let close = masked(Opcode::Close, true, b"\x03\xE8bye");
    let before: [&[u8]; 14] = [
        b"",
        &masked(Opcode::Text, true, b"well"),
        &masked(Opcode::Text, false, b"open"),
        &masked(Opcode::Ping, true, b"p"),
        b"\x81\x02hi",
        b"\xC1\x80\0\0\0\0",
        b"\x83\x81\0\0\0\0x",
        b"\x8B\x82\0\0\0\0xx",
        &[&b"\x89\xFE\0\x7E\0\0\0\0"[..], &[0; 126]].concat(),
        &[&b"\x82\xFF\0\0\0\0\0\x01\0\x01\0\0\0\0"[..], &[0; 65_537]].concat(),
        &masked(Opcode::Text, true, b"no \xFF text"),
        &masked(Opcode::Continuation, true, b"of nothing"),
        &[masked(Opcode::Text, false, b"a"), masked(Opcode::Text, true, b"b")].concat(),
        b"\x09\x81\0\0\0\0p",
    ];
    let limits = FrameLimits { max_message: 1000, max_frame: 1000, max_fragments: 8 };
    for before in before {
        let bytes = [before, &close].concat();
        for cut in (0..before.len().min(40)).chain(before.len()..=bytes.len()) {
            let (mut decoder, mut bytes) = (Decoder::new(Role::Server), bytes.clone());
            let (first, second) = bytes.split_at_mut(cut);
            let mut at = 0;
            while at < first.len() {
                match decoder.decode(&mut first[at..], &limits) {
                    Ok(decoded) => at += decoded.consumed,
                    Err(_) => break,
                }
            }
            if let Some((last, most)) = second.split_last() {
                assert!(!decoder.pass_over(most), "{before:?} cut at {cut}");
                assert!(decoder.pass_over(&[*last]), "{before:?} cut at {cut}");
            }
            assert!(decoder.pass_over(b"\xFF"), "and stays so: {before:?} cut at {cut}");
        }
    }
    // In a close frame that is a violation itself, and where there is none.
    for (bytes, heard) in [
        (masked(Opcode::Close, true, b"\x03"), true),
        (masked(Opcode::Close, true, b"\x03\xEC"), true),
        (b"\x08\x80\0\0\0\0".to_vec(), true),
        (masked(Opcode::Text, true, b"\x88\x80\0\0\0\0"), false),
        (b"\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0\x88\x80\0\0\0\0".to_vec(), false),
    ] {
        let (mut decoder, mut bytes) = (Decoder::new(Role::Server), bytes);
        let _ = decoder.decode(&mut bytes, &limits);
        assert_eq!(decoder.pass_over(&[]), heard, "{bytes:?}");
    }
}

#[test]
fn b16_what_follows_a_close_is_ignored() {
    let mut stream = masked(Opcode::Text, false, b"never finished");
    stream.extend_from_slice(&masked(Opcode::Close, true, b""));
    stream.extend_from_slice(&masked(Opcode::Close, true, b"\x00"));
    stream.extend_from_slice(b"\xFF\xFF garbage");
    gives(&stream, &[Item::Close(None)]);
    let mut decoder = Decoder::new(Role::Server);
    decoder.decode(&mut stream, &LIMITS).unwrap();
    assert!(!decoder.is_partial(), "the open message is dropped");
}

#[test]
fn what_follows_a_violation_is_ignored() {
    let mut decoder = Decoder::new(Role::Server);
    decoder.decode(&mut [0xFF], &LIMITS).unwrap_err();
    let mut more = [0xFF, 0xFF];
    let decoded = decoder.decode(&mut more, &LIMITS).unwrap();
    assert_eq!((decoded.consumed, decoded.item), (2, None));
}

#[test]
fn b18_a_stream_that_ends_in_mid_frame_is_partial() {
    let stream = masked(Opcode::Text, true, b"hello");
    for end in 1..stream.len() {
        let mut decoder = Decoder::new(Role::Server);
        assert_eq!(decoder.decode(&mut stream[..end].to_vec(), &LIMITS).unwrap().item, None);
        assert!(decoder.is_partial(), "{end}");
    }
    let mut decoder = Decoder::new(Role::Server);
    decoder.decode(&mut masked(Opcode::Text, false, b""), &LIMITS).unwrap();
    assert!(decoder.is_partial(), "an open message without a byte");
}

#[test]
fn b19_a_thousand_frames_in_one_segment() {
    let stream: Vec<u8> = (0..1000_u32).flat_map(|i| masked(Opcode::Binary, true, &i.to_be_bytes())).collect();
    let items: Vec<_> = (0..1000_u32).map(|i| binary(&i.to_be_bytes())).collect();
    gives(&stream, &items);
}

#[test]
fn b19_a_control_frame_between_fragments_comes_at_once() {
    let stream = [
        masked(Opcode::Text, false, b"a"),
        masked(Opcode::Ping, true, b"1"),
        masked(Opcode::Continuation, false, b"b"),
        masked(Opcode::Pong, true, b"2"),
        masked(Opcode::Continuation, true, b"c"),
    ];
    gives(&stream.concat(), &[ping(b"1"), Item::Pong(Cow::Borrowed(b"2")), text("abc")]);
    gives(&stream[..2].concat(), &[ping(b"1")]);
}

#[test]
fn b21_any_masking_key_is_accepted() {
    for key in [[0; 4], [0xFF; 4], [1, 2, 3, 4]] {
        let one = raw(0x81, Len::Byte(5), b"hello", Some(key));
        gives(&[one.clone(), one].concat(), &[text("hello"), text("hello")]);
    }
}

#[test]
fn b23_empty_messages_are_delivered() {
    gives(&masked(Opcode::Text, true, b""), &[text("")]);
    gives(&masked(Opcode::Binary, true, b""), &[binary(b"")]);
    gives(&[masked(Opcode::Text, false, b""), masked(Opcode::Continuation, true, b"")].concat(), &[text("")]);
}

/// Text whose last byte is the first that cannot be UTF-8.
const NOT_UTF8: [&[u8]; 13] = [
    b"\x80",
    b"\xBF",
    b"\xC0",
    b"\xC1",
    b"\xE0\x80",
    b"\xE0\x9F",
    b"\xED\xA0",
    b"\xF0\x8F",
    b"\xF4\x90",
    b"\xF5",
    b"\xFF",
    b"\xE2\x82a",
    b"\xF0\x9F\x98\xC3",
];

#[test]
fn c01_text_fails_at_the_first_bad_byte() {
    for bad in NOT_UTF8 {
        for before in ["", "a", "ü", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef-é"] {
            let payload = [before.as_bytes(), bad].concat();
            // The frame declares more than is there: the failure does not wait for its end.
            let stream = raw(0x81, Len::Byte(125), &payload, KEY);
            breaks_at_the_last_byte(&stream, Violation::INVALID_UTF8, 1007);
            // The same in the middle of a fragmented message.
            for cut in 0..payload.len() {
                let first = masked(Opcode::Text, false, &payload[..cut]);
                let second = raw(0x00, Len::Byte(125), &payload[cut..], KEY);
                breaks_at_the_last_byte(&[first, second].concat(), Violation::INVALID_UTF8, 1007);
            }
        }
    }
}

#[test]
fn c01_a_code_point_cut_at_the_end_of_the_message_is_1007() {
    for cut in [&b"\xC3"[..], b"\xE2\x82", b"\xF0\x9F\x98"] {
        let payload = [b"ok", cut].concat();
        breaks_at_the_last_byte(&masked(Opcode::Text, true, &payload), Violation::INVALID_UTF8, 1007);
        let fragments = [masked(Opcode::Text, false, &payload), masked(Opcode::Continuation, true, b"")].concat();
        breaks_at_the_last_byte(&fragments, Violation::INVALID_UTF8, 1007);
    }
}

#[test]
fn c01_the_failure_of_a_whole_frame_comes_before_the_next_header() {
    let stream = [masked(Opcode::Text, true, b"\xFF"), vec![0xFF]].concat();
    breaks(&stream, Violation::INVALID_UTF8, 1007);
}

#[test]
fn c02_a_code_point_cut_across_frames_is_accepted() {
    let message = "aé€😀z";
    for first in 0..=message.len() {
        for second in first..=message.len() {
            let stream = [
                masked(Opcode::Text, false, &message.as_bytes()[..first]),
                masked(Opcode::Continuation, false, &message.as_bytes()[first..second]),
                masked(Opcode::Continuation, true, &message.as_bytes()[second..]),
            ];
            gives(&stream.concat(), &[text(message)]);
        }
    }
}

#[test]
fn c04_bom_nul_and_carriage_return_are_text() {
    gives(&masked(Opcode::Text, true, "\u{FEFF}\0\r".as_bytes()), &[text("\u{FEFF}\0\r")]);
}

#[test]
fn a_finished_frame_has_the_smallest_header_right_before_its_payload() {
    for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        for at in [0, 7] {
            let mut buf = vec![0xEE; at + HEADER_ROOM + len];
            let start = finish_frame(&mut buf, at, Opcode::Binary);
            assert_eq!(start, at + HEADER_ROOM - header);
            assert!(buf[..start].iter().all(|&byte| byte == 0xEE), "nothing else is written");
            let mut frame = Vec::new();
            write_frame(&mut frame, Opcode::Binary, true, &vec![0xEE; len], None);
            assert_eq!(buf[start..], frame);
            assert_eq!(frame_len(&frame), Some(frame.len()));
            assert_eq!(frame_len(&frame[..header]), Some(frame.len()), "the header is enough");
            assert_eq!(frame_len(&frame[..header - 1]), None);
        }
    }
    assert_eq!(frame_len(b""), None);
    assert_eq!(frame_len(&raw(0x82, Len::Eight(u64::MAX), b"", None)), Some(usize::MAX));
}

#[test]
fn control_frames_read_as_they_were_written() {
    let close = Close::new(CloseCode::KICKED, "é".repeat(80));
    let mut stream = Vec::new();
    write_control(&mut stream, Opcode::Ping, &[1; 125]);
    write_control(&mut stream, Opcode::Pong, b"");
    write_close(&mut stream, &close);
    let outcome = outcome(Role::Client, &stream);
    assert_eq!(outcome.items[..2], [ping(&[1; 125]), Item::Pong(Cow::Borrowed(b""))]);
    let Item::Close(Some(peer)) = &outcome.items[2] else { panic!("{outcome:?}") };
    assert_eq!((peer.code, peer.reason.as_str()), (close.code, close.reason()));
    assert_eq!(close_body(&Close::from(CloseCode::NORMAL)), b"\x03\xE8normal");
}

#[test]
#[should_panic(expected = "at most 125 bytes")]
fn a_control_frame_of_126_bytes_cannot_be_written() {
    write_control(&mut Vec::new(), Opcode::Ping, &[0; 126]);
}

#[test]
#[should_panic(expected = "not the opcode of a control frame")]
fn text_cannot_be_written_as_a_control_frame() {
    write_control(&mut Vec::new(), Opcode::Text, b"");
}

#[test]
fn a_violation_is_a_close_frame() {
    let close = Close::from(Violation::NON_MINIMAL_LENGTH);
    assert_eq!((close.code, close.reason()), (CloseCode::PROTOCOL, "non_minimal_length"));
}
