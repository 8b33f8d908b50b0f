//! Engine.IO v4: docs/limits.md, group E.
mod payloads;
mod queries;

use std::time::Duration;

use http::StatusCode;
use switchboard_core::engineio::{Open, PROBE, Packet, PacketType, Refusal, Transport, Violation, decode_text};

#[test]
fn packets_of_the_protocol_document() {
    let packets = [
        ("0{\"sid\":\"a\"}", Packet::Open("{\"sid\":\"a\"}")),
        ("1", Packet::Close),
        ("2", Packet::Ping("")),
        ("2probe", Packet::Ping(PROBE)),
        ("3", Packet::Pong("")),
        ("3probe", Packet::Pong(PROBE)),
        ("4hello", Packet::Message("hello")),
        ("4€", Packet::Message("€")),
        ("5", Packet::Upgrade),
        ("6", Packet::Noop),
        ("bAQIDBA==", Packet::Binary(vec![1, 2, 3, 4].into())),
        ("b", Packet::Binary(vec![].into())),
    ];
    for (text, packet) in packets {
        assert_eq!(decode_text(text).as_ref(), Ok(&packet), "{text}");
        let mut out = Vec::new();
        packet.write(&mut out);
        assert_eq!(out, text.as_bytes());
        assert_eq!(packet.text_len(), out.len());
    }
}

#[test]
fn the_handshake_of_the_protocol_document() {
    let open = Open {
        sid: "lv_VI97HAXpY6yYWAAAC",
        upgrades: &[Transport::WebSocket],
        ping_interval: Duration::from_millis(25_000),
        ping_timeout: Duration::from_millis(20_000),
        max_payload: 1_000_000,
    };
    let mut out = Vec::new();
    open.write(&mut out);
    let expected = r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);

    let mut out = Vec::new();
    Open { upgrades: &[], ping_interval: Duration::MAX, ..open }.write(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(r#""upgrades":[],"pingInterval":9007199254740992,"#), "{text}");
}

#[test]
fn e11_a_wrong_probe_is_a_ping_of_something_else() {
    for text in ["2foo", "2probe ", "2Probe", "2prob"] {
        let Ok(Packet::Ping(content)) = decode_text(text) else { panic!("{text}") };
        assert_ne!(content, PROBE);
    }
}

#[test]
fn e13_what_is_no_packet() {
    let table = [
        ("", Violation::EMPTY_PACKET),
        ("4", Violation::EMPTY_MESSAGE),
        ("7", Violation::PACKET_TYPE),
        ("8x", Violation::PACKET_TYPE),
        ("9{}", Violation::PACKET_TYPE),
        ("abc", Violation::PACKET_TYPE),
        ("é", Violation::PACKET_TYPE),
        (" 4a", Violation::PACKET_TYPE),
        ("\u{1e}", Violation::PACKET_TYPE),
        ("\0", Violation::PACKET_TYPE),
        ("B", Violation::PACKET_TYPE),
        ("b!", Violation::BASE64),
        ("bA", Violation::BASE64),
        ("bAQ==AQ==", Violation::BASE64),
        ("bé", Violation::BASE64),
    ];
    for (text, violation) in table {
        assert_eq!(decode_text(text), Err(violation), "{text:?}");
    }
    for byte in 0..=u8::MAX {
        let known = PacketType::of(byte).is_some();
        assert_eq!(known, (b'0'..=b'6').contains(&byte));
        assert!(!known || PacketType::of(byte).map(PacketType::byte) == Some(byte));
    }
}

#[test]
fn content_that_a_type_does_not_have_is_ignored() {
    for (text, packet) in [("1bye", Packet::Close), ("5x", Packet::Upgrade), ("6\0", Packet::Noop)] {
        assert_eq!(decode_text(text), Ok(packet), "{text}");
    }
}

/// The reference implementation reads all of these; the official Java client breaks lines after 76 characters.
#[test]
fn base64_as_clients_write_it() {
    for text in ["bAQIDBA==", "bAQIDBA", "bAQIDBA=", "bAQ\nIDBA==\n", "bAQIDBB==", "bAQID\r\nBA\r\n"] {
        assert_eq!(decode_text(text), Ok(Packet::Binary(vec![1, 2, 3, 4].into())), "{text:?}");
    }
}

#[test]
fn refusals_are_those_of_the_reference_implementation() {
    let table = [
        (Refusal::UNKNOWN_TRANSPORT, 400, r#"{"code":0,"message":"Transport unknown"}"#),
        (Refusal::UNKNOWN_SID, 400, r#"{"code":1,"message":"Session ID unknown"}"#),
        (Refusal::HANDSHAKE_METHOD, 400, r#"{"code":2,"message":"Bad handshake method"}"#),
        (Refusal::BAD_REQUEST, 400, r#"{"code":3,"message":"Bad request"}"#),
        (Refusal::FORBIDDEN, 403, r#"{"code":4,"message":"Forbidden"}"#),
        (Refusal::UNSUPPORTED_VERSION, 400, r#"{"code":5,"message":"Unsupported protocol version"}"#),
        (Refusal::METHOD_NOT_ALLOWED, 405, ""),
        (Refusal::TOO_LARGE, 413, ""),
    ];
    assert_eq!(table.map(|(refusal, ..)| refusal), Refusal::ALL);
    for (refusal, status, body) in table {
        assert_eq!((refusal.status, refusal.body), (StatusCode::from_u16(status).unwrap(), body));
    }
    assert_eq!(Refusal::forbidden_body("no \"bots\""), r#"{"code":4,"message":"no \"bots\""}"#);
}
