//! Headers and lengths that break the protocol or a limit.
use super::{KEY, binary, breaks, breaks_at_the_last_byte, gives, ping, text};
use crate::ws_support::{LIMITS, Len, masked, outcome, raw};
use switchboard_core::CloseCode;
use switchboard_core::ws::{Decoder, FrameLimits, MAX_CONTROL, Opcode, Role, Violation};

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
        assert_eq!(crate::ws_support::decode(Role::Server, &stream, &limits, []).items, [binary(&vec![5; len])]);
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
    let outcome = crate::ws_support::decode(Role::Server, &stream, &limits, []);
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
    let refused = crate::ws_support::decode(Role::Server, &stream, &limits, []);
    assert_eq!(refused.violation, Some(Violation::TOO_MANY_FRAGMENTS));
    let whole = masked(Opcode::Text, true, b"x");
    assert_eq!(crate::ws_support::decode(Role::Server, &whole, &limits, []).items, [text("x")]);
    limits.max_fragments = 100_000;
    let mut stream = stream;
    for _ in 0..90_000 {
        stream.extend_from_slice(&masked(Opcode::Continuation, false, b""));
    }
    stream.extend_from_slice(&masked(Opcode::Continuation, true, b"y"));
    assert_eq!(crate::ws_support::decode(Role::Server, &stream, &limits, [4096]).items, [text("xy")]);
}
