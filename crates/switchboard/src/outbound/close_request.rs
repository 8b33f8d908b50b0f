//! What a connection is asked for by others: its end.
use crate::Error;
use crate::outbound::reason::DisconnectReason;
use switchboard_core::{Close, CloseCode};

/// How a connection shall end.
#[derive(Clone, Debug)]
pub(crate) enum CloseRequest {
    /// Behind all that waits in the outbox.
    Graceful { close: Close, reason: DisconnectReason },
    /// At once; what waits is thrown away.
    Abort { close: CloseCode, reason: DisconnectReason },
    /// At once, without a close frame.
    Reset { reason: DisconnectReason },
    /// After the handler in flight.
    Shutdown,
    /// Now, without any answer.
    Kill,
}

impl CloseRequest {
    pub(crate) fn slow_consumer() -> CloseRequest {
        CloseRequest::Abort { close: CloseCode::SLOW_CONSUMER, reason: DisconnectReason::SlowConsumer }
    }

    /// `polite`: with a close frame.
    pub(crate) fn try_again_later(polite: bool) -> CloseRequest {
        let close = CloseCode::TRY_AGAIN_LATER;
        let reason = DisconnectReason::Server { code: close };
        if polite { CloseRequest::Abort { close, reason } } else { CloseRequest::Reset { reason } }
    }

    /// False where the client is still answered what has not begun, or was cut off.
    pub(crate) fn is_an_end(&self) -> bool {
        !matches!(self, CloseRequest::Shutdown | CloseRequest::Kill)
    }

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

/// The close frame of an error that closes: the error's `retry_after` counts, unless the close frame has one of its own.
pub(crate) fn because_of(error: &Error, close: Close) -> Close {
    match (close.retry_delay(), error.retry_delay()) {
        (None, Some(delay)) => close.retry_after(delay),
        _ => close,
    }
}
