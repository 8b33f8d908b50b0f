//! Engine.IO sessions, and the Socket.IO namespaces on them.
//!
//! An HTTP request of a client reaches its session through the [`Mailbox`]; a session is a task of its own, like a WebSocket's
//! connection. What a client is in a namespace is a seat: an endpoint with an outbox of its own, which has no socket. The
//! session's task moves frames from the outboxes to the carrier, which is a WebSocket or the poll that is parked.
mod carrier;
mod clock;
mod ending;
mod joining;
mod mailbox;
mod packets;
mod probe;
mod reading;
mod seat;
mod seats;
mod serving;
mod session;
mod sessions;
mod socket;
mod staging;
mod writing;

pub(crate) use mailbox::{Mailbox, Posting, Upgrading};
pub(crate) use serving::Serving;
pub(crate) use session::Session;
pub(crate) use sessions::Sessions;
pub(crate) use socket::Socket;
