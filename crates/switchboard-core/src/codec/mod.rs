//! Codecs of the native protocol: bytes to [`Incoming`](crate::Incoming), and answers and events to bytes.

mod body;
mod draft;
mod envelope;
mod fault;
mod misfit;
mod rejected;

pub mod json;
pub mod msgpack;

pub use rejected::Rejected;
