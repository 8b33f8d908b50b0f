//! Windows that are kept between messages.
use super::{LIMITS, TAIL, compressed, deflate, headers, json, packed};
use crate::ws_support::masked;
use flate2::{Compress, Compression, FlushCompress};
use switchboard_core::ws::{Decoder, Deflate, FrameLimits, Item, Opcode, Role, Violation};

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
