//! Payloads: JSON to the type that a handler takes.
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::Error;
use crate::codec::misfit::Misfit;

/// Parses a payload that is not known to be JSON. `None` if that fails: then [`decode`](super::decode()) and [`from_data`] say why.
#[inline]
pub fn from_text<T: DeserializeOwned>(json: &str) -> Option<T> {
    // `serde_json::from_str` by hand: its helper is not inlined, and copies the reader and the value.
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = T::deserialize(&mut reader);
    if value.is_ok() && reader.end().is_ok() { value.ok() } else { None }
}

/// Parses a payload; a missing one is null.
///
/// Errors: `validation_failed` with one [`Detail`](crate::Detail), whose code is one of `missing`, `type`, `value`,
/// `length`, `variant`, `unknown_field`, `duplicate_field`, `number`, `invalid`; it names the path and what the schema
/// expects there, never what the client sent. `bad_request` when a value to be built is nested deeper than 128.
pub fn from_data<T: DeserializeOwned>(data: Option<&RawValue>) -> Result<T, Error> {
    let json = data.map_or("null", RawValue::get);
    serde_json::from_str(json).map_err(|error| {
        Misfit::from(&error).refuse(json == "null", || {
            let mut json = serde_json::Deserializer::from_str(json);
            let error = serde_path_to_error::deserialize::<_, T>(&mut json).err()?;
            Some((error.path().clone(), Misfit::from(error.inner())))
        })
    })
}

/// serde_json tells most errors apart by their text alone; a custom message does not have the category `Syntax`.
impl From<&serde_json::Error> for Misfit {
    fn from(error: &serde_json::Error) -> Misfit {
        let mut text = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        if text.ends_with(&position) {
            text.truncate(text.len() - position.len());
        }
        match &*text {
            text if !error.is_syntax() => Misfit::Text(text.to_owned()),
            "recursion limit exceeded" => Misfit::TooDeep,
            "number out of range" => Misfit::NumberOutOfRange,
            // The text is JSON, so an enum was wanted and this is neither a string nor an object with one key.
            "expected value" => Misfit::NoVariant,
            _ => Misfit::NotValid,
        }
    }
}
