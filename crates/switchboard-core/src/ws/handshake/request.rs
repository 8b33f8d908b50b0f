//! The checks that a request must pass to become a WebSocket (RFC 6455 §4.2.1).
//!
//! HTTP libraries accept requests that a handshake must not be: two Host headers, an absolute target, a body with two lengths.
//! So everything is checked again here.
use base64::Engine as _;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Uri, Version};

use super::extension::{MAX_EXTENSIONS, most_offers, offers};
use super::list::{self, Repeated};
use super::{Refusal, Upgrade, VERSION, accept};
use crate::ws::authority::Authority;

/// The last character of a key has four unused bits, which some clients do not leave zero.
const KEY: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Limits of the head of a request. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The number of headers. Default 64.
    pub max_headers: usize,
    /// One header, name and value. Default 8 KiB.
    pub max_header: usize,
    /// The request line and all headers. Default 16 KiB.
    pub max_head: usize,
    /// The request target. Default 4 KiB.
    pub max_uri: usize,
}

impl Default for HeadLimits {
    fn default() -> HeadLimits {
        HeadLimits { max_headers: 64, max_header: 8 << 10, max_head: 16 << 10, max_uri: 4 << 10 }
    }
}

/// Checks the sizes and the target of any request head, for a server that answers other requests too.
///
/// Refused as a target: a path with `..` or a NUL, percent-encoded or not, and an absolute one at another host than the Host header's.
///
/// # Errors
/// [`Refusal::URI_TOO_LONG`], [`Refusal::HEADER_SIZE`], or [`Refusal::URI`].
pub fn check_head(method: &Method, uri: &Uri, headers: &HeaderMap, limits: &HeadLimits) -> Result<(), Refusal> {
    check_sizes(method, uri, headers, limits)?;
    if *method == Method::CONNECT { Err(Refusal::URI) } else { check_target(uri, headers) }
}

/// Checks a request head (RFC 6455 §4.2.1). Origins, hosts and subprotocols are checked on the [`Upgrade`].
///
/// The target must pass [`check_head`], and must have neither empty segments nor percent-encoded control characters.
///
/// # Errors
/// The first [`Refusal`] in this order: sizes, method, HTTP version, target, Host, upgrade, body, WebSocket version, key,
/// Origin, extensions.
pub fn check_request<'a>(
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &'a HeaderMap,
    limits: &HeadLimits,
) -> Result<Upgrade<'a>, Refusal> {
    check_websocket(method, uri, version, headers, limits, || check_segments(uri))
}

/// [`check_request`] for a server whose path may end with a slash, as that of Engine.IO does: the segments of the path are not
/// checked.
///
/// # Errors
/// Those of [`check_request`].
pub fn check_request_of_any_path<'a>(
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &'a HeaderMap,
    limits: &HeadLimits,
) -> Result<Upgrade<'a>, Refusal> {
    check_websocket(method, uri, version, headers, limits, || Ok(()))
}

#[inline]
fn check_websocket<'a>(
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &'a HeaderMap,
    limits: &HeadLimits,
    check_path: impl FnOnce() -> Result<(), Refusal>,
) -> Result<Upgrade<'a>, Refusal> {
    check_sizes(method, uri, headers, limits)?;
    match *method {
        Method::GET => {}
        Method::CONNECT => return Err(Refusal::URI),
        _ => return Err(Refusal::METHOD),
    }
    // Before the target: over HTTP/2 every target has a scheme and an authority.
    if version != Version::HTTP_11 {
        return Err(Refusal::HTTP_VERSION);
    }
    check_target(uri, headers)?;
    check_path()?;
    let host = check_host(headers)?;
    check_upgrade(headers)?;
    let key = check_key(headers)?;
    let origin = check_origin(headers)?;
    check_extensions(headers)?;
    Ok(Upgrade { accept: accept(key), host, origin, headers })
}

impl From<Repeated> for Refusal {
    fn from(_: Repeated) -> Refusal {
        Refusal::DUP_HEADER
    }
}

fn check_sizes(method: &Method, uri: &Uri, headers: &HeaderMap, limits: &HeadLimits) -> Result<(), Refusal> {
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let target = scheme + authority + uri.path_and_query().map_or(0, |path| path.as_str().len());
    if target > limits.max_uri {
        return Err(Refusal::URI_TOO_LONG);
    }
    if headers.len() > limits.max_headers {
        return Err(Refusal::HEADER_SIZE);
    }
    let mut head = method.as_str().len() + target + "  HTTP/1.1\r\n\r\n".len();
    for (name, value) in headers {
        let size = name.as_str().len() + value.len();
        head += size + ": \r\n".len();
        if size > limits.max_header || head > limits.max_head {
            return Err(Refusal::HEADER_SIZE);
        }
    }
    Ok(())
}

fn check_target(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let plain = uri.path().starts_with('/') && (is_origin_form(uri) || is_at_host(uri, headers));
    let nul = uri.path_and_query().is_some_and(|target| target.as_str().contains("%00"));
    if !plain || nul || uri.path().split('/').any(is_parent) {
        return Err(Refusal::URI);
    }
    Ok(())
}

