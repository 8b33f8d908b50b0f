//! [`Answers`]: the answers of several clients to one request.
use crate::Error;
use crate::client_id::{ClientId, IdMap};
use crate::hub::Endpoint;
use crate::hub::acks::{Answer, PendingAck, left, number_for_several};
use crate::outbound::{Class, EncodeRequest, Event, Pushed};
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// The outcome of [`Broadcast::emit_with_ack`](crate::Broadcast::emit_with_ack). Each receiver is in one of the two lists.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answers<T> {
    /// The clients that answered, with their answers, in the order in which these arrived.
    pub answered: Vec<(ClientId, T)>,
    /// The clients without an answer, each with an error of [`Client::emit_with_ack`](crate::Client::emit_with_ack), or with `overloaded`
    /// if the event was volatile and was dropped for this client.
    pub failed: Vec<(ClientId, Error)>,
}

impl<T> Answers<T> {
    /// True if every receiver has answered. Also true if there was no receiver.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }
}

/// The future that [`Broadcast::emit_with_ack`](crate::Broadcast::emit_with_ack) returns. Dropping it gives up the answers.
#[must_use = "await it; the event is sent already"]
pub struct Answering<T>(Pin<Box<dyn Future<Output = Answers<T>> + Send>>);

impl<T: DeserializeOwned + Send + 'static> Answering<T> {
    pub(crate) fn new(asked: Asked, timeout: Duration) -> Answering<T> {
        Answering(Box::pin(asked.collect(timeout)))
    }
}

impl<T> Future for Answering<T> {
    type Output = Answers<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answers<T>> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Answering<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answering")
    }
}

/// A request that was sent to several clients, and whose answers are awaited.
pub(crate) struct Asked {
    waiting: IdMap<PendingAck>,
    failed: Vec<(ClientId, Error)>,
    /// Carries at most one answer of each client in `waiting`. It ends when no client can answer any more.
    answers: mpsc::Receiver<(ClientId, Answer)>,
}

impl Asked {
    /// Sends the request to each connection under one number, so that connections with the same format share one frame.
    pub(crate) fn ask(mut conns: Vec<Arc<Endpoint>>, class: Class<'_>, request: &dyn EncodeRequest) -> Asked {
        // The capacity fits one answer of each client, so sending an answer never waits.
        let (sender, answers) = mpsc::channel(conns.len().max(1));
        let mut asked = Asked { waiting: IdMap::default(), failed: Vec::new(), answers };
        let ack = number_for_several();
        conns.sort_unstable_by_key(|conn| conn.format);
        for conns in conns.chunk_by(|one, next| one.format == next.format) {
            let encoded = match &ack {
                Ok(ack) => request.encode_request(conns[0].encoding(), *ack).map(|event| (event, *ack)),
                Err(error) => Err(like(error)),
            };
            match encoded {
                Ok((event, ack)) => {
                    let mut frame = event.frame();
                    for conn in conns {
                        if !conn.takes(event.len()) {
                            asked.failed.push((conn.id, Event::too_long()));
                            continue;
                        }
                        let pending = PendingAck::of_several(conn, ack, &sender);
                        let sent = pending.and_then(|pending| match conn.push_event(&mut frame, class) {
                            Pushed::Queued => Ok(pending),
                            Pushed::Dropped if matches!(class, Class::Volatile(_)) => Err(unread()),
                            Pushed::Dropped | Pushed::Gone => Err(left()),
                        });
                        match sent {
                            Ok(pending) => drop(asked.waiting.insert(conn.id, pending)),
                            Err(error) => asked.failed.push((conn.id, error)),
                        }
                    }
                }
                Err(error) => asked.failed.extend(conns.iter().map(|conn| (conn.id, like(&error)))),
            }
        }
        asked
    }

    async fn collect<T: DeserializeOwned>(mut self, timeout: Duration) -> Answers<T> {
        let mut answers = Answers { answered: Vec::new(), failed: std::mem::take(&mut self.failed) };
        let all = async {
            while let Some(answer) = self.answers.recv().await {
                take(&mut self.waiting, answer, &mut answers);
            }
        };
        if tokio::time::timeout(timeout, all).await.is_err() {
            let late = self.waiting.extract_if(.., |_, pending| pending.give_up()).collect::<Vec<_>>();
            let why = || Error::timeout("The client did not answer in time");
            answers.failed.extend(late.into_iter().map(|(id, _)| (id, why())));
            // Each remaining client has answered or left. The channel ends once those answers are received and the senders are dropped.
            while let Some(answer) = self.answers.recv().await {
                take(&mut self.waiting, answer, &mut answers);
            }
        }
        answers.failed.extend(self.waiting.keys().map(|id| (*id, left())));
        answers
    }
}

fn take<T: DeserializeOwned>(
    waiting: &mut IdMap<PendingAck>,
    (id, answer): (ClientId, Answer),
    answers: &mut Answers<T>,
) {
    waiting.swap_remove(&id);
    match answer.and_then(|answered| answered.read()) {
        Ok(value) => answers.answered.push((id, value)),
        Err(error) => answers.failed.push((id, error)),
    }
}

fn unread() -> Error {
    Error::overloaded("The client does not read, and the event was volatile")
}

/// Copies an error for another client. Its cause becomes text.
fn like(error: &Error) -> Error {
    match error.is_internal() {
        true => Error::internal(error.source_chain()),
        false => Error::new(error.code().clone(), error.message().to_owned()),
    }
}
