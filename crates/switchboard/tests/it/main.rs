//! The engine from a client's side, on every kind of stream.
mod rig;

mod backpressure;
mod basics;
mod clients;
mod mounting;
mod envelope;
mod frames;
mod handshake;
mod heartbeat;
mod lifecycle;
mod liveness;
mod order;
mod raw;
