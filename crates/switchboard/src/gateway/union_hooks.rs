//! [`Hooked`]: the hooks of a gateway that is served together with others.
use crate::contain::{contained, drop_contained, panicked};
use crate::di::{Container, MessageScope};
use crate::handler::{Attempt, Caller, Hook, HookFuture, MessageContext, Outcome, Parts};
use crate::outbound::{DisconnectReason, close_code};
use crate::pipeline::{self, Stages};
use crate::{Client, log};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

/// The hooks of one gateway, with the stages around the first.
pub(super) struct Hooked {
    pub(super) stages: Option<Arc<Stages>>,
    pub(super) on_connect: Option<Hook>,
    pub(super) on_disconnect: Option<Hook>,
}

/// Returns the on-connect hooks of all as one, which runs them in order, each inside of its own gateway's stages. The
/// first error ends it. A gateway whose hook had succeeded by then sees the client leave again, as if it had been
/// connected. `None` if nothing is to be run.
pub(super) fn on_connect(all: &Arc<[Hooked]>) -> Option<Hook> {
    if all.iter().all(|one| one.on_connect.is_none() && one.stages.is_none()) {
        return None;
    }
    let all = all.clone();
    Some(Arc::new(move |cx| {
        let (all, visit) = (all.clone(), HookContext::of(cx));
        Ok(Box::pin(async move {
            for (at, one) in all.iter().enumerate() {
                if let Err(error) = one.connect(&visit).await {
                    let code = error.close().map_or_else(|| close_code(&error), |close| close.code);
                    let reason = DisconnectReason::of_hook(code);
                    leave(&all[..at], &HookContext { reason: Some(reason), ..visit }).await;
                    return Err(error);
                }
            }
            Ok(())
        }))
    }))
}

/// Returns the on-disconnect hooks of all as one, which runs every one of them, in order. Errors are logged. `None` if
/// there are none.
pub(super) fn on_disconnect(all: &Arc<[Hooked]>) -> Option<Hook> {
    if all.iter().all(|one| one.on_disconnect.is_none()) {
        return None;
    }
    let all = all.clone();
    Some(Arc::new(move |cx| {
        let (all, visit) = (all.clone(), HookContext::of(cx));
        Ok(Box::pin(async move {
            leave(&all, &visit).await;
            Ok(())
        }))
    }))
}

async fn leave(all: &[Hooked], visit: &HookContext) {
    for hook in all.iter().filter_map(|one| one.on_disconnect.as_ref()) {
        let left = match contained("on_disconnect", || visit.with(|cx| hook(cx))) {
            Ok(future) => done("on_disconnect", future).await,
            Err(error) => Err(error),
        };
        if let Err(error) = left {
            log::failed(&error, "on_disconnect", visit.client.endpoint());
            drop_contained(error);
        }
    }
}

impl Hooked {
    async fn connect(&self, visit: &HookContext) -> Outcome {
        let begin = |cx: &MessageContext<'_>| pipeline::connecting(self.stages.as_ref(), self.on_connect.as_ref(), cx);
        let future = contained("on_connect", || visit.with(begin))?;
        done("on_connect", future).await
    }
}

/// Awaits a hook. A panic ends it alone, as an internal error.
async fn done(place: &str, hook: HookFuture) -> Outcome {
    let mut hook = Contained(Some(hook));
    poll_fn(move |cx| {
        let Some(future) = &mut hook.0 else { return Poll::Ready(Ok(())) };
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(panic) => Poll::Ready(Err(panicked(place, panic))),
        }
    })
    .await
}

/// A hook whose `Drop` may panic.
struct Contained(Option<HookFuture>);

impl Drop for Contained {
    fn drop(&mut self) {
        drop_contained(self.0.take());
    }
}

/// What the hooks of all gateways get: the client, the container, and the reason of a disconnect.
struct HookContext {
    client: Client,
    container: Option<Arc<Container>>,
    reason: Option<DisconnectReason>,
}

impl HookContext {
    fn of(cx: &MessageContext<'_>) -> HookContext {
        HookContext {
            client: cx.caller.connected().clone(),
            container: cx.container.cloned(),
            reason: cx.reason.cloned(),
        }
    }

    fn with<T>(&self, hook: impl FnOnce(&MessageContext<'_>) -> T) -> T {
        hook(&MessageContext {
            caller: Caller::Client(&self.client),
            event: "",
            parts: Parts::NONE,
            reason: self.reason.as_ref(),
            attempt: &Attempt::hook(),
            container: self.container.as_ref(),
            scope: &MessageScope::default(),
        })
    }
}
