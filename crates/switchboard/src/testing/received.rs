//! [`Received`]: something that a test client has received, and how a panic shows it.
#[cfg(feature = "socketio")]
use super::socketio::Packet;
use super::speech;
use super::speech::Speech;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// The length at which a panic cuts a message.
const SHOWN: usize = 1000;

pub(super) enum Received {
    Message(Message),
    /// A text that is not an envelope.
    Text(String),
    Binary(Vec<u8>),
    /// A packet of Socket.IO; it may be the last one.
    #[cfg(feature = "socketio")]
    Packet(Packet),
    /// Nothing comes after this or the following two.
    Close {
        code: u16,
        reason: String,
    },
    /// The stream ended without a close frame.
    End,
    /// Bytes that a server must not send.
    Invalid(&'static str),
}

/// A message with an event. Its data is not deserialised until the test says which type it is.
pub(super) struct Message {
    content: Content,
    envelope: Envelope,
}

/// A message as it was received.
enum Content {
    Text(String),
    /// MessagePack.
    Bytes(Vec<u8>),
}

#[derive(Deserialize)]
struct Envelope {
    event: String,
    id: Option<serde_json::Value>,
    ack: Option<u64>,
    /// An item of a stream.
    #[serde(default)]
    more: bool,
    /// The end of a stream.
    #[serde(default)]
    done: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Push,
    Reply,
    Item,
    End,
    Exception,
    Request,
}

impl Message {
    pub(super) fn kind(&self) -> Kind {
        match &self.envelope {
            Envelope { ack: Some(_), .. } => Kind::Request,
            Envelope { event, .. } if event == "exception" => Kind::Exception,
            Envelope { id: Some(_), more: true, .. } => Kind::Item,
            Envelope { id: Some(_), done: true, .. } => Kind::End,
            Envelope { id: Some(_), .. } => Kind::Reply,
            _ => Kind::Push,
        }
    }

    pub(super) fn event(&self) -> &str {
        &self.envelope.event
    }

    /// The number of a server's request.
    pub(super) fn ack(&self) -> Option<u64> {
        self.envelope.ack
    }

    /// True if this is the answer, or the exception, to the request with this id.
    pub(super) fn answers(&self, id: &str) -> bool {
        self.envelope.id.as_ref().and_then(serde_json::Value::as_str) == Some(id)
    }

    /// Deserialises the data. Errors: why it is not a `T`.
    pub(super) fn data<T: DeserializeOwned>(&self) -> Result<T, String> {
        #[derive(Deserialize)]
        struct Body<T> {
            data: T,
        }
        let body = match &self.content {
            Content::Text(text) => serde_json::from_str(text).map_err(|error| error.to_string()),
            Content::Bytes(bytes) => speech::read(bytes),
        };
        body.map(|Body { data }| data)
    }
}

impl Received {
    pub(super) fn text(text: String) -> Received {
        match serde_json::from_str(&text) {
            Ok(envelope) => Received::Message(Message { content: Content::Text(text), envelope }),
            Err(_) => Received::Text(text),
        }
    }

    /// Makes an envelope if the client speaks MessagePack and the bytes are one; otherwise a binary message.
    pub(super) fn binary(bytes: Vec<u8>, speech: Speech) -> Received {
        let envelope = (speech == Speech::MessagePack).then(|| speech::read(&bytes).ok()).flatten();
        match envelope {
            Some(envelope) => Received::Message(Message { content: Content::Bytes(bytes), envelope }),
            None => Received::Binary(bytes),
        }
    }

    /// Returns the message, if it is of this kind.
    pub(super) fn as_kind(&self, kind: Kind) -> Option<&Message> {
        self.as_message().filter(|message| message.kind() == kind)
    }

    pub(super) fn as_message(&self) -> Option<&Message> {
        match self {
            Received::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Returns the text of a text message, whether or not it is an envelope.
    pub(super) fn into_text(self) -> Result<String, Received> {
        match self {
            Received::Message(Message { content: Content::Text(text), .. }) | Received::Text(text) => Ok(text),
            other => Err(other),
        }
    }

    /// Returns the bytes of a binary message, whether or not it is an envelope.
    pub(super) fn into_binary(self) -> Result<Vec<u8>, Received> {
        match self {
            Received::Message(Message { content: Content::Bytes(bytes), .. }) | Received::Binary(bytes) => Ok(bytes),
            other => Err(other),
        }
    }

    pub(super) fn is_goaway(&self) -> bool {
        self.as_kind(Kind::Push).is_some_and(|message| message.event() == "sys.goaway")
    }

    /// True if nothing can be received after this.
    pub(super) fn is_last(&self) -> bool {
        #[cfg(feature = "socketio")]
        if let Received::Packet(packet) = self {
            return packet.is_last();
        }
        matches!(self, Received::Close { .. } | Received::End | Received::Invalid(_))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Received::Message(Message { content: Content::Text(text), .. }) | Received::Text(text) => text.len(),
            Received::Message(Message { content: Content::Bytes(bytes), .. }) | Received::Binary(bytes) => bytes.len(),
            #[cfg(feature = "socketio")]
            Received::Packet(packet) => packet.len(),
            Received::Close { .. } | Received::End | Received::Invalid(_) => 0,
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind() {
            Kind::Push => "push",
            Kind::Reply => "reply",
            Kind::Item => "stream's item",
            Kind::End => "stream's end",
            Kind::Exception => "exception",
            Kind::Request => "server's request",
        };
        match &self.content {
            Content::Text(text) => write!(f, "the {kind} {}", Cut(text)),
            // What has bytes in it is no JSON.
            Content::Bytes(bytes) => match speech::read::<serde_json::Value>(bytes) {
                Ok(value) => write!(f, "the {kind} {} (MessagePack)", Cut(&value.to_string())),
                Err(_) => write!(f, "the {kind} {:?}, {}", self.event(), Escaped(bytes)),
            },
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Received::Message(message) => fmt::Display::fmt(message, f),
            Received::Text(text) => write!(f, "the text {}", Cut(text)),
            Received::Binary(bytes) => write!(f, "{}", Escaped(bytes)),
            #[cfg(feature = "socketio")]
            Received::Packet(packet) => fmt::Display::fmt(packet, f),
            Received::Close { code, reason } => write!(f, "close {code} ({reason})"),
            Received::End => f.write_str("the end of the stream, without a close frame"),
            Received::Invalid(reason) => write!(f, "bytes that no server may send ({reason})"),
        }
    }
}

/// Shows the beginning of long bytes.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0[..self.0.len().min(SHOWN)].escape_ascii();
        write!(f, "{} bytes of binary, b\"{shown}\"", self.0.len())
    }
}

/// Shows the beginning of a long text.
pub(super) struct Cut<'a>(pub(super) &'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() <= SHOWN {
            return f.write_str(self.0);
        }
        let shown = &self.0[..self.0.floor_char_boundary(SHOWN)];
        write!(f, "{shown}… ({} bytes)", self.0.len())
    }
}
