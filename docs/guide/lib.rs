//! The Rust in README.md and in the chapters of the guide is compiled and run as doc tests of this crate.
//!
//! It is a crate of its own because a published package holds only its own directory: `switchboard` could not include these
//! pages.
#![cfg(doctest)]

#[doc = include_str!("../../README.md")]
mod readme {}

// The chapters, in the order of `SUMMARY.md`: `cargo run -p docs` compares the two.
#[doc = include_str!("src/five-nouns.md")]
mod five_nouns {}
#[doc = include_str!("src/axum.md")]
mod axum {}
#[doc = include_str!("src/rooms.md")]
mod rooms {}
#[doc = include_str!("src/payloads.md")]
mod payloads {}
#[doc = include_str!("src/replies.md")]
mod replies {}
#[doc = include_str!("src/errors.md")]
mod errors {}
#[doc = include_str!("src/order.md")]
mod order {}
#[doc = include_str!("src/guards.md")]
mod guards {}
#[doc = include_str!("src/interceptors.md")]
mod interceptors {}
#[doc = include_str!("src/container.md")]
mod container {}
#[doc = include_str!("src/testing.md")]
mod testing {}
#[doc = include_str!("src/mounting.md")]
mod mounting {}
#[doc = include_str!("src/limits.md")]
mod limits {}
#[doc = include_str!("src/namespaces.md")]
mod namespaces {}
#[doc = include_str!("src/formats.md")]
mod formats {}
#[doc = include_str!("src/socketio.md")]
mod socketio {}
#[doc = include_str!("src/protocol.md")]
mod protocol {}
#[doc = include_str!("src/from-nestjs.md")]
mod from_nestjs {}
#[doc = include_str!("src/from-nestrs.md")]
mod from_nestrs {}
