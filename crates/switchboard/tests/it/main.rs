//! The engine from a client's side, on every kind of stream.
#[allow(dead_code, reason = "`fire` uses the rest")]
mod control;
mod rig;

mod admission;
mod backpressure;
mod basics;
mod clients;
mod connect_guards;
mod deflate;
mod edges;
mod ending;
mod envelope;
mod formats;
mod frames;
mod handshake;
mod handshake_data;
mod heartbeat;
mod kick;
mod lifecycle;
mod liveness;
mod mounting;
mod namespaces;
mod order;
mod outgoing;
mod patterns;
mod plain;
mod questions;
mod rates;
mod raw;
mod runtime_namespaces;
mod runtimes;
mod shutdown;
mod threads;
