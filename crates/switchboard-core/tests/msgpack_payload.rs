//! Payloads of MessagePack that JSON does not have, or has otherwise; that both agree on the rest is in `msgpack_agrees.rs`.
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_core::codec::msgpack::{self, Raw};
use switchboard_core::{Code, Error};

fn from<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    msgpack::from_data(Some(Raw::new(bytes).expect("the test's MessagePack")))
}

fn to(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    let place = msgpack::encode_event(&mut out, "a", value).expect("a value");
    out[place].to_vec()
}

#[track_caller]
fn refusal<T: DeserializeOwned>(bytes: &[u8]) -> (String, String, String) {
    let Err(error) = from::<T>(bytes) else { panic!("accepted") };
    assert_eq!(error.code(), &Code::ValidationFailed);
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let [detail] = error.details() else { panic!("{error:?}") };
    (detail.path.clone(), detail.code.to_string(), detail.message.clone())
}

macro_rules! refused {
    ($type:ty, $bytes:expr => $path:expr, $code:expr, $message:expr) => {
        assert_eq!(refusal::<$type>($bytes), ($path.to_owned(), $code.to_owned(), $message.to_owned()));
    };
}

#[test]
fn d14_missing_data_is_nil() {
    let _: () = msgpack::from_data(None).unwrap();
    assert_eq!(msgpack::from_data::<Option<u8>>(None).unwrap(), None);
    let error = msgpack::from_data::<u8>(None).unwrap_err();
    assert_eq!(&*error.details()[0].code, "missing");
    refused!(u8, b"\xc0" => "", "missing", "data is missing");
}

#[test]
fn bytes_are_bytes_and_lists_of_u8() {
    for bytes in [&b"\xc4\x03\x01\x02\x03"[..], b"\x93\x01\x02\x03", b"\xa3\x01\x02\x03"] {
        assert_eq!(from::<ByteBuf>(bytes).unwrap(), [1, 2, 3]);
    }
    for bytes in [&b"\xc4\x03\x01\x02\x03"[..], b"\x93\x01\x02\x03"] {
        assert_eq!(from::<Vec<u8>>(bytes).unwrap(), [1, 2, 3]);
        assert_eq!(from::<[u8; 3]>(bytes).unwrap(), [1, 2, 3]);
        refused!((u8, u8), bytes => "", "invalid", "is not valid");
    }
    assert_eq!(to(&ByteBuf::from([1, 2, 3])), b"\xc4\x03\x01\x02\x03");
    refused!(String, b"\x91\xa6secret" => "", "type", "expected a string");
    refused!(Vec<String>, b"\x91\xc4\x06secret" => "/0", "type", "expected a string");
    refused!(Value, b"\x91\xc4\x06secret" => "/0", "type", "expected any valid JSON value");
}

/// An extension, as rmp-serde has it.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename = "_ExtStruct")]
struct Extension((i8, ByteBuf));

#[test]
fn an_ext_is_for_a_type_that_asks_for_it() {
    for (bytes, kind, length) in [
        (&b"\xd6\xff\x00\x00\x00\x01"[..], -1, 4),
        (b"\xd7\xff\x00\x00\x00\x01\x00\x00\x00\x01", -1, 8),
        (b"\xc7\x0c\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01", -1, 12),
        (b"\xc7\x00\x7f", 127, 0),
    ] {
        let extension: Extension = from(bytes).unwrap();
        assert_eq!((extension.0.0, extension.0.1.len()), (kind, length));
        assert_eq!(to(&extension), bytes);
        assert_eq!(to(&[&extension]), rmp_serde::to_vec(&[&extension]).unwrap());

        refused!(Value, bytes => "", "type", "expected any valid JSON value");
        refused!(Option<u64>, bytes => "", "type", "expected u64");
        refused!(String, bytes => "", "type", "expected a string");
        refused!(Vec<u8>, bytes => "", "type", "expected an array");
        refused!(ByteBuf, bytes => "", "type", "expected byte array");
        #[derive(Debug, Deserialize)]
        struct Ignores {}
        assert!(from::<Ignores>(&[b"\x81\xa1x", bytes].concat()).is_ok());
    }
    assert!(from::<Extension>(b"\x92\x01\xc4\x01a").is_err());
}

