//! From a value to bytes that wait for a socket.
pub(crate) mod close_request;
pub(crate) mod compressed;
pub(crate) mod event;
pub(crate) mod frame;
pub(crate) mod outbox;
pub(crate) mod reason;
pub(crate) mod stream;
pub(crate) mod writer;

pub(crate) use close_request::{CloseRequest, because_of};
pub(crate) use event::{Event, Sending};
pub(crate) use frame::Frame;
pub(crate) use outbox::Class;
pub use reason::DisconnectReason;
pub(crate) use stream::Stream;
pub(crate) use writer::{Blocked, Pushed, Writer};
