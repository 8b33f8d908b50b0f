//! The way out: from a value that is sent to bytes that wait for a socket.
pub(crate) mod close_request;
pub(crate) mod compressed;
pub(crate) mod emission;
pub(crate) mod event;
pub(crate) mod frame;
pub(crate) mod outbox;
pub(crate) mod reason;
pub(crate) mod state;
pub(crate) mod stream;
/// The sync types that [`touched`] uses. Its tests compile that module again, with loom's types instead of these.
mod sync {
    pub(super) use std::sync::atomic::AtomicBool;
}
mod touched;
// The tests are not inside `touched`, because they compile that module a second time.
#[cfg(test)]
mod touched_tests;
pub(crate) mod writer;

pub(crate) use close_request::{CloseRequest, because_of, close_code};
pub(crate) use compressed::Agreed;
pub(crate) use emission::{Emission, Encode, EncodeRequest, Sending};
pub(crate) use event::Event;
pub(crate) use frame::Frame;
pub(crate) use outbox::Class;
pub use reason::DisconnectReason;
pub(crate) use state::{Pushed, Wake};
#[cfg(feature = "socketio")]
pub(crate) use stream::Io;
pub(crate) use stream::{Sink, Stream};
pub(crate) use writer::Writer;
