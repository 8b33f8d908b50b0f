//! HTTP: the upgrade, and a listener of our own.
mod answering;
mod close_only;
#[cfg(feature = "socketio")]
mod cross_origin;
mod forwarded;
pub(crate) mod listener;
mod opening;
mod progress;
mod proxy;
mod refused;
mod reserve;
#[cfg(feature = "socketio")]
mod socketio;
mod threads;
mod upgrade;
mod visit;

pub(crate) use listener::{Listening, OwnListener, bind};
pub use proxy::InvalidNetwork;
pub(crate) use proxy::Proxies;
#[cfg(feature = "socketio")]
pub(crate) use socketio::SocketIoService;
pub(crate) use threads::Threads;
pub(crate) use upgrade::UpgradeService;
pub(crate) use visit::Places;
