//! One client's life: the inbound queue, hooks, handlers, replies. Nothing here knows which transport the client uses.
pub(crate) mod background;
mod cancel;
mod deadlines;

mod dispatch;
mod ending;
mod handler;
mod hooks;
mod inbound;
#[cfg(test)]
mod model;
#[cfg(all(test, feature = "socketio"))]
mod packets;
mod round;
#[allow(clippy::module_inception, reason = "the floor is named after its main type")]
mod runner;
mod serving;

pub(crate) use round::{Asked, EndRequest, Reach, Round};
pub(crate) use runner::Runner;
