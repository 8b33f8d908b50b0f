//! A line in the log for each message.
use std::time::Instant;
use switchboard::pipeline::{Call, Interceptor, Next};
use switchboard::{Error, Reply, injectable};

/// Logs the user, the event, the outcome and the duration of each message; never its payload.
#[injectable]
pub struct AccessLog;

impl Interceptor for AccessLog {
    async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
        let begun = Instant::now();
        let reply = next.run().await;
        let event = if call.is_connect() { "(connect)" } else { call.event() };
        let outcome = reply.as_ref().map_or_else(|error| error.code().as_str().to_owned(), |_| "ok".to_owned());
        let user = call.user();
        let user = user.as_ref().map_or("nobody", |user| user.id());
        tracing::info!(user, event, outcome, took = ?begun.elapsed(), "handled");
        reply
    }
}
