//! The answers to a request that does not become a WebSocket, as a table.
use std::fmt;

use http::StatusCode;
use http::header::{ALLOW, CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};

use super::VERSION;

/// The reason why a request is not upgraded, and the HTTP answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// A word of a fixed list, the label of a metric; several refusals may share one.
    pub reason: &'static str,
    /// Advice to solve the problem, as a sentence for people. It never repeats anything of the request.
    pub message: &'static str,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $reason:literal, $message:literal;)*) => {
        impl Refusal {
            $($(#[$doc])* pub const $name: Refusal =
                Refusal { status: StatusCode::$status, reason: $reason, message: $message };)*

            /// Every refusal of this table.
            pub const ALL: &[Refusal] = &[$(Refusal::$name),*];
        }
    };
}

refusals! {
    /// The request target is longer than `max_uri`.
    URI_TOO_LONG = URI_TOO_LONG, "uri", "The request target is too long: send large values in a message after connecting.";
    /// The request target is not a path of the Host, has `..`, a control character or an empty segment, or the method is CONNECT.
    URI = BAD_REQUEST, "uri", "The request target must be a path that begins with /, without .. segments, empty ones and control characters.";
    /// The head has too many or too large headers.
    HEADER_SIZE = REQUEST_HEADER_FIELDS_TOO_LARGE, "header_size", "The request has too many or too large headers: clear cookies, or raise the limit.";
    /// The method is not GET.
    METHOD = METHOD_NOT_ALLOWED, "method", "A WebSocket is opened with GET.";
    /// The HTTP version is not 1.1.
    HTTP_VERSION = UPGRADE_REQUIRED, "http_version", "A WebSocket is opened with HTTP/1.1: a proxy in front must speak it too.";
    /// A header that may occur only once is repeated.
    DUP_HEADER = BAD_REQUEST, "dup_header", "Host, Origin, Sec-WebSocket-Key and Sec-WebSocket-Version may occur only once.";
    /// The Host header is missing or invalid.
    HOST = BAD_REQUEST, "host", "The Host header must be a host name or address, with a port where needed.";
    /// A Host that is not served here.
    UNKNOWN_HOST = MISDIRECTED_REQUEST, "host", "This host name is not served here: add it to the allowed hosts.";
    /// No `Upgrade: websocket`.
    NO_UPGRADE = UPGRADE_REQUIRED, "no_upgrade", "This is a WebSocket endpoint: connect with a WebSocket client, and let proxies pass the Upgrade header.";
    /// No `Connection: Upgrade`.
    NO_CONNECTION_UPGRADE = BAD_REQUEST, "no_upgrade", "The Connection header must contain Upgrade: let proxies pass it.";
    /// A body, or a header that announces one.
    SMUGGLING = BAD_REQUEST, "smuggling", "An upgrade request has no body: leave out Transfer-Encoding, and Content-Length unless it is 0.";
    /// The WebSocket version is not 13.
    WS_VERSION = UPGRADE_REQUIRED, "ws_version", "Sec-WebSocket-Version must be 13.";
    /// The `Sec-WebSocket-Key` header is missing or invalid.
    WS_KEY = BAD_REQUEST, "ws_key", "Sec-WebSocket-Key must be 16 bytes in base64.";
    /// An origin that may not connect.
    ORIGIN = FORBIDDEN, "origin", "Pages of this origin may not connect: add it to the allowed origins.";
    /// No Origin where one is required.
    ORIGIN_MISSING = FORBIDDEN, "origin_missing", "An Origin header is required here.";
    /// A list of subprotocols that is malformed, or too long.
    PROTOCOL_LIST = BAD_REQUEST, "subprotocol", "Sec-WebSocket-Protocol must be a list of at most 32 different tokens.";
    /// None of the subprotocols that the gateway requires.
    PROTOCOL_REQUIRED = BAD_REQUEST, "subprotocol", "Sec-WebSocket-Protocol must offer a protocol of this gateway.";
    /// Too many extension offers.
    EXTENSIONS = BAD_REQUEST, "extension", "Sec-WebSocket-Extensions may make at most 8 offers.";
}

impl Refusal {
    /// A refusal that is not about the handshake itself: no such gateway, no room for another connection.
    ///
    /// `reason` is a word of the caller's own fixed list, `message` repeats nothing of the request.
    pub const fn new(status: StatusCode, reason: &'static str, message: &'static str) -> Refusal {
        Refusal { status, reason, message }
    }

    /// The headers that belong to the answer: `Allow` with 405, `Upgrade` and `Sec-WebSocket-Version` with 426,
    /// `Connection: close` where what follows on the connection cannot be trusted.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self.status {
            StatusCode::METHOD_NOT_ALLOWED => vec![(ALLOW, HeaderValue::from_static("GET"))],
            StatusCode::UPGRADE_REQUIRED => vec![
                (CONNECTION, HeaderValue::from_static("Upgrade")),
                (UPGRADE, HeaderValue::from_static("websocket")),
                (SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION)),
            ],
            _ if self.must_close() => vec![(CONNECTION, HeaderValue::from_static("close"))],
            _ => Vec::new(),
        }
    }

    /// True if the connection must be closed after the answer: its end cannot be told from the next request's beginning.
    pub fn must_close(&self) -> bool {
        *self == Refusal::SMUGGLING
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.reason, self.message)
    }
}

impl std::error::Error for Refusal {}
