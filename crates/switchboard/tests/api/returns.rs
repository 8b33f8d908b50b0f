//! What handlers return, as bytes on the wire.
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use switchboard::{App, Code, Error, Gateway, OrInternal, Reply};
use switchboard_rig::{Rig, Stack};

/// A payload that asks for the bad end.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ask {
    Good,
    Bad,
}

#[derive(Serialize)]
struct Point {
    x: u8,
    y: Option<u8>,
}

#[derive(Serialize)]
struct Unit;

/// Serialises as null, and is not `None`.
#[derive(Serialize)]
struct Wrapper(Option<u8>);

struct Unserialisable;

impl Serialize for Unserialisable {
    fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

/// A user's error.
#[derive(Debug)]
enum Mine {
    Poor,
}

impl fmt::Display for Mine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("poor")
    }
}

impl std::error::Error for Mine {}

impl From<Mine> for Error {
    fn from(mine: Mine) -> Error {
        match mine {
            Mine::Poor => Error::new("insufficient_funds", "Too little money"),
        }
    }
}

/// A user's error that is a value too: it has the size of one, and is still an error.
#[derive(Debug, Clone, Copy)]
struct Generic<T>(T);

impl<T: fmt::Display> From<Generic<T>> for Error {
    fn from(generic: Generic<T>) -> Error {
        Error::conflict(generic.0.to_string())
    }
}

// Aliases: `Result` is recognised by its shape.
type R<T> = std::result::Result<T, Error>;
type Result<T, E = Mine> = std::result::Result<T, E>;
type Done = R<()>;
mod elsewhere {
    pub(super) use std::result::Result as Outcome;
}

struct Returns {
    base: u8,
}

impl Returns {
    async fn step<E>(&self, ask: Ask, error: E) -> std::result::Result<u8, E> {
        tokio::task::yield_now().await;
        if ask == Ask::Good { Ok(self.base) } else { Err(error) }
    }

