//! One key of a payload; the other keys are skipped.
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_path_to_error::{Path, Track};

use super::{Lend, Watch, Watched, from_lent, misfit, no_payload, private_key};
use crate::Error;
use crate::codec::json;
use crate::codec::object::{Is, Object};

/// Parses the value of one key of a payload, through the deserializer that `lend` gives. If the key occurs more than once, the last value
/// counts. A missing key, and a payload that is null, count as null.
///
/// `lend` is called once in the common case, and again if the key occurs more than once or its value does not fit.
///
/// Errors: those of [`from_lent`]. An error about the value goes through `part`, one about the payload does not.
pub fn member_from_lent<T: DeserializeOwned>(
    key: &str,
    mut lend: impl FnMut(&mut Lend<'_>),
    part: impl FnOnce(Error) -> Error,
) -> Result<T, Error> {
    let mut find_at = |nth| find::<T>(&mut lend, key, nth);
    let (mut nth, mut found) = (0, find_at(Some(0)));
    let times = match &found {
        (false, Some(Ok((_, times))), _) => *times,
        // The value does not fit, but a later occurrence of the key may, and that one counts.
        (false, Some(Err(_)), Some(_)) => match find_at(None) {
            (false, Some(Ok((_, times))), _) => times,
            other => {
                found = other;
                0
            }
        },
        _ => 0,
    };
    if times > 1 {
        nth = times - 1;
        found = find_at(Some(nth));
    }
    match found {
        (true, ..) => Err(private_key()),
        (_, None, _) => Err(no_payload()),
        (_, Some(Ok((Some(value), _))), _) => Ok(value),
        (_, Some(Ok((None, _))), _) => json::from_data(None).map_err(part),
        (_, Some(Err(error)), Some(path)) => {
            let null = find::<Option<IgnoredAny>>(&mut lend, key, Some(nth));
            let is_null = matches!(null, (false, Some(Ok((Some(None), _))), _));
            let path = Some((path, misfit(&error)));
            Err(part(misfit(&error).refuse(is_null, || path)))
        }
        (_, Some(Err(error)), None) => Err(match from_lent::<Option<Object>>(false, lend) {
            Err(error) => error,
            Ok(_) => misfit(&error).refuse(false, || None),
        }),
    }
}

/// In this order: true if a private key was found; the value that was read, with the number of occurrences of the key; the path at which
/// the value does not fit.
type Found<T> = (bool, Option<Result<(Option<T>, usize), erased_serde::Error>>, Option<Path>);

fn find<T: DeserializeOwned>(lend: &mut impl FnMut(&mut Lend<'_>), key: &str, nth: Option<usize>) -> Found<T> {
    let (watch, failure) = (Watch::default(), RefCell::new(None));
    let mut read = None;
    lend(&mut |deserializer| {
        let find = Find { key, nth, failure: &failure, marker: PhantomData::<T> };
        read = Some(Watched::new(deserializer, &watch).deserialize_option(find));
    });
    (watch.met_private_key(), read, failure.into_inner())
}

struct Find<'f, T> {
    key: &'f str,
    /// The index of the occurrence to read; `None` only counts them.
    nth: Option<usize>,
    /// Set to the path in the value of what does not fit.
    failure: &'f RefCell<Option<Path>>,
    marker: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Find<'_, T> {
    /// The value, and how often the key occurs.
    type Value = (Option<T>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok((None, 0))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok((None, 0))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut times) = (None, 0);
        while let Some(is) = map.next_key_seed(Is(self.key))? {
            if is && self.nth == Some(times) {
                found = Some(map.next_value_seed(Tracked::<T> { failure: self.failure, marker: PhantomData })?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            times += usize::from(is);
        }
        Ok((found, times))
    }
}

struct Tracked<'f, T> {
    failure: &'f RefCell<Option<Path>>,
    marker: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Tracked<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let mut track = Track::new();
        T::deserialize(serde_path_to_error::Deserializer::new(deserializer, &mut track)).inspect_err(|_| {
            *self.failure.borrow_mut() = Some(track.path());
        })
    }
}
