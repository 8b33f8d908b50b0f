//! How a connection is closed: with a code, and a reason for people.
//!
//! `axum::extract::ws` and tungstenite have a `CloseCode` too, so this one is not at the root of the crate.
pub use switchboard_core::{Close, CloseCode};