    async fn unit(&self) {}
    async fn unit_spelled(&self) -> () {
        tokio::task::yield_now().await;
    }
    async fn number(&self) -> u8 {
        self.base
    }
    async fn text(&self) -> &'static str {
        "\"é\u{1}"
    }
    async fn cow(&self) -> Cow<'static, str> {
        Cow::Borrowed("cow")
    }
    async fn boxed(&self) -> Box<Point> {
        Box::new(Point { x: 1, y: None })
    }
    async fn list(&self) -> Vec<Point> {
        vec![Point { x: 1, y: Some(2) }, Point { x: 3, y: None }]
    }
    async fn tuple(&self) -> (u8, &'static str, [bool; 2]) {
        (1, "two", [true, false])
    }
    async fn map(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([("a".to_owned(), 0.1), ("b".to_owned(), -1e300)])
    }
    async fn json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    async fn unit_struct(&self) -> Unit {
        Unit
    }
    async fn wrapper(&self) -> Wrapper {
        Wrapper(None)
    }
    async fn unserialisable(&self) -> Unserialisable {
        Unserialisable
    }

    async fn some(&self) -> Option<Point> {
        Some(Point { x: 1, y: None })
    }
    async fn none(&self) -> Option<Point> {
        None
    }
    async fn some_unit(&self) -> Option<()> {
        Some(())
    }
    async fn some_none(&self) -> Option<Option<u8>> {
        Some(None)
    }

    async fn error(&self, ask: Ask) -> std::result::Result<u8, Error> {
        self.step(ask, Error::forbidden("No")).await
    }
    async fn unit_or_error(&self, ask: Ask) -> std::result::Result<(), Error> {
        self.step(ask, Error::not_found("No such thing").retry_after(Duration::from_millis(50))).await.map(drop)
    }
    async fn option_or_error(&self, ask: Ask) -> std::result::Result<Option<u8>, Error> {
        self.step(ask, Error::conflict("No")).await?;
        Ok(None)
    }
    async fn io(&self, ask: Ask) -> io::Result<u8> {
        self.step(ask, io::Error::other("the secret cause")).await
    }
    async fn io_spelled(&self, ask: Ask) -> std::result::Result<u8, io::Error> {
        self.step(ask, io::Error::other("the secret cause")).await
    }
    async fn parse(&self, text: String) -> std::result::Result<u8, std::num::ParseIntError> {
        text.parse()
    }
    async fn mine(&self, ask: Ask) -> std::result::Result<u8, Mine> {
        self.step(ask, Mine::Poor).await
    }
    async fn mine_asked(&self, ask: Ask) -> R<u8> {
        Ok(self.step(ask, Mine::Poor).await?)
    }
    async fn generic(&self, ask: Ask) -> std::result::Result<u8, Generic<&'static str>> {
        self.step(ask, Generic("taken")).await
    }
    async fn or_internal(&self, ask: Ask) -> R<u8> {
        self.step(ask, "the secret cause").await.or_internal()
    }
    async fn boxed_error(&self, ask: Ask) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.step(ask, Mine::Poor).await?)
    }
    async fn anyhow(&self, ask: Ask) -> anyhow::Result<u8> {
        Ok(self.step(ask, Mine::Poor).await?)
    }
    async fn anyhow_wire(&self, ask: Ask) -> anyhow::Result<u8> {
        Ok(self.step(ask, Error::forbidden("No")).await?)
    }
    async fn never_fails(&self) -> Result<u8, std::convert::Infallible> {
        Ok(self.base)
    }

    async fn alias(&self, ask: Ask) -> R<u8> {
        self.step(ask, Error::forbidden("No")).await
    }
    async fn alias_of_unit(&self, ask: Ask) -> Done {
        self.step(ask, Error::forbidden("No")).await.map(drop)
    }
    async fn alias_with_default(&self, ask: Ask) -> Result<u8> {
        self.step(ask, Mine::Poor).await
    }
    async fn renamed(&self, ask: Ask) -> elsewhere::Outcome<u8, Mine> {
        self.step(ask, Mine::Poor).await
    }

    async fn reply_event(&self) -> Reply {
        Reply::event("other", Point { x: 1, y: None })
    }
    async fn reply_value(&self) -> Reply {
        Reply::value(5)
    }
    async fn reply_none(&self) -> Reply {
        Reply::none()
    }
    async fn reply_null(&self) -> Reply {
        Reply::value(None::<u8>)
    }
    async fn reply_broken(&self) -> Reply {
        Reply::event("other", Unserialisable)
    }
    async fn reply_or_error(&self, ask: Ask) -> R<Reply> {
        self.step(ask, Error::forbidden("No")).await.map(|x| Reply::event(format!("other{x}"), x))
    }
    async fn reply_or_mine(&self, ask: Ask) -> Result<Reply> {
        self.step(ask, Mine::Poor).await.map(Reply::value)
    }
}

