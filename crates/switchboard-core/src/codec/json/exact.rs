//! A text of JSON, read without loss: `serde_json::Value` rounds the integers that 64 bits do not hold.
use std::borrow::Cow;

use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Error;
use crate::codec::private::end_of_string;

/// How deep a value may be nested, as in serde_json.
pub(crate) const DEPTH: usize = 127;

/// The value of a JSON text, for serializers that do not know serde_json's `RawValue`. Numbers keep all their digits.
///
/// Errors: building it fails when it is nested deeper than 127 or has an unpaired surrogate; serialising it fails on a number that no `f64`
/// holds.
#[derive(Debug)]
pub struct Exact<'a>(Tree<'a>);

impl<'a> Exact<'a> {
    /// Reads the text. Errors: internal; see [`Exact`].
    pub fn of(json: &'a RawValue) -> Result<Exact<'a>, Error> {
        Walk::new(json.get()).tree(DEPTH).map(Exact).map_err(Error::internal)
    }
}

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[derive(Debug)]
enum Tree<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Map(Vec<(Cow<'a, str>, Tree<'a>)>),
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Null => serializer.serialize_unit(),
            Tree::Bool(value) => serializer.serialize_bool(*value),
            Tree::Number(digits) => number(digits, serializer),
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::List(items) => serializer.collect_seq(items),
            Tree::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// Serializes a JSON number in the narrowest type that holds it.
pub(crate) fn number<S: Serializer>(digits: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if digits != "-0" && digits.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) {
        if let Ok(value) = digits.parse() {
            return serializer.serialize_u64(value);
        }
        if let Ok(value) = digits.parse() {
            return serializer.serialize_i64(value);
        }
        if let Ok(value) = digits.parse() {
            return serializer.serialize_u128(value);
        }
        if let Ok(value) = digits.parse() {
            return serializer.serialize_i128(value);
        }
    }
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => serializer.serialize_f64(value),
        _ => Err(S::Error::custom("number out of range")),
    }
}

/// A payload after its value was changed from `before` to `after`. A part that did not change keeps its text.
///
/// `before` must be the value of `original`.
///
/// Errors: internal, when `after` is nested deeper than JSON is read.
pub fn replace(original: &RawValue, before: &Value, after: &Value) -> Result<Box<RawValue>, Error> {
    let mut merge = Merge { walk: Walk::new(original.get()), out: Vec::with_capacity(original.get().len()) };
    merge.value(before, after)?;
    let json = String::from_utf8(merge.out).map_err(Error::internal)?;
    Ok(RawValue::from_string(json)?)
}

struct Merge<'a> {
    walk: Walk<'a>,
    out: Vec<u8>,
}

impl Merge<'_> {
    /// Writes the value, and returns true if it did not change. The recursion is bounded: serde_json has built `before`, so it is nested at
    /// most 127 deep.
    fn value(&mut self, before: &Value, after: &Value) -> Result<bool, Error> {
        let (written, kind) = (self.out.len(), self.walk.peek());
        let start = self.walk.at;
        let same = match (kind, before, after) {
            (b'{', Value::Object(before), Value::Object(after)) => self.object(before, after)?,
            (b'[', Value::Array(before), Value::Array(after)) => self.array(before, after)?,
            _ => {
                self.walk.skip();
                let same = !matches!(kind, b'{' | b'[') && before == after;
                if !same {
                    serde_json::to_writer(&mut self.out, after)?;
                }
                same
            }
        };
        if same {
            self.out.truncate(written);
            self.out.extend_from_slice(&self.walk.json.as_bytes()[start..self.walk.at]);
        }
        Ok(same)
    }

    fn object(
        &mut self,
        before: &serde_json::Map<String, Value>,
        after: &serde_json::Map<String, Value>,
    ) -> Result<bool, Error> {
        let (mut same, mut first) = (true, true);
        self.out.push(b'{');
        self.walk.open();
        while let Some(key) = self.walk.key() {
            let name = unescaped(key).ok_or_else(|| Error::internal(UNPAIRED))?;
            match (before.get(&*name), after.get(&*name)) {
                (Some(before), Some(after)) => {
                    self.comma(&mut first);
                    self.out.extend_from_slice(key.as_bytes());
                    self.out.push(b':');
                    same &= self.value(before, after)?;
                }
                _ => {
                    self.walk.skip();
                    same = false;
                }
            }
        }
        for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            self.comma(&mut first);
            serde_json::to_writer(&mut self.out, name)?;
            self.out.push(b':');
            serde_json::to_writer(&mut self.out, value)?;
            same = false;
        }
        self.out.push(b'}');
        Ok(same)
    }

    fn array(&mut self, before: &[Value], after: &[Value]) -> Result<bool, Error> {
        let (mut same, mut first) = (before.len() == after.len(), true);
        self.out.push(b'[');
        self.walk.open();
        let mut index = 0;
        while self.walk.item() {
            match (before.get(index), after.get(index)) {
                (Some(before), Some(after)) => {
                    self.comma(&mut first);
                    same &= self.value(before, after)?;
                }
                _ => self.walk.skip(),
            }
            index += 1;
        }
        for value in after.iter().skip(index) {
            self.comma(&mut first);
            serde_json::to_writer(&mut self.out, value)?;
        }
        self.out.push(b']');
        Ok(same)
    }

    fn comma(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.out.push(b',');
        }
    }
}

