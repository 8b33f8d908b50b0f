//! The query of a request.
use std::borrow::Cow;

use http::Method;

use super::{Refusal, Transport};

/// The query parameters of a request (section "Query parameters"). Others, such as `t`, are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query<'a> {
    /// The transport of the request.
    pub transport: Transport,
    /// The session; `None` asks for a new one. An empty `sid` counts as none, as in the reference implementation.
    pub sid: Option<Cow<'a, str>>,
    /// The number of the function that a JSONP answer calls: `j`.
    pub jsonp: Option<u32>,
}

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Opens a new session.
    Open,
    /// Receives packets: a GET that waits for them.
    Poll,
    /// Sends packets: a POST of a payload.
    Post,
    /// Moves a session to the WebSocket that the request asks for.
    Upgrade,
}

impl<'a> Query<'a> {
    /// Reads the query: what follows the `?`, percent-encoded as in HTML forms. JSONP is off: a `j` is refused.
    ///
    /// Errors, in this order: [`Refusal::UNKNOWN_TRANSPORT`], [`Refusal::UNSUPPORTED_VERSION`] (also for a request of a
    /// session, where the specification demands `EIO` and the reference implementation does not look),
    /// [`Refusal::UNKNOWN_SID`] for several ids, and [`Refusal::BAD_REQUEST`] for a `j`. A parameter that occurs twice
    /// is refused even if both are equal.
    pub fn parse(query: &'a str) -> Result<Query<'a>, Refusal> {
        match Self::parse_with_jsonp(query)? {
            query if query.jsonp.is_none() => Ok(query),
            _ => Err(Refusal::BAD_REQUEST),
        }
    }

    /// [`parse`](Query::parse) for servers that also serve JSONP: a `j` must be a whole number below 2^32, of digits
    /// alone.
    ///
    /// Errors: those of [`parse`](Query::parse).
    pub fn parse_with_jsonp(query: &'a str) -> Result<Query<'a>, Refusal> {
        let [mut transport, mut version, mut sid, mut jsonp] =
            [Value::Missing, Value::Missing, Value::Missing, Value::Missing];
        for (key, value) in query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
            match &*decoded(key) {
                "transport" => transport.add(value),
                "EIO" => version.add(value),
                "sid" => sid.add(value),
                "j" => jsonp.add(value),
                _ => {}
            }
        }
        let transport = transport.once(Refusal::UNKNOWN_TRANSPORT)?.and_then(|name| Transport::of(&name));
        let transport = transport.ok_or(Refusal::UNKNOWN_TRANSPORT)?;
        if version.once(Refusal::UNSUPPORTED_VERSION)?.as_deref() != Some("4") {
            return Err(Refusal::UNSUPPORTED_VERSION);
        }
        let sid = sid.once(Refusal::UNKNOWN_SID)?.filter(|sid| !sid.is_empty());
        let jsonp = match jsonp.once(Refusal::BAD_REQUEST)? {
            None => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| Refusal::BAD_REQUEST)?)
            }
            Some(_) => return Err(Refusal::BAD_REQUEST),
        };
        Ok(Query { transport, sid, jsonp })
    }

    /// Returns the purpose of the request, from its method and from whether it asks to become a WebSocket. The caller
    /// checks that the session exists and uses polling, and answers a preflight (OPTIONS) before it calls this.
    ///
    /// Errors: without a session [`Refusal::HANDSHAKE_METHOD`] for any method but GET; with one
    /// [`Refusal::METHOD_NOT_ALLOWED`] for any but GET and POST; [`Refusal::BAD_REQUEST`] when `transport` and the
    /// request do not agree about the WebSocket.
    pub fn purpose(&self, method: &Method, is_upgrade: bool) -> Result<Purpose, Refusal> {
        let is_get = *method == Method::GET;
        match (&self.sid, self.transport) {
            (None, _) if !is_get => Err(Refusal::HANDSHAKE_METHOD),
            (Some(_), _) if !is_get && *method != Method::POST => Err(Refusal::METHOD_NOT_ALLOWED),
            (_, transport) if (transport == Transport::WebSocket) != is_upgrade => Err(Refusal::BAD_REQUEST),
            (None, _) => Ok(Purpose::Open),
            (Some(_), Transport::Polling) if is_get => Ok(Purpose::Poll),
            (Some(_), Transport::Polling) => Ok(Purpose::Post),
            (Some(_), Transport::WebSocket) if is_get => Ok(Purpose::Upgrade),
            (Some(_), Transport::WebSocket) => Err(Refusal::BAD_REQUEST),
        }
    }
}

/// The value of a parameter, not yet decoded.
enum Value<'a> {
    Missing,
    Once(&'a str),
    Repeated,
}

impl<'a> Value<'a> {
    fn add(&mut self, value: &'a str) {
        *self = if let Value::Missing = self { Value::Once(value) } else { Value::Repeated };
    }

    fn once(&self, repeated: Refusal) -> Result<Option<Cow<'a, str>>, Refusal> {
        match self {
            Value::Missing => Ok(None),
            Value::Once(value) => Ok(Some(decoded(value))),
            Value::Repeated => Err(repeated),
        }
    }
}

/// A key or value as the URL standard decodes it: `+` is a space, an incomplete escape is text, and what is not UTF-8
/// is replaced.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
