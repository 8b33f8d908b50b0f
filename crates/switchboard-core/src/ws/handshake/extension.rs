//! Extensions (RFC 6455 §9.1).
use http::HeaderMap;
use http::header::SEC_WEBSOCKET_EXTENSIONS;

/// The most extension offers that a request may make.
pub const MAX_EXTENSIONS: usize = 8;

/// The offers of a request, over all headers of that name, each as it was sent. Empty elements are skipped (RFC 9110 §5.6.1.2).
pub(in crate::ws) fn offers(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
    values.flat_map(|value| split(value.as_bytes(), b',')).filter(|offer| !offer.is_empty())
}

/// Returns an upper bound of the number of [`offers`]: it also counts commas in quotes and empty elements.
pub(in crate::ws) fn most_offers(headers: &HeaderMap) -> usize {
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
    values.map(|value| 1 + value.as_bytes().iter().filter(|byte| **byte == b',').count()).sum()
}

/// The parts between separators that are not quoted, without the white space around them; one at least.
pub(in crate::ws) fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |&byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return byte == separator && !quoted,
        }
        false
    });
    parts.map(<[u8]>::trim_ascii)
}