const UNPAIRED: &str = "an unpaired surrogate in a JSON text";

/// The text of a JSON string.
pub(crate) fn unescaped(string: &str) -> Option<Cow<'_, str>> {
    match string.get(1..string.len().checked_sub(1)?) {
        Some(inner) if !inner.as_bytes().contains(&b'\\') => Some(Cow::Borrowed(inner)),
        _ => serde_json::from_str(string).ok().map(Cow::Owned),
    }
}

/// A position in a text that is known to be one JSON value. (For any other text the results mean nothing, but every walk ends.)
pub(crate) struct Walk<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(json: &'a str) -> Walk<'a> {
        Walk { json, at: 0 }
    }

    /// The next byte that is not white space; 0 at the end.
    pub(crate) fn peek(&mut self) -> u8 {
        let bytes = self.json.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                byte => return *byte,
            }
        }
        0
    }

    /// Steps over the opening bracket that comes next.
    pub(crate) fn open(&mut self) {
        self.peek();
        self.at += 1;
    }

    /// Returns true if another item of the array follows. If not, steps over the closing bracket.
    pub(crate) fn item(&mut self) -> bool {
        match self.peek() {
            b',' => {
                self.at += 1;
                true
            }
            b']' | b'}' | 0 => {
                self.at += 1;
                false
            }
            _ => true,
        }
    }

    /// The next key of the object, with its quotes; its value comes next. `None` at the end, after a step over the closing bracket.
    pub(crate) fn key(&mut self) -> Option<&'a str> {
        if !self.item() {
            return None;
        }
        let key = self.scalar();
        if self.peek() == b':' {
            self.at += 1;
        }
        Some(key)
    }

    /// Reads a string with its quotes, a number or a word.
    pub(crate) fn scalar(&mut self) -> &'a str {
        let first = self.peek();
        let (start, bytes) = (self.at, self.json.as_bytes());
        if first == b'"' {
            self.at = (end_of_string(bytes, start + 1) + 1).min(bytes.len());
        } else {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\r' | b'\n');
            self.at = bytes[start..].iter().position(ends).map_or(bytes.len(), |length| start + length);
        }
        self.json.get(start..self.at).unwrap_or_default()
    }

    /// How many bytes it has stepped over.
    #[cfg(feature = "socketio")]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The text that it has not stepped over.
    #[cfg(feature = "socketio")]
    pub(crate) fn rest(&self) -> &'a str {
        self.json.get(self.at..).unwrap_or_default()
    }

    /// Steps over this many bytes, which must end between two characters.
    #[cfg(feature = "socketio")]
    pub(crate) fn step(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Steps over the next value, however deep it is nested.
    fn skip(&mut self) {
        let mut open = 0usize;
        loop {
            match self.peek() {
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open = open.saturating_sub(1);
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                0 => return,
                _ => {
                    self.scalar();
                }
            }
            if open == 0 {
                return;
            }
        }
    }

    fn tree(&mut self, depth: usize) -> Result<Tree<'a>, &'static str> {
        let deeper = || depth.checked_sub(1).ok_or("nested deeper than 127");
        Ok(match self.peek() {
            b'{' => {
                let (depth, mut members) = (deeper()?, Vec::new());
                self.open();
                while let Some(key) = self.key() {
                    members.push((unescaped(key).ok_or(UNPAIRED)?, self.tree(depth)?));
                }
                Tree::Map(members)
            }
            b'[' => {
                let (depth, mut items) = (deeper()?, Vec::new());
                self.open();
                while self.item() {
                    items.push(self.tree(depth)?);
                }
                Tree::List(items)
            }
            b'"' => Tree::Text(unescaped(self.scalar()).ok_or(UNPAIRED)?),
            _ => match self.scalar() {
                "null" => Tree::Null,
                word @ ("true" | "false") => Tree::Bool(word == "true"),
                digits => Tree::Number(digits),
            },
        })
    }
}
