//! Guards, interceptors, pipes and filters in attribute form, over a real socket: the cases of NestJS, and our own.
mod filters;
mod guards;
mod order;
mod pipes;
mod rooms;
mod streams;

use parking_lot::Mutex;
use serde_json::Value;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{AsyncGuard, Call, Pipe};
use switchboard::{Error, injectable};

/// What has happened, in its order.
#[injectable]
struct Journal {
    lines: Mutex<Vec<String>>,
}

impl Journal {
    fn write(&self, line: impl Into<String>) {
        self.lines.lock().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock())
    }
}

/// A guard that is given, and that waits.
struct NotOnSundays {
    sunday: bool,
}

impl AsyncGuard for NotOnSundays {
    async fn message(&self, call: &Call) -> Result<(), Error> {
        tokio::task::yield_now().await;
        if self.sunday { Err(Error::new("sunday", format!("No {} today", call.event()))) } else { Ok(()) }
    }
}

/// Puts its letter behind every text.
struct Letter(char);

impl Pipe<Value> for Letter {
    type From = Value;

    fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        match value {
            Value::String(text) if text.contains('!') => Err(Error::validation_failed("Not so loud")),
            Value::String(text) => Ok(format!("{text}{}", self.0).into()),
            other => Ok(other),
        }
    }
}

impl Pipe<String> for Letter {
    type From = String;

    fn transform(&self, text: String, _: &MessageContext<'_>) -> Result<String, Error> {
        Ok(format!("{text}{}", self.0))
    }
}

/// Errors of an application's own.
struct Missing(&'static str);

struct Full;

impl From<Missing> for Error {
    fn from(missing: Missing) -> Error {
        Error::new("missing", missing.0)
    }
}

impl From<Full> for Error {
    fn from(_: Full) -> Error {
        Error::new("full", "full")
    }
}
