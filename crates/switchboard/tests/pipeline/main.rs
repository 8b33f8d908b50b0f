//! What stands around handlers, and how they answer, by the hand-written builder, over every kind of stream.
mod acks;
mod concurrency;
mod everywhere;
mod filters;
mod guards;
mod interceptors;
mod pipes;
mod rooms;
mod streams;

use std::sync::{Arc, Mutex};

/// What happened, in order.
#[derive(Clone, Default)]
struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    fn tell(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The data of an `exception`, less what differs each time.
fn exception(text: &str) -> (String, String, Option<serde_json::Value>) {
    let frame: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(frame["event"], "exception", "{text}");
    let word = |name: &str| frame["data"][name].as_str().unwrap_or("").to_owned();
    (word("code"), word("message"), frame.get("id").cloned())
}
