//! The client's half of the handshake (RFC 6455 §4.1).
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Request, StatusCode, Uri};

use super::{VERSION, accept, list};
use crate::ws::authority::Authority;

/// An opening request.
///
/// # Examples
/// ```
/// use switchboard_core::ws::handshake::ClientRequest;
///
/// // The nonce comes from a random generator, fresh for each connection.
/// let request = ClientRequest::new("chat.example", "/ws", *b"the sample nonce")?.protocol("switchboard.v1")?;
/// assert!(request.encode().starts_with(b"GET /ws HTTP/1.1\r\nHost: chat.example\r\n"));
/// # Ok::<(), switchboard_core::ws::handshake::InvalidTarget>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientRequest {
    host: String,
    target: String,
    key: String,
    protocols: Vec<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ClientRequest {
    /// A request for `target`, a path with its query, at `host`, with a port where it is not the default.
    ///
    /// # Errors
    /// [`InvalidTarget`] when a request cannot contain them.
    pub fn new(host: &str, target: &str, nonce: [u8; 16]) -> Result<ClientRequest, InvalidTarget> {
        Authority::parse(host).ok_or(InvalidTarget { what: "host" })?;
        let path = target.starts_with('/') && target.parse::<Uri>().is_ok() && !target.contains('#');
        if !path {
            return Err(InvalidTarget { what: "path" });
        }
        Ok(ClientRequest {
            host: host.to_owned(),
            target: target.to_owned(),
            key: STANDARD.encode(nonce),
            protocols: Vec::new(),
            headers: Vec::new(),
        })
    }

    /// Offers a subprotocol, after those offered before.
    ///
    /// # Errors
    /// [`InvalidTarget`] when it is not a token, or offered already.
    pub fn protocol(mut self, protocol: &str) -> Result<ClientRequest, InvalidTarget> {
        if !list::is_token(protocol) || self.protocols.iter().any(|offered| offered == protocol) {
            return Err(InvalidTarget { what: "subprotocol" });
        }
        self.protocols.push(protocol.to_owned());
        Ok(self)
    }

    /// Adds a header, such as `Authorization` or `Cookie`. Those of the handshake itself are written by [`ClientRequest::encode`].
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> ClientRequest {
        self.headers.push((name, value));
        self
    }

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let mut head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: {VERSION}\r\n",
            self.target, self.host, self.key
        )
        .into_bytes();
        if !self.protocols.is_empty() {
            head.extend_from_slice(format!("Sec-WebSocket-Protocol: {}\r\n", self.protocols.join(", ")).as_bytes());
        }
        for (name, value) in &self.headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// The request for an HTTP client: what [`ClientRequest::encode`] writes.
    ///
    /// # Panics
    /// Never: the setters have refused what a request cannot contain.
    pub fn to_request(&self) -> Request<()> {
        let mut request = Request::get(&self.target)
            .header(HOST, &self.host)
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "Upgrade")
            .header(SEC_WEBSOCKET_KEY, &self.key)
            .header(SEC_WEBSOCKET_VERSION, VERSION);
        if !self.protocols.is_empty() {
            request = request.header(SEC_WEBSOCKET_PROTOCOL, self.protocols.join(", "));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(()).expect("checked when it was given")
    }

    /// Checks the answer (RFC 6455 §4.1) and returns the subprotocol that the server selected, one of those offered.
    ///
    /// # Errors
    /// [`ResponseError`]: the connection is not a WebSocket.
    pub fn check_response(&self, status: StatusCode, headers: &HeaderMap) -> Result<Option<&str>, ResponseError> {
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ResponseError::Status(status));
        }
        if !list::contains(headers, UPGRADE, "websocket") {
            return Err(ResponseError::Upgrade);
        }
        if !list::contains(headers, CONNECTION, "upgrade") {
            return Err(ResponseError::Connection);
        }
        let answer = list::single(headers, SEC_WEBSOCKET_ACCEPT).ok().flatten();
        if answer.is_none_or(|answer| answer.as_bytes() != accept(self.key.as_bytes())) {
            return Err(ResponseError::Accept);
        }
        if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
            return Err(ResponseError::Extension);
        }
        let selected = list::single(headers, SEC_WEBSOCKET_PROTOCOL).map_err(|_| ResponseError::Protocol)?;
        let Some(selected) = selected else { return Ok(None) };
        let offered = self.protocols.iter().find(|offered| offered.as_bytes() == selected.as_bytes());
        offered.map(|offered| Some(offered.as_str())).ok_or(ResponseError::Protocol)
    }
}

/// A host, path or subprotocol that a request cannot contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTarget {
    what: &'static str,
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            "host" => f.write_str("the host must be a name or an address, with :port where it is not the default"),
            "path" => f.write_str("the path must begin with / and be percent-encoded, without a #fragment"),
            _ => f.write_str("a subprotocol must be a token, offered once"),
        }
    }
}

impl std::error::Error for InvalidTarget {}

/// The reason why an answer does not open a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseError {
    /// Any status but 101.
    Status(StatusCode),
    /// No `Upgrade: websocket`.
    Upgrade,
    /// No `Connection: Upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` missing, repeated, or not the answer to our key.
    Accept,
    /// An extension that was not offered.
    Extension,
    /// A subprotocol that was not offered, or more than one.
    Protocol,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResponseError::Status(status) => write!(f, "the server answered {} instead of 101", status.as_u16()),
            ResponseError::Upgrade => f.write_str("the answer has no `Upgrade: websocket`"),
            ResponseError::Connection => f.write_str("the answer has no `Connection: Upgrade`"),
            ResponseError::Accept => f.write_str("the answer's Sec-WebSocket-Accept does not belong to our key"),
            ResponseError::Extension => f.write_str("the server selected an extension that was not offered"),
            ResponseError::Protocol => f.write_str("the server selected a subprotocol that was not offered"),
        }
    }
}

impl std::error::Error for ResponseError {}
