//! Transports: bytes in and out of one connection.
pub(crate) mod websocket;
