//! Keys that have a meaning inside of serde_json, so that an object with such a key is read differently by different types.
//!
//! serde_json's `Value` takes `{"$serde_json::private::RawValue": text}` for the value of that text (and it has such a key for numbers,
//! with its feature `arbitrary_precision`), and every other type takes it for an object with one key. So a payload with such a key is
//! refused before anything is built of it.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};

/// The prefix of these keys.
pub(crate) const PRIVATE: &str = "$serde_json::private::";

/// The name by which serde_json's `RawValue` asks for, and gives, a text of JSON.
pub(crate) const RAW_JSON: &str = "$serde_json::private::RawValue";

/// The name by which serde_json's `Number` gives its digits, where its feature `arbitrary_precision` is on.
pub(crate) const NUMBER: &str = "$serde_json::private::Number";

/// True if serde_json gives a fraction as a map with the key [`NUMBER`]: with its feature `arbitrary_precision`, which any crate of an
/// application may turn on.
#[cold]
pub(crate) fn numbers_are_maps() -> bool {
    struct Probe;
    impl<'de> Visitor<'de> for Probe {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a fraction")
        }

        fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
            Ok(false)
        }

        fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<bool, A::Error> {
            Ok(true)
        }
    }
    serde_json::Deserializer::from_str("0.5").deserialize_any(Probe).unwrap_or(true)
}

/// True if an unescaped key is such a key.
#[inline]
pub(crate) fn is_private(key: &[u8]) -> bool {
    key.first() == Some(&b'$') && key.starts_with(PRIVATE.as_bytes())
}

/// The fewest bytes before the first character of such a key: a brace and a quote.
const BEFORE_FIRST: usize = "{\"".len();

/// The fewest bytes after that character: the rest of the key, a quote, a colon, a value and a brace.
const AFTER_FIRST: usize = PRIVATE.len() - 1 + "\":1}".len();

/// True if some object, at any depth, has such a key, in any escaped form. Linear, and without recursion.
///
/// `json` should be JSON: for any other text the answer means nothing.
#[inline]
pub fn has_private_key(json: &str) -> bool {
    may_have_private_key(json.as_bytes()) && search(json.as_bytes())
}

/// True if the first character of such a key, or an escape, occurs where a key can begin. Most payloads have neither.
#[inline]
fn may_have_private_key(json: &[u8]) -> bool {
    let Some(mut places @ 1..) = json.len().checked_sub(BEFORE_FIRST + AFTER_FIRST) else { return false };
    // Blocks of a fixed length compile to a few vector instructions. The last block may extend past the last possible place; what it
    // finds there costs an unneeded search, never a wrong answer.
    const BLOCK: usize = 16;
    const { assert!(BLOCK <= AFTER_FIRST, "a block that begins at the last place ends within the text") };
    let found = |block: &[u8; BLOCK]| block.iter().fold(false, |any, &byte| any | (byte == b'$') | (byte == b'\\'));
    let mut rest = &json[BEFORE_FIRST..];
    while let Some((block, after)) = rest.split_first_chunk() {
        if found(block) {
            return true;
        }
        if places <= BLOCK {
            return false;
        }
        places -= BLOCK;
        rest = after;
    }
    false
}

#[cold]
#[inline(never)]
fn search(json: &[u8]) -> bool {
    let mut at = 0;
    while let Some(start) = json[at..].iter().position(|&byte| byte == b'"').map(|offset| at + offset + 1) {
        let end = end_of_string(json, start);
        if begins_privately(&json[start..end.min(json.len())]) {
            let rest = json.get(end + 1..).unwrap_or_default();
            // In JSON a string is a key if and only if a colon follows it.
            if rest.trim_ascii_start().first() == Some(&b':') {
                return true;
            }
        }
        if end >= json.len() {
            return false;
        }
        at = end + 1;
    }
    false
}

