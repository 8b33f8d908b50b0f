//! Every type reads the same in every format, and through every way to ask for it.
use super::documents::{Doc, docs};
use super::{Asker, Bytes, FORMATS, Lab, Passes, Same, Turned};
use proptest::test_runner::{Config, TestRunner};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use switchboard::testing::TestApp;
use switchboard::{App, Binary, Gateway, HandlerDef};
use tokio::runtime::Runtime;

#[derive(Debug, Deserialize, Serialize)]
struct Account {
    wei: u128,
    at: Option<u64>,
    note: Option<Value>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Flat {
    a: Option<f64>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Untagged {
    Whole(u64),
    Fraction(f64),
    Text(String),
    List(Vec<Untagged>),
    Account { wei: u64 },
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type")]
enum Tagged {
    Dot,
    Circle { a: f64 },
}

#[derive(Debug, Deserialize, Serialize)]
enum Outside {
    Dot,
    Circle(Value),
}

macro_rules! types {
    ($($name:literal: $type:ty;)*) => {
        pub(super) const TYPES: &[&str] = &[$($name),*];

        fn app() -> App {
            let gateway = Gateway::new(Lab);
            $(let gateway = gateway
                .handler(concat!("plain ", $name), HandlerDef::new(Lab::shows::<$type>))
                .handler(concat!("piped ", $name), HandlerDef::new(Lab::shows::<$type>).pipe(Same))
                .handler(concat!("later ", $name), HandlerDef::new(Lab::shows::<$type>).interceptor(Passes))
                .handler(concat!("keyed ", $name), HandlerDef::new(Lab::shows_key::<$type>))
                .handler(concat!("pikey ", $name), HandlerDef::new(Lab::shows_key::<$type>).pipe(Same))
                .handler(concat!("gives ", $name), HandlerDef::new(Lab::gives::<$type>))
                .handler(concat!("gives ", $name, " later"), HandlerDef::new(Lab::gives::<$type>).interceptor(Passes))
                .handler(concat!("gives ", $name, " again"), HandlerDef::new(Lab::gives::<$type>).interceptor(Same))
                .handler(concat!("gives ", $name, " piped"), HandlerDef::new(Lab::gives::<$type>).pipe(Same));
            )*
            App::new().codec(Turned).gateway("/ws", gateway)
        }
    };
}

types! {
    "u64": u64;
    "i64": i64;
    "u128": u128;
    "i128": i128;
    "u8": u8;
    "f64": f64;
    "f32": f32;
    "bool": bool;
    "String": String;
    "Value": Value;
    "RawValue": Box<RawValue>;
    "Option<u128>": Option<u128>;
    "Vec<u128>": Vec<u128>;
    "Binary": Binary;
    "Bytes": Bytes;
    "map": BTreeMap<String, u128>;
    "Account": Account;
    "Flat": Flat;
    "Untagged": Untagged;
    "Tagged": Tagged;
    "Outside": Outside;
}

#[test]
fn every_type_reads_the_same_in_every_way() {
    let runtime = Runtime::new().unwrap();
    let (app, askers) = runtime.block_on(async {
        let app = TestApp::new(app());
        let mut askers = Vec::new();
        for format in FORMATS {
            askers.push(Asker::connect(&app, format).await);
        }
        (app, askers)
    });
    let askers = RefCell::new(askers);
    let check = |doc: &Doc| {
        for asker in askers.borrow_mut().iter_mut() {
            runtime.block_on(asker.check(doc));
        }
    };
    let wei = 340_282_366_920_938_463_463_374_607_431_768_211_455;
    for doc in [
        Doc::Positive(wei),
        Doc::member("wei", Doc::Positive(wei)),
        Doc::List(vec![Doc::Positive(wei), Doc::Positive(1)]),
        Doc::member("note", Doc::List(vec![Doc::Positive(wei), Doc::Float(0.1)])),
        Doc::Map(vec![("wei".into(), Doc::Positive(1)), ("wei".into(), Doc::Positive(2))]),
        Doc::Map(vec![("type".into(), Doc::Text("Circle".into())), ("a".into(), Doc::Float(1.5))]),
        Doc::member("Circle", Doc::Positive(wei)),
        Doc::Float(1e300),
        Doc::Positive(1 << 53),
        Doc::Text("AQL/".into()),
        Doc::Text(wei.to_string()),
        Doc::List(vec![Doc::Positive(1), Doc::Positive(255)]),
    ] {
        check(&doc);
    }
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&docs(), |doc| {
            check(&doc);
            Ok(())
        })
        .unwrap();
    drop(app);
}
