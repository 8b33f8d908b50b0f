//! Payloads of MessagePack that JSON does not have, or has otherwise; that both agree on the rest is in `msgpack_agrees.rs`.
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_core::codec::msgpack::{self, Raw};
use switchboard_core::{AnyFloat, Code, Error};

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

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(f64),
    Text(String),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    Tick { at: u64 },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flat {
    #[serde(flatten)]
    rest: HashMap<String, i64>,
}

#[test]
fn d11_floats_that_json_lacks_are_refused() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for bytes in [to(&value), to(&(value as f32))] {
            refused!(f64, &bytes => "", "number", "is a number out of range");
            refused!(f32, &bytes => "", "number", "is a number out of range");
            refused!(u64, &bytes => "", "number", "is a number out of range");
            refused!(i128, &bytes => "", "number", "is a number out of range");
            refused!(Option<f64>, &bytes => "", "number", "is a number out of range");
            refused!(Value, &bytes => "", "number", "is a number out of range");
            refused!(Box<RawValue>, &bytes => "", "number", "is a number out of range");
            refused!(Either, &bytes => "", "number", "is a number out of range");
            let list = [&b"\x92\x01"[..], &bytes].concat();
            refused!(Vec<f64>, &list => "/1", "number", "is a number out of range");
            let key = [&b"\x81"[..], &bytes, b"\x01"].concat();
            assert!(from::<HashMap<u8, u8>>(&key).is_err() && from::<Value>(&key).is_err());
            let field = [&b"\x81\xa1x"[..], &bytes].concat();
            refused!(BTreeMap<String, f64>, &field => "/x", "number", "is a number out of range");
            // What nobody reads may be anything.
            assert_eq!(from::<Empty>(&field).unwrap(), Empty {});

            assert_eq!(from::<AnyFloat>(&bytes).unwrap().0.to_bits(), value.to_bits());
            assert_eq!(from::<Vec<AnyFloat>>(&list).unwrap().len(), 2);
        }
    }
    for value in [-0.0, 1.5, f64::MAX, 5e-324] {
        assert_eq!(from::<f64>(&to(&value)).unwrap().to_bits(), value.to_bits());
        assert_eq!(from::<AnyFloat>(&to(&value)).unwrap().0.to_bits(), value.to_bits());
    }
    assert_eq!(from::<AnyFloat>(b"\x07").unwrap().0, 7.0);
    assert_eq!(from::<AnyFloat>(b"\xff").unwrap().0, -1.0);
    refused!(AnyFloat, b"\xa6secret" => "", "type", "expected a number");
    assert_eq!(from::<f64>(&to(&1.1f32)).unwrap(), f64::from(1.1f32));
}

#[derive(Debug, PartialEq, Deserialize)]
struct Empty {}

#[test]
fn d11_a_float_beyond_an_f32_is_refused_by_one() {
    for value in [1e300, -1e300, 3.5e38] {
        refused!(f32, &to(&value) => "", "number", "is a number out of range");
        assert_eq!(from::<f64>(&to(&value)).unwrap(), value);
    }
    for value in [f64::from(f32::MAX), f64::from(f32::MIN), 1e-300, 0.1] {
        assert_eq!(from::<f32>(&to(&value)).unwrap(), value as f32);
    }
}

/// `Date.now()`, as msgpackr writes it.
#[test]
fn d09_whole_numbers_as_floats_are_integers() {
    const NOW: u64 = 1_700_000_000_000;
    let now = to(&(NOW as f64));
    assert_eq!(now[0], 0xcb);
    assert_eq!(from::<u64>(&now).unwrap(), NOW);
    assert_eq!(from::<i64>(&now).unwrap(), NOW as i64);
    assert_eq!(from::<u128>(&now).unwrap(), u128::from(NOW));
    assert_eq!(from::<i128>(&now).unwrap(), i128::from(NOW));
    assert_eq!(from::<Option<u64>>(&now).unwrap(), Some(NOW));
    assert_eq!(from::<f64>(&now).unwrap(), NOW as f64);
    assert_eq!(from::<Value>(&now).unwrap(), Value::from(NOW));
    refused!(u32, &now => "", "value", "expected u32");
    refused!(String, &now => "", "type", "expected a string");
    assert_eq!(from::<HashMap<u64, u8>>(&[&b"\x81"[..], &now, b"\x01"].concat()).unwrap(), HashMap::from([(NOW, 1)]));
    let tick = [&b"\x82\xa4type\xa4Tick\xa2at"[..], &now].concat();
    assert_eq!(from::<Tagged>(&tick).unwrap(), Tagged::Tick { at: NOW });
    let flat = from::<Flat>(&[&b"\x81\xa2at"[..], &now].concat()).unwrap();
    assert_eq!(flat.rest["at"], NOW as i64);

    for (float, integer) in [(0.0, 0), (-0.0, 0), (5.0, 5), (-5.0, -5), (-1.7e12, -1_700_000_000_000)] {
        assert_eq!(from::<i64>(&to(&float)).unwrap(), integer);
        assert_eq!(from::<i128>(&to(&float)).unwrap(), i128::from(integer));
    }
    assert_eq!(from::<u8>(&to(&255.0f32)).unwrap(), 255);
    let most = (1i64 << 53) as f64;
    assert_eq!(from::<i64>(&to(&most)).unwrap(), 1 << 53);
    assert_eq!(from::<i64>(&to(&-most)).unwrap(), -(1 << 53));
    for float in [1.5, -0.5, most + 2.0, -most - 2.0, 1e300] {
        refused!(i64, &to(&float) => "", "type", "expected i64");
        refused!(u128, &to(&float) => "", "type", "expected u128");
    }
    // What fits 32 bits was written as a float by someone who means a float.
    assert_eq!(from::<Value>(&to(&5.0)).unwrap(), Value::from(5.0));
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
