//! Socket.IO v5: docs/limits.md, group E.
mod arguments;
mod binary;
mod decoding;
mod encoding;
mod fast_path;
mod round_trips;

use switchboard_core::codec::Rejected;
use switchboard_core::socketio::{Content, Message, Packet, PacketLimits, Sender, Violation, decode};

/// The packet of a client.
#[track_caller]
fn packet(text: &str) -> Packet<'_> {
    match decode(text, Sender::Client, &PacketLimits::default()) {
        Ok(packet) => packet,
        Err(violation) => panic!("{text:.200}: {violation}"),
    }
}

/// An event with its namespace and ack id.
#[track_caller]
fn event(text: &str) -> (Option<&str>, Option<u64>, Message<'_>) {
    let packet = packet(text);
    let Content::Event { ack, message: Ok(message) } = packet.content else { panic!("{text:.200}: {packet:?}") };
    (packet.namespace, ack, message)
}

#[track_caller]
fn rejected(text: &str) -> Rejected<'_> {
    let Content::Event { message: Err(rejected), .. } = packet(text).content else { panic!("{text:.200}: accepted") };
    rejected
}

#[track_caller]
fn violation(text: &str) -> Violation {
    match decode(text, Sender::Client, &PacketLimits::default()) {
        Ok(packet) => panic!("{text:.200}: {packet:?}"),
        Err(violation) => violation,
    }
}
