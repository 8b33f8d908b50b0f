//! Why a connection ended.
use switchboard_core::CloseCode;

/// Why a connection ended, as the on-disconnect hook sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client closed it.
    #[non_exhaustive]
    Client {
        /// The code of its close frame, if it gave one.
        code: Option<u16>,
        /// The reason text of its close frame, which the client chooses freely.
        reason: String,
    },
    /// The connection broke, or ended without a close frame (1006).
    Lost,
    /// The client broke the protocol, or exceeded a limit.
    #[non_exhaustive]
    Violation {
        /// The close code that the client was sent.
        code: CloseCode,
    },
    /// The client does not read what is sent to it (4001).
    SlowConsumer,
    /// The client did not answer a ping (4002).
    NoPong,
    /// The client sent no message for `Limits::idle_timeout`, or the connection existed for `Limits::max_lifetime` (1001).
    Expired,
    /// The application, or this server, closed it.
    #[non_exhaustive]
    Server {
        /// The close code that the client was sent. It is 4008 also if no close frame could be sent, because memory was short.
        code: CloseCode,
    },
    /// A hook of the application failed, or an error could not be encoded for the client (1011).
    Fault,
    /// The server shuts down (1001).
    Shutdown,
}

impl DisconnectReason {
    /// The reason if an error of a hook has closed the connection with this code.
    pub(crate) fn of_hook(code: CloseCode) -> DisconnectReason {
        match code {
            CloseCode::INTERNAL => DisconnectReason::Fault,
            code => DisconnectReason::Server { code },
        }
    }
}
