//! Keys that mean something to serde_json, and keys that are read alone.
use super::documents::Doc;
use super::{Asker, FORMATS, Format, Lab, Passes, Same, Turned};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{Guard, GuardDef};
use switchboard::testing::TestApp;
use switchboard::{App, Error, Gateway, HandlerDef};

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
