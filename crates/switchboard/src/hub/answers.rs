//! The answers of several clients to one request.
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

/// What came of [`Broadcast::emit_with_ack`](crate::Broadcast::emit_with_ack): each client that was meant is in one of the lists.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answers<T> {
    /// Who answered, and what, in the order in which the answers came.
    pub answered: Vec<(ClientId, T)>,
    /// Who did not, and why: the errors of [`Client::emit_with_ack`](crate::Client::emit_with_ack); and `overloaded` for who did not
    /// get the event because it was volatile.
    pub failed: Vec<(ClientId, Error)>,
}

impl<T> Answers<T> {
    /// True when everybody has answered, be it nobody at all.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }
}

/// The answers of [`Broadcast::emit_with_ack`](crate::Broadcast::emit_with_ack), to be awaited. Dropped, they are not waited for.
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

/// Who was asked.
pub(crate) struct Asked {
    waiting: IdMap<PendingAck>,
    failed: Vec<(ClientId, Error)>,
    /// At most one answer of each that waits. At its end nobody will answer any more.
    answers: mpsc::Receiver<(ClientId, Answer)>,
}

impl Asked {
    /// Asks each of them, under one number, so that the frame is the same for all of a format.
    pub(crate) fn ask(mut conns: Vec<Arc<Endpoint>>, class: Class<'_>, request: &dyn EncodeRequest) -> Asked {
        // Room for everybody's one answer: to answer is never to wait.
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
            // Who is left has answered, or has left: the channel ends as soon as that is told.
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
    match answer.and_then(|held| held.data().read()) {
        Ok(value) => answers.answered.push((id, value)),
        Err(error) => answers.failed.push((id, error)),
    }
}

fn unread() -> Error {
    Error::overloaded("The client does not read, and the event was volatile")
}

/// The same error for another client; what caused it, as a text.
fn like(error: &Error) -> Error {
    match error.is_internal() {
        true => Error::internal(error.source_chain()),
        false => Error::new(error.code().clone(), error.message().to_owned()),
    }
}
