//! permessage-deflate (RFC 7692): messages that are compressed one by one.
//!
//! No context is taken over, in either direction: each message is compressed and inflated independently. So a connection keeps
//! nothing between messages, and a broadcast frame is compressed once. The compressors and the inflater belong to the thread.
//!
//! Some clients refer back to their earlier messages whatever the agreement says. For them the end of what they have sent can be kept as
//! bytes. The state of an inflater is not needed, because each message ends at a byte boundary, where the next can begin.
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
