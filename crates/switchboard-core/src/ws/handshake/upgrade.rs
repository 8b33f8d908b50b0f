//! A request that may become a WebSocket.
use http::header::{HeaderMap, HeaderValue};

use super::{Refusal, list, protocol};
use crate::ws::authority::Authority;

/// A request head that is a valid opening handshake (RFC 6455 §4.2.1). It borrows the request's headers.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'a> {
    pub(super) accept: [u8; 28],
    pub(super) host: &'a str,
    pub(super) origin: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
}

impl<'a> Upgrade<'a> {
    /// The value of `Sec-WebSocket-Accept`, 28 characters of base64.
    pub fn accept(&self) -> &str {
        str::from_utf8(&self.accept).unwrap_or_default()
    }

    /// The value of `Sec-WebSocket-Accept` for the answer.
    pub fn accept_value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.accept).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The Host header: `host` or `host:port`, as it was sent.
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The Origin header, as it was sent.
    pub fn origin(&self) -> Option<&'a str> {
        self.origin
    }

    /// Refuses a Host that is not served here, because a DNS rebinding attack sends such a Host: see [`check_allowed_host`].
    ///
    /// # Errors
    /// 421 with the reason `host`.
    pub fn check_host<S: AsRef<str>>(&self, allowed: &[S]) -> Result<(), Refusal> {
        check_allowed_host(self.host, allowed)
    }

    /// The subprotocols that the client offers, in its order of preference. Not checked: see [`Upgrade::select_protocol`].
    pub fn protocols(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        protocol::offers(self.headers)
    }

    /// The first of the client's subprotocols that is one of `ours` (RFC 6455 §4.2.2), compared byte for byte.
    ///
    /// `None`: answer without `Sec-WebSocket-Protocol`. A value that was not offered is never returned.
    ///
    /// # Errors
    /// 400 with the reason `subprotocol`, for a list that is malformed (not tokens, an element twice, more than
    /// [`MAX_PROTOCOLS`](super::MAX_PROTOCOLS)) and, when `required`, for one without any of ours.
    pub fn select_protocol<'p>(&self, ours: &[&'p str], required: bool) -> Result<Option<&'p str>, Refusal> {
        protocol::select(self.headers, ours, required)
    }
}

/// Refuses a host (`host` or `host:port`) that none of the entries names.
///
/// An entry with a port matches that port only, an entry without one any. Case does not matter.
///
/// # Errors
/// 421 with the reason `host`.
pub fn check_allowed_host<S: AsRef<str>>(host: &str, allowed: &[S]) -> Result<(), Refusal> {
    let found = Authority::of_host(host).is_some_and(|here| {
        allowed.iter().filter_map(|entry| Authority::of_host(entry.as_ref())).any(|entry| {
            entry.host.eq_ignore_ascii_case(here.host) && (entry.port.is_none() || entry.port == here.port)
        })
    });
    if found { Ok(()) } else { Err(Refusal::UNKNOWN_HOST) }
}

/// True if the text may be the name of a subprotocol: a token (RFC 9110 §5.6.2).
pub fn is_protocol(name: &str) -> bool {
    list::is_token(name)
}

/// True if the text may be an entry of [`check_allowed_host`]: a host name or an address, an IPv6 one in brackets, with or without a port.
pub fn is_host(entry: &str) -> bool {
    Authority::parse(entry).is_some()
}
