//! The sans-IO half of Switchboard: what is on the wire, as pure functions over bytes.
//!
//! No socket, no clock, no runtime. Everything here can be tested, and fuzzed, without any of them.

mod close;
pub mod codec;
pub mod ws;

pub use close::{Close, CloseCode};
