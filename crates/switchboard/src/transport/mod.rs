//! Transports: bytes in and out of one connection.
#[cfg(feature = "socketio")]
pub(crate) mod engineio;
mod rates;
mod served;
pub(crate) mod websocket;
mod window;

pub(crate) use served::Served;
