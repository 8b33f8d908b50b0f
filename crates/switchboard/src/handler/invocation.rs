//! A registered handler, its type erased: one virtual call to start, one to poll.
use super::argument::{MessageContext, Needs};
use super::parts::{Parameters, Returned};
use super::{
    AtMostOnePayload, Calls, EachAllowedIn, Handler, Handlers, IntoError, IntoReply, Outcome, ReplySink, Shape,
};
use crate::Error;
use pin_project_lite::pin_project;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A handler that runs.
pub(crate) type Invocation = Pin<Box<dyn Invoke>>;

/// Polls a handler; when it is ready its reply is written to the sink, or the error returned.
pub(crate) trait Invoke: Send {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Outcome>;
}

pin_project! {
    struct Running<F, Via> {
        #[pin]
        future: F,
        via: PhantomData<fn() -> Via>,
    }
}

impl<F, R, Via> Invoke for Running<F, Via>
where
    F: Future<Output = R> + Send,
    R: IntoReply<Via>,
    R::Err: IntoError,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Outcome> {
        self.project().future.poll(cx).map(|reply| {
            reply.into_reply(sink).map_err(IntoError::into_error)?;
            sink.failure.take().map_or(Ok(()), Err)
        })
    }
}

pin_project! {
    /// A handler put together from parts: its reply is checked already.
    struct RunningParts<F> {
        #[pin]
        future: F,
    }
}

impl<F, T> Invoke for RunningParts<F>
where
    F: Future<Output = Result<Returned<T>, Error>> + Send,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Outcome> {
        self.project().future.poll(cx).map(|returned| {
            returned?.write(sink);
            sink.failure.take().map_or(Ok(()), Err)
        })
    }
}

/// Starts a handler: the part that runs on the borrowed message.
pub(crate) trait Start: Send + Sync {
    fn start(&self, cx: &MessageContext<'_>) -> Result<Invocation, Error>;
}

struct Bound<S, H, Args, Via> {
    state: Arc<S>,
    handler: H,
    args: PhantomData<fn() -> (Args, Via)>,
}

impl<S, H, Args, Via: 'static> Start for Bound<S, H, Args, Via>
where
    S: Send + Sync + 'static,
    H: Handler<S, Args>,
    H::Call: Calls<H, S, H::Shape, H::Reply>,
    H::Reply: IntoReply<Via>,
    <H::Reply as IntoReply<Via>>::Err: IntoError,
{
    fn start(&self, cx: &MessageContext<'_>) -> Result<Invocation, Error> {
        let args = H::Shape::extract(cx)?;
        let future = H::Call::call(&self.handler, self.state.clone(), cx.client.clone(), args);
        Ok(Box::pin(Running::<_, Via> { future, via: PhantomData }))
    }
}

struct Assembled<S, F> {
    state: Arc<S>,
    start: F,
}

impl<S, F, Fut, T> Start for Assembled<S, F>
where
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, &MessageContext<'_>) -> Result<Fut, Error> + Send + Sync,
    Fut: Future<Output = Result<Returned<T>, Error>> + Send + 'static,
    T: 'static,
{
    fn start(&self, cx: &MessageContext<'_>) -> Result<Invocation, Error> {
        let future = (self.start)(self.state.clone(), cx)?;
        Ok(Box::pin(RunningParts { future }))
    }
}

/// A handler and what is known of it: what `Gateway::on` registers, and what attributes expand to.
pub struct HandlerDef<S> {
    pub(crate) needs: Needs,
    pub(crate) bind: Box<dyn FnOnce(Arc<S>) -> Box<dyn Start> + Send>,
}

impl<S: Send + Sync + 'static> HandlerDef<S> {
    /// Wraps an `async fn(&S, ..)`.
    pub fn new<H, Args, Via: 'static>(handler: H) -> HandlerDef<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoReply<Via>,
        <H::Reply as IntoReply<Via>>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<Handlers> + AtMostOnePayload,
        Args: 'static,
    {
        let mut needs = Needs::default();
        H::Shape::needs(&mut needs);
        let bind =
            move |state| Box::new(Bound { state, handler, args: PhantomData::<fn() -> (Args, Via)> }) as Box<dyn Start>;
        HandlerDef { needs, bind: Box::new(bind) }
    }

    /// Puts a handler together from parts that are checked one by one: see [`parts`](super::parts).
    ///
    /// `start` reads the parameters from the borrowed message, and returns a future that owns what it needs.
    pub fn from_parts<Data, F, Fut, T>(parameters: Parameters<Handlers, Data>, start: F) -> HandlerDef<S>
    where
        F: Fn(Arc<S>, &MessageContext<'_>) -> Result<Fut, Error> + Send + Sync + 'static,
        Fut: Future<Output = Result<Returned<T>, Error>> + Send + 'static,
        T: 'static,
    {
        let bind = move |state| Box::new(Assembled { state, start }) as Box<dyn Start>;
        HandlerDef { needs: parameters.needs, bind: Box::new(bind) }
    }
}
