//! permessage-deflate (RFC 7692): messages that are compressed one by one.
//!
//! By default no context is taken over in either direction: each message is compressed and inflated independently. So a connection keeps
//! nothing between messages, and a broadcast frame is compressed once. Each thread has its own compressors and inflater.
//!
//! Some clients refer back to their earlier messages regardless of what was negotiated. For them the last bytes that they have sent can be
//! kept uncompressed. The state of an inflater need not be kept, because each message ends at a byte boundary, where the next one can
//! begin.
#[cfg(not(feature = "deflate"))]
mod disabled;
#[cfg(feature = "deflate")]
mod enabled;
mod window;

#[cfg(not(feature = "deflate"))]
pub use disabled::Deflate;
#[cfg(feature = "deflate")]
pub use enabled::Deflate;
pub(crate) use window::Window;