fn gateway() -> Gateway<Returns> {
    Gateway::shared(Arc::new(Returns { base: 9 }))
        .on("unit", Returns::unit)
        .on("unit_spelled", Returns::unit_spelled)
        .on("number", Returns::number)
        .on("text", Returns::text)
        .on("cow", Returns::cow)
        .on("boxed", Returns::boxed)
        .on("list", Returns::list)
        .on("tuple", Returns::tuple)
        .on("map", Returns::map)
        .on("json", Returns::json)
        .on("unit_struct", Returns::unit_struct)
        .on("wrapper", Returns::wrapper)
        .on("unserialisable", Returns::unserialisable)
        .on("some", Returns::some)
        .on("none", Returns::none)
        .on("some_unit", Returns::some_unit)
        .on("some_none", Returns::some_none)
        .on("error", Returns::error)
        .on("unit_or_error", Returns::unit_or_error)
        .on("option_or_error", Returns::option_or_error)
        .on("io", Returns::io)
        .on("io_spelled", Returns::io_spelled)
        .on("parse", Returns::parse)
        .on("mine", Returns::mine)
        .on("mine_asked", Returns::mine_asked)
        .on("generic", Returns::generic)
        .on("or_internal", Returns::or_internal)
        .on("boxed_error", Returns::boxed_error)
        .on("anyhow", Returns::anyhow)
        .on("anyhow_wire", Returns::anyhow_wire)
        .on("never_fails", Returns::never_fails)
        .on("alias", Returns::alias)
        .on("alias_of_unit", Returns::alias_of_unit)
        .on("alias_with_default", Returns::alias_with_default)
        .on("renamed", Returns::renamed)
        .on("reply_event", Returns::reply_event)
        .on("reply_value", Returns::reply_value)
        .on("reply_none", Returns::reply_none)
        .on("reply_null", Returns::reply_null)
        .on("reply_broken", Returns::reply_broken)
        .on("reply_or_error", Returns::reply_or_error)
        .on("reply_or_mine", Returns::reply_or_mine)
}

