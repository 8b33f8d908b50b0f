//! Subprotocols (RFC 6455 §1.9).
use http::HeaderMap;
use http::header::SEC_WEBSOCKET_PROTOCOL;

use super::{Refusal, list};

/// The most subprotocols that a client may offer. Reading stops there, so a long list costs no more than a short one.
pub const MAX_PROTOCOLS: usize = 32;

/// The offers that are text; [`select`] refuses a list with any other.
pub(super) fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    list::elements(headers, SEC_WEBSOCKET_PROTOCOL).filter_map(|offer| str::from_utf8(offer).ok())
}

/// Returns the first offer that is one of `ours`. Fails if any part of the list is malformed, or if
/// `required` is set and none matches.
pub(super) fn select<'p>(headers: &HeaderMap, ours: &[&'p str], required: bool) -> Result<Option<&'p str>, Refusal> {
    let mut seen = [""; MAX_PROTOCOLS];
    let mut selected = None;
    for (i, offer) in list::elements(headers, SEC_WEBSOCKET_PROTOCOL).enumerate() {
        let offer = str::from_utf8(offer).map_err(|_| Refusal::PROTOCOL_LIST)?;
        if i == MAX_PROTOCOLS || !list::is_token(offer) || seen[..i].contains(&offer) {
            return Err(Refusal::PROTOCOL_LIST);
        }
        seen[i] = offer;
        selected = selected.or_else(|| ours.iter().copied().find(|ours| *ours == offer));
    }
    if required && selected.is_none() { Err(Refusal::PROTOCOL_REQUIRED) } else { Ok(selected) }
}
