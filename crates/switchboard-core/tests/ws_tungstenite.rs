//! The same streams through tungstenite: what we accept it must read the same way, and where we refuse more it is written here.
mod ws_support;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use switchboard_core::CloseCode;
use switchboard_core::ws::{Item, Opcode, Role, Violation, write_frame};
use tungstenite::protocol::{Role as TheirRole, WebSocket, WebSocketConfig};
use tungstenite::{Error, Message};
use ws_support::{LIMITS, Len, Outcome, Random, decode, raw};

/// What tungstenite 0.30 accepts and we refuse.
const STRICTER: [Violation; 3] = [
    // It reads a length in more bytes than needed.
    Violation::NON_MINIMAL_LENGTH,
    // It does not count fragments.
    Violation::TOO_MANY_FRAGMENTS,
    // It delivers the close with 1002 in place of the code.
    Violation::CLOSE_CODE,
];

/// A close code that it replaces by 1002 and we deliver: 1014 is registered with IANA.
const BAD_GATEWAY: u16 = 1014;

/// Zeroes that complete any frame within the limits.
const PADDING: usize = 2000;

/// What tungstenite made of a stream.
#[derive(Clone, Debug, PartialEq)]
struct Theirs {
    items: Vec<Item<'static>>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The stream ended, or a close was read.
    Clean,
    Refused,
}

struct Memory<'a>(&'a [u8]);

impl Read for Memory<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn theirs(role: Role, stream: &[u8]) -> Theirs {
    let role = match role {
        Role::Server => TheirRole::Server,
        Role::Client => TheirRole::Client,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(512)
        .max_message_size(Some(LIMITS.max_message))
        .max_frame_size(Some(LIMITS.max_frame));
    let mut socket = WebSocket::from_raw_socket(Memory(stream), role, Some(config));
    let mut items = Vec::new();
    loop {
        let item = match socket.read() {
            Ok(Message::Text(text)) => Item::Text(Cow::Owned(text.as_str().to_owned())),
            Ok(Message::Binary(bytes)) => Item::Binary(Cow::Owned(bytes.to_vec())),
            Ok(Message::Ping(bytes)) => Item::Ping(Cow::Owned(bytes.to_vec())),
            Ok(Message::Pong(bytes)) => Item::Pong(Cow::Owned(bytes.to_vec())),
            Ok(Message::Close(close)) => {
                // Read through our own codec: it is the only way to make a `PeerClose`.
                let body = close.map_or(Vec::new(), |close| {
                    [&u16::from(close.code).to_be_bytes()[..], close.reason.as_bytes()].concat()
                });
                let mut frame = Vec::new();
                write_frame(&mut frame, Opcode::Close, true, &body, None);
                items.extend(decode(Role::Client, &frame, &LIMITS, []).items);
                return Theirs { items, end: End::Clean };
            }
            Ok(Message::Frame(frame)) => panic!("a raw frame was read: {frame:?}"),
            Err(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
                return Theirs { items, end: End::Clean };
            }
            Err(Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_)) => {
                return Theirs { items, end: End::Refused };
            }
            Err(error) => panic!("{error:?}"),
        };
        items.push(item);
    }
}

/// What may differ, and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Same,
    BothRefuse,
    Stricter(&'static str),
    BadGateway,
}

/// `padded` is what tungstenite makes of the stream with [`PADDING`]: it judges a frame only when all of it is there.
fn compare(ours: &Outcome, theirs: &Theirs, padded: &Theirs) -> Result<Verdict, String> {
    let differ = |what: &str| {
        let (our_end, our_items) = (ours.violation, ours.items.len());
        Err(format!(
            "{what}: ours {our_end:?} after {our_items}, theirs {:?} after {}, padded {:?} after {}",
            theirs.end,
            theirs.items.len(),
            padded.end,
            padded.items.len()
        ))
    };
    let Some(violation) = ours.violation else {
        return match (ours.items.split_last(), theirs.end) {
            _ if *ours == (Outcome { items: theirs.items.clone(), violation: None }) && theirs.end == End::Clean => {
                Ok(Verdict::Same)
            }
            (Some((Item::Close(Some(close)), before)), End::Clean)
                if close.code.get() == BAD_GATEWAY && theirs.items[..theirs.items.len() - 1] == *before =>
            {
                Ok(Verdict::BadGateway)
            }
            _ => differ("we accept, they do not read the same"),
        };
    };
    if STRICTER.contains(&violation) {
        return match padded.items.starts_with(&ours.items) {
            true => Ok(Verdict::Stricter(violation.reason)),
            false => differ("what came before the violation differs"),
        };
    }
    // A control frame whose length field is longer than needed: too long for us by its second byte, short for them by its length.
    let next = padded.items.get(ours.items.len());
    if violation == Violation::CONTROL_TOO_LONG
        && padded.items.starts_with(&ours.items)
        && matches!(next, Some(Item::Ping(_) | Item::Pong(_) | Item::Close(_)))
    {
        return Ok(Verdict::Stricter(violation.reason));
    }
    match padded.end == End::Refused && padded.items == ours.items {
        true => Ok(Verdict::BothRefuse),
        false => differ("we refuse, and it is not on the list"),
    }
}

