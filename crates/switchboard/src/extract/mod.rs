//! Extractors: parameters that are not the payload.
mod ack;
mod conn_state;
mod handshake;
mod message;
mod valid;

pub use ack::Ack;
pub use conn_state::ConnState;
pub use handshake::{Ext, Headers};
pub use message::EventName;
pub(crate) use valid::validate;
pub use valid::{Unchecked, Valid};
