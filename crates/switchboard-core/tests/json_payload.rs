//! Payloads and what a client reads when one does not fit, by the rows of group D.
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_core::codec::json;
use switchboard_core::{Code, Error};

#[derive(Debug, PartialEq, Deserialize)]
struct Message {
    author: String,
    #[serde(default)]
    lines: Vec<Line>,
    #[serde(rename = "a/b~c", default)]
    odd: Option<u8>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    n: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Dot,
    Circle { r: f64 },
    Text(String),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    A { x: u8 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(u8),
    List(Vec<u8>),
}

/// A type whose own check says what it was given.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Even(String);

impl TryFrom<String> for Even {
    type Error = String;

    fn try_from(text: String) -> Result<Even, String> {
        Err(format!("odd: {text}"))
    }
}

fn from<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let raw: Box<RawValue> = serde_json::from_str(text).expect("the test's JSON");
    json::from_data(Some(&raw))
}

/// The path, code and message of the one detail.
#[track_caller]
fn refusal<T: DeserializeOwned>(text: &str) -> (String, String, String) {
    let start = text.get(..80).unwrap_or(text);
    let Err(error) = from::<T>(text) else { panic!("accepted: {start}") };
    assert_eq!(error.code(), &Code::ValidationFailed, "{start}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let [detail] = error.details() else { panic!("{error:?}") };
    assert!(detail.path.len() <= 256 && detail.message.len() <= 400, "{start}");
    (detail.path.clone(), detail.code.to_string(), detail.message.clone())
}

macro_rules! refused {
    ($type:ty, $text:expr => $path:expr, $code:expr, $message:expr) => {
        assert_eq!(refusal::<$type>($text), ($path.to_owned(), $code.to_owned(), $message.to_owned()));
    };
}

#[test]
fn a_payload_that_fits_is_built() {
    let message: Message = from(r#"{"author":"a","lines":[{"text":"x","n":1}],"later":{"unknown":[]}}"#).unwrap();
    assert_eq!(message.lines, [Line { text: "x".into(), n: 1 }]);
    assert_eq!(from::<Shape>(r#""dot""#).unwrap(), Shape::Dot);
    assert_eq!(from::<Box<RawValue>>("[1e400]").unwrap().get(), "[1e400]");
}

#[test]
fn d14_missing_data_is_null() {
    let _: () = json::from_data(None).unwrap();
    assert_eq!(json::from_data::<Option<u8>>(None).unwrap(), None);
    assert_eq!(json::from_data::<Value>(None).unwrap(), Value::Null);
    let missing = json::from_data::<Message>(None).unwrap_err();
    let null = from::<Message>("null").unwrap_err();
    for error in [missing, null] {
        assert_eq!(error.code(), &Code::ValidationFailed);
        let [detail] = error.details() else { panic!("{error:?}") };
        assert_eq!((&*detail.path, &*detail.code, &*detail.message), ("", "missing", "data is missing"));
    }
}

#[test]
fn d14_a_wrong_type_is_named_by_place_and_expectation() {
    refused!(u32, r#""secret""# => "", "type", "expected u32");
    refused!(Message, r#"{"author":["secret"]}"# => "/author", "type", "expected a string");
    refused!(Message, r#"{"author":"a","lines":[{"text":"x","n":1},{"text":"x","n":"secret"}]}"#
        => "/lines/1/n", "type", "expected u32");
    refused!(Message, r#"{"author":"a","a/b~c":"secret"}"# => "/a~1b~0c", "type", "expected u8");
    refused!(Message, r#"{"author":"a","lines":"secret"}"# => "/lines", "type", "expected an array");
    refused!(Message, r#""secret""# => "", "type", "expected an object");
    refused!(HashMap<String, u8>, r#"{"x":{"secret":1}}"# => "/x", "type", "expected u8");
    refused!((), r#""secret""# => "", "type", "expected null");
    // What a client writes cannot pass for the schema's words.
    refused!(u32, r#""a, expected secret, expected secret""# => "", "type", "expected u32");
}

#[test]
fn d14_fields_missing_unknown_and_twice() {
    refused!(Message, r#"{}"# => "/author", "missing", "is missing");
    refused!(Message, r#"{"author":"a","lines":[{"text":"secret"}]}"# => "/lines/0/n", "missing", "is missing");
    refused!(Message, r#"{"author":"secret","author":"secret"}"# => "/author", "duplicate_field", "occurs twice");
    refused!(Message, r#"{"author":"a","lines":[{"secret":1}]}"#
        => "/lines/0", "unknown_field", "has a field that is not known, expected `text` or `n`");
}

#[test]
fn d14_unknown_enums_and_extra_variants() {
    refused!(Shape, r#""secret""# => "", "variant", "expected one of `dot`, `circle`, `text`");
    refused!(Vec<Shape>, r#"["dot",{"circle":{"r":"secret"}}]"# => "/1/circle/r", "type", "expected f64");
    refused!(Vec<Shape>, r#"[5]"# => "/0", "variant", "is not one of the variants");
    refused!(Shape, r#""circle""# => "/circle", "type", "expected an object");
    refused!(Shape, r#""text""# => "/text", "type", "expected a value");
    refused!(Shape, r#"{"dot":null,"text":"secret"}"# => "", "variant", "is not one of the variants");
    refused!(Tagged, r#"{"type":"secret"}"# => "/type", "variant", "expected `A`");
    refused!(Tagged, r#"{"type":"A","x":"secret"}"# => "", "type", "expected u8");
    refused!(Loose, r#""secret""# => "", "invalid", "is not valid");
    refused!(HashMap<u8, u8>, r#"{"secret":1}"# => "", "invalid", "is not valid");
}

#[test]
fn d14_the_text_of_a_custom_check_is_not_sent() {
    refused!(Vec<Even>, r#"["secret"]"# => "/0", "invalid", "is not valid");
}

#[test]
fn d11_numbers_out_of_range() {
    for number in ["1e400", "-1e400", &"1".repeat(100_000)] {
        refused!(Vec<f64>, &format!("[1,{number}]") => "/1", "number", "is a number out of range");
        refused!(Vec<u32>, &format!("[1,{number}]") => "/1", "number", "is a number out of range");
        refused!(Value, &format!("[1,{number}]") => "/1", "number", "is a number out of range");
    }
    refused!(u64, "-0" => "", "type", "expected u64");
    refused!(u64, "18446744073709551616" => "", "type", "expected u64");
    refused!(i64, "1.5" => "", "type", "expected i64");
    refused!(u8, "256" => "", "value", "expected u8");
    assert_eq!(from::<f64>("-0").unwrap().to_bits(), (-0.0f64).to_bits());
}

#[test]
fn d12_a_huge_string_is_named_by_its_place() {
    let huge = "secret".repeat(200_000);
    refused!(Message, &format!(r#"{{"author":"a","lines":[{{"text":"x","n":"{huge}"}}]}}"#)
        => "/lines/0/n", "type", "expected u32");
    // A key is the client's too: the path ends at the object around it.
    refused!(HashMap<String, HashMap<String, u8>>, &format!(r#"{{"a":{{"{huge}":"x"}}}}"#) => "/a", "type", "expected u8");
    refused!(HashMap<String, Message>, &format!(r#"{{"{huge}":{{}}}}"#) => "", "missing", "is missing");
}

#[test]
fn d12_lone_surrogates_are_not_text() {
    refused!(Vec<String>, r#"["\ud800"]"# => "/0", "invalid", "is not valid");
}

#[test]
fn d03_what_is_built_is_at_most_128_deep() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(from::<Value>(&nested(127)).is_ok());
    for depth in [129, 100_000] {
        let error = from::<Value>(&nested(depth)).unwrap_err();
        assert_eq!(error.code(), &Code::BadRequest);
    }
    refused!(u32, &nested(100_000) => "", "type", "expected u32");
    assert!(from::<Message>(&format!(r#"{{"author":"a","skipped":{}}}"#, nested(100_000))).is_ok());
}