fn check(role: Role, stream: &[u8], random: &mut Random) -> Verdict {
    let ours = decode(role, stream, &LIMITS, []);
    let size = 1 + random.below(40);
    assert_eq!(decode(role, stream, &LIMITS, std::iter::repeat(size)), ours, "pieces of {size}: {stream:?}");
    let padded = [stream, &[0; PADDING]].concat();
    compare(&ours, &theirs(role, stream), &theirs(role, &padded)).unwrap_or_else(|why| panic!("{why}\n{stream:?}"))
}

fn payload(random: &mut Random, text: bool) -> Vec<u8> {
    let len = match random.below(8) {
        0 => 0,
        1 => 120 + random.below(12),
        2 => 500 + random.below(500),
        _ => random.below(60),
    };
    if text {
        (0..len / 2).map(|_| random.pick(&['a', 'é', '€', '😀', '\0', '"'])).collect::<String>().into_bytes()
    } else {
        (0..len).map(|_| random.next() as u8).collect()
    }
}

/// Mostly valid frames of the role's peer: messages in one or more fragments with control frames between, maybe a close.
fn stream(random: &mut Random, role: Role) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..1 + random.below(5) {
        let text = random.one_in(2);
        let bytes = payload(random, text);
        let parts = if random.one_in(3) { 1 + random.below(10) } else { 1 };
        let mut rest = bytes.as_slice();
        for i in 0..parts {
            let last = i + 1 == parts;
            let (part, after) = rest.split_at(if last { rest.len() } else { random.below(rest.len() + 1) });
            rest = after;
            let opcode = match i {
                0 if text => Opcode::Text,
                0 => Opcode::Binary,
                _ => Opcode::Continuation,
            };
            write_frame(&mut out, opcode, last, part, key(random, role));
            if random.one_in(4) {
                let control = payload(random, false);
                let opcode = random.pick(&[Opcode::Ping, Opcode::Pong]);
                write_frame(&mut out, opcode, true, &control[..control.len().min(125)], key(random, role));
            }
        }
    }
    if random.one_in(3) {
        let code = random.pick(&[1000_u16, 1001, 1002, 1003, 1007, 1010, 1014, 3000, 4999]);
        let body = [&code.to_be_bytes()[..], "bye é".as_bytes()].concat();
        let body = if random.one_in(4) { &[][..] } else { &body };
        write_frame(&mut out, Opcode::Close, true, body, key(random, role));
    }
    out
}

fn key(random: &mut Random, role: Role) -> Option<[u8; 4]> {
    (role == Role::Server).then(|| random.pick(&[[0; 4], [0xFF, 1, 0x80, 7], [9, 9, 9, 9]]))
}

/// A frame of any shape, most often wrong in one place.
fn odd_frame(random: &mut Random, role: Role) -> Vec<u8> {
    let first =
        random.pick(&[0x80, 0x00, 0x81, 0x01, 0x82, 0x88, 0x89, 0x8A, 0x08, 0x09, 0x83, 0x8B, 0xC1, 0xA2, 0x91]);
    let mut body = payload(random, random.0 & 1 == 0);
    if first == 0x88 {
        body.truncate(60);
        let code = random.pick(&[0_u16, 999, 1000, 1004, 1005, 1006, 1014, 1015, 2999, 3000, 4999, 5000]);
        body.splice(..0, code.to_be_bytes());
        body.truncate(random.pick(&[1, 2, 30]));
    }
    let len = match random.below(10) {
        0 => Len::Two(body.len() as u16),
        1 => Len::Eight(body.len() as u64),
        2 => Len::Eight(random.pick(&[1 << 63, u64::MAX, 1 << 40, 65_536])),
        3 => Len::Two(random.pick(&[801, 2000, 65_535])),
        _ if body.len() < 126 => Len::Byte(body.len() as u8),
        _ => Len::Two(body.len() as u16),
    };
    let role = if random.one_in(10) { random.pick(&[Role::Client, Role::Server]) } else { role };
    let key = key(random, role);
    raw(first, len, &body, key)
}