/// The target as a path (origin form, RFC 9112 §3.2.1).
fn is_origin_form(uri: &Uri) -> bool {
    uri.scheme().is_none() && uri.authority().is_none()
}

/// The absolute form (RFC 9112 §3.2.2), which must name the same host as the Host header. Otherwise the checks of the
/// host and of the origin would use a host that was not asked for.
#[cold]
fn is_at_host(uri: &Uri, headers: &HeaderMap) -> bool {
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let default = match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        _ => return false,
    };
    let target = Authority::of_host(authority.as_str());
    let host = list::single(headers, HOST).ok().flatten().and_then(|host| host.to_str().ok());
    target.zip(host.and_then(Authority::of_host)).is_some_and(|(target, host)| {
        target.host.eq_ignore_ascii_case(host.host) && target.port_or(default) == host.port_or(default)
    })
}

/// True if a request may ask a gateway for this path. The rules are those of [`check_request`] for the target, except its length.
pub fn is_gateway_path(path: &Uri) -> bool {
    is_origin_form(path) && check_target(path, &HeaderMap::new()).is_ok() && check_segments(path).is_ok()
}

/// A gateway's own path has neither empty segments nor control characters, so in a request they could only be part of a parameter.
fn check_segments(uri: &Uri) -> Result<(), Refusal> {
    let path = uri.path();
    let empty = path != "/" && path.split('/').skip(1).any(str::is_empty);
    if empty || has_control(path) { Err(Refusal::URI) } else { Ok(()) }
}

/// True if a percent-decoded text may be the value of a parameter in a gateway's path: it is not empty, not `..`, and has no control
/// characters. [`check_request`] checks the path that it is given, but a router may have taken off a part of the path before.
pub fn is_parameter(value: &str) -> bool {
    !matches!(value, "" | "..") && !value.contains(char::is_control)
}

/// True if the path has a percent-encoded control character: `%0a`, `%7F`, or one of U+0080 to U+009F, as `%C2%85`.
fn has_control(path: &str) -> bool {
    let mut before = None;
    let mut encoded = path.split('%').skip(1).map(|rest| {
        let hex = |at: usize| rest.as_bytes().get(at).and_then(|digit| char::from(*digit).to_digit(16));
        (hex(0).zip(hex(1)).map(|(high, low)| 16 * high + low), rest.len() == 2)
    });
    encoded.any(|(byte, is_last)| {
        let lead = std::mem::replace(&mut before, byte.filter(|_| is_last));
        byte.is_some_and(|byte| byte < 0x20 || byte == 0x7F || (lead == Some(0xC2) && (0x80..0xA0).contains(&byte)))
    })
}

/// True for `..`, percent-encoded or not.
fn is_parent(segment: &str) -> bool {
    let mut rest = segment;
    for _ in 0..2 {
        let Some(after) =
            rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e")).or_else(|| rest.strip_prefix("%2E"))
        else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}

fn check_host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let host = list::single(headers, HOST)?.and_then(|host| host.to_str().ok()).ok_or(Refusal::HOST)?;
    Authority::of_host(host).ok_or(Refusal::HOST)?;
    Ok(host)
}

fn check_upgrade(headers: &HeaderMap) -> Result<(), Refusal> {
    if !list::contains(headers, UPGRADE, "websocket") {
        return Err(Refusal::NO_UPGRADE);
    }
    if !list::contains(headers, CONNECTION, "upgrade") {
        return Err(Refusal::NO_CONNECTION_UPGRADE);
    }
    check_body(headers)?;
    match list::single(headers, SEC_WEBSOCKET_VERSION)? {
        Some(version) if version == VERSION => Ok(()),
        _ => Err(Refusal::WS_VERSION),
    }
}

/// Checks that the request has no body. `Content-Length: 0`, which the JDK's client sends, is accepted. Repeated, or in any other form, it
/// is refused, because two parties may read it differently.
fn check_body(headers: &HeaderMap) -> Result<(), Refusal> {
    let length = list::single(headers, CONTENT_LENGTH).map_err(|_| Refusal::SMUGGLING)?;
    let is_empty = length.is_none_or(|length| length == "0") && !headers.contains_key(TRANSFER_ENCODING);
    if is_empty { Ok(()) } else { Err(Refusal::SMUGGLING) }
}

fn check_key(headers: &HeaderMap) -> Result<&[u8], Refusal> {
    let key = list::single(headers, SEC_WEBSOCKET_KEY)?.ok_or(Refusal::WS_KEY)?.as_bytes();
    let mut decoded = [0; 18];
    match KEY.decode_slice(key, &mut decoded) == Ok(16) {
        true => Ok(key),
        false => Err(Refusal::WS_KEY),
    }
}

fn check_origin(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let origin = list::single(headers, ORIGIN)?;
    origin.map(|origin| origin.to_str().map_err(|_| Refusal::ORIGIN)).transpose()
}

/// Checks the number of extension offers only. The extension itself judges the offers; an offer that is not accepted is declined by leaving
/// it out of the answer.
fn check_extensions(headers: &HeaderMap) -> Result<(), Refusal> {
    let few = most_offers(headers) <= MAX_EXTENSIONS || offers(headers).nth(MAX_EXTENSIONS).is_none();
    if few { Ok(()) } else { Err(Refusal::EXTENSIONS) }
}
