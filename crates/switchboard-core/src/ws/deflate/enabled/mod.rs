//! [`Deflate`], with the feature `deflate`.
mod deflater;
mod inflater;
mod offer;

use super::Window;
use crate::ws::Violation;
use crate::ws::handshake::extension::{MAX_EXTENSIONS, offers};
use http::{HeaderMap, HeaderValue};
use offer::Offer;
use std::num::NonZeroU8;

/// The bytes with which every compressed message ends, and which are left out when it is sent (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// permessage-deflate as a server and its client agreed on it: without context takeover of the server, and of the client unless
/// [its window is kept](Deflate::negotiate_keeping).
///
/// # Examples
/// ```
/// use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};
/// use switchboard_core::ws::Deflate;
///
/// let mut headers = HeaderMap::new();
/// let browser = HeaderValue::from_static("permessage-deflate; client_max_window_bits");
/// headers.insert(SEC_WEBSOCKET_EXTENSIONS, browser);
/// let (_, answer) = Deflate::negotiate(&headers).expect("a good offer");
/// assert_eq!(answer, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
/// let (_, answer) = Deflate::negotiate_keeping(&headers, 12).expect("a good offer");
/// assert_eq!(answer, "permessage-deflate; server_no_context_takeover; client_max_window_bits=12");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// Two values in one byte, because each frame's header has a copy. The lower four bits, 8 to 15, are the size of the client's window
    /// for messages to it, as a power of 2. The upper four bits are that of the kept window of the client's own messages, 8 to 15, or 0 if
    /// none is kept.
    bits: NonZeroU8,
}

impl Deflate {
    fn new(window_bits: NonZeroU8, client_bits: Option<NonZeroU8>) -> Deflate {
        Deflate { bits: window_bits | client_bits.map_or(0, NonZeroU8::get) << 4 }
    }

    fn window_bits(self) -> u8 {
        self.bits.get() & 0xF
    }

    /// How many bytes of the client's messages are kept for the next one; 0 for none.
    pub fn kept_window(self) -> usize {
        match self.bits.get() >> 4 {
            0 => 0,
            // zlib, told 8, compresses with 9.
            bits => 1 << bits.max(9),
        }
    }

    /// The first acceptable offer of a request, and the value of `Sec-WebSocket-Extensions` that accepts it.
    ///
    /// `None`: answer without that header. An offer is skipped if it is malformed, or has a parameter that RFC 7692 §7.1 does not
    /// define, or has one twice, or with an invalid value. At most
    /// [`MAX_EXTENSIONS`](crate::ws::handshake::MAX_EXTENSIONS) offers are examined.
    pub fn negotiate(headers: &HeaderMap) -> Option<(Deflate, HeaderValue)> {
        Deflate::agree(headers, None)
    }

    /// Negotiates as [`negotiate`](Deflate::negotiate) does, but lets the client refer back to its earlier messages. This is for clients
    /// that do so regardless of the answer.
    ///
    /// A decoder then keeps up to 2 to the power of `bits` bytes; `bits` is clamped to 8 to 15. A client whose window
    /// may be larger, because its offer is without `client_max_window_bits`, is told to keep none, as by [`Deflate::negotiate`].
    pub fn negotiate_keeping(headers: &HeaderMap, bits: u8) -> Option<(Deflate, HeaderValue)> {
        Deflate::agree(headers, NonZeroU8::new(bits.clamp(8, 15)))
    }

    fn agree(headers: &HeaderMap, keep: Option<NonZeroU8>) -> Option<(Deflate, HeaderValue)> {
        let offer = offers(headers).take(MAX_EXTENSIONS).find_map(Offer::parse)?;
        let client_bits = keep.and_then(|keep| match offer.client_max_window_bits {
            _ if offer.client_keeps_nothing => None,
            Some(largest) => Some(largest.min(keep)),
            None => (keep == offer::DEFAULT_BITS).then_some(keep),
        });
        let mut answer = "permessage-deflate; server_no_context_takeover".to_owned();
        match client_bits {
            None => answer.push_str("; client_no_context_takeover"),
            Some(bits) if bits < offer::DEFAULT_BITS => answer.push_str(&format!("; client_max_window_bits={bits}")),
            Some(_) => {}
        }
        if let Some(bits) = offer.server_max_window_bits {
            answer.push_str(&format!("; server_max_window_bits={bits}"));
        }
        let window_bits = offer.server_max_window_bits.unwrap_or(offer::DEFAULT_BITS);
        Some((Deflate::new(window_bits, client_bits), HeaderValue::try_from(answer).ok()?))
    }

    /// True if a message of this length may be sent compressed.
    ///
    /// A message refers back no further than its own length, so the same bytes suit every client whose window holds the message.
    /// A client with a smaller window gets it uncompressed.
    pub fn may_compress(self, len: usize) -> bool {
        self.window_bits() == offer::DEFAULT_BITS.get() || len <= 1 << self.window_bits()
    }

    /// Compresses `frame`, an unmasked frame that is a whole message, into `out`, which is empty. Returns where in `out` the
    /// compressed frame begins; `None` when it would not be shorter.
    ///
    /// `level` is 1, fast, to 9, small.
    pub fn compress(self, frame: &[u8], level: u8, out: &mut Vec<u8>) -> Option<usize> {
        deflater::compress(frame, level, out)
    }

    /// The message whose compressed payload this is, of at most `most` bytes. `window` has the end of the messages before it, to
    /// which it may refer back; the message is added to it.
    pub(crate) fn inflate(self, payload: &[u8], most: usize, window: &mut Window) -> Result<Vec<u8>, Violation> {
        let message = inflater::inflate(payload, most, window.bytes())?;
        window.add(&message, self.kept_window());
        Ok(message)
    }
}
