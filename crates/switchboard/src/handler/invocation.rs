//! A registered handler, its type erased: one virtual call to start, one to poll.
use super::argument::{MessageContext, Requirements};
use super::parts::{Failed, Parameters, Returned, Way};
use super::stream::{Yielded, take_yielded};
use super::{
    AtMostOnePayload, Calls, EachAllowedIn, EachBeside, Handler, Handlers, IntoError, IntoReply, Outcome, ReplySink,
    Shape,
};
use crate::contain::drop_contained;
use crate::handler::pooled::Invocation;
use crate::pipeline::{Declared, FilterDef, InterceptorDef, IntoGuard, PipeDef};
use crate::pipeline::{Filter, Interceptor, Pipe};
use crate::text::short_name;
use crate::{Error, log};
use pin_project_lite::pin_project;
use serde_json::Value;
use std::any::{Any, type_name};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What a handler has done.
pub(crate) enum Step {
    /// It is ready, and its reply is written to the sink.
    Done(Outcome),
    /// It has returned a stream: from now on it yields items.
    Streams,
    /// It has written an item to the sink, and may have more at once.
    Item,
}

impl Step {
    /// The application's code has panicked.
    pub(crate) fn panicked(place: &str, panic: Box<dyn Any + Send>) -> Step {
        let trace = log::panicked(place, &*panic);
        drop_contained(panic);
        Step::Done(Err(log::panic_error(trace)))
    }
}

/// Polls a handler.
pub(crate) trait Invoke: Send {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step>;

    /// The number of the `Ack` that answers, where that was not known when it began.
    fn late(&self) -> Option<u64> {
        None
    }
}

/// What is written, or what failed.
fn done(sink: &mut ReplySink<'_>) -> Step {
    Step::Done(sink.failure.take().map_or(Ok(()), Err))
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
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        self.project().future.poll(cx).map(|reply| match reply.into_reply(sink) {
            Ok(()) => done(sink),
            Err(error) => Step::Done(Err(sink.fail(error))),
        })
    }
}

pin_project! {
    /// A handler put together from parts: its reply is checked already.
    struct RunningParts<F, W> {
        #[pin]
        future: F,
        way: PhantomData<fn() -> W>,
    }
}

impl<F, T, W> Invoke for RunningParts<F, W>
where
    F: Future<Output = Result<Returned<T, W>, Failed>> + Send,
    W: Way<T>,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        match self.project().future.poll(cx) {
            Poll::Ready(Ok(returned)) => {
                returned.write(sink);
                Poll::Ready(done(sink))
            }
            Poll::Ready(Err(failed)) => Poll::Ready(Step::Done(Err(failed.told(sink)))),
            Poll::Pending => match take_yielded() {
                None => Poll::Pending,
                Some(Yielded::Begun) => Poll::Ready(Step::Streams),
                Some(Yielded::Item(write)) => Poll::Ready(write(sink)),
            },
        }
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
        let future = H::Call::call(&self.handler, self.state.clone(), cx.caller.connected().clone(), args);
        Ok(Invocation::new(Running::<_, Via> { future, via: PhantomData }))
    }
}

struct Assembled<S, F, W> {
    state: Arc<S>,
    start: F,
    way: PhantomData<fn() -> W>,
}

impl<S, F, Fut, T, W> Start for Assembled<S, F, W>
where
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, &MessageContext<'_>) -> Result<Fut, Error> + Send + Sync,
    Fut: Future<Output = Result<Returned<T, W>, Failed>> + Send + 'static,
    T: 'static,
    W: Way<T>,
{
    fn start(&self, cx: &MessageContext<'_>) -> Result<Invocation, Error> {
        let future = (self.start)(self.state.clone(), cx)?;
        Ok(Invocation::new(RunningParts { future, way: PhantomData::<fn() -> W> }))
    }
}

/// A handler and what is known of it: what `Gateway::on` registers, and what attributes expand to.
#[must_use = "a handler answers nobody before it is registered with `Gateway::handler`"]
pub struct HandlerDef<S> {
    pub(crate) requirements: Requirements,
    pub(crate) declared: Declared,
    /// How many of these may run at a time, beside the messages that are handled one by one.
    pub(crate) concurrency: Option<usize>,
    pub(crate) bind: Box<dyn FnOnce(Arc<S>) -> Arc<dyn Start> + Send>,
}

impl<S: Send + Sync + 'static> HandlerDef<S> {
    /// Wraps an `async fn(&S, ..)`.
    pub fn new<H, Args, Via: 'static>(handler: H) -> HandlerDef<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoReply<Via>,
        <H::Reply as IntoReply<Via>>::Err: IntoError,
        <H::Shape as Shape>::Kinds: EachAllowedIn<Handlers> + AtMostOnePayload + EachBeside<H::Reply>,
        Args: 'static,
    {
        let mut requirements = Requirements::default();
        H::Shape::requirements(&mut requirements);
        let bind =
            move |state| Arc::new(Bound { state, handler, args: PhantomData::<fn() -> (Args, Via)> }) as Arc<dyn Start>;
        HandlerDef { requirements, declared: Declared::default(), concurrency: None, bind: Box::new(bind) }
    }

    /// Puts a guard's message half in front of it, behind those of the gateway.
    pub fn guard<G: Send + Sync + 'static>(mut self, guard: impl IntoGuard<G>) -> HandlerDef<S> {
        self.declared.guards.push(guard.into_guard().stage());
        self
    }

    /// Puts an interceptor around it, inside of those of the gateway.
    pub fn interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> HandlerDef<S> {
        self.declared.interceptors.push(interceptor.into().stage());
        self
    }

    /// Puts a pipe in front of its payload, behind those of the gateway.
    pub fn pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> HandlerDef<S> {
        self.declared.pipes.push(pipe.into().stage());
        self
    }

    /// Asks a filter about its errors, before those of the gateway.
    pub fn filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> HandlerDef<S> {
        self.declared.filters.push(filter.into().stage());
        self
    }

    /// Leaves out the gateway's or the application's stages of this type.
    #[track_caller]
    pub fn skip<T: 'static>(mut self) -> HandlerDef<S> {
        self.declared.skip::<T>();
        self
    }

    /// Says that anybody may send it: see [`App::require_posture`](crate::App::require_posture).
    #[track_caller]
    pub fn public(mut self) -> HandlerDef<S> {
        self.declared.public = Some(Location::caller());
        self
    }

    /// Lets up to `most` messages of this event of one client be handled at a time, beside those that are handled one by one. Their
    /// replies leave as they are ready. 0 is a problem at boot.
    pub fn concurrency(mut self, most: usize) -> HandlerDef<S> {
        self.concurrency = Some(most);
        self
    }
}

/// Puts a handler together from parts that are checked one by one: see `parts`.
///
/// `start` reads the parameters from the borrowed message, and returns a future that owns what it needs.
pub fn handler<S, Data, F, Fut, T, W>(parameters: Parameters<Handlers, Data>, start: F) -> HandlerDef<S>
where
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, &MessageContext<'_>) -> Result<Fut, Error> + Send + Sync + 'static,
    Fut: Future<Output = Result<Returned<T, W>, Failed>> + Send + 'static,
    T: 'static,
    W: Way<T>,
{
    let way = PhantomData::<fn() -> W>;
    let bind = move |state| Arc::new(Assembled { state, start, way }) as Arc<dyn Start>;
    HandlerDef {
        requirements: parameters.requirements,
        declared: Declared::default(),
        concurrency: None,
        bind: Box::new(bind),
    }
}

impl<S> fmt::Debug for HandlerDef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerDef")
            .field("of", &short_name(type_name::<S>()))
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
