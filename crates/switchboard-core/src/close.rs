//! Close codes (RFC 6455 §7.4) and the private codes of this project.
//!
//! The range of a private code says whether clients should reconnect: 4000–4499 yes, 4500–4999 no.
use std::borrow::Cow;
use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use crate::retry::{as_milliseconds, from_milliseconds};

/// A close code that may be on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

macro_rules! close_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $reason:literal;)*) => {
        impl CloseCode {
            $($(#[$doc])* pub const $name: CloseCode = CloseCode($code);)*

            /// The fixed reason text of a known code, "" for a code of the application's own.
            pub const fn reason(self) -> &'static str {
                match self.0 { $($code => $reason,)* _ => "" }
            }
        }
    };
}

close_codes! {
    /// The normal end of a connection.
    NORMAL = 1000, "normal";
    /// The server shuts down, or the user left the page; also the end of a connection's lifetime.
    GOING_AWAY = 1001, "going_away";
    /// The peer broke RFC 6455.
    PROTOCOL = 1002, "protocol_error";
    /// A kind of data (text, binary) that this gateway does not accept.
    UNSUPPORTED = 1003, "unsupported_data";
    /// Text that is not UTF-8, or a corrupt compressed block.
    INVALID_PAYLOAD = 1007, "invalid_payload";
    /// A limit other than size was exceeded.
    POLICY = 1008, "policy";
    /// A frame or message is larger than allowed.
    TOO_BIG = 1009, "too_big";
    /// A hook of the application failed.
    INTERNAL = 1011, "internal";
    /// The node is about to shut down.
    GOING_AWAY_SOON = 4000, "going_away_soon";
    /// The peer does not read what is sent to it.
    SLOW_CONSUMER = 4001, "slow_consumer";
    /// No answer to a ping in time.
    NO_PONG = 4002, "no_pong";
    /// Too many messages or bytes.
    RATE_LIMITED = 4003, "rate_limited";
    /// The position to resume from is gone.
    INSUFFICIENT_STATE = 4004, "insufficient_state";
    /// The token expired on a live connection.
    TOKEN_EXPIRED = 4005, "token_expired";
    /// The application asks the client to reconnect.
    RECONNECT_REQUESTED = 4006, "reconnect_requested";
    /// A handler left the connection in a state that cannot go on.
    HANDLER_FAULT = 4007, "handler_fault";
    /// Overloaded; come back later.
    TRY_AGAIN_LATER = 4008, "try_again_later";
    /// A request that makes no sense on this connection.
    BAD_REQUEST = 4500, "bad_request";
    /// The token is not valid.
    INVALID_TOKEN = 4501, "invalid_token";
    /// No authentication in time.
    AUTH_TIMEOUT = 4502, "auth_timeout";
    /// Disconnected by the application.
    KICKED = 4503, "kicked";
    /// More connections than allowed.
    CONNECTION_LIMIT = 4504, "connection_limit";
    /// Not allowed.
    FORBIDDEN = 4505, "forbidden";
    /// A protocol version that is not known here.
    UNSUPPORTED_VERSION = 4506, "unsupported_version";
    /// Too many malformed frames.
    TOO_MANY_ERRORS = 4507, "too_many_errors";
    /// Another connection replaced this one.
    REPLACED = 4508, "replaced";
}

impl CloseCode {
    /// Returns a code of the application's own.
    ///
    /// Errors: `None` unless the code is one of those that [`may_be_sent`](CloseCode::may_be_sent).
    pub const fn new(code: u16) -> Option<CloseCode> {
        if Self::may_be_sent(code) { Some(CloseCode(code)) } else { None }
    }

