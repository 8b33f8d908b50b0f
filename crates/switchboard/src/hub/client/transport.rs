//! [`Transport`]: what carries a client's messages.
use crate::hub::Endpoint;

/// What carries a client's messages, by [`Client::transport`](crate::Client::transport).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// HTTP long-polling, by which a client of Socket.IO may begin. It becomes a WebSocket by an upgrade.
    Polling,
}

impl Transport {
    #[cfg(feature = "socketio")]
    pub(super) fn of(conn: &Endpoint) -> Transport {
        let polling = conn.kept.as_ref().and_then(|kept| kept.polling.as_ref());
        match polling.is_some_and(|polling| polling.load(std::sync::atomic::Ordering::Relaxed)) {
            true => Transport::Polling,
            false => Transport::WebSocket,
        }
    }

    #[cfg(not(feature = "socketio"))]
    pub(super) fn of(_: &Endpoint) -> Transport {
        Transport::WebSocket
    }
}
