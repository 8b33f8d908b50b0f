//! Guards before the upgrade: real HTTP answers, who the connection belongs to, and what is left when they fail.
mod handshake;
mod live;
mod refusals;
mod users;
mod waiting;

use axum::http::StatusCode;
use std::time::Duration;
use switchboard::pipeline::ConnectGuard;
use switchboard::{Error, Gateway, Handshake};
use switchboard_rig::{Response, Rig};

fn ask(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text =
        format!("GET {path} HTTP/1.1\r\nHost: test.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    text += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

async fn answer(rig: &Rig, path: &str, headers: &[(&str, &str)]) -> Response {
    rig.http(&ask(path, headers)).await.expect("an answer")
}

/// The problem that a refusal describes: its status, code and detail.
fn problem(answer: &Response) -> (u16, String, String) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&body["type"], &body["status"]), (&"about:blank".into(), &answer.status.into()));
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()));
    // An internal error, and a panic, has what its line in the log is found by.
    let trace = body.get("trace_id").map(|trace| trace.as_str().unwrap());
    assert_eq!(trace.is_some(), body["code"] == "internal", "{body}");
    let is_hex = |trace: &str| trace.len() == 32 && trace.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert!(trace.is_none_or(is_hex), "{body}");
    assert_eq!(body.as_object().unwrap().len(), if trace.is_some() { 6 } else { 5 }, "{body}");
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    (answer.status, text("code"), text("detail"))
}

/// Refuses with what the header `x-fail` names.
struct Fails;

impl ConnectGuard for Fails {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        let Some(code) = upgrade.headers().get("x-fail").and_then(|code| code.to_str().ok()) else { return Ok(()) };
        tokio::task::yield_now().await;
        match code {
            "panic" => panic!("canary"),
            "internal" => Err(Error::internal("canary")),
            "chosen" => Err(Error::conflict("No").status(StatusCode::CONFLICT)),
            "later" => Err(Error::rate_limited("Not now").retry_after(Duration::from_millis(61_500))),
            code => Err(Error::new(code.to_owned(), "No")),
        }
    }
}

fn echo() -> Gateway<()> {
    Gateway::functions().on_fn("echo", |text: String| async move { text })
}

const WELL: &str = r#"{"event":"echo","data":"well"}"#;

#[derive(Clone, serde::Deserialize)]
struct Typed {
    token: u32,
}

/// A handler of a gateway of functions, to put a guard on.
fn handler<Fut>(function: fn() -> Fut) -> switchboard::HandlerDef<()>
where
    Fut: Future<Output = &'static str> + Send + 'static,
{
    switchboard::HandlerDef::function(function)
}
