//! A registered handler with its type erased: one virtual call to start it, one to poll it.
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

/// The result of polling a handler.
pub(crate) enum Step {
    /// It has completed, and its reply is written to the sink.
    Done(Outcome),
    /// It has returned a stream, and yields items from now on.
    Streams,
    /// It has written an item to the sink. Poll it again: the next item may be ready.
    Item,
}

impl Step {
    /// Contains and logs a panic of the application's code.
    pub(crate) fn panicked(place: &str, panic: Box<dyn Any + Send>) -> Step {
        let trace = log::panicked(place, &*panic);
        drop_contained(panic);
        Step::Done(Err(log::panic_error(trace)))
    }
}

/// Polls a handler.
pub(crate) trait Invoke: Send {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step>;

    /// Returns the number of the `Ack` that replies, if that was not known when the handler started.
    fn late(&self) -> Option<u64> {
        None
    }
}

/// Returns the result of writing to the sink: success, or the error.
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
    /// The running future of a handler that the attribute macros assembled from parts. The expansion has already
    /// type-checked its reply and error (see `parts`), so no `IntoReply` bound is needed here.
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

/// Starts a handler. This part runs while the message is borrowed.
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

/// A handler with its requirements, stages and concurrency. `Gateway::on` registers one, and the attributes expand to
/// one.
#[must_use = "a handler answers nobody before it is registered with `Gateway::handler`"]
pub struct HandlerDef<S> {
    pub(crate) requirements: Requirements,
    pub(crate) declared: Declared,
    /// How many of these messages may be handled at a time, concurrently with those that are handled one by one.
    pub(crate) concurrency: Option<usize>,
    pub(crate) bind: Box<dyn FnOnce(Arc<S>) -> Arc<dyn Start> + Send>,
}

impl<S: Send + Sync + 'static> HandlerDef<S> {
    /// Creates a handler from an `async fn(&self, ..)`.
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

    /// Adds a guard, whose message half runs before the handler, after the gateway's guards.
    pub fn guard<G: Send + Sync + 'static>(mut self, guard: impl IntoGuard<G>) -> HandlerDef<S> {
        self.declared.guards.push(guard.into_guard().stage());
        self
    }

    /// Wraps an interceptor around the handler, inside the gateway's interceptors.
    pub fn interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> HandlerDef<S> {
        self.declared.interceptors.push(interceptor.into().stage());
        self
    }

    /// Runs a pipe on the payload, after the gateway's pipes.
    pub fn pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> HandlerDef<S> {
        self.declared.pipes.push(pipe.into().stage());
        self
    }

    /// Adds a filter that handles the errors of the handler, before the gateway's filters.
    pub fn filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> HandlerDef<S> {
        self.declared.filters.push(filter.into().stage());
        self
    }

    /// Removes the gateway's and the application's stages of this type from the handler.
    #[track_caller]
    pub fn skip<T: 'static>(mut self) -> HandlerDef<S> {
        self.declared.skip::<T>();
        self
    }

    /// Marks the message as public: see [`App::require_posture`](crate::App::require_posture).
    #[track_caller]
    pub fn public(mut self) -> HandlerDef<S> {
        self.declared.public = Some(Location::caller());
        self
    }

    /// Lets up to `most` messages of this event be handled at a time for one client, concurrently with those that are
    /// handled one by one. Their replies are sent as they are ready. 0 is reported as a problem at boot.
    pub fn concurrency(mut self, most: usize) -> HandlerDef<S> {
        self.concurrency = Some(most);
        self
    }
}

/// Assembles a handler from parts that are type-checked one by one: see `parts`.
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
