//! One offer of permessage-deflate (RFC 7692 §7.1).
use crate::ws::handshake::extension::split;
use crate::ws::handshake::list::is_token;
use std::borrow::Cow;
use std::num::NonZeroU8;

/// The window without a parameter, and the largest: 32 KiB.
pub(super) const DEFAULT_BITS: NonZeroU8 = NonZeroU8::new(15).unwrap();

/// The parameters of an acceptable offer that matter here.
pub(super) struct Offer {
    pub(super) server_max_window_bits: Option<NonZeroU8>,
    /// The client keeps no context between its messages.
    pub(super) client_keeps_nothing: bool,
    /// The largest window that the client compresses with, if it can be told to use a smaller one.
    pub(super) client_max_window_bits: Option<NonZeroU8>,
}

impl Offer {
    /// `None` for another extension, and for an offer that must be declined.
    pub(super) fn parse(text: &[u8]) -> Option<Offer> {
        let mut parts = split(text, b';').map(|part| str::from_utf8(part).ok());
        if parts.next()?? != "permessage-deflate" {
            return None;
        }
        let mut offer =
            Offer { server_max_window_bits: None, client_keeps_nothing: false, client_max_window_bits: None };
        let mut seen = [false; 4];
        for part in parts {
            let (name, value) = parameter(part?)?;
            let place = match (name, value.as_deref()) {
                ("server_no_context_takeover", None) => 0,
                ("client_no_context_takeover", None) => {
                    offer.client_keeps_nothing = true;
                    1
                }
                ("server_max_window_bits", Some(value)) => {
                    offer.server_max_window_bits = Some(window_bits(value)?);
                    2
                }
                ("client_max_window_bits", value) => {
                    offer.client_max_window_bits = Some(value.map_or(Some(DEFAULT_BITS), window_bits)?);
                    3
                }
                _ => return None,
            };
            if std::mem::replace(&mut seen[place], true) {
                return None;
            }
        }
        Some(offer)
    }
}

/// A name, and a value that is a token, maybe quoted (RFC 6455 §9.1).
fn parameter(text: &str) -> Option<(&str, Option<Cow<'_, str>>)> {
    let Some((name, value)) = text.split_once('=') else { return is_token(text).then_some((text, None)) };
    let (name, value) = (name.trim_end_matches([' ', '\t']), value.trim_start_matches([' ', '\t']));
    let value = match value.strip_prefix('"') {
        Some(quoted) => Cow::Owned(unquote(quoted)?),
        None => Cow::Borrowed(value),
    };
    (is_token(name) && is_token(&value)).then_some((name, Some(value)))
}

/// The text before the closing quote, which must be the last character.
fn unquote(quoted: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(text),
            '\\' => text.push(chars.next()?),
            char => text.push(char),
        }
    }
}

/// 8 to 15, without a leading zero (RFC 7692 §7.1.2).
fn window_bits(value: &str) -> Option<NonZeroU8> {
    let digits = !value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|bits: &NonZeroU8| digits && (8..=15).contains(&bits.get()))
}
