//! Frames and text: docs/limits.md, groups B and C.
#[path = "../ws_support/mod.rs"]
mod ws_support;

mod closing;
mod headers;
mod text;
mod writing;

use crate::ws_support::{LIMITS, Len, masked, outcome, raw};
use std::borrow::Cow;
use switchboard_core::ws::{Decoder, Item, Opcode, Role, Violation};

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
fn b14_an_unsolicited_pong_is_an_item() {
    gives(&masked(Opcode::Pong, true, b"?"), &[Item::Pong(Cow::Borrowed(b"?"))]);
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
