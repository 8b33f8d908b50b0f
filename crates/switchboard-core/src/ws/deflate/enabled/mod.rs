//! With the feature `deflate`.
mod deflater;
mod inflater;
mod offer;

use crate::ws::Violation;
use crate::ws::handshake::extension::{MAX_EXTENSIONS, offers};
use http::{HeaderMap, HeaderValue};
use offer::Offer;
use std::num::NonZeroU8;

/// What every compressed message ends with, and what is left out of it (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// permessage-deflate as a server and its client agreed on it: without context takeover on either side.
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
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// The client reads with a window of 2 to the power of this: 8 to 15.
    window_bits: NonZeroU8,
}

impl Deflate {
    /// The first acceptable offer of a request, and the value of `Sec-WebSocket-Extensions` that accepts it.
    ///
    /// `None`: answer without that header. An offer that is malformed, or has a parameter that RFC 7692 §7.1 does not know, or one
    /// twice, or one with a value that it may not have, is passed over. At most
    /// [`MAX_EXTENSIONS`](crate::ws::handshake::MAX_EXTENSIONS) offers are looked at.
    pub fn negotiate(headers: &HeaderMap) -> Option<(Deflate, HeaderValue)> {
        let offer = offers(headers).take(MAX_EXTENSIONS).find_map(Offer::parse)?;
        let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        let Some(bits) = offer.server_max_window_bits else {
            return Some((Deflate { window_bits: offer::DEFAULT_BITS }, HeaderValue::from_static(agreed)));
        };
        let answer = HeaderValue::try_from(format!("{agreed}; server_max_window_bits={bits}")).ok()?;
        Some((Deflate { window_bits: bits }, answer))
    }

    /// Whether a message of this length may be sent compressed.
    ///
    /// Nothing refers back further than the message is long, so the same bytes suit every client whose window holds the message.
    /// One with a smaller window gets it plain.
    pub fn may_compress(self, len: usize) -> bool {
        self.window_bits == offer::DEFAULT_BITS || len <= 1 << self.window_bits.get()
    }

    /// Compresses `frame`, an unmasked frame that is a whole message, into `out`, which is empty. Returns where in `out` the
    /// compressed frame begins; `None` when it would not be shorter.
    ///
    /// `level` is 1, fast, to 9, small.
    pub fn compress(self, frame: &[u8], level: u8, out: &mut Vec<u8>) -> Option<usize> {
        deflater::compress(frame, level, out)
    }

    /// The message whose compressed payload this is, of at most `most` bytes.
    pub(crate) fn inflate(self, payload: &[u8], most: usize) -> Result<Vec<u8>, Violation> {
        inflater::inflate(payload, most)
    }
}
