//! The formats of messages: codecs and compression.
use crate::app::App;
use crate::codec::Codec;
#[cfg(feature = "deflate")]
use crate::compression::Compression;
use std::panic::Location;

impl App {
    /// Adds a message format for clients of any gateway that ask for its subprotocol: see [`Codec`].
    ///
    /// It is reported as a problem when the application is built if its subprotocol is already registered, begins with
    /// `switchboard.`, or is not a token.
    #[track_caller]
    pub fn codec(mut self, codec: impl Codec) -> App {
        match self.codecs.with(codec, Location::caller()) {
            Ok(codecs) => self.codecs = codecs,
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// Compresses messages for clients that offer it, on all gateways without a compression setting of their own.
    /// Default: no compression.
    #[cfg(feature = "deflate")]
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> App {
        self.compression = compression.into();
        self
    }
}
