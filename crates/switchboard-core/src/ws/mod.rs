//! The WebSocket protocol (RFC 6455), for server and client, as pure functions over bytes.
//!
//! | noun | what it does |
//! |---|---|
//! | [`Decoder`] | bytes of the peer → [`Item`]s, or the [`Violation`] that ends the connection |
//! | [`finish_frame`], [`write_frame`], [`write_control`], [`write_close`] | frames to send |
//! | [`Deflate`] | compressed messages (RFC 7692), if both ends have agreed on them |
//! | [`handshake`] | a server checks the opening request or refuses it; a client builds it and checks the answer |
//! | [`origin`] | which web pages may open a connection |
//!
//! Nothing here reads a clock or a socket: a deadline, an answer to a ping and the closing handshake belong to the caller.
//! A reserved bit is a violation, except the one that marks a compressed message, if both ends have agreed on compression.

mod assembly;
mod authority;
mod close;
mod decoder;
mod deflate;
mod encode;
mod frame;
pub mod handshake;
mod mask;
pub mod origin;
mod skipper;
mod violation;

pub use close::{PeerClose, close_body};
pub use decoder::{Decoded, Decoder, Item};
pub use deflate::Deflate;
pub use encode::{HEADER_ROOM, finish_frame, frame_len, payload, write_close, write_control, write_frame};
pub use frame::{FrameLimits, MAX_CONTROL, Opcode, Role};
pub use mask::apply_mask;
pub use violation::Violation;
