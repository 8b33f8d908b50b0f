//! [`Document`]: any payload, as a JSON value.
use super::{Data, Held};
use crate::Error;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use switchboard_core::Binary;
use switchboard_core::codec::{json, msgpack};

/// A payload as a JSON value, for pipes and interceptors, and what it was read from. So what they do not change stays as it came:
/// integers beyond 64 bits, which a [`Value`] rounds, and bytes, which are base64 text in it.
pub(crate) struct Document<'a> {
    value: Value,
    of: Data<'a>,
}

impl<'a> Document<'a> {
    pub(crate) fn read(of: Data<'a>) -> Result<Document<'a>, Error> {
        let value = match of {
            // serde_json reads its own format, so that nothing of it is lost.
            Data::Json(_) | Data::Unread(_) => of.read::<Value>()?,
            Data::MessagePack(_) | Data::Own(..) => of.read::<Any>()?.0,
        };
        Ok(Document { value, of })
    }

    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    pub(crate) fn into_value(self) -> Value {
        self.value
    }

    /// The payload with another value; `None` if the value has not changed.
    ///
    /// Errors: it is nested too deep, or has a key that has more than one reading.
    pub(crate) fn changed_to(&self, value: &Value) -> Result<Option<Held>, Error> {
        if *value == self.value {
            return Ok(None);
        }
        let held = match (value, self.of) {
            (Value::Null, _) => Held::Nothing,
            (_, Data::Json(Some(original))) => Held::Json(json::replace(original, &self.value, value)?),
            (_, Data::MessagePack(original)) => Held::MessagePack(msgpack::replace(original, &self.value, value)?),
            (_, Data::Json(None) | Data::Unread(_) | Data::Own(..)) => Held::Json(json::raw_value(value)?),
        };
        held.data().check()?;
        Ok(Some(held))
    }
}

/// Any payload. Bytes become base64 text, as in a [`Binary`].
struct Any(Value);

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
        deserializer.deserialize_any(Anything).map(Any)
    }
}

struct Anything;

/// With its feature `arbitrary_precision`, serde_json represents a number by a map with this key.
const NUMBER: &str = "$serde_json::private::Number";

fn float<E: serde::de::Error>(value: f64) -> Result<Value, E> {
    let number = Number::from_f64(value).map(Value::Number);
    number.ok_or_else(|| E::invalid_value(Unexpected::Float(value), &"a number that JSON has"))
}

impl<'de> Visitor<'de> for Anything {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Value, E> {
        Number::from_i128(value).map_or_else(|| float(value as f64), |number| Ok(Value::Number(number)))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Value, E> {
        Number::from_u128(value).map_or_else(|| float(value as f64), |number| Ok(Value::Number(number)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        float(value)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        serde_json::to_value(Binary::from(bytes.to_vec())).map_err(E::custom)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Any(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == NUMBER {
                // A client's key of this name is refused before it gets here.
                let digits: String = entries.next_value()?;
                return digits.parse().map(Value::Number).map_err(A::Error::custom);
            }
            let Any(value) = entries.next_value()?;
            all.insert(key, value);
        }
        Ok(Value::Object(all))
    }
}
