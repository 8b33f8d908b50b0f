//! Several packets in one polling payload.
use proptest::collection::vec;
use proptest::prelude::*;
use switchboard_core::engineio::{
    Packet, Payload, PayloadLimits, PayloadWriter, Refusal, SEPARATOR, Violation, decode_payload, decode_text,
};

const LIMITS: PayloadLimits = PayloadLimits { max_payload: 1_000_000, max_packets: 16_384 };

/// The packets of a payload, and the violation that ends it.
fn decode(payload: &[u8]) -> (Vec<Packet<'_>>, Option<Violation>) {
    let mut packets = Vec::new();
    let mut payload = match decode_payload(payload, &LIMITS) {
        Ok(payload) => payload,
        Err(violation) => return (packets, Some(violation)),
    };
    for packet in payload.by_ref() {
        match packet {
            Ok(packet) => packets.push(packet),
            Err(violation) => {
                assert!(payload.next().is_none() && payload.rest().is_none(), "nothing follows a violation");
                return (packets, Some(violation));
            }
        }
    }
    (packets, None)
}

#[test]
fn payloads_of_the_protocol_document() {
    let (packets, violation) = decode(b"4hello\x1e2\x1e4world");
    assert_eq!(packets, [Packet::Message("hello"), Packet::Ping(""), Packet::Message("world")]);
    assert_eq!(violation, None);
    let (packets, violation) = decode(b"4hello\x1ebAQIDBA==");
    assert_eq!(packets, [Packet::Message("hello"), Packet::Binary(vec![1, 2, 3, 4].into())]);
    assert_eq!(violation, None);
}

#[test]
fn e10_the_length_and_the_number_of_packets_are_limited() {
    assert_eq!(LIMITS, PayloadLimits::default());
    let long = |len: usize| [b"4".repeat(len - 1), b"4".to_vec()].concat();
    assert_eq!(decode(&long(1_000_000)).0.len(), 1);
    assert_eq!(decode(&long(1_000_001)).1, Some(Violation::PAYLOAD_TOO_LONG));

    let many = |count: usize| vec!["2"; count].join("\u{1e}").into_bytes();
    assert_eq!(decode(&many(16_384)).0.len(), 16_384);
    assert_eq!(decode(&many(16_385)), (vec![], Some(Violation::TOO_MANY_PACKETS)));

    assert_eq!(decode(&[SEPARATOR]), (vec![], Some(Violation::EMPTY_PACKET)));
    assert_eq!(decode(&[SEPARATOR; 100]), (vec![], Some(Violation::EMPTY_PACKET)));
    assert_eq!(decode(&vec![SEPARATOR; 1_000_000]), (vec![], Some(Violation::TOO_MANY_PACKETS)));

    for violation in Violation::ALL {
        let refusal = Refusal::from(*violation);
        assert_eq!(refusal == Refusal::TOO_LARGE, *violation == Violation::PAYLOAD_TOO_LONG, "{violation}");
        assert!(refusal == Refusal::TOO_LARGE || refusal == Refusal::BAD_REQUEST);
    }
}

#[test]
fn e13_packets_before_a_bad_one_are_given() {
    let table: [(&[u8], Violation); 7] = [
        (b"4a\x1e", Violation::EMPTY_PACKET),
        (b"4a\x1e\x1e4b", Violation::EMPTY_PACKET),
        (b"4a\x1e4\x1e4b", Violation::EMPTY_MESSAGE),
        (b"4a\x1e7\x1e4b", Violation::PACKET_TYPE),
        (b"4a\x1e8", Violation::PACKET_TYPE),
        (b"4a\x1e9\x1e", Violation::PACKET_TYPE),
        (b"4a\x1eb*\x1e4b", Violation::BASE64),
    ];
    for (payload, violation) in table {
        assert_eq!(decode(payload), (vec![Packet::Message("a")], Some(violation)), "{payload:?}");
    }
    assert_eq!(decode(b""), (vec![], Some(Violation::EMPTY_PACKET)));
    assert_eq!(decode(b"4a\x1e4\xff"), (vec![], Some(Violation::INVALID_UTF8)));
    // What earlier revisions of the protocol sent.
    assert_eq!(decode(b"6:4hello").1, None);
    assert_eq!(decode(b"\x00\x04\xff4abc").1, Some(Violation::INVALID_UTF8));
}

