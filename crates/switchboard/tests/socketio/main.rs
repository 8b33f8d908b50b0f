//! Socket.IO's engine from a client's side: bad input, time, order and the end. Clients here are HTTP as bytes and frames as
//! bytes; beside every bad input there are others, which must not notice.
#![cfg(feature = "socketio")]

mod app;
mod base64;
mod beside;
mod client;

mod attachments;
mod ending;
mod heartbeat;
mod limits;
mod namespaces;
mod order;
mod others;
mod packets;
mod panics;
mod polling;
mod requests;
mod upgrade;
