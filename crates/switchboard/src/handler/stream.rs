//! Handlers that return a stream: each item is sent as a frame, and so is the end.
use super::IntoError;
use super::invocation::{Invoke, Step};
use super::reply::IntoReply;
use super::returned::ReplyItem;
use super::sink::ReplySink;
use crate::Error;
use crate::handler::pooled::Invocation;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

pin_project! {
    /// A stream that owns what it needs.
    pub(super) struct Streaming<S, Via> {
        #[pin]
        stream: S,
        via: PhantomData<fn() -> Via>,
    }
}

impl<S, Via> Streaming<S, Via>
where
    S: Stream + Send + 'static,
    S::Item: IntoReply<Via>,
    <S::Item as IntoReply<Via>>::Err: IntoError + 'static,
    Via: 'static,
{
    pub(super) fn invocation(stream: S) -> Invocation {
        Invocation::new(Streaming { stream, via: PhantomData::<fn() -> Via> })
    }
}

impl<S, Via> Invoke for Streaming<S, Via>
where
    S: Stream + Send,
    S::Item: IntoReply<Via>,
    <S::Item as IntoReply<Via>>::Err: IntoError + 'static,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        Poll::Ready(match ready!(self.project().stream.poll_next(cx)) {
            Some(item) => write_item(item, IntoError::into_error, sink),
            None => {
                sink.end();
                Step::Done(sink.failure.take().map_or(Ok(()), Err))
            }
        })
    }
}

fn write_item<T, Via>(item: T, told: fn(T::Err) -> Error, sink: &mut ReplySink<'_>) -> Step
where
    T: IntoReply<Via, Err: 'static>,
{
    sink.begin_item();
    match item.into_reply(sink) {
        Err(error) => Step::Done(Err(sink.fail_with(error, told))),
        Ok(()) => match sink.failure.take() {
            Some(error) => Step::Done(Err(error)),
            None => Step::Item,
        },
    }
}

/// What a handler's future passes to its poller while it runs. The poller takes it right after each poll.
pub(super) enum Yielded {
    Begun,
    Item(Box<dyn FnOnce(&mut ReplySink<'_>) -> Step + Send>),
}

thread_local! {
    static YIELDED: RefCell<Option<Yielded>> = const { RefCell::new(None) };
}

pub(super) fn take_yielded() -> Option<Yielded> {
    YIELDED.take()
}

async fn give(yielded: Yielded) {
    let mut yielded = Some(yielded);
    poll_fn(|_| match yielded.take() {
        Some(given) => {
            YIELDED.set(Some(given));
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}

/// Runs a stream to its end inside the handler's own future, from which the stream may borrow.
pub(super) async fn drive<S, Via>(stream: S)
where
    S: Stream,
    S::Item: ReplyItem<Via>,
{
    let mut stream = pin!(stream);
    give(Yielded::Begun).await;
    while let Some(item) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        give(Yielded::Item(Box::new(move |sink| write_item(item, S::Item::told, sink)))).await;
    }
}
