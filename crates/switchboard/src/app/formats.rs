//! How messages are written: codecs, and whether they are compressed.
use crate::app::App;
use crate::codec::Codec;
#[cfg(feature = "deflate")]
use crate::compression::Compression;
use std::panic::Location;

impl App {
    /// Adds a format of messages, for the clients of all gateways that ask for its subprotocol: see [`Codec`].
    ///
    /// A subprotocol that is registered already, begins with `switchboard.`, or is no token is reported as a problem when the
    /// application is built.
    #[track_caller]
    pub fn codec(mut self, codec: impl Codec) -> App {
        match self.codecs.with(codec, Location::caller()) {
            Ok(codecs) => self.codecs = codecs,
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// Compresses messages for clients that offer it, on all gateways that do not choose themselves. Default: none are.
    #[cfg(feature = "deflate")]
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> App {
        self.compression = compression.into();
        self
    }
}
