//! permessage-deflate (RFC 7692): messages that are compressed one by one.
//!
//! No context is taken over, in either direction: a message is compressed, and read, by itself. So a connection keeps nothing
//! between messages, and a frame that many get is compressed once. What compresses and inflates belongs to the thread.
#[cfg(not(feature = "deflate"))]
mod disabled;
#[cfg(feature = "deflate")]
mod enabled;

#[cfg(not(feature = "deflate"))]
pub use disabled::Deflate;
#[cfg(feature = "deflate")]
pub use enabled::Deflate;
