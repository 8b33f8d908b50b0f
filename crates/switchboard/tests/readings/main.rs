//! Every payload has one reading: whoever asks for it, in whatever format it came, a type gets the same value or the same refusal.
//!
//! `precision` runs these tests again with serde_json's feature `arbitrary_precision`, which any crate of an application may turn on.
mod changes;
mod documents;
mod private_keys;
mod types;

use self::documents::Doc;
use self::types::TYPES;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::Debug;
use switchboard::codec::{Codec, Id, Incoming, Json, Lend, Outgoing, Rejected, Request};
use switchboard::handler::{Context, FromMessage, MessageContext};
use switchboard::pipeline::{Call, Interceptor, Next, Pipe};
use switchboard::testing::{TestApp, TestClient};
use switchboard::{Client, Error, Meta, Reply};
use switchboard_core::codec::msgpack;

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
        let request = Request::new(frame.event)
            .with_data((frame.data.get() != "null").then(|| bytes(frame.data)))
            .with_id(Id::number(frame.id))
            .with_meta(frame.meta.map(bytes));
        Ok(Incoming::request(request))
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
            // What a codec of the application wrote is written again when an interceptor kept it: the same number in another
            // notation, such as 1e300 as 1e+300.
            let is_rewritten = self.format == Format::Turned && ["RawValue", "f32"].contains(name);
            for way in ["again", "piped"] {
                let other = self.comes_back(&format!("gives {name} {way}"), doc).await;
                assert_eq!(other.0, later.0, "{way} {whose}");
                let is_same = match is_rewritten && way == "piped" {
                    true => is_alike(&serde_json::from_slice(&other.1).ok(), &serde_json::from_slice(&later.1).ok()),
                    false => other == later,
                };
                assert!(is_same, "{way} {whose}: {:?} {:?}", lossy(&other.1), lossy(&later.1));
            }
        }
    }
}

/// Whether two values differ in nothing but the notation of their numbers.
fn is_alike(one: &Option<Value>, other: &Option<Value>) -> bool {
    fn alike(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
            }
            (Value::Object(one), Value::Object(other)) => {
                let same = |(key, one): (&String, &Value)| other.get(key).is_some_and(|other| alike(one, other));
                one.len() == other.len() && one.iter().all(same)
            }
            _ => one == other,
        }
    }
    match (one, other) {
        (Some(one), Some(other)) => alike(one, other),
        (one, other) => one.is_none() && other.is_none(),
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
