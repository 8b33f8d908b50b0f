//! One key of a payload, in one pass over it; and a payload of which some values were changed.
use serde::ser::Serialize;
use serde_json::Value;

use super::failure::{Failure, NOT_VALID};
use super::head::{self, Of};
use super::key::Key;
use super::payload::from_data;
use super::raw::{Raw, RawBuf};
use super::reader::{Reader, Token};
use super::writer::Writer;
use crate::Error;
use crate::codec::object::Object;

/// Returns the value of a key of a payload, the last one if the key is repeated; `None` if the key is missing or the payload is nil.
///
/// Errors: those of [`from_data`], when the payload is not a map, or has a key that JSON cannot have.
pub fn member<'a>(data: Raw<'a>, key: &str) -> Result<Option<Raw<'a>>, Error> {
    match find(data, key) {
        Some(member) => Ok(member),
        None => match from_data::<Option<Object>>(Some(data)) {
            Err(error) => Err(error),
            Ok(_) => Err(Error::internal("a map without keys")),
        },
    }
}

fn find<'a>(data: Raw<'a>, key: &str) -> Option<Option<Raw<'a>>> {
    let mut reader = Reader::new(data.as_bytes());
    let keys = match reader.token()? {
        Token::Nil => 0,
        Token::Map(keys) => keys,
        _ => return None,
    };
    let mut found = None;
    for _ in 0..keys {
        let is = match reader.token()? {
            Token::Text(text) => text == key,
            other => Key(other).text()? == key,
        };
        let value = reader.skip()?;
        if is {
            found = Some(Raw::checked(value.bytes));
        }
    }
    Some(found)
}

/// Rewrites a payload after its value was changed from `before` to `after`. Parts that did not change keep their bytes, including values
/// that JSON does not have.
///
/// `before` must be the value of `original`.
///
/// Errors: internal.
pub fn replace(original: Raw<'_>, before: &Value, after: &Value) -> Result<RawBuf, Error> {
    let mut merge =
        Merge { reader: Reader::new(original.as_bytes()), out: Vec::with_capacity(original.as_bytes().len()) };
    merge.value(before, after).map_err(Error::internal)?;
    Ok(RawBuf::checked(merge.out))
}

struct Merge<'a> {
    reader: Reader<'a>,
    out: Vec<u8>,
}

impl Merge<'_> {
    /// Writes the value, and returns true if it did not change. The recursion is bounded, because `before` is nested at most as deep as a
    /// payload is built.
    fn value(&mut self, before: &Value, after: &Value) -> Result<bool, Failure> {
        let (written, original) = (self.out.len(), self.reader.rest());
        let same = match (self.reader.token().ok_or(NOT_VALID)?, before, after) {
            (Token::Map(keys), Value::Object(before), Value::Object(after)) => self.map(keys, before, after)?,
            (Token::Array(items), Value::Array(before), Value::Array(after)) => self.array(items, before, after)?,
            (head, ..) => {
                let has_parts = matches!(head, Token::Map(_) | Token::Array(_));
                if has_parts {
                    self.reader = Reader::new(original);
                    self.reader.skip().ok_or(NOT_VALID)?;
                }
                let same = !has_parts && before == after;
                if !same {
                    after.serialize(Writer(&mut self.out))?;
                }
                same
            }
        };
        if same {
            self.out.truncate(written);
            self.out.extend_from_slice(&original[..original.len() - self.reader.rest().len()]);
        }
        Ok(same)
    }

    fn map(
        &mut self,
        keys: u32,
        before: &serde_json::Map<String, Value>,
        after: &serde_json::Map<String, Value>,
    ) -> Result<bool, Failure> {
        let (start, mut same, mut count) = (self.out.len(), true, 0);
        for _ in 0..keys {
            let key = self.reader.token().ok_or(NOT_VALID)?;
            let name = match key {
                Token::Text(text) => text.to_owned(),
                other => Key(other).text().ok_or(NOT_VALID)?,
            };
            match (before.get(&name), after.get(&name)) {
                (Some(before), Some(after)) => {
                    name.serialize(Writer(&mut self.out))?;
                    same &= self.value(before, after)?;
                    count += 1;
                }
                _ => {
                    self.reader.skip().ok_or(NOT_VALID)?;
                    same = false;
                }
            }
        }
        for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            name.serialize(Writer(&mut self.out))?;
            value.serialize(Writer(&mut self.out))?;
            count += 1;
            same = false;
        }
        self.insert_head(start, Of::Keys, count)?;
        Ok(same)
    }

    fn array(&mut self, items: u32, before: &[Value], after: &[Value]) -> Result<bool, Failure> {
        let (start, mut same) = (self.out.len(), before.len() == after.len());
        let items = items as usize;
        for index in 0..items {
            match (before.get(index), after.get(index)) {
                (Some(before), Some(after)) => same &= self.value(before, after)?,
                _ => {
                    self.reader.skip().ok_or(NOT_VALID)?;
                }
            }
        }
        for value in after.iter().skip(items) {
            value.serialize(Writer(&mut self.out))?;
        }
        self.insert_head(start, Of::Items, after.len())?;
        Ok(same)
    }

    fn insert_head(&mut self, at: usize, of: Of, count: usize) -> Result<(), Failure> {
        let mut head = Vec::new();
        head::count(&mut head, of, count)?;
        self.out.splice(at..at, head);
        Ok(())
    }
}
