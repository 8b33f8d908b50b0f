//! The engine from a client's side, on every kind of stream.
mod rig;

mod basics;
mod lifecycle;
mod liveness;
mod order;
mod backpressure;
mod envelope;
mod frames;
mod handshake;
mod heartbeat;
mod raw;
