//! Lifecycle hooks and the loop of a raw gateway: functions of the connection, without a message.
use super::argument::{MessageContext, Needs};
use super::{Calls, Handler, IntoError, Outcome, Shape};
use crate::Error;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) type HookFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A hook, its type erased.
pub(crate) type Hook = Box<dyn Fn(&MessageContext<'_>) -> Result<HookFuture, Error> + Send + Sync>;

/// What a hook may return: `()`, or `Result<(), E>` where `E: Into<switchboard::Error>`.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "not what a hook returns",
    note = "return `()`, or `Result<(), E>` where `E: Into<switchboard::Error>`"
)]
pub trait IntoOutcome {
    /// What an `Err` holds.
    type Err;
    /// The result.
    fn into_outcome(self) -> Result<(), Self::Err>;
}

impl IntoOutcome for () {
    type Err = Infallible;

    fn into_outcome(self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl<E> IntoOutcome for Result<(), E> {
    type Err = E;

    fn into_outcome(self) -> Result<(), E> {
        self
    }
}

pub(crate) struct HookDef<S> {
    pub(crate) needs: Needs,
    pub(crate) bind: Box<dyn FnOnce(Arc<S>) -> Hook + Send>,
}

impl<S: Send + Sync + 'static> HookDef<S> {
    pub(crate) fn new<H, Args>(hook: H) -> HookDef<S>
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoOutcome,
        <H::Reply as IntoOutcome>::Err: IntoError,
    {
        let mut needs = Needs::default();
        H::Shape::needs(&mut needs);
        let bind = move |state: Arc<S>| {
            Box::new(move |cx: &MessageContext<'_>| {
                let args = H::Shape::extract(cx)?;
                let future = H::Call::call(&hook, state.clone(), cx.client.clone(), args);
                Ok(Box::pin(async move { future.await.into_outcome().map_err(IntoError::into_error) }) as HookFuture)
            }) as Hook
        };
        HookDef { needs, bind: Box::new(bind) }
    }
}
