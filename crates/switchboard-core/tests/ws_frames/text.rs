//! UTF-8 of text messages.
use super::{KEY, breaks, breaks_at_the_last_byte, gives, text};
use crate::ws_support::{Len, masked, raw};
use switchboard_core::ws::{Opcode, Violation};

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
