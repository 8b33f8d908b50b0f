//! HTTP: the upgrade, and a listener of our own.
mod answering;
mod farewell;
mod forwarded;
pub(crate) mod listener;
mod opening;
mod progress;
mod proxy;
mod refused;
mod request;
mod spare;
mod threads;
mod upgrade;
mod visit;

pub(crate) use listener::{Listening, OwnListener, bind};
pub use proxy::InvalidNetwork;
pub(crate) use proxy::Proxies;
pub use request::Upgrade;
pub(crate) use threads::Threads;
pub(crate) use upgrade::Endpoint;
pub(crate) use visit::Places;
