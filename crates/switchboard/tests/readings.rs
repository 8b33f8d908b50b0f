//! Every payload has one reading: whoever asks for it, in whatever format it came, a type gets the same value or the same refusal.
//!
//! `precision` runs these tests again with serde_json's feature `arbitrary_precision`, which any crate of an application may turn on.
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::Debug;
use switchboard::codec::{Codec, Incoming, Json, Lend, Outgoing, Rejected};
use switchboard::handler::{Context, FromMessage, MessageContext};
use switchboard::pipeline::{Call, Guard, GuardDef, Interceptor, Next, Pipe};
use switchboard::testing::{TestApp, TestClient};
use switchboard::{App, Binary, Client, Error, Gateway, HandlerDef, Meta, Reply};
use switchboard_core::codec::msgpack;
use tokio::runtime::Runtime;

/// JSON, each byte turned over: a format of the application's own.
struct Turned;

fn turn(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

impl Codec for Turned {
    fn protocol(&self) -> &str {
        "turned.test"
    }

    /// The payloads are not looked at: what serde_json would make of them is seen when they are read.
    fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
        #[derive(Deserialize)]
        struct Frame<'f> {
            event: String,
            id: u64,
            #[serde(borrow)]
            data: &'f RawValue,
            #[serde(borrow)]
            meta: Option<&'f RawValue>,
        }
        let json = turn(frame);
        let frame: Frame<'_> = serde_json::from_slice(&json).map_err(|_| Error::bad_request("No frame"))?;
        let bytes = |json: &RawValue| Cow::Owned(json.get().as_bytes().to_vec());
        Ok(Incoming::Request(switchboard::codec::Request {
            event: Cow::Owned(frame.event),
            data: (frame.data.get() != "null").then(|| bytes(frame.data)),
            id: switchboard::codec::Id::number(frame.id),
            meta: frame.meta.map(bytes),
        }))
    }

    fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
        Json.read(payload, lend);
    }

    fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let mut json = Vec::new();
        Json.encode(frame, &mut json)?;
        out.extend(turn(&json));
        Ok(())
    }
}

/// A document that all formats have.
#[derive(Clone, Debug)]
enum Doc {
    Null,
    Bool(bool),
    /// From `i64::MIN` to `u128::MAX`.
    Negative(i64),
    Positive(u128),
    Float(f64),
    Text(String),
    List(Vec<Doc>),
    Map(Vec<(String, Doc)>),
}

impl Doc {
    fn json(&self) -> String {
        match self {
            Doc::Null => "null".to_owned(),
            Doc::Bool(value) => value.to_string(),
            Doc::Negative(value) => value.to_string(),
            Doc::Positive(value) => value.to_string(),
            Doc::Float(value) => format!("{value:?}"),
            Doc::Text(text) => serde_json::to_string(text).unwrap(),
            Doc::List(items) => format!("[{}]", items.iter().map(Doc::json).collect::<Vec<_>>().join(" , ")),
            Doc::Map(members) => {
                let member = |(key, value): &(String, Doc)| format!("{:?}: {}", key, value.json());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }

    fn pack(&self, out: &mut Vec<u8>) {
        let head = |out: &mut Vec<u8>, marker: u8, count: usize| {
            out.push(marker);
            out.extend_from_slice(&u16::try_from(count).unwrap().to_be_bytes());
        };
        match self {
            Doc::Null => msgpack::encode_data(out, &()).unwrap(),
            Doc::Bool(value) => msgpack::encode_data(out, value).unwrap(),
            Doc::Negative(value) => msgpack::encode_data(out, value).unwrap(),
            // A text, beyond 64 bits.
            Doc::Positive(value) => msgpack::encode_data(out, value).unwrap(),
            Doc::Float(value) => msgpack::encode_data(out, value).unwrap(),
            Doc::Text(text) => msgpack::encode_data(out, text).unwrap(),
            Doc::List(items) => {
                head(out, 0xdc, items.len());
                items.iter().for_each(|item| item.pack(out));
            }
            Doc::Map(members) => {
                head(out, 0xde, members.len());
                for (key, value) in members {
                    msgpack::encode_data(out, key).unwrap();
                    value.pack(out);
                }
            }
        }
    }

    fn member(key: &str, value: Doc) -> Doc {
        Doc::Map(vec![(key.to_owned(), value)])
    }
}

fn docs() -> impl Strategy<Value = Doc> {
    let leaf = prop_oneof![
        Just(Doc::Null),
        any::<bool>().prop_map(Doc::Bool),
        prop_oneof![Just(i64::MIN), -300..0i64].prop_map(Doc::Negative),
        prop_oneof![
            Just(u128::MAX),
            Just(u128::from(u64::MAX) + 1),
            Just(u128::from(u64::MAX)),
            Just(1 << 53),
            any::<u64>().prop_map(u128::from),
            0..300u128,
            any::<u128>(),
        ]
        .prop_map(Doc::Positive),
        prop_oneof![
            Just(1.5),
            Just(5.0),
            Just(-0.0),
            Just(1e300),
            Just(1.7e12),
            Just(0.1),
            any::<i32>().prop_map(|n| f64::from(n) / 8.0),
        ]
        .prop_map(Doc::Float),
        prop_oneof![
            "[a-z ]{0,6}".prop_map(Doc::Text),
            prop::sample::select(vec!["AQL/", "Dot", "$serde_json::private::RawValue", "7"])
                .prop_map(|text| Doc::Text(text.to_owned())),
        ],
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = prop::sample::select(vec!["wei", "at", "note", "type", "Circle", "a", "b", "k"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Doc::List),
            prop::collection::vec((key.prop_map(str::to_owned), inner), 0..4).prop_map(Doc::Map),
        ]
    })
}

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

/// Bytes, as serde has them: another value in each format.
#[derive(Debug)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

struct Lab;

/// What a guard, an extractor and `#[key]` ask for.
struct Keyed<T>(T);

impl<T: DeserializeOwned + Send + 'static> FromMessage for Keyed<T> {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Keyed<T>, Error> {
        cx.key("k").map(Keyed)
    }
}

