//! JSON texts as MessagePack, with bytes in the places of some of their objects.
use rmp::Marker;
use serde::Serializer;
use serde_json::value::RawValue;

use super::failure::{Failure, NOT_VALID};
use super::head::{self, Of};
use super::raw::RawBuf;
use super::writer::Writer;
use crate::Error;
use crate::codec::json::{DEPTH, Walk, number, unescaped};
use crate::codec::misfit::Misfit;

/// An array of these JSON values. Where an object begins, `bytes_at` is asked with the text from there on: for the
/// length of an object, and the bytes to write in its place.
///
/// The values must have passed [`json::check`](crate::codec::json::check).
///
/// Errors: `bad_request`, when a value is nested deeper than 127, has a number that no `f64` holds, or an unpaired
/// surrogate.
pub(crate) fn array_of_json<'j, 'b>(
    items: impl ExactSizeIterator<Item = &'j RawValue>,
    bytes_at: impl Fn(&str) -> Option<(usize, &'b [u8])>,
) -> Result<RawBuf, Error> {
    let mut out = Vec::new();
    let written = head::count(&mut out, Of::Items, items.len()).and_then(|()| {
        let mut items = items;
        items.try_for_each(|item| value(&mut out, &mut Walk::new(item.get()), DEPTH, &bytes_at))
    });
    match written {
        Ok(()) => Ok(RawBuf::checked(out)),
        Err(Failure(misfit)) => Err(misfit.refuse(false, || None)),
    }
}

/// The recursion is bounded by `depth`.
fn value<'b>(
    out: &mut Vec<u8>,
    walk: &mut Walk<'_>,
    depth: usize,
    bytes_at: &impl Fn(&str) -> Option<(usize, &'b [u8])>,
) -> Result<(), Failure> {
    let deeper = || depth.checked_sub(1).ok_or(Failure(Misfit::TooDeep));
    match walk.peek() {
        b'{' => match bytes_at(walk.rest()) {
            Some((len, bytes)) => {
                walk.step(len);
                Writer(out).serialize_bytes(bytes)
            }
            None => counted(out, Marker::Map32, deeper()?, |out, depth| {
                let mut count = 0;
                walk.open();
                while let Some(key) = walk.key() {
                    text(out, key)?;
                    value(out, walk, depth, bytes_at)?;
                    count += 1;
                }
                Ok(count)
            }),
        },
        b'[' => counted(out, Marker::Array32, deeper()?, |out, depth| {
            let mut count = 0;
            walk.open();
            while walk.item() {
                value(out, walk, depth, bytes_at)?;
                count += 1;
            }
            Ok(count)
        }),
        b'"' => text(out, walk.scalar()),
        _ => match walk.scalar() {
            "null" => Writer(out).serialize_unit(),
            word @ ("true" | "false") => Writer(out).serialize_bool(word == "true"),
            digits => number(digits, Writer(out)).map_err(|_| Failure(Misfit::NumberOutOfRange)),
        },
    }
}

/// Writes a head whose count is known after its items are written.
fn counted(
    out: &mut Vec<u8>,
    marker: Marker,
    depth: usize,
    items: impl FnOnce(&mut Vec<u8>, usize) -> Result<u32, Failure>,
) -> Result<(), Failure> {
    let head = out.len();
    out.extend_from_slice(&[marker.to_u8(), 0, 0, 0, 0]);
    let count = items(out, depth)?;
    out[head + 1..head + 5].copy_from_slice(&count.to_be_bytes());
    Ok(())
}

fn text(out: &mut Vec<u8>, string: &str) -> Result<(), Failure> {
    Writer(out).serialize_str(&unescaped(string).ok_or(NOT_VALID)?)
}
