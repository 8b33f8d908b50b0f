//! permessage-deflate (RFC 7692): messages that are compressed one by one.
//!
//! No context is taken over, in either direction: a message is compressed, and read, by itself. So a connection keeps nothing
//! between messages, and a frame that many get is compressed once. What compresses and inflates belongs to the thread.
//!
//! Some clients refer back to their earlier messages whatever they are told. For them the end of what they have sent can be kept,
//! as bytes: the state of an inflater is not needed, because each message ends on a byte, where a new one can begin.
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