impl Lab {
    async fn shows<T: Debug>(&self, value: T) -> String {
        format!("{value:?}")
    }

    async fn shows_key<T: Debug>(&self, keyed: Keyed<T>) -> String {
        format!("{:?}", keyed.0)
    }

    async fn gives<T>(&self, value: T) -> T {
        value
    }
}

/// Changes nothing.
struct Same;

impl Pipe<Value> for Same {
    type From = Value;

    fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        Ok(value)
    }
}

impl Interceptor for Same {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        next.run().await?.map(|value| value)
    }
}

/// Lets the message wait, so that it is read from a copy.
struct Passes;

impl Interceptor for Passes {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        next.run().await
    }
}

macro_rules! types {
    ($($name:literal: $type:ty;)*) => {
        const TYPES: &[&str] = &[$($name),*];

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

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Json,
    MessagePack,
    Turned,
}

const FORMATS: [Format; 3] = [Format::Json, Format::MessagePack, Format::Turned];

struct Asker {
    client: TestClient,
    format: Format,
}

impl Asker {
    async fn connect(app: &TestApp, format: Format) -> Asker {
        let connecting = app.connecting("/ws");
        let client = match format {
            Format::Json => connecting.connect().await,
            Format::MessagePack => connecting.message_pack().connect().await,
            Format::Turned => connecting.protocol("turned.test").connect().await,
        };
        Asker { client, format }
    }

    /// The frame that answers, as JSON, and how it came.
    async fn ask(&mut self, event: &str, data: &Doc) -> (Value, Vec<u8>) {
        let text = format!(r#"{{"event":{event:?},"data":{},"id":7}}"#, data.json());
        match self.format {
            Format::Json => self.client.send_text(text).await,
            Format::Turned => self.client.send_binary(turn(text.as_bytes())).await,
            Format::MessagePack => {
                let mut frame = b"\x83\xa2id\x07\xa5event".to_vec();
                msgpack::encode_data(&mut frame, event).unwrap();
                frame.extend_from_slice(b"\xa4data");
                data.pack(&mut frame);
                self.client.send_binary(frame).await;
            }
        }
        self.answer().await
    }

    async fn answer(&mut self) -> (Value, Vec<u8>) {
        if self.format == Format::Json {
            let text = self.client.expect_text().await;
            return (serde_json::from_str(&text).unwrap(), text.into_bytes());
        }
        let bytes = self.client.expect_binary().await;
        let value = match self.format {
            // As a type that takes what a `Value` does not, such as bytes.
            Format::MessagePack => msgpack::from_data::<Frame>(msgpack::Raw::new(&bytes)).unwrap().value(),
            _ => serde_json::from_slice(&turn(&bytes)).unwrap(),
        };
        (value, bytes)
    }

    /// What a type makes of it: what it shows, or the refusal, whose place is told from the key.
    async fn reading(&mut self, event: &str, data: &Doc) -> String {
        let (answer, _) = self.ask(event, data).await;
        let data = &answer["data"];
        if answer["event"] != "exception" {
            return data.to_string();
        }
        let details = data["details"].as_array().cloned().unwrap_or_default();
        let told = details.into_iter().map(|mut detail| {
            let path = detail["path"].as_str().unwrap();
            let is_keyed = event.starts_with("keyed") || event.starts_with("pikey");
            detail["path"] = path.strip_prefix("/k").filter(|_| is_keyed).unwrap_or(path).into();
            detail.to_string()
        });
        format!("{}: {} {}", data["code"], data["message"], told.collect::<String>())
    }

    /// The frame in which it comes back.
    async fn comes_back(&mut self, event: &str, data: &Doc) -> (bool, Vec<u8>) {
        let (answer, bytes) = self.ask(event, data).await;
        let refused = answer["event"] == "exception";
        let told = if refused { answer["data"]["details"].to_string().into_bytes() } else { bytes };
        let turned = self.format == Format::Turned && !refused;
        let mut told = if turned { turn(&told) } else { told };
        if self.format == Format::Turned {
            // A codec of the application's own has no raw JSON, which is white space besides its parts.
            told.retain(|byte| *byte != b' ');
        }
        // The events differ in the word at their end.
        for word in [&b"later"[..], b"again", b"piped"] {
            if let Some(at) = told.windows(word.len()).position(|part| part == word) {
                told[at..at + word.len()].copy_from_slice(b".....");
            }
        }
        (refused, told)
    }

    async fn check(&mut self, doc: &Doc) {
        let key = Doc::Map(vec![
            ("j".to_owned(), Doc::List(vec![Doc::Float(0.5), Doc::Null])),
            ("k".to_owned(), doc.clone()),
            ("l".to_owned(), Doc::member("k", Doc::Bool(true))),
        ]);
        for name in TYPES {
            let whose = format!("{:?} {name} {}", self.format, doc.json());
            let plain = self.reading(&format!("plain {name}"), doc).await;
            for (way, doc) in [("piped", doc), ("later", doc), ("keyed", &key), ("pikey", &key)] {
                let other = self.reading(&format!("{way} {name}"), doc).await;
                assert_eq!(other, plain, "{way} {whose}");
            }
            let later = self.comes_back(&format!("gives {name} later"), doc).await;
            // Kept for an interceptor, a codec's raw text is written again: 1e300 as 1e+300.
            let is_rewritten = self.format == Format::Turned && *name == "RawValue";
            for way in if is_rewritten { &["again"][..] } else { &["again", "piped"] } {
                let other = self.comes_back(&format!("gives {name} {way}"), doc).await;
                assert_eq!(other.0, later.0, "{way} {whose}");
                assert!(other == later, "{way} {whose}: {:?} {:?}", lossy(&other.1), lossy(&later.1));
            }
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The parts of an answer that are looked at.
#[derive(Deserialize)]
struct Frame {
    event: String,
    #[serde(default)]
    data: Option<Loose>,
}

/// A payload, of which bytes are left out.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Value(Value),
    Other(serde::de::IgnoredAny),
}

impl Frame {
    fn value(self) -> Value {
        let data = match self.data {
            Some(Loose::Value(value)) => value,
            Some(Loose::Other(_)) | None => Value::Null,
        };
        serde_json::json!({"event": self.event, "data": data})
    }
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

/// Cuts white space off texts, and counts.
struct Changes;

impl Pipe<Value> for Changes {
    type From = Value;

    fn transform(&self, mut value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        value["note"] = "changed".into();
        value.as_object_mut().unwrap().remove("secret");
        Ok(value)
    }
}

impl Interceptor for Changes {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        next.run().await?.map(|mut value| {
            value["note"] = "told".into();
            value
        })
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Changed {
    wei: u128,
    note: String,
    bytes: Bytes,
    secret: Option<bool>,
}

/// What is not touched stays as it came, though what is beside it changes.
#[tokio::test]
async fn what_a_pipe_or_an_interceptor_leaves_stays_as_it_came() {
    let changes = HandlerDef::new(Lab::shows::<Changed>).pipe(Changes);
    let tells = HandlerDef::new(Lab::gives::<Changed>).pipe(Changes).interceptor(Changes);
    let gateway = Gateway::new(Lab).handler("change", changes).handler("tell", tells);
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    let shown = r#"Changed { wei: 340282366920938463463374607431768211455, note: \"changed\", bytes: Bytes([1, 2, 255]), secret: None }"#;
    let data = r#"{"note":" a ","wei":340282366920938463463374607431768211455,"secret":true,"bytes":[1,2,255]}"#;

    let mut json = app.connect("/ws").await;
    json.send_text(format!(r#"{{"event":"change","data":{data},"id":7}}"#)).await;
    assert_eq!(json.expect_text().await, format!(r#"{{"event":"change","data":"{shown}","id":7}}"#));
    json.send_text(format!(r#"{{"event":"tell","data":{data},"id":7}}"#)).await;
    let told = json.expect_text().await;
    assert!(told.contains(r#""wei":340282366920938463463374607431768211455"#), "{told}");
    assert!(told.contains(r#""note":"told""#) && told.contains(r#""bytes":[1,2,255]"#), "{told}");

    let mut packed = app.connecting("/ws").message_pack().connect().await;
    let data = |event: &[u8]| {
        let mut frame = [b"\x83\xa2id\x07\xa5event", event, b"\xa4data\x84\xa3wei"].concat();
        msgpack::encode_data(&mut frame, &u128::MAX).unwrap();
        frame.extend_from_slice(b"\xa4note\xa3 a \xa6secret\xc3\xa5bytes\xc4\x03\x01\x02\xff");
        frame
    };
    packed.send_binary(data(b"\xa6change")).await;
    let told = packed.expect_binary().await;
    let shown = shown.replace('\\', "");
    assert!(told.windows(shown.len()).any(|part| part == shown.as_bytes()), "{}", lossy(&told));
    packed.send_binary(data(b"\xa4tell")).await;
    let told = packed.expect_binary().await;
    for part in [&b"\xa5bytes\xc4\x03\x01\x02\xff"[..], b"\xa4note\xa4told", b"340282366920938463463374607431768211455"]
    {
        assert!(told.windows(part.len()).any(|bytes| bytes == part), "{}", lossy(&told));
    }
}

/// A guard that reads a part, and a handler that reads all.
struct NoAdmin;

#[derive(Deserialize)]
struct Part {
    admin: Option<bool>,
}

impl Guard for NoAdmin {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        let part: Part = cx.payload()?;
        let key: Option<bool> = cx.key("admin")?;
        if part.admin.or(key).unwrap_or(false) { Err(Error::forbidden("No admins here")) } else { Ok(()) }
    }
}

impl Lab {
    async fn guarded(&self, value: Value) -> Value {
        value
    }
    async fn about(&self, meta: Meta<Value>) -> Value {
        meta.0
    }
    async fn empty(&self) {}
    async fn asks(&self, client: &Client) -> Result<Value, Error> {
        client.emit_with_ack("who?", (), std::time::Duration::from_secs(5)).await
    }
}

#[tokio::test]
async fn d23_a_guard_sees_what_the_handler_sees() {
    let gateway = Gateway::new(Lab)
        .handler("guarded", HandlerDef::new(Lab::guarded).guard(GuardDef::of(NoAdmin).message()))
        .handler("piped", HandlerDef::new(Lab::guarded).pipe(Same))
        .handler("later", HandlerDef::new(Lab::guarded).interceptor(Passes))
        .on("plain", Lab::guarded)
        .on("empty", Lab::empty)
        .on("meta", Lab::about)
        .on("keyed", Lab::shows_key::<Value>)
        .on("typed", Lab::shows::<BTreeMap<String, String>>)
        .on("raw", Lab::shows::<Box<RawValue>>);
    let app = TestApp::new(App::new().codec(Turned).gateway("/ws", gateway));
    for key in ["$serde_json::private::RawValue", "$serde_json::private::Number", "$serde_json::private::x"] {
        let private = Doc::member(key, Doc::Text(r#"{"admin":true}"#.into()));
        let deep = Doc::member("k", Doc::List(vec![Doc::Bool(true), private.clone()]));
        for format in FORMATS {
            let mut asker = Asker::connect(&app, format).await;
            let refuses = |answer: &Value| answer["event"] == "exception" && answer["data"]["code"] == "bad_request";
            for event in ["guarded", "piped", "later", "plain", "keyed", "raw", "typed"] {
                // With `arbitrary_precision` a codec's number cannot be told from it: it is none of digits.
                let may_be_number = format == Format::Turned && key.ends_with("Number");
                for data in [&private, &deep] {
                    let (answer, _) = asker.ask(event, data).await;
                    let refused = refuses(&answer) || may_be_number && answer["event"] == "exception";
                    let unread = format == Format::Turned && event == "typed" && std::ptr::eq(data, &deep);
                    assert!(refused || unread && answer["event"] == "exception", "{format:?} {event} {key}: {answer}");
                }
            }
            if format != Format::Turned {
                assert!(refuses(&asker.ask("empty", &deep).await.0));
            }
            if format == Format::Json {
                let escaped = key.replace('$', "\\u0024").replace('p', "\\u0070");
                for text in [
                    format!(r#"{{"event":"plain","data":{{"{escaped}":"1"}},"id":7}}"#),
                    format!(r#"{{"event":"meta","meta":{{"{key}":"1"}},"id":7}}"#),
                ] {
                    asker.client.send_text(text).await;
                    assert!(refuses(&asker.answer().await.0));
                }
            }
            // As a value it is a text as any other.
            let honest = Doc::member("a", Doc::Text(key.into()));
            assert_eq!(asker.ask("plain", &honest).await.0["data"]["a"], key);
        }
    }
}

/// What it takes of time and memory does not depend on the depth that a text in a text has.
#[tokio::test]
async fn d23_texts_in_texts_are_not_read() {
    let app = TestApp::new(App::new().gateway("/ws", Gateway::new(Lab).on("plain", Lab::guarded)));
    let mut nested = "1".to_owned();
    while nested.len() < 40_000 {
        let text = serde_json::to_string(&nested).unwrap();
        nested = format!(r#"{{"$serde_json::private::RawValue":{text}}}"#);
    }
    let nested = if nested.len() > 60_000 { r#"{"$serde_json::private::RawValue":"1"}"#.to_owned() } else { nested };
    let mut client = app.connect("/ws").await;
    client.send_text(format!(r#"{{"event":"plain","data":{nested},"id":7}}"#)).await;
    client.expect_exception("bad_request").await;
}

#[tokio::test]
async fn d23_answers_have_one_reading() {
    let app = TestApp::new(App::new().codec(Turned).gateway("/ws", Gateway::new(Lab).on("asks", Lab::asks)));
    let mut client = app.connect("/ws").await;
    client.send_text(r#"{"event":"asks","id":1}"#).await;
    assert_eq!(client.expect_text().await, r#"{"event":"who?","data":null,"ack":1}"#);
    client.send_text(r#"{"ack":1,"data":{"$serde_json::private::RawValue":"{\"admin\":true}"}}"#).await;
    client.send_text(r#"{"ack":1,"data":{"admin":false}}"#).await;
    assert_eq!(client.expect_text().await, r#"{"event":"asks","data":{"admin":false},"id":1}"#);
    // It is no answer, and so was a message that waited for the handler.
    client.expect_exception("bad_request").await;
}

/// One key is looked for, and what the others have is skipped, however much that is.
#[tokio::test]
async fn keys_are_read_without_the_others() {
    let app = TestApp::new(App::new().gateway("/ws", Gateway::new(Lab).on("keyed", Lab::shows_key::<u128>)));
    let mut client = app.connect("/ws").await;
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    for (data, answer) in [
        (format!(r#"{{"a":{deep},"k":7,"b":1e400}}"#), Ok("7")),
        (r#"{"k":"not","k":8}"#.to_owned(), Ok("8")),
        (r#"{"\u006b":9}"#.to_owned(), Ok("9")),
        (r#"{"a":{"k":1}}"#.to_owned(), Err(("/k", "missing"))),
        (r#"{"k":8,"k":"not"}"#.to_owned(), Err(("/k", "invalid"))),
        ("null".to_owned(), Err(("/k", "missing"))),
        ("[7]".to_owned(), Err(("", "type"))),
    ] {
        client.send_text(format!(r#"{{"event":"keyed","data":{data},"id":7}}"#)).await;
        match answer {
            Ok(shown) => {
                assert_eq!(client.expect_text().await, format!(r#"{{"event":"keyed","data":"{shown}","id":7}}"#));
            }
            Err(told) => {
                let error: Value = serde_json::from_str(&client.expect_text().await).unwrap();
                let detail = &error["data"]["details"][0];
                assert_eq!((detail["path"].as_str().unwrap(), detail["code"].as_str().unwrap()), told, "{data:.80}");
            }
        }
    }
}
