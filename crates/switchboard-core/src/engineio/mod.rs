//! The Engine.IO protocol, revision 4, as pure functions: the transport of Socket.IO.
//!
//! | noun | what it does |
//! |---|---|
//! | [`Query`] | the query of a request → what the request is for, or the [`Refusal`] that answers it |
//! | [`Open`] | the handshake, which a new session is answered with |
//! | [`Packet`] | one message of a WebSocket ↔ one packet |
//! | [`Payload`], [`PayloadWriter`] | the body of a polling request ↔ several packets |
//! | [`Violation`] | what is wrong with a packet, which ends the session |
//!
//! Sessions, deadlines and the upgrade belong to the caller. Sections are cited by their titles; the specification is
//! [Engine.IO protocol v4](https://github.com/socketio/socket.io/blob/main/docs/engine.io-protocol/v4-current.md).
//!
//! ```
//! use switchboard_core::engineio::{Packet, PayloadLimits, PayloadWriter, decode_payload};
//!
//! let mut out = Vec::new();
//! let mut writer = PayloadWriter::new(&mut out, 16, 1_000_000);
//! assert!(writer.push(&Packet::Message("hello")) && writer.push(&Packet::Binary((&[1, 2, 3, 4][..]).into())));
//! assert_eq!(out, b"4hello\x1ebAQIDBA==");
//!
//! let packets: Result<Vec<_>, _> = decode_payload(&out, &PayloadLimits::default())?.collect();
//! assert_eq!(packets?, [Packet::Message("hello"), Packet::Binary(vec![1, 2, 3, 4].into())]);
//! # Ok::<(), switchboard_core::engineio::Violation>(())
//! ```

mod open;
mod packet;
mod payload;
mod query;
mod refusal;
mod violation;

pub use open::{Open, Transport};
pub use packet::{PROBE, Packet, PacketType, decode_text};
pub use payload::{Payload, PayloadLimits, PayloadWriter, SEPARATOR, decode_payload};
pub use query::{Purpose, Query};
pub use refusal::Refusal;
pub use violation::Violation;
