//! With the feature `deflate`.
use http::{HeaderMap, HeaderValue};
use switchboard_core::ws::Deflate;

/// Messages are compressed for clients that offer it (permessage-deflate, RFC 7692): see [`App::compression`](crate::App::compression) and
/// [`Gateway::compression`](crate::Gateway::compression). Behind the feature `deflate`.
///
/// Each message is compressed by itself, so a connection keeps nothing between messages, and a broadcast is compressed once for
/// all who get it. In return short messages gain little, which is what the threshold is for. What a client sends compressed is
/// held to `Limits::max_message` before and after it is inflated.
///
/// Compressing takes time of the thread that sends: about 3 ms a MiB at the default level. Do not compress what holds a secret
/// beside text that somebody else chooses: its length tells about both (BREACH).
///
/// ```
/// use switchboard::{App, Compression};
/// let app = App::new().compression(Compression::default().threshold(4096));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compression {
    /// Shorter messages are sent as they are, in bytes. Default 1 KiB.
    pub threshold: usize,
    /// 1, fast, to 9, small. Default 2: JSON becomes about a fifth, and 6 takes off another tenth of that for up to thrice the time.
    pub level: u8,
    /// The window of a client's own messages that is kept between them, as a power of 2. Default: none is; see
    /// [`Compression::client_window`].
    pub client_window: Option<u8>,
}

impl Default for Compression {
    fn default() -> Compression {
        Compression { threshold: 1024, level: 2, client_window: None }
    }
}

impl Compression {
    /// Shorter messages are sent as they are, in bytes. Default 1 KiB.
    #[must_use]
    pub fn threshold(mut self, threshold: usize) -> Compression {
        self.threshold = threshold;
        self
    }

    /// 1, fast, to 9, small; what is beyond counts as 1 or 9. Default 2. Where gateways of one namespace differ, a broadcast is
    /// still compressed once, with the level of one of them.
    #[must_use]
    pub fn level(mut self, level: u8) -> Compression {
        self.level = level;
        self
    }

    /// Lets clients refer back to what they have sent before: up to 2 to the power of `bits` bytes, 8 to 15, are kept for each
    /// connection; what is beyond counts as 8 or 15. Default: none are, and clients are told so by `client_no_context_takeover`.
    ///
    /// It is for clients that do not do as they are told, and are closed with 1007 at their second message: those of Tornado,
    /// Mojolicious and Netty. With 15, up to 32 KiB a connection, it serves all of them. With less, a client that cannot be told how
    /// large its window is, because it does not offer `client_max_window_bits`, is still told to keep none. A quarter of
    /// [`Limits::memory`](crate::Limits::memory) is for windows; beyond that nothing is agreed on, and messages are not compressed.
    ///
    /// What is sent to clients is compressed as ever, each message by itself.
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

    /// What of a request's offers is agreed on.
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
