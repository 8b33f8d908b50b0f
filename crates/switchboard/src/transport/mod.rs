//! Transports.
pub(crate) mod websocket;
