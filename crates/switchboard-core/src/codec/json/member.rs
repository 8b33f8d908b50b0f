//! One key of a payload, in one pass over it.
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::payload::from_data;
use crate::Error;
use crate::codec::object::{Is, Object};

/// Returns the value of a key of a payload, the last one if the key is repeated; `None` if the key or the payload is
/// missing.
///
/// The values of the other keys are skipped at any depth, and not built.
///
/// Errors: those of [`from_data`], when the payload is not an object.
pub fn member<'a>(data: Option<&'a RawValue>, key: &str) -> Result<Option<&'a RawValue>, Error> {
    let Some(json) = data else { return Ok(None) };
    match member_of_text(json.get(), key) {
        Some(member) => Ok(member),
        None => match from_data::<Option<Object>>(data) {
            Err(error) => Err(error),
            Ok(_) => Err(Error::internal("an object without keys")),
        },
    }
}

/// [`member`] of a payload that is not known to be JSON. `None` if it is not JSON, or not an object.
pub fn member_of_text<'a>(json: &'a str, key: &str) -> Option<Option<&'a RawValue>> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let member = reader.deserialize_option(Find(key)).ok()?;
    reader.end().ok().map(|()| member)
}

struct Find<'k>(&'k str);

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is) = map.next_key_seed(Is(self.0))? {
            if is {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