    /// True for 1000–1003, 1007–1011 and 3000–4999.
    ///
    /// 1012, 1013 and 1014 are registered and accepted from a peer, but not sent, because many clients treat them as a protocol error and
    /// never reconnect.
    pub const fn may_be_sent(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1011 | 3000..=4999)
    }

    /// The code of a peer's close frame, which may be echoed (RFC 6455 §7.4): 1000–1003, 1007–1014, 3000–4999.
    pub(crate) const fn received(code: u16) -> Option<CloseCode> {
        if matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) { Some(CloseCode(code)) } else { None }
    }

    /// The number on the wire.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// True if a client should reconnect by itself: for 1001, 1006, 1011–1014 and 4000–4499. If the server sent `sys.goaway` before the
    /// close frame, that takes precedence.
    pub const fn is_retryable(self) -> bool {
        matches!(self.0, 1001 | 1006 | 1011..=1014 | 4000..=4499)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The content of a close frame: a code, and a reason of at most 123 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: CloseCode,
    /// At most [`Close::MAX_REASON`] bytes of UTF-8.
    reason: Cow<'static, str>,
    retry_after_ms: Option<NonZero<u32>>,
}

impl Close {
    /// The longest reason in bytes (RFC 6455 §5.5: a control frame's payload is at most 125 bytes).
    pub const MAX_REASON: usize = 123;

    /// A close with a reason, which is cut at the last character that ends within [`Close::MAX_REASON`] bytes.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Close {
        let mut reason = reason.into();
        if reason.len() > Self::MAX_REASON {
            let end = reason.floor_char_boundary(Self::MAX_REASON);
            reason = Cow::Owned(reason[..end].to_owned());
        }
        Close { code, reason, retry_after_ms: None }
    }

    /// 1001 with the reason `service_restart`: what clients are told at a shutdown.
    pub fn service_restart() -> Close {
        Close::new(CloseCode::GOING_AWAY, "service_restart")
    }

    /// Sets how long clients must wait before they reconnect: `retry_after_ms` of `sys.goaway`. [`retry_delay`](Close::retry_delay) reads
    /// it back.
    ///
    /// It is sent in whole milliseconds, rounded up, and at most `u32::MAX` of them (49 days). Without it, or with zero, each client is
    /// told a random time between 0.5 and 2 s. Nothing is sent when the code tells clients not to reconnect.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Close {
        self.retry_after_ms = NonZero::new(as_milliseconds(delay));
        self
    }

    /// How long clients must wait before they reconnect: what [`retry_after`](Close::retry_after) has set, in whole milliseconds.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_after_ms().map(from_milliseconds)
    }

    /// The number on the wire.
    #[doc(hidden)]
    pub fn retry_after_ms(&self) -> Option<u32> {
        self.retry_after_ms.map(NonZero::get)
    }

    /// The reason, at most [`Close::MAX_REASON`] bytes.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<CloseCode> for Close {
    fn from(code: CloseCode) -> Close {
        Close::new(code, code.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let close = Close::new(CloseCode::NORMAL, "é".repeat(80));
        assert_eq!(close.reason().len(), 122);
    }

    #[test]
    fn a_time_before_a_retry_is_whole_milliseconds_and_zero_is_none() {
        let close = |delay| Close::from(CloseCode::RECONNECT_REQUESTED).retry_after(delay);
        let delay = Duration::from_millis(1500);
        assert_eq!((close(delay).retry_delay(), close(delay).retry_after_ms()), (Some(delay), Some(1500)));
        assert_eq!(close(Duration::from_nanos(1)).retry_after_ms(), Some(1));
        assert_eq!(close(Duration::ZERO).retry_delay(), None);
    }

    #[test]
    fn the_range_of_a_private_code_is_its_advice() {
        assert!(CloseCode::SLOW_CONSUMER.is_retryable());
        assert!(!CloseCode::KICKED.is_retryable());
        assert!(CloseCode::TRY_AGAIN_LATER.is_retryable());
        assert!(Close::service_restart().code.is_retryable());
        assert!(!CloseCode::PROTOCOL.is_retryable());
    }

    #[test]
    fn codes_that_must_not_be_sent_are_refused() {
        for code in [0, 999, 1004, 1005, 1006, 1012, 1013, 1014, 1015, 1016, 2999, 5000, u16::MAX] {
            assert_eq!(CloseCode::new(code), None, "{code}");
        }
        for code in [1000, 1003, 1007, 1011, 3000, 4999] {
            assert_eq!(CloseCode::new(code).map(CloseCode::get), Some(code));
        }
    }
}
