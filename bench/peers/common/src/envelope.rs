//! `{"event","data"}`, with the three events of the load generator.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
pub struct In<'a> {
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    #[serde(borrow)]
    pub data: &'a RawValue,
}

#[derive(Serialize)]
pub struct Out<'a, T> {
    pub event: &'a str,
    pub data: T,
}

#[derive(Serialize, Deserialize)]
pub struct Echo {
    pub seq: u64,
    pub text: String,
}

#[derive(Serialize, Deserialize)]
pub struct Publish {
    pub room: String,
    pub text: String,
}

/// What a message asks for, with what is to be sent encoded already.
pub enum Request {
    Reply(String),
    Join { room: String, reply: String },
    Publish { room: String, message: String },
}

/// Reads a message. `None`: it is not one of the three events.
pub fn handle(text: &str) -> Option<Request> {
    let In { event, data } = serde_json::from_str(text).ok()?;
    match &*event {
        "echo" => {
            let data: Echo = serde_json::from_str(data.get()).ok()?;
            Some(Request::Reply(encode("echo", &data)))
        }
        "join" => {
            let room: String = serde_json::from_str(data.get()).ok()?;
            let reply = encode("joined", &room);
            Some(Request::Join { room, reply })
        }
        "publish" => {
            let data: Publish = serde_json::from_str(data.get()).ok()?;
            let message = encode("message", &data);
            Some(Request::Publish { room: data.room, message })
        }
        _ => None,
    }
}

fn encode(event: &str, data: impl Serialize) -> String {
    serde_json::to_string(&Out { event, data }).expect("it has no maps with odd keys")
}
