//! The handshake: the parameters of a new session, as the client gets them.
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::PacketType;

/// A transport. (WebTransport is not served.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// HTTP long-polling: GET to receive, POST to send.
    Polling,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    /// The transport of this name, `polling` or `websocket`; `None` for every other name.
    pub fn of(name: &str) -> Option<Transport> {
        match name {
            "polling" => Some(Transport::Polling),
            "websocket" => Some(Transport::WebSocket),
            _ => None,
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Transport::Polling => "polling",
            Transport::WebSocket => "websocket",
        }
    }
}

/// The answer to the request for a new session (section "Handshake").
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Open<'a> {
    /// The session's id: a secret, because it alone is the key to the session.
    pub sid: &'a str,
    /// The transports that the session may be upgraded to.
    pub upgrades: &'a [Transport],
    /// The time between two pings of the server. It is sent in whole milliseconds, at most 2^53.
    #[serde(serialize_with = "milliseconds")]
    pub ping_interval: Duration,
    /// The time that a client has for its pong; sent as `ping_interval` is.
    #[serde(serialize_with = "milliseconds")]
    pub ping_timeout: Duration,
    /// The most bytes of a payload that the server takes.
    pub max_payload: usize,
}

impl Open<'_> {
    /// Appends the packet: `0{"sid","upgrades","pingInterval","pingTimeout","maxPayload"}`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(PacketType::Open.byte());
        serde_json::to_writer(out, self).expect("strings, numbers and lists of them always serialise");
    }
}

fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(1 << 53))
}
