//! Codecs of the native protocol: bytes to [`Incoming`](crate::Incoming), and answers and events to bytes.

mod body;
mod draft;
mod envelope;
mod fault;
mod lent;
mod misfit;
mod object;
pub(crate) mod private;
mod rejected;

pub mod json;
pub mod msgpack;

pub use body::{ErrorBody, GoAway};
#[cfg(feature = "socketio")]
pub(crate) use draft::Draft;
pub(crate) use fault::Fault;
pub use lent::{Lend, from_lent, member_from_lent};
#[cfg(feature = "socketio")]
pub(crate) use misfit::Misfit;
pub use rejected::Rejected;
