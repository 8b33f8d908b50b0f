//! permessage-deflate (RFC 7692): negotiation, reading within limits, and writing, against flate2 used directly.
mod ws_support;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};
use proptest::prelude::*;
use std::borrow::Cow;
use switchboard_core::CloseCode;
use switchboard_core::ws::{Decoder, Deflate, FrameLimits, HEADER_ROOM, Item, Opcode, Role, Violation, finish_frame};
use ws_support::{Outcome, Random, masked};

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

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[test]
fn a19_the_first_good_offer_is_accepted() {
    for offer in [
        "permessage-deflate",
        " permessage-deflate ",
        "permessage-deflate;client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=\"15\"",
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover ;client_max_window_bits = 12",
        "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
        "x; a=\"permessage-deflate, permessage-deflate; b=c\", permessage-deflate",
        ", ,permessage-deflate",
    ] {
        assert_eq!(answer(&[offer]).as_deref(), Some(ANSWER), "{offer}");
    }
    for bits in 8..=15 {
        for value in [bits.to_string(), format!("\"{bits}\""), format!("\"\\{bits}\"")] {
            let offer = format!("permessage-deflate; server_max_window_bits={value}");
            assert_eq!(answer(&[&offer]), Some(format!("{ANSWER}; server_max_window_bits={bits}")), "{offer}");
        }
    }
    // The one that is accepted decides, wherever it stands.
    let offers = "permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=10, permessage-deflate";
    assert_eq!(answer(&[offers]), Some(format!("{ANSWER}; server_max_window_bits=10")));
    let split = ["foo", "permessage-deflate; server_max_window_bits=16", "permessage-deflate", "bar"];
    assert_eq!(answer(&split).as_deref(), Some(ANSWER));
}

#[test]
fn a19_offers_that_must_be_declined() {
    let parameters = [
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=\"x\"",
        "server_max_window_bits=x",
        "server_max_window_bits=",
        "server_max_window_bits=\"\"",
        "server_max_window_bits",
        "server_max_window_bits=08",
        "server_max_window_bits=+9",
        "server_max_window_bits=9.0",
        "server_max_window_bits=265",
        "server_max_window_bits=99999999999999999999",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=\"x\"",
        "client_max_window_bits=",
        "client_max_window_bits=0",
        "client_max_window_bits=008",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits=10",
        "client_no_context_takeover=1",
        "client_no_context_takeover=\"\"",
        "server_no_context_takeover=true",
        "server_no_context_takeover; server_no_context_takeover",
        "unknown",
        "unknown=1",
        "Server_No_Context_Takeover",
        "",
        ";",
        "server_max_window_bits=\"10",
        "server_max_window_bits=\"10\\",
        "server_max_window_bits=\"10\"0",
        "server_max_window_bits=1 0",
        "server_max_window_bits=10=10",
        "server_max_window_bits=\u{e9}",
        "=10",
        "a b",
    ];
    for parameter in parameters {
        let offer = format!("permessage-deflate; {parameter}");
        assert_eq!(answer(&[&offer]), None, "{offer}");
        // The next offer counts, unless it stands inside an open quote.
        if parameter.matches('"').count() != 1 {
            assert_eq!(answer(&[&format!("{offer}, permessage-deflate")]).as_deref(), Some(ANSWER), "{offer}");
        }
        assert_eq!(answer(&[&offer, "permessage-deflate"]).as_deref(), Some(ANSWER), "{offer}");
    }
    for offer in
        ["", ",", "permessage-deflatee", "Permessage-Deflate", "\"permessage-deflate\"", "permessage-deflate=1", "??"]
    {
        assert_eq!(answer(&[offer]), None, "{offer}");
    }
    assert_eq!(answer(&[]), None);
    // Not even the ninth offer is looked at, nor anything in 64 KiB of nonsense.
    assert_eq!(answer(&[&format!("{}permessage-deflate", "x, ".repeat(8))]), None);
    assert_eq!(answer(&[&format!("permessage-deflate; a=\"{}\"", "b".repeat(64 << 10))]), None);
    assert_eq!(answer(&[&format!("permessage-deflate{}", "; server_no_context_takeover".repeat(2000))]), None);
}