/// The index of the quote that ends the string whose first character is at `at`.
pub(crate) fn end_of_string(json: &[u8], mut at: usize) -> usize {
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// True if a string begins with the prefix, any of whose characters may be escaped.
fn begins_privately(mut string: &[u8]) -> bool {
    PRIVATE.bytes().all(|wanted| {
        let (byte, rest) = match string {
            [b'\\', b'u', a, b, c, d, rest @ ..] => (hex([*a, *b, *c, *d]), rest),
            [byte, rest @ ..] => (Some(u32::from(*byte)), rest),
            [] => return false,
        };
        string = rest;
        byte == Some(u32::from(wanted))
    })
}

fn hex(digits: [u8; 4]) -> Option<u32> {
    digits.into_iter().try_fold(0, |value, digit| Some(value * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_at_any_depth_and_however_they_are_escaped() {
        let key = "$serde_json::private::RawValue";
        let all: String = key.bytes().map(|byte| format!("\\u{byte:04X}")).collect();
        let deep = format!("{}{{{key:?}:1}}{}", "[".repeat(100_000), "]".repeat(100_000));
        for json in [
            format!(r#"{{"{key}":"1"}}"#),
            format!("{{\"{key}\" \n\t:1}}"),
            format!(r#"[{{"a":{{"b":[1,{{"x":"\"","{key}":null}}]}}}}]"#),
            r#"{"$serde_json::private::":1}"#.to_owned(),
            format!(r#"{{"{}":0,"$serde_json::private::":1}}"#, "a".repeat(30)),
            r#"{"\u0024serde_json::private::Number":"1"}"#.to_owned(),
            r#"{"$\u0073erde_json:\u003A\u0070rivate::":"1"}"#.to_owned(),
            r#"{"a\\":1,"$serde_json::private::anything":1}"#.to_owned(),
            format!(r#"{{"{all}":1}}"#),
            deep,
        ] {
            assert!(has_private_key(&json), "{json:.200}");
        }
    }

    #[test]
    fn values_and_other_keys_are_not() {
        let key = "$serde_json::private::RawValue";
        for json in [
            format!("{key:?}"),
            format!(r#"{{"a":"{key}"}}"#),
            format!(r#"["{key}" , "{key}"]"#),
            format!(r#"{{"a":"\"{key}\":1"}}"#),
            format!(r#"{{"\"{key}":1}}"#),
            format!(r#"{{" {key}":1}}"#),
            r#"{"$serde_json::privat":1,"$":2,"\\":3,"serde_json::private::":4,"$SERDE_JSON::private::":5}"#.to_owned(),
            r#"{"\\u0024serde_json::private::RawValue":1}"#.to_owned(),
            r#"{"a":"\u0024"}"#.to_owned(),
            String::new(),
        ] {
            assert!(!has_private_key(&json), "{json}");
        }
    }

    #[test]
    fn a_first_look_sees_each_place() {
        for places in 0..70 {
            let length = BEFORE_FIRST + places + AFTER_FIRST;
            assert!(!may_have_private_key(&vec![b'a'; length]));
            for at in 0..places {
                for byte in [b'$', b'\\'] {
                    let mut text = vec![b'a'; length];
                    text[BEFORE_FIRST + at] = byte;
                    assert!(may_have_private_key(&text), "{length} {at}");
                }
            }
        }
        for length in 0..BEFORE_FIRST + AFTER_FIRST {
            assert!(!may_have_private_key(&vec![b'$'; length]), "too short for a key");
        }
    }

    #[test]
    fn the_shortest_object_with_such_a_key_is_found_wherever_it_is() {
        for before in 0..70 {
            let json = format!(r#"[{}{{"{PRIVATE}":1}}]"#, "1,".repeat(before));
            assert!(has_private_key(&json) && has_private_key(&json[1 + 2 * before..json.len() - 1]), "{json}");
        }
    }

    #[test]
    fn what_is_no_json_ends_the_search() {
        for text in
            ["\"", "\"$", "\"\\", "\"$\\u00", "{\"$serde_json::private::", "\"$serde_json::private::\"", "\"\\u"]
        {
            assert!(!has_private_key(text), "{text}");
        }
    }
}