/// A value under the request's name.
fn value(event: &str, data: &str) -> String {
    format!(r#"{{"event":"{event}","data":{data},"id":1}}"#)
}

fn exception(event: &str, code: &str, message: &str, retry: &str) -> String {
    format!(
        r#"{{"event":"exception","id":1,"data":{{"status":"error","code":"{code}","message":"{message}","event":"{event}",{retry}}}}}"#
    )
}

fn failure(event: &str, code: Code, message: &str) -> String {
    exception(event, code.as_str(), message, r#""retryable":false"#)
}

fn internal(event: &str) -> String {
    failure(event, Code::Internal, "Internal error")
}

/// Every kind of return, with an `id`: exactly one frame.
#[tokio::test]
async fn answers_to_requests_with_an_id() {
    let rig = Rig::start(Stack::Listen, App::new().gateway("/ws", gateway())).await;
    let mut peer = rig.connect_to("/ws").await;
    for (event, data) in [
        ("unit", "null"),
        ("unit_spelled", "null"),
        ("number", "9"),
        ("text", r#""\"é\u0001""#),
        ("cow", r#""cow""#),
        ("boxed", r#"{"x":1,"y":null}"#),
        ("list", r#"[{"x":1,"y":2},{"x":3,"y":null}]"#),
        ("tuple", r#"[1,"two",[true,false]]"#),
        ("map", r#"{"a":0.1,"b":-1e+300}"#),
        ("json", "null"),
        ("unit_struct", "null"),
        ("wrapper", "null"),
        ("some", r#"{"x":1,"y":null}"#),
        ("none", "null"),
        ("some_unit", "null"),
        ("some_none", "null"),
        ("never_fails", "9"),
        ("reply_value", "5"),
        ("reply_none", "null"),
        ("reply_null", "null"),
    ] {
        peer.expect_request(&format!(r#"{{"event":"{event}","id":1}}"#), &value(event, data)).await;
    }
    peer.expect_request(r#"{"event":"reply_event","id":1}"#, r#"{"event":"other","data":{"x":1,"y":null},"id":1}"#)
        .await;
    for event in ["unserialisable", "reply_broken"] {
        peer.expect_request(&format!(r#"{{"event":"{event}","id":1}}"#), &internal(event)).await;
    }
    for (event, data) in [
        ("error", "9"),
        ("unit_or_error", "null"),
        ("option_or_error", "null"),
        ("io", "9"),
        ("io_spelled", "9"),
        ("mine", "9"),
        ("mine_asked", "9"),
        ("generic", "9"),
        ("or_internal", "9"),
        ("boxed_error", "9"),
        ("anyhow", "9"),
        ("anyhow_wire", "9"),
        ("alias", "9"),
        ("alias_of_unit", "null"),
        ("alias_with_default", "9"),
        ("renamed", "9"),
        ("reply_or_mine", "9"),
    ] {
        peer.expect_request(&format!(r#"{{"event":"{event}","data":"good","id":1}}"#), &value(event, data)).await;
    }
    peer.expect_request(r#"{"event":"parse","data":"12","id":1}"#, &value("parse", "12")).await;
    peer.expect_request(r#"{"event":"reply_or_error","data":"good","id":1}"#, r#"{"event":"other9","data":9,"id":1}"#)
        .await;
}

/// An `Err` of every type, under every name of `Result`: `exception`, and never a success.
#[tokio::test]
async fn errors() {
    let rig = Rig::start(Stack::Listen, App::new().gateway("/ws", gateway())).await;
    let mut peer = rig.connect_to("/ws").await;
    let funds = || Code::from("insufficient_funds");
    let mine = "Too little money";
    for (event, code, message) in [
        ("error", Code::Forbidden, "No"),
        ("option_or_error", Code::Conflict, "No"),
        ("io", Code::Internal, "Internal error"),
        ("io_spelled", Code::Internal, "Internal error"),
        ("mine", funds(), mine),
        ("mine_asked", funds(), mine),
        ("generic", Code::Conflict, "taken"),
        ("or_internal", Code::Internal, "Internal error"),
        // A box tells nothing of the `From` of what is in it.
        ("boxed_error", Code::Internal, "Internal error"),
        ("anyhow", Code::Internal, "Internal error"),
        ("anyhow_wire", Code::Forbidden, "No"),
        ("alias", Code::Forbidden, "No"),
        ("alias_of_unit", Code::Forbidden, "No"),
        ("alias_with_default", funds(), mine),
        ("renamed", funds(), mine),
        ("reply_or_error", Code::Forbidden, "No"),
        ("reply_or_mine", funds(), mine),
    ] {
        peer.expect_request(&format!(r#"{{"event":"{event}","data":"bad","id":1}}"#), &failure(event, code, message))
            .await;
    }
    peer.expect_request(r#"{"event":"parse","data":"x","id":1}"#, &internal("parse")).await;
    peer.expect_request(
        r#"{"event":"unit_or_error","data":"bad","id":1}"#,
        &exception("unit_or_error", "not_found", "No such thing", r#""retryable":true,"retry_after_ms":50"#),
    )
    .await;
}

/// Without an `id`, `()`, `None`, `Ok(())`, `Ok(None)` and `Reply::none()` are silence; null of any other type is a value.
#[tokio::test]
async fn silence() {
    let rig = Rig::start(Stack::Listen, App::new().gateway("/ws", gateway())).await;
    let mut peer = rig.connect_to("/ws").await;
    let silent = [
        ("unit", "null"),
        ("unit_spelled", "null"),
        ("none", "null"),
        ("unit_or_error", r#""good""#),
        ("option_or_error", r#""good""#),
        ("alias_of_unit", r#""good""#),
        ("reply_none", "null"),
    ];
    for (event, data) in silent {
        peer.send(format!(r#"{{"event":"{event}","data":{data}}}"#)).await;
        // What comes next is the answer to what comes next.
        peer.expect_request(r#"{"event":"number"}"#, r#"{"event":"number","data":9}"#).await;
    }
    for event in ["json", "unit_struct", "wrapper"] {
        peer.expect_request(&format!(r#"{{"event":"{event}"}}"#), &format!(r#"{{"event":"{event}","data":null}}"#))
            .await;
    }
    peer.expect_request(r#"{"event":"reply_event"}"#, r#"{"event":"other","data":{"x":1,"y":null}}"#).await;
    peer.expect_request(r#"{"event":"reply_or_error","data":"good"}"#, r#"{"event":"other9","data":9}"#).await;
    peer.expect_request(
        r#"{"event":"error","data":"bad"}"#,
        r#"{"event":"exception","data":{"status":"error","code":"forbidden","message":"No","event":"error","retryable":false}}"#,
    )
    .await;
}
