//! Compression with the feature `deflate`.
use http::{HeaderMap, HeaderValue};
use switchboard_core::ws::Deflate;

/// Compression of messages for clients that offer it (permessage-deflate, RFC 7692): see
/// [`App::compression`](crate::App::compression) and [`Gateway::compression`](crate::Gateway::compression). It needs the feature
/// `deflate`.
///
/// Each outgoing message is compressed by itself, so a connection keeps no compression state between messages, unless `client_window` is
/// set, which keeps the end of the client's messages. A broadcast is compressed once for all its receivers. In return, short messages gain
/// little: hence the threshold. A compressed message of a client must be within `Limits::max_message` both before and after it is inflated.
///
/// Compressing takes the time of the thread that sends: about 3 ms for each MiB at the default level. Do not compress messages
/// that contain a secret and, next to it, text that somebody else has chosen: their length reveals something about the secret
/// (BREACH).
///
/// ```
/// use switchboard::{App, Compression};
/// let app = App::new().compression(Compression::default().threshold(4096));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compression {
    /// The least length of a message that is compressed, in bytes; shorter ones are sent as they are. Default 1 KiB.
    pub threshold: usize,
    /// From 1 (fast) to 9 (small). Default 2, which makes JSON about a fifth of its size. 6 takes off another tenth of that, and
    /// up to three times as long.
    pub level: u8,
    /// How much of a client's own messages is kept from one to the next, as a power of 2. Default: nothing; see
    /// [`Compression::client_window`].
    pub client_window: Option<u8>,
}

impl Default for Compression {
    fn default() -> Compression {
        Compression { threshold: 1024, level: 2, client_window: None }
    }
}

impl Compression {
    /// The least length of a message that is compressed, in bytes; shorter ones are sent as they are. Default 1 KiB.
    #[must_use]
    pub fn threshold(mut self, threshold: usize) -> Compression {
        self.threshold = threshold;
        self
    }

    /// From 1 (fast) to 9 (small); values outside count as 1 or 9. Default 2. If gateways of one namespace differ, a broadcast is
    /// still compressed once, with the level of one of them.
    #[must_use]
    pub fn level(mut self, level: u8) -> Compression {
        self.level = level;
        self
    }

    /// Lets clients refer back to what they have sent before. For each connection, up to 2 to the power of `bits` bytes are kept,
    /// with `bits` from 8 to 15; values outside count as 8 or 15. Default: nothing is kept, and clients are told so by
    /// `client_no_context_takeover`.
    ///
    /// This is for clients that refer back although they are told not to, and are closed with 1007 at their second message: those
    /// of Tornado, Mojolicious and Netty. With 15, which is up to 32 KiB for each connection, it serves all of them. With less, a
    /// client that cannot be told how large its window is, because it does not offer `client_max_window_bits`, is still told to
    /// keep none. All windows together may have a quarter of [`Limits::memory`](crate::Limits::memory); beyond that, compression
    /// is not negotiated.
    ///
    /// Messages to clients are still compressed each by itself.
    ///
    /// ```
    /// use switchboard::{App, Compression};
    /// let app = App::new().compression(Compression::default().client_window(15));
    /// ```
    #[must_use]
    pub fn client_window(mut self, bits: impl Into<Option<u8>>) -> Compression {
        self.client_window = bits.into();
        self
    }

    /// What is negotiated of a request's offers, and the header of the answer.
    pub(crate) fn negotiate(self, headers: &HeaderMap) -> Option<(Deflate, HeaderValue)> {
        match self.client_window {
            None => Deflate::negotiate(headers),
            Some(bits) => Deflate::negotiate_keeping(headers, bits),
        }
    }

    pub(crate) fn threshold_bytes(self) -> usize {
        self.threshold
    }

    pub(crate) fn level_number(self) -> u8 {
        self.level
    }
}
