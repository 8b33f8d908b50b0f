//! [`SocketIoRequest`]: an event for which the server awaits an ack.
use super::engine::Outgoing;
use super::link::Link;
use super::packet::Content;
use crate::testing::failure::Failure;
use crate::testing::logs::Logs;
use crate::testing::wire::Stuck;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use switchboard_core::socketio::{Emit, encode_ack};

/// A request of the server (`emit_with_ack`): [`TestSocketIo::expect_request`](super::TestSocketIo::expect_request). If it
/// is dropped, it is not answered.
#[must_use = "the server waits for `answer`"]
pub struct SocketIoRequest {
    pub(super) event: String,
    pub(super) ack: u64,
    pub(super) content: Content,
    pub(super) namespace: String,
    pub(super) link: Arc<Link>,
    pub(super) logs: Logs,
}

impl SocketIoRequest {
    /// Returns the event's name.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Returns the number that the ack must carry.
    pub fn ack(&self) -> u64 {
        self.ack
    }

    /// Returns the request's data.
    ///
    /// # Panics
    /// If it is not a `T`.
    #[track_caller]
    pub fn data<T: DeserializeOwned>(&self) -> T {
        let place = Location::caller();
        self.content.read().unwrap_or_else(|error| {
            let (content, wanted) = (&self.content, std::any::type_name::<T>());
            self.failure(place).fail(format_args!("the data of {content} is no {wanted}: {error}"))
        })
    }

    /// Answers with an ack, which has no arguments for `()`, and several for an [`Args`](crate::Args). (An ack of a Socket.IO
    /// client is never an error.)
    ///
    /// # Panics
    /// If the value cannot be serialised, or the server takes nothing.
    #[track_caller]
    pub fn answer(self, value: impl Serialize) -> impl Future<Output = ()> {
        let place = Location::caller();
        let Outgoing { mut text, mut attachments } = Outgoing::default();
        text.push(b'4');
        let attach = &mut |bytes: &[u8]| attachments.push(bytes.to_vec());
        if let Err(error) = encode_ack(&mut text, &self.namespace, self.ack, Emit::Value(&value), attach) {
            self.failure(place).fail(format_args!("the answer cannot be serialised: {}", error.source_chain()));
        }
        async move {
            if let Err(Stuck) = self.link.send(Outgoing { text, attachments }).await {
                let patience = self.link.requests.patience;
                self.failure(place).fail(format_args!("the server did not take the answer within {patience:?}"));
            }
        }
    }

    fn failure(&self, place: &'static Location<'static>) -> Failure<'_> {
        Failure { place, logs: &self.logs }
    }
}

impl fmt::Debug for SocketIoRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's request {}", self.content)
    }
}
