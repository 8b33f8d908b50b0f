//! Close frames, and what follows them.
use super::{breaks, breaks_at_the_last_byte, gives};
use crate::ws_support::{LIMITS, masked, outcome};
use switchboard_core::ws::{Decoder, FrameLimits, Item, Opcode, Role, Violation};

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
