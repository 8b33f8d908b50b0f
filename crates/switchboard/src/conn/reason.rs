//! Why a connection ended.
use switchboard_core::CloseCode;

/// Why a connection ended, as the on-disconnect hook sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client closed it; the code of its close frame, if it gave one.
    Client(Option<u16>),
    /// The connection broke, or ended without a close frame (1006).
    Lost,
    /// The client broke the protocol, or passed a limit; the code that it was told.
    Violation(CloseCode),
    /// The client does not read what is sent to it (4001).
    SlowConsumer,
    /// The client did not answer a ping (4002).
    NoPong,
    /// It sent no message, or lived, as long as the limits allow (1001).
    Expired,
    /// The application, or this server, closed it with this code.
    Server(CloseCode),
    /// A hook of the application failed (1011).
    Fault,
    /// The server shuts down (1012).
    Shutdown,
}
