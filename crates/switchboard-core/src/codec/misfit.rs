//! [`Misfit`]: the reason why a payload does not fit its type, reported without repeating the payload.
use serde_path_to_error::{Path, Segment};

use crate::{Detail, Error};

/// The longest JSON pointer that is sent. It contains keys that the client chose.
const MAX_PATH: usize = 256;

/// The longest text about what was expected: an enum may have very many variants.
const MAX_EXPECTED: usize = 256;

/// The reason why a value was not built.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// A value to be built is nested too deep.
    TooDeep,
    NumberOutOfRange,
    /// An enum was wanted, and this is neither a text nor an object with one key.
    NoVariant,
    /// Any explanation would repeat what the client sent.
    NotValid,
    /// serde's text, which contains the refused value.
    Text(String),
}

impl Misfit {
    /// The error for the client. `at` parses again to track the path of the misfit, so that a payload that fits does not pay for tracking.
    #[cold]
    pub(crate) fn refuse(self, is_null: bool, at: impl FnOnce() -> Option<(Path, Misfit)>) -> Error {
        if let Misfit::TooDeep = self {
            return Error::bad_request("The data is nested deeper than 128: send it flatter");
        }
        if is_null {
            return refuse("The data is missing", Detail::new("", "missing", "data is missing"));
        }
        let detail = match at() {
            Some((path, misfit)) => misfit.explain(&path),
            // A type whose `Deserialize` refuses an input once and accepts it the next time.
            None => not_valid(String::new()),
        };
        refuse("The data does not fit this event", detail)
    }

    /// The part of the reason that does not repeat the payload.
    fn explain(self, path: &Path) -> Detail {
        let path: Vec<&Segment> = path.iter().collect();
        match self {
            Misfit::NumberOutOfRange => Detail::new(pointer(&path), "number", "is a number out of range"),
            Misfit::NoVariant => Detail::new(pointer(&path), "variant", "is not one of the variants"),
            Misfit::TooDeep | Misfit::NotValid => not_valid(pointer(&path)),
            Misfit::Text(text) => explain(&path, &text),
        }
    }
}

fn refuse(message: &'static str, detail: Detail) -> Error {
    Error::validation_failed(message).detail(detail)
}

fn not_valid(path: String) -> Detail {
    Detail::new(path, "invalid", "is not valid")
}

fn explain(path: &[&Segment], text: &str) -> Detail {
    if let Some(field) = field_in(text, "missing field `") {
        return Detail::new(member(path, field), "missing", "is missing");
    }
    if let Some(field) = field_in(text, "duplicate field `") {
        return Detail::new(member(path, field), "duplicate_field", "occurs twice");
    }
    if let Some(rest) = text.strip_prefix("unknown field `") {
        return unknown_field(path, rest);
    }
    let kinds = [
        ("invalid type: ", "type"),
        ("invalid value: ", "value"),
        ("invalid length ", "length"),
        ("unknown variant `", "variant"),
    ];
    match kinds.into_iter().find(|(start, _)| text.starts_with(start)) {
        Some((_, code)) => match expected(text) {
            Some(message) => Detail::new(pointer(path), code, message),
            None => Detail::new(pointer(path), code, "is not valid"),
        },
        None => not_valid(pointer(path)),
    }
}

/// The field between `start` and a backtick at the end; the names come from the schema.
fn field_in<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.strip_prefix(start)?.strip_suffix('`')
}

/// `rest` begins with the name that the client chose, which neither the message nor the path repeats.
fn unknown_field(path: &[&Segment], rest: &str) -> Detail {
    let parent = match path {
        [parent @ .., Segment::Map { key }] if rest.strip_prefix(key.as_str()).is_some_and(|r| r.starts_with('`')) => {
            parent
        }
        path => path,
    };
    let message = match expected(rest) {
        Some(expected) => format!("has a field that is not known, {expected}"),
        None => "has a field that is not known".to_owned(),
    };
    Detail::new(pointer(parent), "unknown_field", message)
}

/// The part "expected …" of an error text. The text before the last ", expected " may contain the value; the text after it comes from the
/// schema.
fn expected(text: &str) -> Option<String> {
    let (_, wanted) = text.rsplit_once(", expected ")?;
    let wanted = in_json_words(wanted);
    if wanted.len() <= MAX_EXPECTED {
        return Some(format!("expected {wanted}"));
    }
    Some(format!("expected {}…", &wanted[..wanted.floor_char_boundary(MAX_EXPECTED)]))
}

/// Says "an object" and "an array" in place of serde's words, which name types of Rust.
fn in_json_words(wanted: &str) -> &str {
    let is = |starts: &[&str]| starts.iter().any(|start| wanted.starts_with(start));
    if is(&["struct ", "internally tagged enum ", "adjacently tagged enum "]) || wanted == "a map" {
        "an object"
    } else if is(&["tuple struct ", "tuple variant "]) || wanted == "a sequence" {
        "an array"
    } else if is(&["unit struct "]) || wanted == "unit" {
        "null"
    } else if wanted == "newtype variant" {
        "a value"
    } else {
        wanted
    }
}

/// The JSON pointer (RFC 6901) of a path; it ends early, at an enclosing value, rather than grow too long.
fn pointer(path: &[&Segment]) -> String {
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key: name } | Segment::Enum { variant: name } if name.len() <= MAX_PATH => escape(name),
            _ => break,
        };
        if pointer.len() + 1 + part.len() > MAX_PATH {
            break;
        }
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

/// The pointer of a field of the schema in the object at `path`.
fn member(path: &[&Segment], field: &str) -> String {
    let field = Segment::Map { key: field.to_owned() };
    pointer(&[path, &[&field]].concat())
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
