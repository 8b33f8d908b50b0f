//! With the feature `deflate`.
use crate::{App, Gateway};

/// Messages are compressed for clients that offer it (permessage-deflate, RFC 7692): see [`App::compression`] and
/// [`Gateway::compression`]. Behind the feature `deflate`.
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
}

impl Default for Compression {
    fn default() -> Compression {
        Compression { threshold: 1024, level: 2 }
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

    pub(crate) fn threshold_bytes(self) -> usize {
        self.threshold
    }

    pub(crate) fn level_number(self) -> u8 {
        self.level
    }
}

impl App {
    /// Compresses messages for clients that offer it, on all gateways that do not choose themselves. Default: none are.
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> App {
        self.compression = compression.into();
        self
    }
}

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Compresses messages for clients that offer it, or with `None` does not, whatever the application says.
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Gateway<S> {
        self.compression = Some(compression.into());
        self
    }
}
