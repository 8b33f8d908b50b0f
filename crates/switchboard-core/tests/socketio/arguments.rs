//! Arguments as payloads.
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_core::socketio::Arguments;

use super::event;

fn arguments(text: &str) -> Arguments<'_> {
    event(text).2.arguments
}

#[derive(Debug, Deserialize, PartialEq)]
struct Point {
    x: u32,
    y: Option<u32>,
}

#[test]
fn none_is_null_one_is_the_payload_and_several_are_an_array() {
    let none = arguments(r#"2["a"]"#);
    assert_eq!((none.len(), none.parse().ok()), (0, Some(Value::Null)));
    assert!(none.parse::<()>().is_ok() && none.parse::<Option<u32>>().is_ok_and(|value| value.is_none()));
    assert_eq!(none.parse::<u32>().unwrap_err().details()[0].code, "missing");
    assert!(none.parse_array::<Vec<u32>>().unwrap().is_empty());

    let one = arguments(r#"2["a", {"x":1} ]"#);
    assert_eq!(one.parse::<Point>().unwrap(), Point { x: 1, y: None });
    assert_eq!(one.parse_array::<(Point,)>().unwrap().0.x, 1);
    assert_eq!(one.only().map(RawValue::get), Some(r#"{"x":1}"#));

    let several = arguments(r#"2["a" , 1 ,"two",{"x":3,"y":4} , [5 , 6], null]"#);
    type Tuple = (u8, String, Point, [u8; 2], Option<bool>);
    let tuple = (1, "two".to_owned(), Point { x: 3, y: Some(4) }, [5, 6], None);
    assert_eq!(several.parse::<Tuple>().unwrap(), tuple);
    assert_eq!(several.parse_array::<Tuple>().unwrap(), tuple);
    assert_eq!(several.len(), 5);
    assert!(several.only().is_none());
    let array = r#"[ 1 ,"two",{"x":3,"y":4} , [5 , 6], null]"#;
    assert_eq!(several.to_array().get(), array);
    assert_eq!(several.parse::<Box<RawValue>>().unwrap().get(), array);
    assert_eq!(several.parse::<Value>().unwrap(), serde_json::from_str::<Value>(array).unwrap());
    assert_eq!(several.iter().len(), 5);
    assert_eq!(format!("{several:?} {:?}", several.iter()), "Arguments(5) Items(5)");
}

/// The same code, path and message as for the array itself, but for a length.
#[test]
fn misfits_of_several_arguments_are_those_of_an_array() {
    fn check<T: serde::de::DeserializeOwned>(array: &str) {
        let text = format!(r#"2["a",{}"#, &array[1..]);
        let own = arguments(&text).parse::<T>().err().expect("a misfit");
        let raw: &RawValue = serde_json::from_str(array).unwrap();
        let other = switchboard_core::codec::json::from_data::<T>(Some(raw)).err().expect("a misfit");
        let of = |error: &switchboard_core::Error| {
            let details: Vec<_> = error.details().iter().map(|detail| format!("{detail:?}")).collect();
            (error.code().clone(), error.message().to_owned(), details)
        };
        assert_eq!(of(&own), of(&other), "{array}");
    }
    check::<u32>("[1,2]");
    check::<String>("[1,2]");
    check::<(u32, bool)>(r#"[1,"x"]"#);
    check::<(u32, Point)>(r#"[1,{"x":"y"}]"#);
    check::<(u32, Point)>(r#"[1,{"y":1}]"#);
    check::<Vec<u8>>("[1,256]");
    check::<(u8, u8, u8)>("[1,2]");
    check::<(f64, f64)>("[1,1e400]");
    check::<Result<u8, u8>>("[1,2]");
    check::<(u8, Result<u8, u8>)>("[1,2]");
    check::<std::collections::HashMap<String, u8>>("[1,2]");
    let long = arguments(r#"2["a",1,2,3]"#).parse::<(u8, u8)>().unwrap_err();
    assert_eq!((long.details()[0].code.as_ref(), long.details()[0].path.as_ref()), ("length", ""));
}

#[test]
fn very_many_arguments_are_counted_and_walked_in_linear_time() {
    let text = format!(r#"2["a"{}]"#, ",0".repeat(400_000));
    let arguments = arguments(&text);
    assert_eq!((arguments.len(), arguments.iter().count()), (400_000, 400_000));
    assert_eq!(arguments.parse::<Vec<u8>>().unwrap().len(), 400_000);
}
