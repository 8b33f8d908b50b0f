//! [`Speech`]: the format that a client speaks.
use crate::Error;
use crate::codec::{Codec, MessagePack};
use serde::Serialize;
use serde::de::DeserializeOwned;
use switchboard_core::codec::msgpack;
use switchboard_core::ws::Opcode;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Json,
    MessagePack,
}

impl Speech {
    /// Returns the format of a subprotocol. The application's own formats are not supported: their tests send and
    /// expect bytes.
    pub(super) fn of(protocol: &str) -> Speech {
        if protocol == MessagePack.protocol() { Speech::MessagePack } else { Speech::Json }
    }

    pub(super) fn opcode(self) -> Opcode {
        match self {
            Speech::Json => Opcode::Text,
            Speech::MessagePack => Opcode::Binary,
        }
    }

    /// Serialises a message. Errors: why it cannot be serialised.
    pub(super) fn write(self, message: &impl Serialize) -> Result<Vec<u8>, String> {
        match self {
            Speech::Json => serde_json::to_vec(message).map_err(|error| error.to_string()),
            Speech::MessagePack => {
                let mut out = Vec::new();
                msgpack::encode_data(&mut out, message).map_err(|error| error.source_chain())?;
                Ok(out)
            }
        }
    }
}

/// Deserialises a binary message as a `T`. Errors: why it is not one.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let raw = msgpack::Raw::new(bytes).ok_or("it is no MessagePack")?;
    msgpack::from_data(Some(raw)).map_err(|error| misfit(&error))
}

/// Says why a payload does not fit.
pub(super) fn misfit(error: &Error) -> String {
    let details = error.details().iter().map(|detail| format!("{} {}", detail.path, detail.message));
    details.collect::<Vec<_>>().join(", ")
}
