//! Payloads of a format that is not known here.
use erased_serde::Deserializer;
use serde::de::DeserializeOwned;

use super::json;
use super::misfit::Misfit;
use crate::Error;

/// What a format does with a payload: it makes a deserializer over it, and lends it to the function.
pub type Lend<'a> = dyn FnMut(&mut dyn Deserializer<'_>) + 'a;

/// Parses a payload that `lend` reads; a missing one is null. `lend` is called again for the place of what does not fit.
///
/// Errors: those of [`json::from_data`], as far as the format's deserializer tells them by serde's own texts. `bad_request` when
/// it does not call the function: there is no payload in the bytes then.
pub fn from_lent<T: DeserializeOwned>(is_missing: bool, mut lend: impl FnMut(&mut Lend<'_>)) -> Result<T, Error> {
    if is_missing {
        return json::from_data(None);
    }
    let mut read = None;
    lend(&mut |deserializer| read = Some(erased_serde::deserialize::<T>(deserializer)));
    let error = match read {
        Some(Ok(value)) => return Ok(value),
        Some(Err(error)) => error,
        None => return Err(Error::bad_request("The data cannot be read: send it in the format of this connection")),
    };
    let misfit = Misfit::Text(without_place(error.to_string()));
    Err(misfit.refuse(false, || {
        let mut found = None;
        lend(&mut |deserializer| {
            let error = serde_path_to_error::deserialize::<_, T>(deserializer).err();
            found = error.map(|error| (error.path().clone(), Misfit::Text(without_place(error.inner().to_string()))));
        });
        found
    }))
}

/// Without " at line 1 column 2", which serde_json puts behind serde's texts.
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
