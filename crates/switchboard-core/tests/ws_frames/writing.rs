//! Frames that the server writes.
use super::ping;
use crate::ws_support::{Len, outcome, raw};
use std::borrow::Cow;
use switchboard_core::ws::{
    HEADER_ROOM, Item, Opcode, Role, Violation, close_body, finish_frame, frame_len, write_close, write_control,
    write_frame,
};
use switchboard_core::{Close, CloseCode};

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
