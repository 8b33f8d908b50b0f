//! Any bytes as a stream of frames: whole and cut anywhere, the items and the violation are the same.
//!
//! The first byte chooses the role, the next eight the sizes of the pieces, the rest is the stream.
//! Memory stays within the limits, and what was read comes back equal when it is written and read again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use switchboard_core::Close;
use switchboard_core::ws::{
    Decoder, FrameLimits, Item, MAX_CONTROL, Opcode, Role, Violation, close_body, frame_len, write_frame,
};

const LIMITS: FrameLimits = FrameLimits { max_message: 300, max_frame: 200, max_fragments: 4 };

type Outcome = (Vec<Item<'static>>, Option<Violation>);

fuzz_target!(|bytes: &[u8]| {
    let Some((&[role, ref sizes @ ..], stream)) = bytes.split_first_chunk::<9>() else { return };
    let role = if role & 1 == 0 { Role::Server } else { Role::Client };
    let whole = decode(role, stream, &LIMITS, &[]);
    assert_eq!(decode(role, stream, &LIMITS, sizes), whole, "cut in {sizes:?}");
    assert_eq!(decode(role, stream, &LIMITS, &[1]), whole, "byte by byte");
    assert!(whole.1.is_none_or(|violation| Violation::ALL.contains(&violation)));
    round_trip(&whole.0);
    let _ = frame_len(stream);
});

fn decode(role: Role, stream: &[u8], limits: &FrameLimits, sizes: &[u8]) -> Outcome {
    let mut bytes = stream.to_vec();
    let mut rest = bytes.as_mut_slice();
    let mut sizes = sizes.iter().cycle();
    let mut decoder = Decoder::new(role);
    let mut items = Vec::new();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |&size| usize::from(size)).clamp(1, rest.len());
        let (mut piece, after) = rest.split_at_mut(size);
        rest = after;
        loop {
            let decoded = match decoder.decode(piece, limits) {
                Ok(decoded) => decoded,
                Err(violation) => return (items, Some(violation)),
            };
            let Some(item) = decoded.item else {
                assert_eq!(decoded.consumed, piece.len());
                break;
            };
            let consumed = decoded.consumed;
            items.push(item.into_owned());
            piece = &mut piece[consumed..];
        }
        assert!(decoder.buffered() <= limits.max_message + MAX_CONTROL, "holds {}", decoder.buffered());
        assert!(decoder.is_partial() || decoder.buffered() == 0);
    }
    (items, None)
}

fn round_trip(items: &[Item<'static>]) {
    let mut stream = Vec::new();
    for item in items {
        let (opcode, payload) = match item {
            Item::Text(text) => (Opcode::Text, text.as_bytes().to_vec()),
            Item::Binary(bytes) => (Opcode::Binary, bytes.to_vec()),
            Item::Ping(bytes) => (Opcode::Ping, bytes.to_vec()),
            Item::Pong(bytes) => (Opcode::Pong, bytes.to_vec()),
            Item::Close(None) => (Opcode::Close, Vec::new()),
            Item::Close(Some(close)) => (Opcode::Close, close_body(&Close::new(close.code, close.reason.clone()))),
        };
        let start = stream.len();
        write_frame(&mut stream, opcode, true, &payload, Some([1, 2, 3, 4]));
        assert_eq!(frame_len(&stream[start..]), Some(stream.len() - start));
    }
    let limits = FrameLimits { max_frame: LIMITS.max_message, ..LIMITS };
    assert_eq!(decode(Role::Server, &stream, &limits, &[]), (items.to_vec(), None));
}
