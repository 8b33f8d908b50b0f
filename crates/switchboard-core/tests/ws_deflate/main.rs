//! permessage-deflate (RFC 7692): negotiation, reading within limits, and writing, against flate2 used directly.
#[path = "../ws_support/mod.rs"]
mod ws_support;

mod inflating;
mod offers;
mod window;

use crate::ws_support::{Outcome, Random, masked};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};
use proptest::prelude::*;
use switchboard_core::ws::{Decoder, Deflate, FrameLimits, HEADER_ROOM, Item, Opcode, Role, Violation, finish_frame};

const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

const LIMITS: FrameLimits = FrameLimits { max_message: 100_000, max_frame: 100_000, max_fragments: 8 };

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn agreed(offer: &str) -> Deflate {
    Deflate::negotiate(&headers(&[offer])).unwrap().0
}

fn deflate() -> Deflate {
    agreed("permessage-deflate")
}

/// The value of the answer's header.
fn answer(values: &[&str]) -> Option<String> {
    Deflate::negotiate(&headers(values)).map(|(_, answer)| answer.to_str().unwrap().to_owned())
}

fn json(len: usize) -> Vec<u8> {
    let mut text = String::from("[");
    for i in 0.. {
        if text.len() >= len {
            break;
        }
        text += &format!("{{\"id\":{},\"name\":\"änne {}\",\"online\":{}}},", i * 7919, i % 13, i % 3 == 0);
    }
    text.pop();
    (text + "]").into_bytes()
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = Random(7);
    (0..len).map(|_| random.next() as u8).collect()
}

/// A masked frame of a compressed message.
fn compressed(opcode: Opcode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = masked(opcode, fin, payload);
    frame[0] |= 0x40;
    frame
}

/// Compressed with flate2, the tail left out.
fn packed(payload: &[u8]) -> Vec<u8> {
    pack(payload, 6, FlushCompress::Sync, 15)
}

fn pack(payload: &[u8], level: u32, flush: FlushCompress, window: u8) -> Vec<u8> {
    let mut stream = Compress::new_with_window_bits(Compression::new(level), false, window);
    let mut out = Vec::with_capacity(payload.len() * 2 + 100);
    stream.compress_vec(payload, &mut out, flush).unwrap();
    assert_eq!(stream.total_in() as usize, payload.len());
    if out.ends_with(&TAIL) {
        out.truncate(out.len() - 4);
    }
    out
}

/// Inflated with flate2, the tail put back.
fn unpacked(payload: &[u8], window: u8) -> Vec<u8> {
    let mut stream = Decompress::new_with_window_bits(false, window);
    let mut out = Vec::with_capacity(400_000);
    for part in [payload, &TAIL] {
        stream.decompress_vec(part, &mut out, FlushDecompress::Sync).unwrap();
    }
    assert_eq!(stream.total_in() as usize, payload.len() + 4);
    out
}

fn decode(stream: &[u8], limits: &FrameLimits, size: usize) -> Outcome {
    let mut decoder = Decoder::new(Role::Server).with_deflate(Some(deflate()));
    let mut outcome = Outcome { items: Vec::new(), violation: None };
    for piece in stream.to_vec().chunks_mut(size) {
        let mut piece = piece;
        while !piece.is_empty() {
            match decoder.decode(piece, limits) {
                Ok(decoded) => {
                    let consumed = decoded.consumed;
                    outcome.items.extend(decoded.item.map(Item::into_owned));
                    piece = &mut piece[consumed..];
                }
                // Nothing comes of what follows: there is no second failure.
                Err(violation) => {
                    assert_eq!(outcome.violation.replace(violation), None);
                    assert!(!decoder.is_partial());
                    piece = &mut [];
                }
            }
        }
        assert!(decoder.buffered() <= limits.max_message.saturating_add(125));
    }
    outcome
}

/// The same whole, byte by byte and in pieces.
fn outcome(stream: &[u8], limits: &FrameLimits) -> Outcome {
    let whole = decode(stream, limits, stream.len().max(1));
    for size in [1, 2, 3, 7, 64, 1000] {
        assert_eq!(decode(stream, limits, size), whole, "in pieces of {size}");
    }
    whole
}

/// The one message of a stream.
fn message(stream: &[u8]) -> Vec<u8> {
    let outcome = outcome(stream, &LIMITS);
    assert_eq!(outcome.violation, None);
    match &outcome.items[..] {
        [Item::Text(text)] => text.as_bytes().to_vec(),
        [Item::Binary(bytes)] => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn violation(stream: &[u8], limits: &FrameLimits) -> Violation {
    let outcome = outcome(stream, limits);
    assert_eq!(outcome.items, []);
    outcome.violation.expect("a violation")
}

fn plain_frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; HEADER_ROOM];
    frame.extend_from_slice(payload);
    let start = finish_frame(&mut frame, 0, opcode);
    frame.split_off(start)
}

