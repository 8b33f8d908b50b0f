//! `{"_placeholder":true,"num":N}`, which marks where an attachment belongs.
use super::Violation;
use crate::codec::json::Walk;
use crate::codec::private::end_of_string;

const KEY: &str = "_placeholder";

/// Reads the placeholder at the beginning of a text: the number of its attachment, and its length. `None` unless an
/// object with exactly these two keys begins there, in any order.
pub(super) fn read(json: &str) -> Option<(usize, usize)> {
    let mut walk = Walk::new(json);
    if walk.peek() != b'{' {
        return None;
    }
    walk.open();
    let (mut is_placeholder, mut number) = (false, None);
    for _ in 0..2 {
        match walk.key()? {
            r#""_placeholder""# if !is_placeholder && walk.scalar() == "true" => is_placeholder = true,
            r#""num""# if number.is_none() => number = Some(digits(walk.scalar())?),
            _ => return None,
        }
    }
    if walk.key().is_some() || !is_placeholder {
        return None;
    }
    Some((number?, walk.at()))
}

fn digits(text: &str) -> Option<usize> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// Checks that a payload has exactly one placeholder for each attachment. Linear, and without recursion.
///
/// An object that has the key `_placeholder` in any escaped form and is not a placeholder is a violation, so that no
/// two readers of the payload can differ about it. For a text that is not JSON the result means nothing.
///
/// Errors: [`Violation::PLACEHOLDER`].
pub(super) fn check(json: &str, attachments: usize) -> Result<(), Violation> {
    let mut seen = vec![false; attachments];
    let mut count = 0;
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => {
                if let Some((number, len)) = read(&json[at..]) {
                    let first = seen.get_mut(number).filter(|seen| !**seen).ok_or(Violation::PLACEHOLDER)?;
                    *first = true;
                    count += 1;
                    at += len;
                    continue;
                }
            }
            b'"' => {
                let end = end_of_string(bytes, at + 1);
                if is_key(json, at, end) {
                    return Err(Violation::PLACEHOLDER);
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    if count == attachments { Ok(()) } else { Err(Violation::PLACEHOLDER) }
}

/// True if the string between these quotes is the key `_placeholder`.
fn is_key(json: &str, start: usize, end: usize) -> bool {
    let Some(inner) = json.get(start + 1..end) else { return false };
    let is_name = inner == KEY
        || (inner.contains('\\')
            && inner.len() <= KEY.len() * 6
            && serde_json::from_str::<String>(&json[start..=end]).is_ok_and(|key| key == KEY));
    // In JSON a string is a key if and only if a colon follows it.
    is_name && json.as_bytes().get(end + 1..).is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b':'))
}
