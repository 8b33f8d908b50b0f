//! The handshake as bytes: docs/limits.md group A, admission.
mod head;
mod host;
mod negotiation;
mod origins;
mod target;
mod upgrade;

use std::time::Duration;
use switchboard_rig::{Response, Rig, read_to_end};

/// A request that can be bent.
#[derive(Clone)]
struct Ask {
    line: String,
    headers: Vec<(String, String)>,
}

impl Ask {
    fn good() -> Ask {
        let headers = [
            ("Host", "test.example"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "13"),
            // No answer may hold this.
            ("X-Canary", "canary"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Ask { line: "GET /ws HTTP/1.1".to_owned(), headers }
    }

    fn line(mut self, line: impl Into<String>) -> Ask {
        self.line = line.into();
        self
    }

    fn without(mut self, name: &str) -> Ask {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn add(mut self, name: impl Into<String>, value: impl Into<String>) -> Ask {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn set(self, name: &str, value: impl Into<String>) -> Ask {
        self.without(name).add(name, value)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        (text + "\r\n").into_bytes()
    }
}

/// The refusal is a problem (RFC 9457) with a code: a word of the fixed list, and a sentence that holds nothing of the request.
async fn refused(rig: &Rig, ask: Ask, status: u16, reason: &str) -> Response {
    let answer = rig.http(&ask.bytes()).await.unwrap_or_else(|| panic!("no answer to {}", ask.line));
    assert_eq!(answer.status, status, "{} {:?}", ask.line, ask.headers);
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(body["code"], reason, "{} {:?}", ask.line, ask.headers);
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()));
    assert_eq!((&body["type"], &body["status"]), (&"about:blank".into(), &status.into()));
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(5));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.body.len() < 300 && !answer.body.contains("canary"), "{}", answer.body);
    answer
}

/// Refused by the HTTP library, which has no words for it: the status, and the end of the connection.
async fn refused_below(rig: &Rig, bytes: &[u8], status: u16) {
    let mut stream = rig.stream().await;
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
    let answer = rig.http_on(&mut stream, bytes).await.unwrap_or_else(|| panic!("no answer to {shown:?}"));
    assert_eq!(answer.status, status, "{shown:?}");
    assert!(!answer.body.contains("canary"));
    read_to_end(&mut stream, Duration::from_secs(2)).await;
    rig.unnoticed().await;
}

async fn accepted(rig: &Rig, ask: Ask) -> Response {
    let answer = rig.http(&ask.bytes()).await.unwrap_or_else(|| panic!("no answer to {}", ask.line));
    assert_eq!(answer.status, 101, "{} {:?} {}", ask.line, ask.headers, answer.body);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("sec-websocket-extensions"), None);
    answer
}
