//! Runs one stage by itself, for `testing`.
use crate::handler::MessageContext;
use crate::pipeline::call::Call;
use crate::pipeline::filter::Caught;
use crate::pipeline::guard::BoxRef;
use crate::pipeline::interceptor::{Innermost, Interceptor, Next};
use crate::{Error, Reply};
use std::future::Future;
use std::marker::PhantomData;

pub(crate) fn call(cx: &MessageContext<'_>) -> Call {
    Call::of(cx)
}

pub(crate) fn caught<'a>(cx: &MessageContext<'a>) -> Caught<'a> {
    Caught::of(cx)
}

/// Runs an interceptor directly around `handler`.
pub(crate) async fn intercept<I, H, F>(interceptor: &I, call: &Call, handler: H) -> Result<Reply, Error>
where
    I: Interceptor,
    H: FnOnce() -> F + Send,
    F: Future<Output = Result<Reply, Error>> + Send,
{
    let mut handler = Alone { handler: Some(handler), future: PhantomData };
    interceptor.intercept(call, Next { call, behind: &[], handler: &mut handler }).await
}

struct Alone<H, F> {
    handler: Option<H>,
    future: PhantomData<fn() -> F>,
}

impl<H, F> Innermost for Alone<H, F>
where
    H: FnOnce() -> F + Send,
    F: Future<Output = Result<Reply, Error>> + Send,
{
    fn run<'a>(&'a mut self, _: &'a Call) -> BoxRef<'a, Result<Reply, Error>> {
        let handler = self.handler.take();
        Box::pin(async move {
            match handler {
                Some(handler) => handler().await,
                None => Ok(Reply::none()),
            }
        })
    }
}
