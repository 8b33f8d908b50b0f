//! The Socket.IO protocol, revision 5, as pure functions: namespaces, events and acks over
//! [`engineio`](crate::engineio).
//!
//! | noun | what it does |
//! |---|---|
//! | [`Packet`] | the content of one Engine.IO message → a packet, whose parts are borrowed from it |
//! | [`FastEvent`] | a common event, whose payload is read by the parse into its type alone |
//! | [`Arguments`] | what an event or an ack carries, not yet parsed |
//! | [`Assembler`] | a text and the binary messages after it → one packet with its bytes, as an [`Assembled`] |
//! | [`encode_event`], [`encode_ack`] and others | packets to send; bytes inside of a payload become attachments |
//! | [`Wants`] | whether a type is read from the payload or, as an `Args`, from the arguments |
//! | [`Violation`] | what ends the connection |
//!
//! A packet that the reference implementation's decoder refuses is a [`Violation`]. A packet that it accepts, but that
//! breaks a rule of this crate (names of events, the number of keys of an object, nesting), is a
//! [`Rejected`](crate::codec::Rejected), and the connection stays open.
//!
//! The specification is [Socket.IO protocol
//! v5](https://github.com/socketio/socket.io/blob/main/docs/socket.io-protocol/v5-current.md); sections are cited by
//! their titles. Nothing here knows the type digit of Engine.IO that precedes a packet on the wire.
//!
//! ```
//! use switchboard_core::socketio::{Content, Emit, PacketLimits, Sender, decode, encode_event};
//!
//! let text = r#"2/admin,13["echo",{"seq":1}]"#;
//! let packet = decode(text, Sender::Client, &PacketLimits::default())?;
//! assert_eq!(packet.namespace, Some("/admin"));
//! let Content::Event { ack: Some(13), message: Ok(message) } = packet.content else { panic!() };
//! let seq: std::collections::HashMap<String, u32> = message.arguments.parse().unwrap();
//!
//! let mut out = Vec::new();
//! let no_bytes = &mut |_: &[u8]| unreachable!();
//! encode_event(&mut out, "/admin", &message.event, Emit::One(&seq), Some(13), no_bytes).unwrap();
//! assert_eq!(out, text.as_bytes());
//! # Ok::<(), switchboard_core::socketio::Violation>(())
//! ```

mod arguments;
mod assembler;
mod attaching;
mod encode;
mod fast_path;
mod packet;
mod placeholder;
mod violation;
mod wants;

pub use arguments::{Arguments, Items};
pub use assembler::{Assembled, AssembledContent, Assembler, BinaryArguments, BinaryMessage};
pub use encode::{
    Emit, encode_ack, encode_connect, encode_connect_error, encode_connect_request, encode_disconnect, encode_event,
    json_without_bytes,
};
pub use fast_path::{FastEvent, decode_fast};
pub use packet::{Content, Message, Packet, PacketLimits, Sender, check_namespace, decode, is_reserved};
pub use violation::Violation;
pub use wants::Wants;

/// The main namespace, whose name is not on the wire.
pub const MAIN: &str = "/";

/// The most attachments of a packet that the reference implementation takes by default, as a server and as a client.
pub const MAX_ATTACHMENTS: usize = 10;
