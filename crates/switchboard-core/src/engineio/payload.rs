//! The body of a polling request or answer: several packets.
use super::packet::{Packet, base64_len, decode_text, write_base64};
use super::{PacketType, Violation};

/// Separates the packets of a payload: ASCII's record separator (section "HTTP long-polling"). JSON never contains it
/// unescaped.
pub const SEPARATOR: u8 = 0x1e;

/// Limits of a payload that is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadLimits {
    /// The whole payload, in bytes: `maxPayload` of the handshake. Default 1,000,000.
    pub max_payload: usize,
    /// The number of packets. Default 16,384.
    pub max_packets: usize,
}

impl Default for PayloadLimits {
    fn default() -> PayloadLimits {
        PayloadLimits { max_payload: 1_000_000, max_packets: 16_384 }
    }
}

/// The packets of a payload, decoded one by one. After a violation nothing follows.
#[derive(Clone, Debug)]
pub struct Payload<'a> {
    /// `None` after the last packet. (An empty rest is a packet too, an empty one.)
    rest: Option<&'a str>,
}

/// Begins to decode a payload: the whole body of a POST, or of the answer to a poll.
///
/// Its length, its encoding and the number of its packets are checked here, before any packet is handled; each packet
/// when it is taken.
///
/// Errors: [`Violation::PAYLOAD_TOO_LONG`], [`Violation::INVALID_UTF8`], [`Violation::TOO_MANY_PACKETS`]. A packet that
/// is malformed is the last item.
pub fn decode_payload<'a>(payload: &'a [u8], limits: &PayloadLimits) -> Result<Payload<'a>, Violation> {
    if payload.len() > limits.max_payload {
        return Err(Violation::PAYLOAD_TOO_LONG);
    }
    let text = simdutf8::basic::from_utf8(payload).map_err(|_| Violation::INVALID_UTF8)?;
    if payload.iter().filter(|&&byte| byte == SEPARATOR).count() >= limits.max_packets {
        return Err(Violation::TOO_MANY_PACKETS);
    }
    Ok(Payload { rest: Some(text) })
}

impl<'a> Payload<'a> {
    /// Continues with the packets that [`rest`](Payload::rest) returned. The text is not checked against limits again.
    pub fn resume(rest: &'a str) -> Payload<'a> {
        Payload { rest: Some(rest) }
    }

    /// Returns the rest that is not decoded yet; `None` after the last packet. A caller that cannot take all packets at
    /// once keeps it for later.
    pub fn rest(&self) -> Option<&'a str> {
        self.rest
    }
}

impl<'a> Iterator for Payload<'a> {
    type Item = Result<Packet<'a>, Violation>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let packet = match rest.split_once(char::from(SEPARATOR)) {
            Some((packet, after)) => {
                self.rest = Some(after);
                packet
            }
            None => rest,
        };
        let decoded = decode_text(packet);
        if decoded.is_err() {
            self.rest = None;
        }
        Some(decoded)
    }
}

impl std::iter::FusedIterator for Payload<'_> {}

/// Appends packets to a payload, up to a number of packets and bytes.
///
/// The first packet is taken whatever its length is, because otherwise it could never be sent.
#[derive(Debug)]
pub struct PayloadWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    packets: usize,
    max_packets: usize,
    max_bytes: usize,
}

impl<'a> PayloadWriter<'a> {
    /// An empty payload at the end of `out`, of at most this many packets and bytes.
    pub fn new(out: &'a mut Vec<u8>, max_packets: usize, max_bytes: usize) -> PayloadWriter<'a> {
        PayloadWriter { start: out.len(), out, packets: 0, max_packets, max_bytes }
    }

    /// How many packets were taken.
    pub fn packets(&self) -> usize {
        self.packets
    }

    /// The length of the payload so far, in bytes.
    pub fn bytes(&self) -> usize {
        self.out.len() - self.start
    }

    /// Appends a packet. False if there is no room for it; nothing is appended then.
    pub fn push(&mut self, packet: &Packet<'_>) -> bool {
        let fits = self.begin(packet.text_len());
        if fits {
            packet.write(self.out);
        }
        fits
    }

    /// Appends a packet that is encoded already: the text message of a WebSocket, which is neither checked nor empty.
    /// False as [`push`](PayloadWriter::push).
    pub fn push_text(&mut self, packet: &[u8]) -> bool {
        debug_assert!(packet.first().is_some_and(|byte| PacketType::of(*byte).is_some()));
        let fits = self.begin(packet.len());
        if fits {
            self.out.extend_from_slice(packet);
        }
        fits
    }

    /// Appends bytes, as a `b` packet. False as [`push`](PayloadWriter::push).
    pub fn push_binary(&mut self, bytes: &[u8]) -> bool {
        let fits = self.begin(base64_len(bytes.len()));
        if fits {
            write_base64(self.out, bytes);
        }
        fits
    }

    /// True if a packet of this length fits. If so, it is counted, and separated from the one before.
    fn begin(&mut self, len: usize) -> bool {
        let is_first = self.packets == 0;
        let fits = self.bytes().saturating_add(1).saturating_add(len) <= self.max_bytes;
        if !is_first && (!fits || self.packets >= self.max_packets) {
            return false;
        }
        if !is_first {
            self.out.push(SEPARATOR);
        }
        self.packets += 1;
        self.out.reserve(len);
        true
    }
}
