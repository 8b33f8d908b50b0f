//! The native JSON protocol: docs/limits.md group D.
mod messages;
mod payloads;

use garde::Validate;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use switchboard::{App, Gateway, Limits, Valid};
use switchboard_rig::RawClient;

struct Desk;

#[derive(Deserialize)]
struct Small {
    count: u8,
    #[serde(default)]
    kind: Option<Kind>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Red,
    Green,
}

#[derive(Deserialize, Validate)]
struct Form {
    #[garde(inner(length(chars, max = 3)))]
    words: Vec<String>,
}

impl Desk {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn any(&self, _: Value) -> &'static str {
        "taken"
    }
    async fn ignores(&self) -> &'static str {
        "taken"
    }
    async fn whole(&self, number: i64) -> i64 {
        number
    }
    async fn float(&self, number: f64) -> bool {
        number.is_finite()
    }
    async fn small(&self, small: Small) -> u8 {
        small.count + small.kind.map_or(0, |kind| kind as u8)
    }
    async fn sign_up(&self, signup: Valid<Signup>) -> usize {
        signup.name.len() + signup.tags.len() + usize::from(signup.age) + signup.note.len()
    }
    async fn form(&self, form: Valid<Form>) -> usize {
        form.words.len()
    }
    async fn wait(&self, ms: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }
    async fn boom(&self) {
        panic!("the secret of the panic")
    }
    async fn huge(&self, len: usize) -> String {
        "x".repeat(len)
    }
}

fn desk(limits: Limits) -> App {
    let gateway = Gateway::new(Desk)
        .on("echo", Desk::echo)
        .on("any", Desk::any)
        .on("ignores", Desk::ignores)
        .on("whole", Desk::whole)
        .on("float", Desk::float)
        .on("small", Desk::small)
        .on("form", Desk::form)
        .on("sign_up", Desk::sign_up)
        .on("wait", Desk::wait)
        .on("boom", Desk::boom)
        .on("huge", Desk::huge);
    App::new().gateway("/ws", gateway).limits(limits)
}

fn roomy() -> Limits {
    Limits::default().max_message(4 << 20).malformed_per_10s(100_000)
}

const WELL: &str = r#"{"event":"echo","data":"well"}"#;

/// What must never come back.
const SECRET: &str = "s3cr3t";

/// Sends a frame and gives the exception that answers it.
async fn exception(peer: &mut RawClient, sent: &str) -> Value {
    let text = peer.request(sent).await;
    let shown: String = sent.chars().take(100).collect();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["event"], "exception", "{shown}: {text}");
    let data = &answer["data"];
    assert_eq!(data["status"], "error", "{shown}");
    assert!(data["message"].as_str().is_some_and(|message| !message.is_empty()), "{shown}");
    assert!(data["retryable"].is_boolean(), "{shown}");
    assert!(!text.contains(SECRET), "{shown}: {text}");
    assert!(text.len() < 2500, "{shown}: an answer of {} bytes", text.len());
    answer
}

async fn expect_code(peer: &mut RawClient, row: &str, sent: &str, code: &str, id: Value) {
    let answer = exception(peer, sent).await;
    assert_eq!(answer["data"]["code"], code, "{row}");
    assert_eq!(answer.get("id").cloned().unwrap_or(Value::Null), id, "{row}");
}

#[derive(Deserialize, Validate)]
struct Signup {
    #[garde(length(chars, min = 3, max = 8))]
    name: String,
    #[garde(range(min = 18, max = 120))]
    age: u8,
    #[garde(inner(ascii))]
    tags: Vec<String>,
    #[garde(custom(no_secret))]
    note: String,
}

fn no_secret(note: &str, (): &()) -> garde::Result {
    if note == SECRET { Err(garde::Error::new("says too much")) } else { Ok(()) }
}
