//! [`TestSocketIo`]: clients of Socket.IO, in memory or over a socket, by polling or WebSocket.
mod client;
mod connect_error;
mod connecting;
mod engine;
mod expect;
mod link;
mod packet;
mod polling;
mod request;
mod requests;
mod seats;
mod socket;

pub use client::TestSocketIo;
pub use connect_error::ConnectError;
pub use connecting::SocketIoConnecting;
pub(super) use packet::Packet;
pub use request::SocketIoRequest;