/// A connection that agreed on it holds no more than one that did not.
#[test]
fn nothing_is_kept_between_messages() {
    assert_eq!(size_of::<Option<Deflate>>(), 1);
    assert_eq!(size_of::<Decoder>(), size_of::<(usize, [u8; 3])>());
    let mut decoders = Vec::new();
    decoders.resize_with(10_000, || Decoder::new(Role::Server).with_deflate(Some(deflate())));
    let mut frame = compressed(Opcode::Text, true, &packed(&json(5000)));
    let sent = frame.clone();
    for decoder in &mut decoders {
        frame.copy_from_slice(&sent);
        assert!(matches!(decoder.decode(&mut frame, &LIMITS).unwrap().item, Some(Item::Text(_))));
        assert!(!decoder.is_partial() && decoder.buffered() == 0);
    }
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

/// RFC 7692 §7.2.3.
#[test]
fn b20_the_examples_of_the_rfc() {
    let hello: [&[u8]; 5] = [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        // A last block that ends the payload needs no further one.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
    ];
    for payload in hello {
        assert_eq!(message(&compressed(Opcode::Text, true, payload)), b"Hello", "{payload:x?}");
        assert_eq!(message(&compressed(Opcode::Binary, true, payload)), b"Hello", "{payload:x?}");
        for cut in 0..=payload.len() {
            let (first, last) = payload.split_at(cut);
            let fragments = [compressed(Opcode::Text, false, first), masked(Opcode::Continuation, true, last)].concat();
            assert_eq!(message(&fragments), b"Hello", "{payload:x?} cut at {cut}");
        }
    }
    // The window of the message before is gone: the RFC's second "Hello" refers to it.
    let hello = compressed(Opcode::Text, true, hello[0]);
    let again = compressed(Opcode::Text, true, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
    let both = outcome(&[hello.clone(), again].concat(), &LIMITS);
    assert_eq!((both.items.len(), both.violation), (1, Some(Violation::CORRUPT_DEFLATE)));
    // After a message that is not compressed, and between others, nothing is left either.
    let mixed = [&hello[..], &masked(Opcode::Text, true, b"plain"), &hello, &masked(Opcode::Ping, true, b"p")].concat();
    let items = outcome(&mixed, &LIMITS).items;
    let text = |text: &'static str| Item::Text(Cow::Borrowed(text));
    assert_eq!(items, [text("Hello"), text("plain"), text("Hello"), Item::Ping(Cow::Borrowed(b"p"))]);
}

#[test]
fn b20_empty_messages() {
    // Blocks of no bytes: stored, fixed, last.
    for payload in
        [&[0x00][..], &[0x02, 0x00], &[0x03, 0x00], &[0x03, 0x00, 0x00], &[0x01], &[0x00, 0x00, 0x00, 0xff, 0xff, 0x00]]
    {
        assert_eq!(message(&compressed(Opcode::Text, true, payload)), b"", "{payload:x?}");
    }
    // No byte at all is no DEFLATE data: even an empty message has a block.
    assert_eq!(violation(&compressed(Opcode::Text, true, b""), &LIMITS), Violation::CORRUPT_DEFLATE);
}

#[test]
fn b02_where_rsv1_may_stand() {
    let payload = packed(b"abc");
    let (first, last) = payload.split_at(2);
    for (what, stream) in [
        ("a ping", compressed(Opcode::Ping, true, b"")),
        ("a pong", compressed(Opcode::Pong, true, b"")),
        ("a close", compressed(Opcode::Close, true, b"")),
        ("a continuation of nothing", compressed(Opcode::Continuation, true, &payload)),
        (
            "a continuation",
            [compressed(Opcode::Text, false, first), compressed(Opcode::Continuation, true, last)].concat(),
        ),
        (
            "a continuation of a plain message",
            [masked(Opcode::Text, false, b"a"), compressed(Opcode::Continuation, true, last)].concat(),
        ),
        (
            "a ping inside a message",
            [compressed(Opcode::Text, false, first), compressed(Opcode::Ping, true, b"")].concat(),
        ),
    ] {
        assert_eq!(violation(&stream, &LIMITS), Violation::RESERVED_BITS, "{what}");
    }
    for bits in [0x10, 0x20, 0x30, 0x50, 0x60, 0x70] {
        let mut frame = masked(Opcode::Text, true, &payload);
        frame[0] |= bits;
        assert_eq!(violation(&frame, &LIMITS), Violation::RESERVED_BITS, "{bits:x}");
    }
    for opcode in [0x3, 0x7, 0xB, 0xF] {
        assert_eq!(violation(&[0xC0 | opcode, 0x80, 0, 0, 0, 0], &LIMITS).code, CloseCode::PROTOCOL);
    }
    let inside = [compressed(Opcode::Text, false, first), compressed(Opcode::Text, true, &payload)].concat();
    assert_eq!(violation(&inside, &LIMITS), Violation::EXPECTED_CONTINUATION);
    // Without the agreement, as in tests/ws_frames.rs.
    let mut frame = compressed(Opcode::Text, true, &payload);
    assert_eq!(Decoder::new(Role::Server).decode(&mut frame, &LIMITS), Err(Violation::RESERVED_BITS));
}

/// Whatever an encoder may send: levels, windows, flushes in between, last blocks, fragments with pings between them.
#[test]
fn b20_messages_of_any_encoder_are_read() {
    for len in [1, 2, 100, 1000, 16 << 10, (16 << 10) + 1, 40_000, 100_000] {
        for payload in [json(len)[..len].to_vec(), vec![b'a'; len]] {
            let Ok(text) = str::from_utf8(&payload) else { continue };
            for (level, window) in [(0, 15), (1, 9), (1, 15), (2, 12), (6, 9), (6, 15), (9, 15)] {
                for flush in [FlushCompress::Sync, FlushCompress::Full, FlushCompress::Finish] {
                    let bytes = pack(&payload, level, flush, window);
                    if bytes.len() > LIMITS.max_frame {
                        continue;
                    }
                    let found = decode(&compressed(Opcode::Text, true, &bytes), &LIMITS, usize::MAX);
                    assert_eq!(found.items, [Item::Text(text.into())], "{len} level {level} window {window} {flush:?}");
                }
            }
            let bytes = packed(&payload);
            let mut fragments = Vec::new();
            for (at, part) in bytes.chunks(bytes.len().div_ceil(4)).enumerate() {
                let fin = (at + 1) * bytes.len().div_ceil(4) >= bytes.len();
                match at {
                    0 => fragments.extend(compressed(Opcode::Text, fin, part)),
                    _ => fragments.extend(masked(Opcode::Continuation, fin, part)),
                }
                fragments.extend(masked(Opcode::Ping, true, b"still here"));
            }
            let mut items = decode(&fragments, &LIMITS, 997).items;
            items.retain(|item| !matches!(item, Item::Ping(_)));
            assert_eq!(items, [Item::Text(text.into())], "{len} in fragments");
        }
    }
}

#[test]
fn b20_corrupt_blocks_and_missing_ends_are_1007() {
    let payload = json(3000);
    let bytes = packed(&payload);
    let text = |payload: &[u8]| compressed(Opcode::Text, true, payload);
    for cut in 0..bytes.len() {
        let found = decode(&text(&bytes[..cut]), &LIMITS, usize::MAX);
        assert_eq!(found.violation, Some(Violation::CORRUPT_DEFLATE), "cut at {cut} of {}", bytes.len());
        assert_eq!(found.items, []);
    }
    for (what, payload) in [
        ("a reserved block type", vec![0x07]),
        ("stored lengths that differ", vec![0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48]),
        ("a distance beyond the start", vec![0xf2, 0x00, 0x11, 0x00, 0x00]),
        ("the tail left in", [&bytes[..], &TAIL].concat()),
        ("garbage behind a last block", [&pack(&payload, 6, FlushCompress::Finish, 15)[..], b"\xff\xff"].concat()),
        ("a message cut behind a last block", [&pack(b"a", 6, FlushCompress::Finish, 15)[..], &bytes[..300]].concat()),
        ("plain text", b"{\"event\":\"echo\"}".to_vec()),
        ("a zlib header", [&[0x78, 0x9c][..], &bytes].concat()),
    ] {
        assert_eq!(violation(&text(&payload), &LIMITS), Violation::CORRUPT_DEFLATE, "{what}");
    }
    assert_eq!(Violation::CORRUPT_DEFLATE.code, CloseCode::INVALID_PAYLOAD);
    // Behind a last block another stream may follow.
    let two = [&pack(b"one ", 6, FlushCompress::Finish, 15)[..], &packed(b"two")].concat();
    assert_eq!(message(&text(&two)), b"one two");
}

#[test]
fn b20_what_is_inflated_is_held_to_max_message() {
    let limits = FrameLimits { max_message: 20_000, max_frame: 20_000, max_fragments: 8 };
    let text = |payload: &[u8]| compressed(Opcode::Text, true, payload);
    for fits in [0, 1, 19_999, 20_000] {
        let found = outcome(&text(&packed(&vec![b'a'; fits])), &limits);
        assert_eq!(found.items, [Item::Text("a".repeat(fits).into())]);
    }
    for len in [20_001, 20_002, 40_000, 20_000_000] {
        let bomb = packed(&vec![b'a'; len]);
        assert_eq!(violation(&text(&bomb), &limits), Violation::MESSAGE_TOO_BIG, "{len}");
        // What stands behind the limit is not looked at, and what follows is ignored.
        let corrupt = [&bomb[..bomb.len() - 2], &[0xff; 50]].concat();
        if len > 40_000 {
            assert_eq!(violation(&text(&corrupt), &limits), Violation::MESSAGE_TOO_BIG, "{len}, then corrupt");
        }
        let mut twice = text(&bomb);
        twice.extend(text(b"\xff\xff"));
        twice.extend(text(&bomb));
        assert_eq!(violation(&twice, &limits), Violation::MESSAGE_TOO_BIG, "{len}, then others");
    }
    let corrupt_first = [&[0x07][..], &packed(&vec![b'a'; 20_000_000])].concat();
    assert_eq!(violation(&text(&corrupt_first), &limits), Violation::CORRUPT_DEFLATE);
    // The compressed payload counts too, before it is inflated.
    let long = pack(&noise(20_001), 0, FlushCompress::Sync, 15);
    assert_eq!(violation(&text(&long), &limits), Violation::FRAME_TOO_BIG);
    let none = FrameLimits { max_message: usize::MAX, max_frame: usize::MAX, max_fragments: 8 };
    assert_eq!(outcome(&text(&packed(&json(50_000))), &none).items.len(), 1);
    let zero = FrameLimits { max_message: 1, max_frame: 100, max_fragments: 8 };
    assert_eq!(violation(&text(&packed(b"ab")), &zero).code, CloseCode::TOO_BIG);
}

#[test]
fn b20_text_is_checked_after_it_is_inflated() {
    for bad in [&b"\xff"[..], b"abc\xc0\xaf", b"\xed\xa0\x80", b"ends cut \xe2\x82"] {
        let frame = compressed(Opcode::Text, true, &packed(bad));
        assert_eq!(violation(&frame, &LIMITS), Violation::INVALID_UTF8, "{bad:x?}");
        assert_eq!(message(&compressed(Opcode::Binary, true, &packed(bad))), bad);
    }
    // The compressed bytes themselves are no text.
    let bytes = packed(&json(1000));
    let (first, last) = bytes.split_at(500.min(bytes.len() / 2));
    assert!(str::from_utf8(first).is_err());
    let cut = [compressed(Opcode::Text, false, first), masked(Opcode::Continuation, true, last)].concat();
    assert_eq!(message(&cut), json(1000));
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

fn keeping(offer: &str, bits: u8) -> (Deflate, String) {
    let (deflate, answer) = Deflate::negotiate_keeping(&headers(&[offer]), bits).unwrap();
    (deflate, answer.to_str().unwrap().to_owned())
}

#[test]
fn a_window_is_kept_only_of_a_size_that_both_know() {
    let base = "permessage-deflate; server_no_context_takeover";
    let none = format!("{base}; client_no_context_takeover");
    let window = |bits: u8| format!("{base}; client_max_window_bits={bits}");
    for (parameters, bits, expected) in [
        ("", 15, base.to_owned()),
        ("", 14, none.clone()),
        ("; client_max_window_bits", 15, base.to_owned()),
        ("; client_max_window_bits", 10, window(10)),
        ("; client_max_window_bits=12", 15, window(12)),
        ("; client_max_window_bits=12", 10, window(10)),
        ("; client_max_window_bits", 0, window(8)),
        ("; client_max_window_bits", 200, base.to_owned()),
        ("; client_no_context_takeover; client_max_window_bits", 15, none.clone()),
        ("; server_max_window_bits=9", 15, format!("{base}; server_max_window_bits=9")),
    ] {
        assert_eq!(keeping(&format!("permessage-deflate{parameters}"), bits).1, expected, "{parameters} {bits}");
    }
    assert_eq!(size_of::<Option<Deflate>>(), 1);
}

/// What a client sends that keeps its window, whatever it was told.
struct Keeps(Compress);

impl Keeps {
    fn new(window: u8) -> Keeps {
        Keeps(Compress::new_with_window_bits(Compression::new(6), false, window))
    }

    fn packed(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 * payload.len() + 100);
        self.0.compress_vec(payload, &mut out, FlushCompress::Sync).unwrap();
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - 4);
        out
    }
}

#[test]
fn messages_that_refer_back_to_those_before_them() {
    let limits = FrameLimits { max_message: 200_000, max_frame: 200_000, max_fragments: 8 };
    for bits in [9, 12, 15] {
        let mut texts: Vec<Vec<u8>> = vec![json(100), json(100), json(50), b"[]".to_vec(), json(40_000), json(40_000)];
        texts.extend([json(1000), json(70_000), json(20_000), json(16 << 10), json(100)]);
        for size in [1, 7, 1000, usize::MAX] {
            let (deflate, answer) = keeping("permessage-deflate; client_max_window_bits", bits);
            assert_eq!(answer.contains("client_max_window_bits"), bits < 15);
            let mut decoder = Decoder::new(Role::Server).with_deflate(Some(deflate));
            let mut client = Keeps::new(bits);
            let mut alone = 0;
            for (at, text) in texts.iter().enumerate() {
                let payload = client.packed(text);
                alone += usize::from(payload.len() < packed(text).len());
                let mut stream = match at % 3 {
                    0 => compressed(Opcode::Text, true, &payload),
                    _ => {
                        let (a, b) = payload.split_at(payload.len() / 2);
                        let first = compressed(Opcode::Text, false, a);
                        [first, masked(Opcode::Ping, true, b"x"), masked(Opcode::Continuation, true, b)].concat()
                    }
                };
                let mut items = Vec::new();
                for mut piece in stream.chunks_mut(size.min(1 << 20)) {
                    while !piece.is_empty() {
                        let decoded = decoder.decode(piece, &limits).unwrap();
                        let consumed = decoded.consumed;
                        items.extend(decoded.item.map(Item::into_owned));
                        piece = &mut piece[consumed..];
                    }
                }
                let text = str::from_utf8(text).unwrap();
                assert_eq!(items.last(), Some(&Item::Text(text.into())), "message {at}, {bits} bits, pieces of {size}");
                // Between messages nothing is unfinished, and no more than the window is held.
                assert!(!decoder.is_partial());
                assert!(decoder.buffered() <= 1 << bits, "{} of {bits} bits", decoder.buffered());
                assert!(at < 5 || decoder.buffered() == 1 << bits);
            }
            assert!(alone > 3, "they do refer back: {alone}");
        }
    }
}

#[test]
fn a_client_that_keeps_its_window_where_none_is_kept_is_told_so() {
    let mut decoder = Decoder::new(Role::Server).with_deflate(Some(deflate()));
    let mut client = Keeps::new(15);
    let text = json(300);
    let mut first = compressed(Opcode::Text, true, &client.packed(&text));
    assert!(matches!(decoder.decode(&mut first, &LIMITS), Ok(decoded) if decoded.item.is_some()));
    let mut second = compressed(Opcode::Text, true, &client.packed(&text));
    assert_eq!(decoder.decode(&mut second, &LIMITS), Err(Violation::CORRUPT_DEFLATE));
}

#[test]
fn b20_a_kept_window_makes_no_bomb_larger() {
    let (deflate, _) = keeping("permessage-deflate", 15);
    let mut decoder = Decoder::new(Role::Server).with_deflate(Some(deflate));
    let mut client = Keeps::new(15);
    for (len, fits) in [(100_000, true), (100_000, true), (100_001, false)] {
        let mut frame = compressed(Opcode::Binary, true, &client.packed(&vec![b' '; len]));
        assert!(frame.len() < 300);
        match decoder.decode(&mut frame, &LIMITS) {
            Ok(decoded) => assert!(fits && decoded.item == Some(Item::Binary(vec![b' '; len].into()))),
            Err(violation) => assert!(!fits && violation == Violation::MESSAGE_TOO_BIG, "{violation:?}"),
        }
    }
    assert!(!decoder.is_partial() && decoder.buffered() == 0, "a violation holds nothing");
    // What refers back further than to the first byte is corrupt.
    let mut decoder = Decoder::new(Role::Server).with_deflate(Some(deflate));
    let mut client = Keeps::new(15);
    let text = json(300);
    client.packed(&text);
    let mut second = compressed(Opcode::Text, true, &client.packed(&text));
    assert_eq!(decoder.decode(&mut second, &LIMITS), Err(Violation::CORRUPT_DEFLATE));
}

#[test]
fn b20_the_work_of_a_message_is_what_it_yields_or_what_it_takes() {
    let blocks = [0x03, 0x00].repeat(10_000);
    let long = [&blocks[..], &packed(b"x")].concat();
    for deflate in [deflate(), Deflate::negotiate_keeping(&headers(&["permessage-deflate"]), 15).unwrap().0] {
        let mut decoder = Decoder::new(Role::Server).with_deflate(Some(deflate));
        let mut decode = |frames: &[Vec<u8>]| {
            let mut items = 0;
            for frame in frames {
                items += usize::from(decoder.decode(&mut frame.clone(), &LIMITS).unwrap().item.is_some());
            }
            assert_eq!(items, 1);
            (decoder.take_inflated(), decoder.take_packed())
        };
        let (first, rest) = long.split_at(7000);
        for frames in [
            vec![compressed(Opcode::Binary, true, &long)],
            vec![compressed(Opcode::Binary, false, first), masked(Opcode::Continuation, true, rest)],
        ] {
            assert_eq!(decode(&frames), ((16 * long.len()).div_ceil(1024) * 1024, long.len() / 1024 * 1024));
        }
        assert_eq!(decode(&[compressed(Opcode::Binary, true, &packed(&[7; 50_000]))]), (50_176, 0));
        assert_eq!(decode(&[masked(Opcode::Binary, true, &long)]), (0, 0), "it is not compressed");
    }
}
