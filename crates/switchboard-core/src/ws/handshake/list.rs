//! Comma-separated header values (RFC 9110 §5.6.1).
use http::header::{AsHeaderName, HeaderMap, HeaderValue};

/// The elements of a list, over all headers of that name, without the white space around them. Empty ones are skipped (RFC 9110
/// §5.6.1.2). They are bytes, so an element that is not text does not hide the others.
pub(super) fn elements(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &[u8]> {
    headers.get_all(name).into_iter().flat_map(elements_of)
}

fn elements_of(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let elements = value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    elements.filter(|element| !element.is_empty())
}

/// True if the list has this element, whatever its case.
pub(super) fn contains(headers: &HeaderMap, name: impl AsHeaderName, element: &str) -> bool {
    // In most requests it is the only element.
    headers.get_all(name).into_iter().any(|value| {
        value.as_bytes().eq_ignore_ascii_case(element.as_bytes())
            || elements_of(value).any(|found| found.eq_ignore_ascii_case(element.as_bytes()))
    })
}

/// The value of a header that may occur at most once.
pub(super) fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Result<Option<&HeaderValue>, Repeated> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Repeated),
    }
}

/// The error for a header that is repeated but must not be.
pub(super) struct Repeated;

/// True for the characters of a token (RFC 9110 §5.6.2).
pub(in crate::ws) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
