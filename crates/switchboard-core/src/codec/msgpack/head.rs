//! The heads of values, in the narrowest form.
use rmp::Marker;

use super::failure::Failure;

/// The kinds of values that have a count.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Text,
    Bytes,
    Items,
    Keys,
    /// The bytes of an extension, after its type number.
    Ext,
}

/// Appends a count in as few bytes as it needs.
#[inline]
pub(super) fn count(out: &mut Vec<u8>, of: Of, count: usize) -> Result<(), Failure> {
    let (fixed, below, narrow, wide, widest) = match of {
        Of::Text => (0xa0, 32, Some(Marker::Str8), Marker::Str16, Marker::Str32),
        Of::Bytes => (0, 0, Some(Marker::Bin8), Marker::Bin16, Marker::Bin32),
        Of::Items => (0x90, 16, None, Marker::Array16, Marker::Array32),
        Of::Keys => (0x80, 16, None, Marker::Map16, Marker::Map32),
        Of::Ext => (0, 0, Some(Marker::Ext8), Marker::Ext16, Marker::Ext32),
    };
    match (u8::try_from(count), narrow, u16::try_from(count), u32::try_from(count)) {
        (Ok(count), ..) if count < below => out.push(fixed | count),
        (Ok(count), Some(narrow), ..) => put(out, narrow, [count]),
        (_, _, Ok(count), _) => put(out, wide, count.to_be_bytes()),
        (.., Ok(count)) => put(out, widest, count.to_be_bytes()),
        _ => return Err(serde::ser::Error::custom("longer than 2^32")),
    }
    Ok(())
}

pub(super) fn ext(out: &mut Vec<u8>, kind: i8, length: usize) -> Result<(), Failure> {
    match length {
        1 => out.push(Marker::FixExt1.to_u8()),
        2 => out.push(Marker::FixExt2.to_u8()),
        4 => out.push(Marker::FixExt4.to_u8()),
        8 => out.push(Marker::FixExt8.to_u8()),
        16 => out.push(Marker::FixExt16.to_u8()),
        _ => count(out, Of::Ext, length)?,
    }
    out.extend_from_slice(&kind.to_be_bytes());
    Ok(())
}

#[inline]
pub(super) fn unsigned(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => put(out, Marker::U8, [value as u8]),
        0x100..=0xffff => put(out, Marker::U16, (value as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => put(out, Marker::U32, (value as u32).to_be_bytes()),
        _ => put(out, Marker::U64, value.to_be_bytes()),
    }
}

#[inline]
pub(super) fn signed(out: &mut Vec<u8>, value: i64) {
    match value {
        0.. => unsigned(out, value as u64),
        -0x20..=-1 => out.push(value as u8),
        -0x80..-0x20 => put(out, Marker::I8, [value as u8]),
        -0x8000..-0x80 => put(out, Marker::I16, (value as i16).to_be_bytes()),
        -0x8000_0000..-0x8000 => put(out, Marker::I32, (value as i32).to_be_bytes()),
        _ => put(out, Marker::I64, value.to_be_bytes()),
    }
}

/// Appends a marker and the bytes that belong to it.
#[inline]
pub(super) fn put<const N: usize>(out: &mut Vec<u8>, marker: Marker, bytes: [u8; N]) {
    out.push(marker.to_u8());
    out.extend_from_slice(&bytes);
}
