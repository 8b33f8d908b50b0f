//! Any bytes as an Engine.IO payload, and as the query of a request.
//!
//! Nothing panics; a payload gives what its parts give; what was read is read again when it is written; a query is
//! answered as the table says.
#![no_main]
use http::Method;
use libfuzzer_sys::fuzz_target;
use switchboard_core::engineio::{
    Packet, PayloadLimits, PayloadWriter, Purpose, Query, Refusal, SEPARATOR, Transport, Violation, decode_payload,
    decode_text,
};

const LIMITS: PayloadLimits = PayloadLimits { max_payload: 2000, max_packets: 50 };

fuzz_target!(|bytes: &[u8]| {
    payload(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        query(text);
    }
});

fn payload(bytes: &[u8]) {
    let (packets, violation) = decode(bytes, &LIMITS);
    assert!(violation.is_some() || !packets.is_empty());
    assert!(packets.len() <= LIMITS.max_packets);
    if let Ok(text) = std::str::from_utf8(bytes)
        && bytes.len() <= LIMITS.max_payload
        && violation != Some(Violation::TOO_MANY_PACKETS)
    {
        let parts: Vec<_> = text.split('\u{1e}').map(decode_text).collect();
        let good = parts.iter().take_while(|part| part.is_ok()).count();
        assert_eq!((good, parts.get(good).and_then(|part| part.clone().err())), (packets.len(), violation));
    }
    if let Some(violation) = violation {
        assert!(Violation::ALL.contains(&violation) && Refusal::ALL.contains(&Refusal::from(violation)));
    }
    if !packets.is_empty() {
        round_trip(&packets);
    }
}

fn decode<'a>(bytes: &'a [u8], limits: &PayloadLimits) -> (Vec<Packet<'a>>, Option<Violation>) {
    let payload = match decode_payload(bytes, limits) {
        Ok(payload) => payload,
        Err(violation) => return (Vec::new(), Some(violation)),
    };
    let mut packets = Vec::new();
    for packet in payload {
        match packet {
            Ok(packet) => packets.push(packet),
            Err(violation) => return (packets, Some(violation)),
        }
    }
    (packets, None)
}

/// Written with any limits, the first packets are read again, and the rest fits in further payloads.
fn round_trip(packets: &[Packet<'_>]) {
    let mut again = Vec::new();
    let mut rest = packets;
    while !rest.is_empty() {
        let mut out = Vec::new();
        let mut writer = PayloadWriter::new(&mut out, 16, 100);
        let taken = rest.iter().take_while(|packet| writer.push(packet)).count();
        assert_eq!((writer.packets(), taken > 0 && taken <= 16), (taken, true));
        assert!(taken == 1 || writer.bytes() <= 100);
        assert_eq!(out.iter().filter(|&&byte| byte == SEPARATOR).count(), taken - 1);
        let (read, violation) = decode(&out, &PayloadLimits { max_payload: usize::MAX, max_packets: 16 });
        assert_eq!(violation, None);
        again.extend(read.into_iter().map(|packet| format!("{packet:?}")));
        rest = &rest[taken..];
    }
    assert!(packets.iter().map(|packet| format!("{packet:?}")).eq(again));
}

fn query(text: &str) {
    let with_jsonp = Query::parse_with_jsonp(text);
    match (Query::parse(text), &with_jsonp) {
        (Ok(query), Ok(with_jsonp)) => assert!(&query == with_jsonp && query.jsonp.is_none()),
        (Err(Refusal::BAD_REQUEST), Ok(query)) => assert!(query.jsonp.is_some()),
        (Err(refusal), Err(with_jsonp)) => assert!(refusal == *with_jsonp && Refusal::ALL.contains(&refusal)),
        (Ok(query), Err(refusal)) => panic!("{query:?}, {refusal:?}"),
        (Err(refusal), Ok(query)) => panic!("{refusal:?}, {query:?}"),
    }
    let Ok(query) = with_jsonp else { return };
    assert!(query.sid.as_deref() != Some(""));
    for method in [Method::GET, Method::POST, Method::PUT] {
        for is_upgrade in [false, true] {
            let Ok(purpose) = query.purpose(&method, is_upgrade) else { continue };
            assert_eq!(query.sid.is_some(), purpose != Purpose::Open);
            assert_eq!(method == Method::POST, purpose == Purpose::Post);
            assert_eq!(query.transport == Transport::WebSocket, is_upgrade);
        }
    }
}
