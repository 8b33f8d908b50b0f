//! Gateways of closures and free functions, without a struct.
use super::Gateway;
use crate::handler::{
    AtMostOnePayload, Calls, EachAllowedIn, EachBeside, FromMessage, Handler, HandlerDef, Handlers, HookDef, IntoError,
    IntoOutcome, IntoReply, OnConnect, OnDisconnect, Own, RawLoop, Shape,
};
use crate::hub::Client;
use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

/// An async function of up to four parameters that own their data: [`Client`], one payload, and extractors. `Args` is
/// inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function that a gateway can call",
    label = "not a function of this gateway",
    note = "write `|text: String, client: Client| async move {{ .. }}`, or an `async fn`: at most four parameters, each with its \
            type, which own their data: `Client` and not `&Client`, `String` and not `&str`",
    note = "its future must be `Send`, and what it captures is `Clone`"
)]
pub trait Function<Args>: Clone + Send + Sync + 'static {
    /// The parameter list.
    type Shape: Shape;
    /// The return type.
    type Reply: 'static;
    /// Calls it.
    fn call(&self, args: <Self::Shape as Shape>::Values) -> impl Future<Output = Self::Reply> + Send + 'static;
}

macro_rules! functions {
    ($( ($($param:ident),*) )*) => { $(
        impl<F, Fut, $($param: FromMessage),*> Function<($(Own<$param>,)*)> for F
        where
            F: Fn($($param),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: 'static,
        {
            type Shape = ($(Own<$param>,)*);
            type Reply = Fut::Output;

            #[allow(non_snake_case, reason = "the type parameters' names serve as the variables'")]
            fn call(&self, ($($param,)*): ($($param,)*)) -> impl Future<Output = Fut::Output> + Send + 'static {
                self($($param),*)
            }
        }
    )* };
}
functions! { () (A) (A, B) (A, B, C) (A, B, C, D) }

/// A function used as a method: it gets no reference to the gateway's state.
#[derive(Clone)]
struct Free<F>(F);

/// The `Args` of [`Free`].
struct FreeArgs<Args>(Args);

/// Calls a [`Free`].
struct FreeCall<Args>(Args);

impl<S, F, Args: 'static> Handler<S, FreeArgs<Args>> for Free<F>
where
    F: Function<Args>,
{
    type Shape = F::Shape;
    type Reply = F::Reply;
    type Call = FreeCall<Args>;
}

impl<S, F, Args> Calls<Free<F>, S, F::Shape, F::Reply> for FreeCall<Args>
where
    F: Function<Args>,
{
    fn call(
        handler: &Free<F>,
        _: Arc<S>,
        _: Client,
        args: <F::Shape as Shape>::Values,
    ) -> impl Future<Output = F::Reply> + Send + 'static {
        handler.0.call(args)
    }
}

impl<S: Send + Sync + 'static> HandlerDef<S> {
    /// Creates a handler from a closure or a free function, so that stages can be added to it: see [`Gateway::on_fn`].
    ///
    /// ```
    /// use switchboard::{Gateway, HandlerDef, Roles};
    /// let stop = HandlerDef::function(|| async { "stopped" }).guard(Roles::any(["admin"]));
    /// let gateway = Gateway::functions().handler("stop", stop);
    /// # let _ = gateway;
    /// ```
    pub fn function<F, Args: 'static, Via: 'static>(function: F) -> HandlerDef<S>
    where
        F: Function<Args>,
        F::Reply: IntoReply<Via>,
        <F::Reply as IntoReply<Via>>::Err: IntoError,
        <F::Shape as Shape>::Kinds: EachAllowedIn<Handlers> + AtMostOnePayload + EachBeside<F::Reply>,
    {
        HandlerDef::new::<_, FreeArgs<Args>, Via>(Free(function))
    }
}

impl Gateway<()> {
    /// Returns a gateway of closures and free functions, without a struct.
    ///
    /// ```
    /// use switchboard::{App, Client, Gateway};
    ///
    /// let chat = Gateway::functions()
    ///     .on_connect_fn(|client: Client| async move {
    ///         client.join("lobby");
    ///     })
    ///     .on_fn("say", |text: String, client: Client| async move {
    ///         client.broadcast_to("lobby", "said", text).queued
    ///     });
    /// let app: axum::Router = axum::Router::new().merge(App::new().gateway("/ws", chat));
    /// ```
    pub fn functions() -> Gateway<()> {
        Gateway::new(())
    }
}

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Handles an event with a closure or a free function of up to four parameters that own their data. Otherwise like
    /// [`Gateway::on`].
    ///
    /// ```
    /// # use switchboard::{Error, Gateway};
    /// async fn double(n: u32) -> Result<u32, Error> {
    ///     n.checked_mul(2).ok_or_else(|| Error::bad_request("Too much"))
    /// }
    /// let gateway = Gateway::functions().on_fn("double", double).on_fn("ping", || async { "pong" });
    /// # let _ = gateway;
    /// ```
    #[track_caller]
    pub fn on_fn<F, Args, Via: 'static>(self, event: impl Into<Cow<'static, str>>, function: F) -> Gateway<S>
    where
        F: Function<Args>,
        F::Reply: IntoReply<Via>,
        <F::Reply as IntoReply<Via>>::Err: IntoError,
        <F::Shape as Shape>::Kinds: EachAllowedIn<Handlers> + AtMostOnePayload + EachBeside<F::Reply>,
        Args: 'static,
    {
        self.handler(event, HandlerDef::function(function))
    }

    /// Like [`Gateway::on_connect`], with a closure or a free function.
    #[track_caller]
    pub fn on_connect_fn<F, Args: 'static>(self, hook: F) -> Gateway<S>
    where
        F: Function<Args>,
        F::Reply: IntoOutcome,
        <F::Reply as IntoOutcome>::Err: IntoError,
        <F::Shape as Shape>::Kinds: EachAllowedIn<OnConnect>,
    {
        self.hook(HookDef::<S, OnConnect>::new::<_, FreeArgs<Args>>(Free(hook)))
    }

    /// Like [`Gateway::on_disconnect`], with a closure or a free function.
    #[track_caller]
    pub fn on_disconnect_fn<F, Args: 'static>(self, hook: F) -> Gateway<S>
    where
        F: Function<Args>,
        F::Reply: IntoOutcome,
        <F::Reply as IntoOutcome>::Err: IntoError,
        <F::Shape as Shape>::Kinds: EachAllowedIn<OnDisconnect>,
    {
        self.hook(HookDef::<S, OnDisconnect>::new::<_, FreeArgs<Args>>(Free(hook)))
    }

    /// Like [`Gateway::raw`], with a closure or a free function.
    ///
    /// ```
    /// use switchboard::{Ctx, Gateway, Socket};
    /// let echo = Gateway::functions().raw_fn(|ctx: Ctx, mut socket: Socket| async move {
    ///     let name = ctx.client().id().to_string();
    ///     while let Some(message) = socket.recv().await {
    ///         socket.send(name.as_str()).await?;
    ///         socket.send(message).await?;
    ///     }
    ///     Ok::<(), switchboard::Error>(())
    /// });
    /// # let _ = echo;
    /// ```
    #[track_caller]
    pub fn raw_fn<F, Args: 'static>(self, run: F) -> Gateway<S>
    where
        F: Function<Args>,
        F::Reply: IntoOutcome,
        <F::Reply as IntoOutcome>::Err: IntoError,
        <F::Shape as Shape>::Kinds: EachAllowedIn<RawLoop>,
    {
        self.hook(HookDef::<S, RawLoop>::new::<_, FreeArgs<Args>>(Free(run)))
    }
}
