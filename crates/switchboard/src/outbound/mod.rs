//! From a value to bytes that wait for a socket.
pub(crate) mod close_request;
pub(crate) mod compressed;
pub(crate) mod event;
pub(crate) mod frame;
pub(crate) mod outbox;
pub(crate) mod reason;
pub(crate) mod state;
pub(crate) mod stream;
/// The sync types of [`touched`]: its tests compile it with loom's in place of these.
mod sync {
    pub(super) use std::sync::atomic::AtomicBool;
}
mod touched;
// Not inside of `touched`, because it compiles that module a second time.
#[cfg(test)]
mod touched_tests;
pub(crate) mod writer;

pub(crate) use close_request::{CloseRequest, because_of};
pub(crate) use compressed::Agreed;
pub(crate) use event::{Event, Sending};
pub(crate) use frame::Frame;
pub(crate) use outbox::Class;
pub use reason::DisconnectReason;
pub(crate) use state::{Pushed, Wake};
pub(crate) use stream::Stream;
pub(crate) use writer::Writer;
