//! The client's side of RFC 6455 framing, as little as a load generator needs.

use crate::Result;

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// Combined with an opcode: the message is compressed (RSV1, RFC 7692).
pub(crate) const PACKED: u8 = 0x40;

/// One mask for all frames, so that they are encoded once. It is not zero: the server has to unmask.
pub(crate) const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The sample key of RFC 6455, whose answer is known without a hash.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MAX_FRAME: usize = 64 << 20;

fn header(opcode: u8, length: usize, mask_bit: u8) -> Vec<u8> {
    let mut header = vec![0x80 | opcode];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => header.push(mask_bit | short),
        (_, Ok(medium)) => {
            header.push(mask_bit | 126);
            header.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            header.push(mask_bit | 127);
            header.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    header
}

/// A frame as a client sends it.
pub(crate) fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, payload.len(), 0x80);
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A frame as a server must send it.
pub(crate) fn server_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}

pub(crate) struct Frame<'a> {
    /// [`whole`] of an opcode, where it is all of a message.
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
    /// Of the whole frame.
    pub(crate) length: usize,
}

/// The first frame of a server's bytes. `None`: it is not whole yet.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Frame<'_>>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0x30 != 0 || second & 0x80 != 0 {
        return Err("a frame with a reserved bit or a mask".into());
    }
    let (head, payload) = match (second, rest) {
        (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize),
        (126 | 127, _) => return Ok(None),
        (length, _) => (2, usize::from(*length)),
    };
    if payload > MAX_FRAME {
        return Err(format!("a frame of {payload} bytes"));
    }
    let length = head + payload;
    Ok(bytes.get(head..length).map(|payload| Frame { opcode: first & 0xcf, payload, length }))
}

/// What [`Frame::opcode`] is for a frame that is a whole message, or a control frame.
pub(crate) const fn whole(opcode: u8) -> u8 {
    0x80 | opcode
}

#[cfg(test)]
mod tests {
    use super::{MASK, TEXT, client_frame, parse, server_frame, whole};

    #[test]
    fn what_is_framed_is_parsed() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![7; length];
            let bytes = server_frame(TEXT, &payload);
            let frame = parse(&bytes).unwrap().unwrap();
            assert_eq!((frame.opcode, frame.payload, frame.length), (whole(TEXT), &payload[..], bytes.len()));
            assert!(parse(&bytes[..bytes.len() - 1]).unwrap().is_none());
            assert!(length == 0 || parse(&client_frame(TEXT, &payload)).is_err(), "masked");
        }
        assert_eq!(client_frame(TEXT, &MASK), [0x81, 0x84, 0x37, 0xfa, 0x21, 0x3d, 0, 0, 0, 0]);
    }
}
