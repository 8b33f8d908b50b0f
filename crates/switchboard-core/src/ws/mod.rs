//! The WebSocket protocol (RFC 6455), for server and client, as pure functions over bytes.
//!
//! | noun | what it does |
//! |---|---|
//! | [`Decoder`] | bytes of the peer → [`Item`]s, or the [`Violation`] that ends the connection |
//! | [`finish_frame`], [`write_frame`], [`write_control`], [`write_close`] | frames to send |
//! | [`Deflate`] | messages that are compressed (RFC 7692), where both ends agreed on it |
//! | [`handshake`] | checks the opening request, names the refusal; builds and checks it on a client |
//! | [`origin`] | which web pages may open a connection |
//!
//! Nothing here reads a clock or a socket: a deadline, an answer to a ping and the closing handshake belong to the caller.
//! A reserved bit is a violation, but for the one that marks a compressed message where that was agreed on.

mod authority;
mod close;
mod decoder;
mod deflate;
mod encode;
mod frame;
pub mod handshake;
mod mask;
mod message;
pub mod origin;
mod passer;
mod violation;

pub use close::{PeerClose, close_body};
pub use decoder::{Decoded, Decoder, Item};
pub use deflate::Deflate;
pub use encode::{HEADER_ROOM, finish_frame, frame_len, payload, write_close, write_control, write_frame};
pub use frame::{FrameLimits, MAX_CONTROL, Opcode, Role};
pub use mask::apply_mask;
pub use violation::Violation;
