//! The decoder against the model of the protocol that JSON has too, and against other readers of MessagePack.
mod envelope_model;
mod msgpack_support;

use envelope_model::{Floats, Meaning, key, meaning, parts, value};
use msgpack_support::{Widths, pack, pack_map};
use proptest::prelude::*;
use serde_json::Value;
use switchboard_core::Id;
use switchboard_core::codec::msgpack::{self, Raw};

fn decoded(frame: &[u8]) -> Meaning {
    msgpack::decode(frame).map_or(Meaning::Rejected, |incoming| {
        parts(incoming, |raw: Option<Raw<'_>>| {
            raw.map_or(Value::Null, |raw| rmp_serde::from_slice(raw.as_bytes()).expect("a value"))
        })
    })
}

/// True when rmpv reads it as one value, and every text in it as UTF-8.
fn is_value(mut bytes: &[u8]) -> bool {
    fn is_utf8(value: &rmpv::Value) -> bool {
        match value {
            rmpv::Value::String(text) => text.is_str(),
            rmpv::Value::Array(items) => items.iter().all(is_utf8),
            rmpv::Value::Map(pairs) => pairs.iter().all(|(key, value)| is_utf8(key) && is_utf8(value)),
            _ => true,
        }
    }
    rmpv::decode::read_value(&mut bytes).is_ok_and(|value| is_utf8(&value)) && bytes.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_the_model(
        pairs in prop::collection::vec((key(), value()), 0..5),
        widths in any::<u64>(),
    ) {
        let frame = pack_map(&pairs, &mut Widths(widths));
        prop_assert_eq!(decoded(&frame), meaning(&pairs, Floats::WholeToo), "{:02x?}", frame);
    }

    #[test]
    fn what_is_a_value_is_so_to_others(bytes in prop::collection::vec(
        prop_oneof![any::<u8>(), 0x80..0xb0u8, prop::sample::select((0xc2..=0xdfu8).collect::<Vec<_>>()), 0..3u8], 0..24,
    )) {
        // rmpv takes the marker that is never used for nil.
        prop_assume!(!bytes.contains(&0xc1));
        prop_assert_eq!(Raw::new(&bytes).is_some(), is_value(&bytes), "{:02x?}", bytes);
    }

    #[test]
    fn a_cut_or_changed_frame_is_answered(
        pairs in prop::collection::vec((key(), value()), 1..5),
        widths in any::<u64>(),
        at in any::<prop::sample::Index>(),
        with in any::<u8>(),
    ) {
        let frame = pack_map(&pairs, &mut Widths(widths));
        let at = at.index(frame.len());
        prop_assert!(msgpack::decode(&frame[..at]).is_err());
        let mut changed = frame;
        changed[at] = with;
        if msgpack::decode(&changed).is_ok() {
            prop_assert!(is_value(&changed), "{:02x?}", changed);
        }
    }

    #[test]
    fn a_request_comes_back_as_it_was(event in "[^\\p{Cc}]{1,30}", number in any::<u64>(), data in value()) {
        prop_assume!(event.len() <= 128 && event != "exception" && !event.starts_with("sys."));
        let id = Id::Number(number % (Id::MAX_NUMBER + 1));
        let mut out = Vec::new();
        let place = msgpack::encode_reply(&mut out, &event, Some(&id), &data).expect("a value");
        prop_assert_eq!(&out[place], pack(&data, &mut Widths::narrow()));
        prop_assert_eq!(decoded(&out), Meaning::Request { event, data, id: Some(id), meta: Value::Null });
    }
}
