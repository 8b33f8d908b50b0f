//! A line in the log for each refusal.
use axum::http::StatusCode;
use switchboard::pipeline::{Caught, Filter};
use switchboard::{Code, Error, injectable};

/// Logs which user was refused which event, and refused connections. The error is passed on unchanged.
#[injectable]
pub struct Audit;

impl Filter for Audit {
    /// All errors, immediately before they are sent.
    type Error = Error;

    fn catch(&self, error: Error, caught: &Caught<'_>) -> Error {
        if matches!(error.code(), Code::Unauthenticated | Code::Forbidden)
            || error.http_status() == StatusCode::FORBIDDEN
        {
            let user = caught.client().and_then(|client| client.user());
            let user = user.as_ref().map_or("nobody", |user| user.id());
            tracing::warn!(user, event = caught.event(), code = error.code().as_str(), "refused");
        }
        error
    }
}
