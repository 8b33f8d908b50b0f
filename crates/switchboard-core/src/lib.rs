//! The sans-IO half of Switchboard: its wire protocols, as pure functions over bytes.
//!
//! It uses no socket, clock or runtime, so everything here can be tested and fuzzed without them.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_debug_implementations)]

mod args;
mod binary;
mod close;
pub mod codec;
#[cfg(feature = "socketio")]
pub mod engineio;
mod error;
mod float;
mod id;
mod incoming;
mod name;
mod retry;
#[cfg(feature = "socketio")]
pub mod socketio;
pub mod ws;

#[doc(hidden)]
pub use args::ARGS;
pub use binary::Binary;
pub use close::{Close, CloseCode};
pub use error::{Code, Detail, Error, OrInternal, TraceId};
#[doc(hidden)]
pub use error::{Cut, causes};
pub use float::AnyFloat;
pub use id::Id;
pub use incoming::{Incoming, PatternKind, Request};
pub use name::{check_event, check_room, is_reserved};
