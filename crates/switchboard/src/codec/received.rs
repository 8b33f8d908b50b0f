//! [`Received`]: a message as it arrived.
use std::borrow::Cow;
#[cfg(feature = "socketio")]
use switchboard_core::socketio::Assembled;

/// A message as it arrived. For JSON clients it is always a text: binary frames are converted. For clients of Socket.IO a text is a
/// packet that the transport has decoded, without the `4` of Engine.IO; so it breaks no rule that ends the connection.
pub(crate) enum Received<'a> {
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// A packet of Socket.IO with its attachments: an event or an ack.
    #[cfg(feature = "socketio")]
    Packet(Box<Assembled>),
}

impl Received<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Received::Text(text) => text.len(),
            Received::Bytes(bytes) => bytes.len(),
            #[cfg(feature = "socketio")]
            Received::Packet(packet) => packet.bytes(),
        }
    }

    /// Bytes of memory that it owns.
    pub(crate) fn held(&self) -> usize {
        match self {
            Received::Text(Cow::Owned(text)) => text.capacity(),
            Received::Bytes(Cow::Owned(bytes)) => bytes.capacity(),
            Received::Text(_) | Received::Bytes(_) => 0,
            #[cfg(feature = "socketio")]
            Received::Packet(packet) => packet.bytes(),
        }
    }

    pub(crate) fn into_owned(self) -> Received<'static> {
        match self {
            Received::Text(text) => Received::Text(Cow::Owned(text.into_owned())),
            Received::Bytes(bytes) => Received::Bytes(Cow::Owned(bytes.into_owned())),
            #[cfg(feature = "socketio")]
            Received::Packet(packet) => Received::Packet(packet),
        }
    }
}