#[test]
fn a_payload_goes_on_where_it_was_left() {
    let text = b"4a\x1e4b\x1e2\x1e4c";
    let mut payload = decode_payload(text, &LIMITS).unwrap();
    payload.next().unwrap().unwrap();
    let rest = payload.rest().unwrap();
    assert_eq!(rest, "4b\u{1e}2\u{1e}4c");
    assert!(Payload::resume(rest).eq(payload.clone()));
    assert_eq!(payload.by_ref().count(), 3);
    assert_eq!(payload.rest(), None);
}

#[test]
fn an_answer_has_a_limit_of_packets_and_of_bytes() {
    let mut out = b"before".to_vec();
    let mut writer = PayloadWriter::new(&mut out, 3, 12);
    assert!(writer.push(&Packet::Message("ab")));
    assert!(!writer.push(&Packet::Message("12345678")), "13 bytes");
    assert!(writer.push_text(b"4c"));
    assert!(!writer.push_binary(&[0; 4]), "9 bytes, and a separator before them");
    assert!(writer.push_binary(&[]));
    assert_eq!((writer.packets(), writer.bytes()), (3, 8));
    assert!(!writer.push(&Packet::Noop), "a fourth");
    assert_eq!(out, b"before4ab\x1e4c\x1eb");

    // The first is taken whatever its length, because otherwise it could never be sent.
    let mut out = Vec::new();
    let mut writer = PayloadWriter::new(&mut out, 16, 4);
    assert!(writer.push_binary(&[7; 30]));
    assert!(!writer.push(&Packet::Noop));
    assert_eq!(out.len(), 41);
}

fn packet() -> impl Strategy<Value = Packet<'static>> {
    let text = || "[^\u{1e}]{0,20}".prop_map(|text| &*text.leak());
    prop_oneof![
        text().prop_map(Packet::Open),
        Just(Packet::Close),
        text().prop_map(Packet::Ping),
        text().prop_map(Packet::Pong),
        text().prop_filter("not empty", |text| !text.is_empty()).prop_map(Packet::Message),
        vec(any::<u8>(), 0..40).prop_map(|bytes| Packet::Binary(bytes.into())),
        Just(Packet::Upgrade),
        Just(Packet::Noop),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(packets in vec(packet(), 1..20)) {
        let mut out = Vec::new();
        let mut writer = PayloadWriter::new(&mut out, usize::MAX, usize::MAX);
        let mut bytes = packets.len() - 1;
        for packet in &packets {
            prop_assert!(writer.push(packet));
            bytes += packet.text_len();
        }
        prop_assert_eq!(writer.bytes(), bytes);
        prop_assert_eq!(decode(&out), (packets, None));
    }

    #[test]
    fn cut_at_every_byte_the_packets_before_the_cut_are_the_same(packets in vec(packet(), 1..6)) {
        let mut out = Vec::new();
        let mut writer = PayloadWriter::new(&mut out, usize::MAX, usize::MAX);
        for packet in &packets {
            prop_assert!(writer.push(packet));
        }
        for cut in 0..out.len() {
            let whole = out[..cut].iter().filter(|&&byte| byte == SEPARATOR).count();
            let (read, violation) = decode(&out[..cut]);
            if violation == Some(Violation::INVALID_UTF8) {
                prop_assert!(read.is_empty());
            } else {
                prop_assert!(read.len() >= whole && read[..whole] == packets[..whole]);
            }
        }
    }

    #[test]
    fn any_bytes_are_packets_or_a_violation(payload in vec(any::<u8>(), 0..60)) {
        let (packets, violation) = decode(&payload);
        prop_assert!(violation.is_some() || !packets.is_empty());
        if let Ok(text) = std::str::from_utf8(&payload) {
            let parts: Vec<_> = text.split('\u{1e}').map(decode_text).take_while(Result::is_ok).collect();
            prop_assert_eq!(parts.len(), packets.len());
        }
    }
}