#[test]
fn what_is_compressed_is_read_by_others() {
    for len in [100, 125, 126, 500, 4096, 65_535, 65_536, 300_000] {
        for level in [0, 1, 2, 6, 9, 200] {
            for opcode in [Opcode::Text, Opcode::Binary] {
                let payload = json(len);
                let mut out = Vec::new();
                let start = deflate().compress(&plain_frame(opcode, &payload), level, &mut out).expect("JSON shrinks");
                let frame = &out[start..];
                assert_eq!(frame[0], 0xC0 | opcode.get());
                let header = match frame[1] {
                    126 => 4,
                    127 => 10,
                    _ => 2,
                };
                assert_eq!(unpacked(&frame[header..], 15), payload, "{len} level {level}");
                assert!(frame.len() < payload.len() * 2 / 3, "{len} level {level}: {}", frame.len());
                let limits = FrameLimits { max_message: 4 << 20, max_frame: 4 << 20, max_fragments: 1 };
                let mut client = Decoder::new(Role::Client).with_deflate(Some(deflate()));
                let mut bytes = frame.to_vec();
                let found = client.decode(&mut bytes, &limits).unwrap();
                assert_eq!(found.consumed, frame.len());
                match found.item {
                    Some(Item::Text(text)) => assert_eq!(text.as_bytes(), payload),
                    Some(Item::Binary(bytes)) => assert_eq!(*bytes, payload),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn what_does_not_shrink_is_not_compressed() {
    let noise = noise(5000);
    for payload in [&noise[..], &noise[..100], b"", b"a", b"ab"] {
        for level in [1, 2, 9] {
            let mut out = Vec::new();
            assert_eq!(deflate().compress(&plain_frame(Opcode::Binary, payload), level, &mut out), None);
        }
    }
    // What comes after it is not harmed.
    let mut out = Vec::new();
    assert!(deflate().compress(&plain_frame(Opcode::Text, &json(500)), 2, &mut out).is_some());
    for frame in [&b""[..], b"\x81", b"\x89\x05aaaaa", b"\x81\x7e\x01"] {
        assert_eq!(deflate().compress(frame, 2, &mut Vec::new()), None, "{frame:x?}");
    }
}

/// A client with a small window gets only messages compressed that its window holds; it reads them with that window.
#[test]
fn a_small_window_is_respected() {
    for bits in 9..=14u8 {
        let small = agreed(&format!("permessage-deflate; server_max_window_bits={bits}"));
        let holds = 1 << bits;
        assert!(small.may_compress(holds) && !small.may_compress(holds + 1));
        let mut payload = json(holds / 2);
        payload.truncate(holds / 2);
        payload.extend_from_within(..);
        let mut out = Vec::new();
        let start = small.compress(&plain_frame(Opcode::Binary, &payload), 9, &mut out).unwrap();
        let header = if out[start + 1] == 126 { 4 } else { 2 };
        assert_eq!(unpacked(&out[start + header..], bits), payload);
    }
    assert!(deflate().may_compress(usize::MAX));
    assert!(!agreed("permessage-deflate; server_max_window_bits=8").may_compress(257));
}

proptest! {
    /// A message with some bytes changed: one outcome however it is cut, within the limit, and never another message than the
    /// one that flate2 reads.
    #[test]
    fn damaged_messages_have_one_outcome(
        len in 1..20_000usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        level in 0..10u32,
        cut in 0..3usize,
    ) {
        let limits = FrameLimits { max_message: 15_000, max_frame: 15_000, max_fragments: 8 };
        let mut bytes = pack(&json(len), level, FlushCompress::Sync, 15);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        let found = outcome(&compressed(Opcode::Binary, true, &bytes), &limits);
        match (&found.items[..], found.violation) {
            ([Item::Binary(inflated)], None) => {
                prop_assert!(inflated.len() <= limits.max_message);
                let mut expected = Vec::with_capacity(40_000);
                let mut stream = Decompress::new(false);
                let status = stream.decompress_vec(&bytes, &mut expected, FlushDecompress::Sync).unwrap();
                if status != Status::StreamEnd {
                    stream.decompress_vec(&TAIL, &mut expected, FlushDecompress::Sync).unwrap();
                    prop_assert_eq!(&inflated[..], &expected[..]);
                }
            }
            ([], Some(violation)) => prop_assert!(matches!(
                violation,
                Violation::CORRUPT_DEFLATE | Violation::MESSAGE_TOO_BIG | Violation::FRAME_TOO_BIG
            )),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn any_payload_comes_back(payload in prop::collection::vec(0..30u8, 0..70_000), level in 1..10u8) {
        let mut out = Vec::new();
        if let Some(start) = deflate().compress(&plain_frame(Opcode::Binary, &payload), level, &mut out) {
            let limits = FrameLimits { max_message: 70_000, max_frame: 70_000, max_fragments: 1 };
            let mut decoder = Decoder::new(Role::Client).with_deflate(Some(deflate()));
            let found = decoder.decode(&mut out[start..], &limits).unwrap();
            prop_assert_eq!(found.item, Some(Item::Binary(payload.into())));
        }
    }
}
