//! [`CloseRequest`]: how others ask a connection's task to end it.
use crate::Error;
use crate::outbound::reason::DisconnectReason;
use switchboard_core::{Close, CloseCode, Code};

/// How a connection is to end.
#[derive(Clone, Debug)]
pub(crate) enum CloseRequest {
    /// A close frame, after everything that waits in the outbox.
    Graceful { close: Close, reason: DisconnectReason },
    /// A close frame at once. What waits in the outbox is dropped.
    Abort { close: CloseCode, reason: DisconnectReason },
    /// The end of the stream at once, without a close frame.
    Reset { reason: DisconnectReason },
    /// The server shuts down. Handlers in flight finish, what has not begun is refused, then the connection is closed.
    Shutdown,
    /// The shutdown's patience is over. What runs is cut off and its callers are told so, then the connection is closed.
    Kill,
}

impl CloseRequest {
    pub(crate) fn slow_consumer() -> CloseRequest {
        CloseRequest::Abort { close: CloseCode::SLOW_CONSUMER, reason: DisconnectReason::SlowConsumer }
    }

    /// `polite`: whether a close frame is sent.
    pub(crate) fn try_again_later(polite: bool) -> CloseRequest {
        let close = CloseCode::TRY_AGAIN_LATER;
        let reason = DisconnectReason::Server { code: close };
        if polite { CloseRequest::Abort { close, reason } } else { CloseRequest::Reset { reason } }
    }

    /// Whether no further frame is accepted from now on. False for `Shutdown` and `Kill`, because their refusals and errors still
    /// have to reach the client.
    pub(crate) fn is_an_end(&self) -> bool {
        !matches!(self, CloseRequest::Shutdown | CloseRequest::Kill)
    }

    /// If there are several requests, the most urgent one counts; of equally urgent ones, the first.
    pub(crate) fn urgency(&self) -> u8 {
        match self {
            CloseRequest::Shutdown => 0,
            CloseRequest::Graceful { .. } => 1,
            CloseRequest::Abort { .. } => 2,
            CloseRequest::Kill => 3,
            CloseRequest::Reset { .. } => 4,
        }
    }
}

/// The close frame of an error that closes the connection. It takes over the error's `retry_after`, unless it has one of its own.
pub(crate) fn because_of(error: &Error, close: Close) -> Close {
    match (close.retry_delay(), error.retry_delay()) {
        (None, Some(delay)) => close.retry_after(delay),
        _ => close,
    }
}

/// The close code of an error that a hook returned.
pub(crate) fn close_code(error: &Error) -> CloseCode {
    match error.code() {
        Code::Internal | Code::Timeout => CloseCode::INTERNAL,
        Code::Unauthenticated => CloseCode::INVALID_TOKEN,
        Code::RateLimited => CloseCode::RATE_LIMITED,
        Code::Overloaded | Code::BrokerUnavailable => CloseCode::TRY_AGAIN_LATER,
        Code::Draining => CloseCode::GOING_AWAY,
        Code::BadRequest | Code::ValidationFailed => CloseCode::BAD_REQUEST,
        _ => CloseCode::FORBIDDEN,
    }
}
