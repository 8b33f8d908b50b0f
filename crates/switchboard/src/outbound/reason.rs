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
        /// The reason of its close frame, which is any text.
        reason: String,
    },
    /// The connection broke, or ended without a close frame (1006).
    Lost,
    /// The client broke the protocol, or passed a limit.
    #[non_exhaustive]
    Violation {
        /// The code that it was told.
        code: CloseCode,
    },
    /// The client does not read what is sent to it (4001).
    SlowConsumer,
    /// The client did not answer a ping (4002).
    NoPong,
    /// It sent no message, or lived, as long as the limits allow (1001).
    Expired,
    /// The application, or this server, closed it.
    #[non_exhaustive]
    Server {
        /// The code that the client was told; 4008 also where it was not, because memory was too short for that.
        code: CloseCode,
    },
    /// A hook of the application failed (1011).
    Fault,
    /// The server shuts down (1001).
    Shutdown,
}
