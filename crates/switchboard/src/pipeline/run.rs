//! Runs the stages around a handler, in their order.
use super::call::Call;
use super::filter::{Caught, ErasedFilter};
use super::guard::{BoxRef, MessageGuard};
use super::interceptor::{Innermost, Next};
use crate::codec::Document;
use crate::contain::{contained, contained_as, drop_contained};
use crate::handler::{Captured, Hook, HookFuture, Invocation, Invoke, MessageContext, Parts, ReplySink, Start, Step};
use crate::pipeline::stage_set::Stages;
use crate::{Client, Error, Reply};
use std::any::{Any, TypeId};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Starts a handler that has stages. The synchronous stages run here, on the borrowed message.
pub(crate) fn start(
    stages: &Arc<Stages>,
    handler: &Arc<dyn Start>,
    cx: &MessageContext<'_>,
) -> Result<Invocation, Error> {
    if stages.filters.is_empty() {
        return begin(stages, handler, cx);
    }
    // A panic becomes an error, which the filters see.
    match contained_as(|| cx.endpoint().profile.known(cx.event), || begin(stages, handler, cx)) {
        Ok(inner) => Ok(Invocation::new(Filtered {
            inner,
            filtering: Arc::new(Filtering { stages: stages.clone(), client: cx.caller.connected().clone() }),
        })),
        Err(error) => Err(stages.caught(error, &Caught::of(cx))),
    }
}

fn begin(stages: &Arc<Stages>, handler: &Arc<dyn Start>, cx: &MessageContext<'_>) -> Result<Invocation, Error> {
    let mut passed = 0;
    for guard in &stages.guards {
        let MessageGuard::Sync(guard) = guard else { break };
        guard.message(cx)?;
        passed += 1;
    }
    if passed == stages.guards.len() && stages.interceptors.is_empty() {
        return piped(stages, handler, cx);
    }
    let call = Arc::new(Call::of(cx));
    let future = Box::pin(wait(stages.clone(), handler.clone(), call.clone(), passed));
    Ok(Invocation::new(Waiting { call, future: Some(future), stream: None }))
}

/// Applies the pipes, and then starts the handler.
fn piped(stages: &Stages, handler: &Arc<dyn Start>, cx: &MessageContext<'_>) -> Result<Invocation, Error> {
    if stages.pipes.is_empty() {
        return handler.start(cx);
    }
    let document = Document::read(cx.parts.data)?;
    let before = document.value().clone();
    let value = stages.pipes.iter().try_fold(before, |value, pipe| pipe.transform(value, cx))?;
    let Some(changed) = document.changed_to(&value)? else { return handler.start(cx) };
    let parts = Parts { data: changed.data(), ..*cx.parts };
    handler.start(&cx.with(&parts))
}

/// Runs the remaining guards, then the interceptors around the handler.
async fn wait(stages: Arc<Stages>, handler: Arc<dyn Start>, call: Arc<Call>, passed: usize) -> Result<Reply, Error> {
    for guard in &stages.guards[passed..] {
        match guard {
            MessageGuard::Sync(guard) => call.with(|cx| guard.message(cx))?,
            MessageGuard::Async(guard) => guard.message(&call).await?,
        }
    }
    let mut handler = Handling { stages: &stages, handler: &handler };
    Next { call: &call, behind: &stages.interceptors, handler: &mut handler }.run().await
}

struct Handling<'s> {
    stages: &'s Arc<Stages>,
    handler: &'s Arc<dyn Start>,
}