fn mutate(random: &mut Random, role: Role, stream: &mut Vec<u8>) {
    for _ in 0..1 + random.below(3) {
        let at = random.below(stream.len().max(1)).min(stream.len());
        match random.below(5) {
            0 => stream.truncate(at),
            1 => stream.insert(at, random.next() as u8),
            2 if at < stream.len() => stream[at] ^= 1 << random.below(8),
            3 if at < stream.len() => drop(stream.remove(at)),
            _ => stream.extend_from_slice(&odd_frame(random, role)),
        }
    }
}

#[test]
fn seeded_streams_are_read_the_same() {
    let mut verdicts = BTreeSet::new();
    let mut reasons = BTreeSet::new();
    for seed in 0..12_000 {
        let mut random = Random(seed);
        let role = if seed % 3 == 0 { Role::Client } else { Role::Server };
        let mut stream = stream(&mut random, role);
        verdicts.insert(check(role, &stream, &mut random));
        mutate(&mut random, role, &mut stream);
        verdicts.insert(check(role, &stream, &mut random));
        reasons.extend(decode(role, &stream, &LIMITS, []).violation.map(|violation| violation.reason));
    }
    // Nothing on the lists is there in vain, and the streams reach every violation.
    let listed = STRICTER.map(|violation| Verdict::Stricter(violation.reason));
    for verdict in [Verdict::Same, Verdict::BothRefuse, Verdict::BadGateway].iter().chain(&listed) {
        assert!(verdicts.contains(verdict), "{verdict:?} never happened");
    }
    // tungstenite knows no compression: see tests/ws_deflate.rs.
    for violation in Violation::ALL.iter().filter(|violation| **violation != Violation::CORRUPT_DEFLATE) {
        assert!(reasons.contains(violation.reason), "no stream breaks {violation}");
    }
}

#[test]
fn the_comparison_can_fail() {
    let stream = [raw(0x81, Len::Byte(2), b"hi", None), raw(0x82, Len::Byte(1), b"x", None)].concat();
    let ours = decode(Role::Client, &stream, &LIMITS, []);
    let read = theirs(Role::Client, &stream);
    assert_eq!(compare(&ours, &read, &read), Ok(Verdict::Same));

    let fewer = Outcome { items: ours.items[..1].to_vec(), violation: None };
    compare(&fewer, &read, &read).unwrap_err();
    let refused = Theirs { end: End::Refused, ..read.clone() };
    compare(&ours, &refused, &refused).unwrap_err();
    for violation in Violation::ALL {
        let stricter = Outcome { violation: Some(*violation), ..ours.clone() };
        let listed = STRICTER.contains(violation);
        assert_eq!(compare(&stricter, &read, &read).is_ok(), listed, "{violation}");
        let other = Outcome { items: vec![Item::Text(Cow::Borrowed("ho"))], violation: Some(*violation) };
        compare(&other, &refused, &refused).unwrap_err();
    }
}

#[test]
fn what_tungstenite_writes_we_read() {
    for len in [0, 1, 125, 126, 127, 799] {
        for role in [TheirRole::Client, TheirRole::Server] {
            struct Sink(Vec<u8>);
            impl Read for Sink {
                fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                    Ok(0)
                }
            }
            impl Write for Sink {
                fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                    self.0.extend_from_slice(buf);
                    Ok(buf.len())
                }
                fn flush(&mut self) -> io::Result<()> {
                    Ok(())
                }
            }
            let mut socket = WebSocket::from_raw_socket(Sink(Vec::new()), role, None);
            socket.write(Message::text("é".repeat(len / 2))).unwrap();
            socket.write(Message::binary(vec![0xFB; len])).unwrap();
            socket.close(None).unwrap();
            let ours = if role == TheirRole::Client { Role::Server } else { Role::Client };
            let outcome = decode(ours, &socket.get_ref().0, &LIMITS, std::iter::repeat(7));
            assert_eq!(
                outcome.items,
                [
                    Item::Text(Cow::Owned("é".repeat(len / 2))),
                    Item::Binary(Cow::Owned(vec![0xFB; len])),
                    Item::Close(None)
                ]
            );
            assert_eq!(outcome.violation, None);
        }
    }
    assert_eq!(CloseCode::new(BAD_GATEWAY), None, "it is taken, and not sent");
}
