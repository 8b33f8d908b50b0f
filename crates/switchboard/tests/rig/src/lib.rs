//! The test rig: an application on each kind of stream and runtime, and a WebSocket client that sends and reads raw frames.
//!
//! All tests that speak frames use [`Rig`] and [`RawClient`]; tests that speak events use `switchboard::testing`.

mod client;
mod codec;
mod frames;
mod healthy;
mod http;
mod offer;
mod rig;
mod stack;
mod stopwatch;

pub use client::{Got, RawClient};
pub use codec::{ChattyCodec, CodecStep};
pub use frames::masked;
pub use http::{Response, Stream, http, read_head, read_to_end};
pub use offer::{Offer, upgrade_request};
pub use rig::Rig;
pub use stack::{Stack, each_stack, matrix, on, paused, settle};
pub use stopwatch::Stopwatch;

use std::time::Duration;

/// How long a test waits for one frame or one part of an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An `exception` of an internal error without its trace id, which is 32 hexadecimal digits.
pub fn untraced(text: &str) -> String {
    let (before, trace) = text.split_once(r#","trace_id":""#).unwrap_or_else(|| panic!("no trace id in {text}"));
    let (trace, after) = trace.split_once('"').unwrap();
    let is_digit = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    assert!(trace.len() == 32 && trace.bytes().all(is_digit), "{text}");
    format!("{before}{after}")
}
