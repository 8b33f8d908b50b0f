//! [`Packet`]: what a Socket.IO client has received in its namespace.
use crate::testing::error::WireError;
use crate::testing::received::Cut;
use crate::testing::speech::misfit;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use switchboard_core::socketio::{Assembled, AssembledContent, BinaryArguments, MAIN, Wants};

/// A packet of a namespace, or the end of the connection.
pub(in crate::testing) enum Packet {
    Event {
        event: String,
        /// The number under which the server awaits an ack.
        ack: Option<u64>,
        content: Content,
    },
    Ack {
        id: u64,
        content: Content,
    },
    /// The server has ended what the client has in the namespace.
    Disconnect,
    /// The transport has ended, as this says. Nothing comes after it.
    Closed(String),
}

/// The arguments of an event or an ack, which are not deserialised until the test says which types they are.
pub(in crate::testing) struct Content {
    /// The text of the packet.
    text: String,
    arguments: Arguments,
}

enum Arguments {
    Json(Vec<Box<RawValue>>),
    /// Some of them are, or contain, bytes.
    Binary(BinaryArguments),
}

impl Content {
    /// The content of a packet without attachments. Errors: it is none that a server may send.
    pub(super) fn of_event(text: &str, namespace: &str) -> Result<(String, Content), &'static str> {
        let mut arguments = array(text, namespace)?;
        if arguments.is_empty() {
            return Err("an event without a name");
        }
        let name = arguments.remove(0);
        let name = serde_json::from_str(name.get()).map_err(|_| "an event whose name is no text")?;
        Ok((name, Content { text: text.to_owned(), arguments: Arguments::Json(arguments) }))
    }

    /// See [`Content::of_event`].
    pub(super) fn of_ack(text: &str, namespace: &str) -> Result<Content, &'static str> {
        let arguments = Arguments::Json(array(text, namespace)?);
        Ok(Content { text: text.to_owned(), arguments })
    }

    /// Deserialises the arguments as a payload, or each of them as an item of an `Args`. Errors: why they are no `T`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        let is_list = match Wants::of::<T>() {
            Wants::Payload => false,
            Wants::Arguments => true,
            Wants::SomeArguments => !self.arguments.is_empty(),
        };
        match &self.arguments {
            Arguments::Json(arguments) => {
                let json = match arguments.as_slice() {
                    [] if !is_list => Cow::Borrowed("null"),
                    [only] if !is_list => Cow::Borrowed(only.get()),
                    several => {
                        let several: Vec<&str> = several.iter().map(|argument| argument.get()).collect();
                        Cow::Owned(format!("[{}]", several.join(",")))
                    }
                };
                serde_json::from_str(&json).map_err(|error| error.to_string())
            }
            Arguments::Binary(arguments) => {
                let read = if is_list { arguments.parse_array() } else { arguments.parse() };
                read.map_err(|error| misfit(&error))
            }
        }
    }

    /// The packet of Engine.IO.
    pub(super) fn text(&self) -> String {
        format!("4{}", self.text)
    }

    /// The error that an ack is, if it is one: `{"error":{…}}`.
    pub(super) fn error(&self) -> Option<WireError> {
        #[derive(Deserialize)]
        struct Failed {
            error: WireError,
        }
        match &self.arguments {
            Arguments::Json(arguments) => match arguments.as_slice() {
                [only] => serde_json::from_str(only.get()).ok().map(|Failed { error }| error),
                _ => None,
            },
            Arguments::Binary(_) => None,
        }
    }
}

impl Arguments {
    fn is_empty(&self) -> bool {
        matches!(self, Arguments::Json(arguments) if arguments.is_empty())
    }
}

impl Packet {
    /// A packet with attachments, whose text was this. Errors: it is none that a server may send.
    pub(super) fn binary(text: String, assembled: Assembled) -> Result<Packet, &'static str> {
        let content = |arguments| Content { text, arguments: Arguments::Binary(arguments) };
        Ok(match assembled.content {
            AssembledContent::Event { ack, message } => {
                let message = message.map_err(|rejected| rejected.reason)?;
                Packet::Event { event: message.event, ack, content: content(message.arguments) }
            }
            AssembledContent::Ack { id, arguments } => {
                Packet::Ack { id, content: content(arguments.map_err(|rejected| rejected.reason)?) }
            }
            _ => return Err("kind"),
        })
    }

    /// The arguments, if this is an event of this name that asks for no ack.
    pub(super) fn as_event(&self, name: &str) -> Option<&Content> {
        match self {
            Packet::Event { event, ack: None, content } if event == name => Some(content),
            _ => None,
        }
    }

    /// True if nothing can be received after this.
    pub(in crate::testing) fn is_last(&self) -> bool {
        matches!(self, Packet::Closed(_))
    }

    pub(in crate::testing) fn len(&self) -> usize {
        match self {
            Packet::Event { content, .. } | Packet::Ack { content, .. } => content.len(),
            Packet::Disconnect | Packet::Closed(_) => 0,
        }
    }
}

impl Content {
    fn len(&self) -> usize {
        self.text.len()
            + match &self.arguments {
                Arguments::Json(_) => 0,
                Arguments::Binary(arguments) => arguments.as_array().as_bytes().len(),
            }
    }
}

/// The elements of the array that a packet ends with.
fn array(text: &str, namespace: &str) -> Result<Vec<Box<RawValue>>, &'static str> {
    let rest = match namespace {
        MAIN => text,
        _ => text.split_once(',').map_or("", |(_, rest)| rest),
    };
    let start = rest.find('[').ok_or("a packet without an array")?;
    serde_json::from_str(&rest[start..]).map_err(|_| "a packet without an array")
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Cut(&self.text), f)?;
        match &self.arguments {
            Arguments::Json(_) => Ok(()),
            Arguments::Binary(_) => f.write_str(" with its attachments"),
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Packet::Event { ack: Some(_), content, .. } => write!(f, "the server's request {content}"),
            Packet::Event { event, content, .. } if event == "exception" => write!(f, "the exception {content}"),
            Packet::Event { content, .. } => write!(f, "the event {content}"),
            Packet::Ack { content, .. } if content.error().is_some() => write!(f, "the error {content}"),
            Packet::Ack { content, .. } => write!(f, "the ack {content}"),
            Packet::Disconnect => f.write_str("a DISCONNECT packet"),
            Packet::Closed(how) => f.write_str(how),
        }
    }
}
