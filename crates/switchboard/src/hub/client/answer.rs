//! [`Answer`]: the future answer of a client.
use crate::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future that [`Client::emit_with_ack`](crate::Client::emit_with_ack) returns. Dropping it gives up the answer.
#[must_use = "await it; the event is sent already"]
pub struct Answer<T>(Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>);

impl<T> Answer<T> {
    pub(crate) fn new(future: impl Future<Output = Result<T, Error>> + Send + 'static) -> Answer<T> {
        Answer(Box::pin(future))
    }
}

impl<T> Future for Answer<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}