impl Innermost for Handling<'_> {
    fn run<'a>(&'a mut self, call: &'a Call) -> BoxRef<'a, Result<Reply, Error>> {
        Box::pin(async move {
            // A panic of the handler becomes an error that the interceptors see.
            let mut invocation = contained_as(
                || call.caller().endpoint().profile.known(call.event()),
                || call.with(|cx| piped(self.stages, self.handler, cx)),
            )?;
            let late = *call.deferred.lock();
            let mut captured = Captured::default();
            let filtering =
                Arc::new(Filtering { stages: self.stages.clone(), client: call.caller().connected().clone() });
            let step = poll_fn(|cx| {
                let mut out = Vec::new();
                let mut sink = ReplySink::capturing(&mut out, call.event(), &mut captured, &filtering);
                let polled = catch_unwind(AssertUnwindSafe(|| invocation.poll(cx, &mut sink)));
                let polled = polled.unwrap_or_else(|panic| {
                    Poll::Ready(Step::panicked(call.caller().endpoint().profile.known(call.event()), panic))
                });
                match sink.take_stream() {
                    Some(stream) => {
                        drop(sink);
                        drop_contained(std::mem::replace(&mut invocation, stream));
                        Poll::Ready(Step::Streams)
                    }
                    None => polled,
                }
            })
            .await;
            match step {
                Step::Done(Ok(())) => Ok(Reply::captured(captured, late)),
                Step::Done(Err(error)) => Err(error),
                Step::Streams | Step::Item => Ok(Reply::stream(invocation)),
            }
        })
    }
}

/// A handler with async stages.
struct Waiting {
    call: Arc<Call>,
    future: Option<BoxRef<'static, Result<Reply, Error>>>,
    /// The handler's stream, once the stages have returned one.
    stream: Option<Invocation>,
}

impl Invoke for Waiting {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        let this = &mut *self;
        if let Some(stream) = &mut this.stream {
            return stream.poll(cx, sink);
        }
        let Some(future) = &mut this.future else { return Poll::Ready(Step::Done(Ok(()))) };
        let reply = ready!(future.as_mut().poll(cx));
        this.future = None;
        let late = *this.call.deferred.lock();
        if let Some(number) = late
            && reply.as_ref().is_ok_and(|reply| !reply.is_left_to_ack())
        {
            // An interceptor has replied itself. If the `Ack` has already replied, nothing more is sent.
            if this.call.caller().endpoint().take_deferred(number).is_none() {
                return Poll::Ready(Step::Done(Ok(())));
            }
            *this.call.deferred.lock() = None;
        } else {
            sink.set_late(late);
        }
        Poll::Ready(match reply.and_then(|reply| reply.write(sink)) {
            Ok(None) => Step::Done(Ok(())),
            Ok(Some(stream)) => {
                this.stream = Some(stream);
                Step::Streams
            }
            Err(error) => Step::Done(Err(error)),
        })
    }

    fn late(&self) -> Option<u64> {
        *self.call.deferred.lock()
    }
}

/// The filters of a call, and its client.
pub(crate) struct Filtering {
    pub(crate) stages: Arc<Stages>,
    pub(crate) client: Client,
}

struct Filtered {
    inner: Invocation,
    filtering: Arc<Filtering>,
}

impl Invoke for Filtered {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        let Filtered { inner, filtering } = &mut *self;
        sink.set_filters(filtering.clone());
        let polled = catch_unwind(AssertUnwindSafe(|| inner.poll(cx, sink)));
        let step = match polled {
            Ok(polled) => ready!(polled),
            Err(panic) => Step::panicked(filtering.client.endpoint().profile.known(sink.event()), panic),
        };
        if let Some(stream) = sink.take_stream() {
            // The items of the stream are filtered too.
            drop_contained(std::mem::replace(inner, stream));
            return Poll::Ready(Step::Streams);
        }
        let Step::Done(Err(error)) = step else { return Poll::Ready(step) };
        let caught = Caught::new(Some(&filtering.client), sink.event());
        Poll::Ready(Step::Done(Err(filtering.stages.caught(error, &caught))))
    }

    fn late(&self) -> Option<u64> {
        self.inner.late()
    }
}

impl Stages {
    /// Returns the result of the first filter that fits an error that is about to be sent, or the error itself.
    pub(crate) fn caught(&self, error: Error, caught: &Caught<'_>) -> Error {
        self.catch(error, |error| error, caught)
    }

