//! Codecs of the native protocol: bytes to [`Incoming`](crate::Incoming), and answers and events to bytes.

mod body;
mod draft;
mod envelope;
mod fault;
mod lent;
mod misfit;
mod object;
mod private;
mod rejected;

pub mod json;
pub mod msgpack;

pub use body::{ErrorBody, GoAway};
pub(crate) use fault::Fault;
pub use lent::{Lend, from_lent, member_from_lent};
pub use rejected::Rejected;
