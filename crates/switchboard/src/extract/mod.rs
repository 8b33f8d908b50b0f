//! Extractors: parameters that are not the payload.
mod ack;
mod conn_state;
mod ctx;
mod handshake;
mod message;
mod path;
mod query;
mod server;
mod unchecked;
#[cfg(feature = "garde")]
mod valid;

pub use ack::Ack;
pub use conn_state::ConnState;
pub use ctx::Ctx;
pub use handshake::{Ext, Headers};
pub use message::{EventName, Meta};
pub use path::Path;
pub use query::Query;
pub use unchecked::Unchecked;
#[cfg(feature = "garde")]
pub use valid::Valid;
#[cfg(feature = "garde")]
pub(crate) use valid::validate;