#[test]
fn keys_that_are_no_texts_stand_for_their_texts() {
    for bytes in [&b"\x81\xa17\x01"[..], b"\x81\x07\x01", b"\x81\xd0\x07\x01"] {
        assert_eq!(from::<HashMap<u16, u8>>(bytes).unwrap(), HashMap::from([(7, 1)]));
        assert_eq!(from::<HashMap<i128, u8>>(bytes).unwrap(), HashMap::from([(7, 1)]));
        assert_eq!(from::<HashMap<String, u8>>(bytes).unwrap(), HashMap::from([("7".to_owned(), 1)]));
        assert_eq!(from::<Value>(bytes).unwrap(), serde_json::json!({"7": 1}));
    }
    assert_eq!(
        from::<HashMap<bool, u8>>(b"\x82\xc3\x01\xa5false\x02").unwrap(),
        HashMap::from([(true, 1), (false, 2)])
    );
    assert_eq!(to(&BTreeMap::from([(7, 'a')])), b"\x81\xa17\xa1a");
    assert_eq!(to(&BTreeMap::from([(true, 'a')])), b"\x81\xa4true\xa1a");
    for key in [&b"\xc0"[..], b"\x91\x07", b"\xc4\x01a", b"\xd4\x01a", b"\x80"] {
        let bytes = [b"\x81", key, b"\x01"].concat();
        assert!(from::<HashMap<String, u8>>(&bytes).is_err() && from::<Value>(&bytes).is_err());
        assert!(from::<HashMap<u8, u8>>(&bytes).is_err() && from::<HashMap<Vec<u8>, u8>>(&bytes).is_err());
    }
    refused!(HashMap<u8, u8>, b"\x81\xa6secret\x01" => "", "invalid", "is not valid");
    refused!(HashMap<u8, u8>, b"\x81\xa3256\x01" => "/256", "value", "expected u8");
    refused!(HashMap<u8, u8>, b"\x81\xa2 1\x01" => "", "invalid", "is not valid");
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
enum Shape {
    Dot,
    Deep(Box<Shape>),
}

#[test]
fn variants_go_by_name_alone() {
    assert_eq!(from::<Shape>(b"\xa3Dot").unwrap(), Shape::Dot);
    assert_eq!(from::<Shape>(b"\x81\xa3Dot\xc0").unwrap(), Shape::Dot);
    for bytes in [&b"\x00"[..], b"\xc4\x03Dot", b"\x91\xa3Dot", b"\x80", b"\x82\xa3Dot\xc0\xa4Deep\xc0", b"\xc3"] {
        refused!(Shape, bytes => "", "variant", "is not one of the variants");
    }
    refused!(Shape, b"\x81\x00\xc0" => "", "variant", "expected `Dot` or `Deep`");
}

#[test]
fn c05_what_is_built_is_at_most_128_deep() {
    let small_stack = std::thread::Builder::new().stack_size(1024 * 1024).spawn(|| {
        let lists = |depth: usize| [&vec![0x91; depth][..], b"\xc0"].concat();
        let variants = |depth: usize| [&b"\x81\xa4Deep".repeat(depth)[..], b"\xa3Dot"].concat();
        assert!(from::<Value>(&lists(127)).is_ok() && from::<Shape>(&variants(127)).is_ok());
        for depth in [128, 100_000] {
            for error in [from::<Value>(&lists(depth)).unwrap_err(), from::<Shape>(&variants(depth)).unwrap_err()] {
                assert_eq!(error.code(), &Code::BadRequest);
            }
            refused!(u32, &lists(depth) => "", "type", "expected u32");
            #[derive(Debug, Deserialize)]
            struct Ignores {}
            assert!(from::<Ignores>(&[b"\x81\xa1x", &lists(depth)[..]].concat()).is_ok());
        }
    });
    small_stack.expect("a thread").join().expect("no overflow");
}

/// Types that choose by `is_human_readable`, outside of and inside what serde buffers.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Places {
    address: IpAddr,
    loose: Loose,
    #[serde(flatten)]
    rest: BTreeMap<String, IpAddr>,
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
enum Loose {
    Number(u8),
    Address(IpAddr),
}

#[test]
fn what_differs_for_people_is_as_in_json() {
    let address: IpAddr = "10.0.0.1".parse().unwrap();
    let places = Places { address, loose: Loose::Address(address), rest: [("x".to_owned(), address)].into() };
    let json = serde_json::to_value(&places).unwrap();
    assert_eq!(from::<Value>(&to(&places)).unwrap(), json);
    assert_eq!(from::<Places>(&to(&json)).unwrap(), places);
}

#[test]
fn a_raw_value_is_the_json_of_the_payload() {
    let raw: Box<RawValue> = from(b"\x82\xa1a\x91\x01\xa1b\xa1\"").unwrap();
    assert_eq!(raw.get(), r#"{"a":[1],"b":"\""}"#);
    assert_eq!(to(&raw), b"\x82\xa1a\x91\x01\xa1b\xa1\"");
    assert_eq!(from::<Vec<Box<RawValue>>>(b"\x91\xc0").unwrap()[0].get(), "null");
}

#[test]
fn floats_that_json_lacks_are_themselves() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
        assert_eq!(from::<f64>(&to(&value)).unwrap().to_bits(), value.to_bits());
    }
    assert!(from::<f32>(&to(&f32::NAN)).unwrap().is_nan());
    assert_eq!(from::<f64>(&to(&1.1f32)).unwrap(), f64::from(1.1f32));
}

#[test]
fn integers_of_128_bits_come_back() {
    for value in [i128::MIN, -1, 0, i128::from(u64::MAX) + 1, i128::MAX] {
        assert_eq!(from::<i128>(&to(&value)).unwrap(), value);
    }
    assert_eq!(from::<u128>(&to(&u128::MAX)).unwrap(), u128::MAX);
    refused!(i128, &to(&u128::MAX) => "", "type", "expected i128");
    refused!(u128, b"\xff" => "", "value", "expected u128");
}
