//! Payloads of an application's own codec. This crate reads them through a deserializer that the codec lends.
mod member;
mod watched;

use erased_serde::Deserializer;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use super::json;
use super::misfit::Misfit;
use crate::Error;
use watched::{Watch, Watched};

pub use member::member_from_lent;

/// A function that borrows a deserializer. A codec makes a deserializer over a payload, and calls this function with it.
pub type Lend<'a> = dyn FnMut(&mut dyn Deserializer<'_>) + 'a;

/// Parses a payload through the deserializer that `lend` gives; a missing payload is null. If the value does not fit, `lend` is called
/// again to find the path of the misfit.
///
/// Errors: those of [`json::from_data`], as far as the codec's deserializer reports them with serde's own texts. `bad_request` when
/// `lend` does not call its function, which means that the bytes contain no payload, and when a key that is read begins with
/// `$serde_json::private::`.
pub fn from_lent<T: DeserializeOwned>(is_missing: bool, mut lend: impl FnMut(&mut Lend<'_>)) -> Result<T, Error> {
    if is_missing {
        return json::from_data(None);
    }
    let watch = Watch::default();
    let mut read = None;
    lend(&mut |deserializer| read = Some(T::deserialize(Watched::new(deserializer, &watch))));
    if watch.met_private_key() {
        return Err(private_key());
    }
    let error = match read {
        Some(Ok(value)) => return Ok(value),
        Some(Err(error)) => error,
        None => return Err(no_payload()),
    };
    Err(misfit(&error).refuse(false, || {
        let mut found = None;
        lend(&mut |deserializer| {
            let error = serde_path_to_error::deserialize::<_, T>(Watched::new(deserializer, &watch)).err();
            found = error.map(|error| (error.path().clone(), misfit(error.inner())));
        });
        found
    }))
}

#[cold]
fn private_key() -> Error {
    Error::bad_request(Fault::PrivateKey.texts().1)
}

#[cold]
fn no_payload() -> Error {
    Error::bad_request("The data cannot be read: send it in the format of this connection")
}

fn misfit(error: &erased_serde::Error) -> Misfit {
    match without_place(error.to_string()) {
        text if text == watched::OUT_OF_RANGE => Misfit::NumberOutOfRange,
        text => Misfit::Text(text),
    }
}

/// The text without " at line 1 column 2", which serde_json appends to serde's texts.
fn without_place(mut text: String) -> String {
    let is_place = |place: &str| place.bytes().all(|byte| byte.is_ascii_digit());
    let place = text
        .rsplit_once(" at line ")
        .filter(|(_, at)| at.split_once(" column ").is_some_and(|(line, column)| is_place(line) && is_place(column)));
    if let Some((front, _)) = place {
        text.truncate(front.len());
    }
    text
}
