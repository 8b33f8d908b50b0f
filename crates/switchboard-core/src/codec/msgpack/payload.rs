//! Payloads: MessagePack to the type that a handler takes.
use serde::de::DeserializeOwned;

use super::failure::{Failure, NOT_VALID};
use super::parser::Parser;
use super::raw::Raw;
use crate::Error;
use crate::codec::Lend;

/// The value that a missing payload counts as.
const NIL: Raw<'static> = Raw::checked(&[0xc0]);

/// Parses a payload; a missing one is nil.
///
/// Errors: those of [`json::from_data`](crate::codec::json::from_data), with the same path for the same document.
pub fn from_data<T: DeserializeOwned>(data: Option<Raw<'_>>) -> Result<T, Error> {
    let data = data.unwrap_or(NIL);
    parse(data).map_err(|Failure(misfit)| {
        misfit.refuse(data == NIL, || {
            let error = serde_path_to_error::deserialize::<_, T>(&mut Parser::new(data)).err()?;
            Some((error.path().clone(), error.into_inner().0))
        })
    })
}

/// Lends a deserializer over a payload to a caller that knows the type.
pub fn lend(data: Raw<'_>, lend: &mut Lend<'_>) {
    lend(&mut <dyn erased_serde::Deserializer>::erase(&mut Parser::new(data)));
}

fn parse<T: DeserializeOwned>(data: Raw<'_>) -> Result<T, Failure> {
    let mut parser = Parser::new(data);
    let value = T::deserialize(&mut parser)?;
    if parser.is_done() { Ok(value) } else { Err(NOT_VALID) }
}
