//! Admission: docs/limits.md "Backpressure and admission" 1 and 2, from outside; descriptors and memory in processes of their own.
mod child;
mod limits;
mod places;
mod process;

use std::time::Duration;
use switchboard_rig::{Response, Rig, Stream};

const WELL: &str = r#"{"event":"echo","data":"well"}"#;

const MIB: usize = 1 << 20;

fn ask(forwarded: Option<&str>) -> Vec<u8> {
    ask_with("X-Forwarded-For", forwarded)
}

fn ask_with(name: &str, value: Option<&str>) -> Vec<u8> {
    let text = String::from_utf8(switchboard_rig::upgrade_request("/ws")).unwrap();
    let header = value.map_or(String::new(), |value| format!("{name}: {value}\r\n"));
    text.replacen("\r\n", &format!("\r\n{header}"), 1).into_bytes()
}

type Held = Box<dyn Stream>;

/// A handshake on a stream: the stream, if it is a WebSocket now, or the refusal.
async fn upgrade(rig: &Rig, mut stream: Held, forwarded: Option<&str>) -> Result<Held, Response> {
    let answer = rig.http_on(&mut stream, &ask(forwarded)).await.expect("an answer");
    if answer.status == 101 { Ok(stream) } else { Err(answer) }
}

/// The status and reason of a refusal that says when to come back.
fn refusal(answer: Response) -> (u16, String) {
    let after: u64 = answer.header("retry-after").expect("when to come back").parse().unwrap();
    assert!((1..=10).contains(&after), "{after}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body["code"].as_str().unwrap().to_owned())
}

async fn refused(rig: &Rig, stream: Held, forwarded: Option<&str>) -> (u16, String) {
    refusal(upgrade(rig, stream, forwarded).await.err().expect("one too many"))
}

/// As soon as a place is free.
async fn admitted(rig: &Rig, ip: &str) -> Held {
    for _ in 0..200 {
        if let Ok(held) = upgrade(rig, rig.stream_from(ip).await, None).await {
            return held;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never admitted");
}