    /// Filters a handler's own error. `convert` makes the error that is sent if no filter fits.
    pub(crate) fn catch<E: 'static>(&self, error: E, convert: impl FnOnce(E) -> Error, caught: &Caught<'_>) -> Error {
        let told_already = (&error as &dyn Any).downcast_ref::<Error>().is_some_and(Error::is_filtered);
        for filter in self.filters.iter().filter(|_| !told_already) {
            if filter.catches() == TypeId::of::<E>() {
                return told(&**filter, Some(error), caught);
            }
            if filter.catches() == TypeId::of::<Error>() {
                return told(&**filter, Some(convert(error)), caught);
            }
        }
        convert(error)
    }

    /// Filters an error, but only with filters of exactly the type `E`. Errors: no filter fits; the error is returned
    /// unchanged.
    pub(crate) fn catch_own<E: 'static>(&self, error: E, caught: &Caught<'_>) -> Result<Error, E> {
        let own = |filter: &&Arc<dyn ErasedFilter>| filter.catches() == TypeId::of::<E>();
        match self.filters.iter().find(own).filter(|_| TypeId::of::<E>() != TypeId::of::<Error>()) {
            Some(filter) => Ok(told(&**filter, Some(error), caught)),
            None => Err(error),
        }
    }
}

fn told<E: 'static>(filter: &dyn ErasedFilter, mut error: Option<E>, caught: &Caught<'_>) -> Error {
    let told = filter.catch(&mut error as &mut dyn Any, caught);
    told.unwrap_or_else(|| Error::internal("a filter does not catch what it says")).filtered()
}

/// Begins an on-connect hook inside the interceptors and filters of its gateway and application. Either may be missing.
pub(crate) fn connecting(
    stages: Option<&Arc<Stages>>,
    hook: Option<&Hook>,
    cx: &MessageContext<'_>,
) -> Result<HookFuture, Error> {
    let begin = || match hook {
        Some(hook) => hook(cx),
        None => Ok(Box::pin(std::future::ready(Ok(()))) as HookFuture),
    };
    match stages {
        None => begin(),
        Some(stages) => Ok(around(stages, cx, contained("on_connect", begin))),
    }
}

/// Runs an on-connect hook inside the interceptors and filters of its gateway and application.
fn around(stages: &Arc<Stages>, cx: &MessageContext<'_>, hook: Result<HookFuture, Error>) -> HookFuture {
    let (stages, call) = (stages.clone(), Call::of(cx));
    Box::pin(async move {
        let done = match hook {
            Ok(hook) => {
                let mut hook = Hooked(Some(hook));
                Next { call: &call, behind: &stages.interceptors, handler: &mut hook }.run().await
            }
            Err(error) => Err(error),
        };
        done.map(drop).map_err(|error| stages.caught(error, &Caught::new(call.client(), "")))
    })
}

struct Hooked(Option<HookFuture>);

impl Innermost for Hooked {
    fn run<'a>(&'a mut self, _: &'a Call) -> BoxRef<'a, Result<Reply, Error>> {
        let hook = self.0.take();
        Box::pin(async move {
            let Some(mut hook) = hook else { return Ok(Reply::none()) };
            let done = poll_fn(|cx| {
                let polled = catch_unwind(AssertUnwindSafe(|| hook.as_mut().poll(cx)));
                polled.unwrap_or_else(|panic| match Step::panicked("on_connect", panic) {
                    Step::Done(done) => Poll::Ready(done),
                    Step::Streams | Step::Item => Poll::Ready(Ok(())),
                })
            });
            done.await.map(|()| Reply::none())
        })
    }
}

/// Returns the error that the client is told when a connect guard fails with `error`.
pub(crate) fn connect_error(stages: Option<&Arc<Stages>>, error: Error) -> Error {
    match stages {
        Some(stages) => {
            contained("filter", || Ok(stages.caught(error, &Caught::new(None, "")))).unwrap_or_else(|error| error)
        }
        None => error,
    }
}
