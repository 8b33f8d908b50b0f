//! Interceptors run around a handler.
use super::call::Call;
use super::guard::BoxRef;
use super::stage::{Source, Stage, sources};
use crate::{Error, Reply};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

/// Runs around a handler: before and after it, or in its place.
///
/// ```
/// use std::time::Instant;
/// use switchboard::pipeline::{Call, Interceptor, Next};
/// use switchboard::{Error, Reply};
///
/// struct Timed;
/// impl Interceptor for Timed {
///     async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
///         let begun = Instant::now();
///         let reply = next.run().await;
///         println!("{} took {:?}", call.event(), begun.elapsed());
///         reply
///     }
/// }
/// ```
/// [`Reply::map`] changes the handler's reply. A panic of the handler is an `internal` error here. If the handler
/// returns a stream, `next.run()` returns when the stream begins.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an interceptor",
    label = "does not implement `Interceptor`",
    note = "write `impl Interceptor for {Self}` with `async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error>`"
)]
pub trait Interceptor: Send + Sync + 'static {
    /// Handles the call, usually by running `next`.
    fn intercept(&self, call: &Call, next: Next<'_>) -> impl Future<Output = Result<Reply, Error>> + Send;
}

pub(crate) trait ErasedInterceptor: Send + Sync {
    fn intercept<'a>(&'a self, call: &'a Call, next: Next<'a>) -> BoxRef<'a, Result<Reply, Error>>;
}
impl<I: Interceptor> ErasedInterceptor for I {
    fn intercept<'a>(&'a self, call: &'a Call, next: Next<'a>) -> BoxRef<'a, Result<Reply, Error>> {
        Box::pin(Interceptor::intercept(self, call, next))
    }
}

/// The rest of the call: the interceptors after this one, and the handler.
#[must_use = "without it the handler does not run"]
pub struct Next<'a> {
    pub(super) call: &'a Call,
    pub(super) behind: &'a [Arc<dyn ErasedInterceptor>],
    pub(super) handler: &'a mut (dyn Innermost + 'a),
}

/// The handler, which runs inside all interceptors.
pub(super) trait Innermost: Send {
    fn run<'a>(&'a mut self, call: &'a Call) -> BoxRef<'a, Result<Reply, Error>>;
}

impl<'a> Next<'a> {
    /// Runs the rest of the call. Errors: the handler's, or the error that kept the handler from running.
    pub async fn run(self) -> Result<Reply, Error> {
        match self.behind.split_first() {
            Some((first, behind)) => {
                first.intercept(self.call, Next { call: self.call, behind, handler: self.handler }).await
            }
            None => self.handler.run(self.call).await,
        }
    }
}

/// An interceptor to register: a given instance, or one that the container makes.
#[must_use = "an interceptor does nothing before it is put on a message, a gateway or an application"]
pub struct InterceptorDef<T> {
    source: Source<T>,
    place: &'static Location<'static>,
}

sources!(InterceptorDef, Interceptor, "An interceptor");

impl<I: Interceptor> InterceptorDef<I> {
    pub(crate) fn stage(self) -> Stage<Arc<dyn ErasedInterceptor>> {
        Stage::new(self.source, self.place, |it| it as Arc<dyn ErasedInterceptor>)
    }
}

impl<I: Interceptor> From<I> for InterceptorDef<I> {
    #[track_caller]
    fn from(interceptor: I) -> InterceptorDef<I> {
        InterceptorDef::of(interceptor)
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("call", &self.call).finish_non_exhaustive()
    }
}
