//! permessage-deflate: any bytes as offers, as a compressed message, and as a message to compress.
//!
//! The first byte chooses. Offers are the lines behind it. Of a compressed message the next four bytes are the sizes of its
//! fragments: whole and in pieces the outcome is the same, within the limits, and what was read is read again when it is
//! compressed by us. A message to compress has its level in the next byte.
#![no_main]
use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};
use libfuzzer_sys::fuzz_target;
use switchboard_core::ws::{
    Decoder, Deflate, FrameLimits, HEADER_ROOM, Item, Opcode, Role, Violation, finish_frame, write_frame,
};

const LIMITS: FrameLimits = FrameLimits { max_message: 40_000, max_frame: 20_000, max_fragments: 8 };
const RSV1: u8 = 0x40;

type Outcome = Result<Option<Item<'static>>, Violation>;

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0, lines)) => negotiate(lines),
        Some((1, [a, b, c, d, payload @ ..])) => inflate(payload, &[*a, *b, *c, *d]),
        Some((_, [level, payload @ ..])) => drop(compress(payload, *level)),
        _ => {}
    }
});

fn headers(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in lines.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(SEC_WEBSOCKET_EXTENSIONS, value);
    }
    headers
}

fn negotiate(lines: &[u8]) {
    let headers = headers(lines);
    let Some((deflate, answer)) = Deflate::negotiate(&headers) else { return };
    let answer = answer.to_str().expect("the answer is text");
    let (agreed, bits) = answer.split_once("; server_max_window_bits=").unwrap_or((answer, "15"));
    assert_eq!(agreed, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    let bits: u32 = bits.parse().expect("a number");
    assert!((8..=15).contains(&bits));
    assert!(deflate.may_compress(1 << bits) && (bits == 15 || !deflate.may_compress((1 << bits) + 1)));
    // The answer is an offer of the same.
    let again = Deflate::negotiate(&self::headers(answer.as_bytes())).expect("a good offer");
    assert_eq!((again.0, again.1.to_str().ok()), (deflate, Some(answer)));
    // What was accepted was offered.
    let all: Vec<u8> = headers.iter().flat_map(|(_, value)| value.as_bytes().to_vec()).collect();
    assert!(String::from_utf8_lossy(&all).contains("permessage-deflate"));
}

fn deflate() -> Deflate {
    Deflate::negotiate(&headers(b"permessage-deflate")).expect("a good offer").0
}

fn inflate(payload: &[u8], sizes: &[u8; 4]) {
    for opcode in [Opcode::Text, Opcode::Binary] {
        let mut whole = Vec::new();
        write_frame(&mut whole, opcode, true, payload, Some([1, 2, 3, 4]));
        whole[0] |= RSV1;
        let limits = FrameLimits { max_frame: LIMITS.max_message, ..LIMITS };
        let outcome = decode(Role::Server, &whole, whole.len(), &limits);
        assert_eq!(decode(Role::Server, &whole, 1, &limits), outcome, "byte by byte");

        let mut rest = payload;
        let mut stream = Vec::new();
        for (at, size) in sizes.iter().enumerate() {
            let (part, after) = rest.split_at(usize::from(*size).min(rest.len()));
            rest = after;
            let start = stream.len();
            write_frame(&mut stream, if at == 0 { opcode } else { Opcode::Continuation }, false, part, Some([5; 4]));
            stream[start] |= if at == 0 { RSV1 } else { 0 };
        }
        write_frame(&mut stream, Opcode::Continuation, true, rest, Some([6; 4]));
        assert_eq!(decode(Role::Server, &stream, stream.len(), &limits), outcome, "in fragments");
        assert_eq!(decode(Role::Server, &stream, 7, &limits), outcome, "in fragments and pieces");

        let message = match &outcome {
            Ok(Some(Item::Text(text))) => text.as_bytes(),
            Ok(Some(Item::Binary(bytes))) => bytes,
            Err(Violation::CORRUPT_DEFLATE | Violation::MESSAGE_TOO_BIG | Violation::FRAME_TOO_BIG) => continue,
            Err(Violation::INVALID_UTF8) if opcode == Opcode::Text => continue,
            other => panic!("{other:?}"),
        };
        assert!(message.len() <= LIMITS.max_message);
        compress(message, sizes[0]);
    }
}

/// What is compressed is shorter, and comes back.
fn compress(payload: &[u8], level: u8) {
    let mut plain = vec![0; HEADER_ROOM];
    plain.extend_from_slice(payload);
    let start = finish_frame(&mut plain, 0, Opcode::Binary);
    let mut out = Vec::new();
    let Some(at) = deflate().compress(&plain[start..], level, &mut out) else { return };
    let frame = &out[at..];
    assert!(frame.len() < plain.len() - start);
    let limits = FrameLimits { max_message: payload.len(), max_frame: payload.len(), max_fragments: 1 };
    let found = decode(Role::Client, frame, frame.len(), &limits);
    assert_eq!(found, Ok(Some(Item::Binary(payload.to_vec().into()))));
}

/// The first item, or what is wrong; after that nothing comes.
fn decode(role: Role, stream: &[u8], size: usize, limits: &FrameLimits) -> Outcome {
    let mut decoder = Decoder::new(role).with_deflate(Some(deflate()));
    let mut outcome = Ok(None);
    for piece in stream.to_vec().chunks_mut(size.max(1)) {
        let decoded = decoder.decode(piece, limits);
        if outcome != Ok(None) {
            assert!(matches!(decoded, Ok(decoded) if decoded.item.is_none()), "a second one");
            continue;
        }
        outcome = decoded.map(|decoded| decoded.item.map(Item::into_owned));
        assert!(decoder.buffered() <= limits.max_message + 125);
    }
    assert_eq!(decoder.buffered(), 0);
    outcome
}
