//! Lifecycle hooks and the loop of a raw gateway: functions of the connection, without a message.
use super::argument::{MessageContext, OnConnect, OnDisconnect, RawLoop, Requirements};
use super::parts::{Failed, Parameters, Returned};
use super::{Calls, EachAllowedIn, Handler, IntoError, Outcome, Shape};
use crate::Error;
use crate::text::short_name;
use std::any::type_name;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) type HookFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A hook, with its type erased. It is shared, because the gateways of a namespace may be served as one too.
pub(crate) type Hook = Arc<dyn Fn(&MessageContext<'_>) -> Result<HookFuture, Error> + Send + Sync>;

/// Implemented for types that a hook may return: `()`, or `Result<(), E>` where `E: Into<switchboard::Error>`.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "not what a hook returns",
    note = "return `()`, or `Result<(), E>` where `E: Into<switchboard::Error>`"
)]
pub trait IntoOutcome {
    /// The type of an `Err`.
    type Err;
    /// Converts the return value to a `Result`.
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

/// A hook, or the loop of a raw gateway, with its requirements. `Place` says which: [`OnConnect`], [`OnDisconnect`] or
/// [`RawLoop`].
pub struct HookDef<S, Place> {
    pub(crate) requirements: Requirements,
    pub(crate) bind: Box<dyn FnOnce(Arc<S>) -> Hook + Send>,
    place: PhantomData<fn() -> Place>,
}

/// A place in which a hook is allowed.
pub trait HookPlace: sealed::Sealed + Sized {
    #[doc(hidden)]
    fn put<S>(hook: HookDef<S, Self>, hooks: &mut Hooks<S>, at: &'static Location<'static>);
}

mod sealed {
    pub trait Sealed {}
}

type Placed<S, Place> = Vec<(&'static Location<'static>, HookDef<S, Place>)>;

/// The hooks of a gateway, each with the source location where it was registered.
#[doc(hidden)]
pub struct Hooks<S> {
    pub(crate) on_connect: Placed<S, OnConnect>,
    pub(crate) on_disconnect: Placed<S, OnDisconnect>,
    pub(crate) raw: Placed<S, RawLoop>,
}

impl<S> Default for Hooks<S> {
    fn default() -> Hooks<S> {
        Hooks { on_connect: Vec::new(), on_disconnect: Vec::new(), raw: Vec::new() }
    }
}

macro_rules! places {
    ($($place:ident $field:ident;)*) => {
        $(
            impl sealed::Sealed for $place {}
            impl HookPlace for $place {
                fn put<S>(hook: HookDef<S, $place>, hooks: &mut Hooks<S>, at: &'static Location<'static>) {
                    hooks.$field.push((at, hook));
                }
            }
        )*
    };
}
places! { OnConnect on_connect; OnDisconnect on_disconnect; RawLoop raw; }

impl<S: Send + Sync + 'static, Place> HookDef<S, Place> {
    /// Creates a hook from an `async fn(&self, ..)`.
    pub fn new<H, Args>(hook: H) -> HookDef<S, Place>
    where
        <H::Shape as Shape>::Kinds: EachAllowedIn<Place>,
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoOutcome,
        <H::Reply as IntoOutcome>::Err: IntoError,
    {
        let mut requirements = Requirements::default();
        H::Shape::requirements(&mut requirements);
        let bind = move |state: Arc<S>| {
            Arc::new(move |cx: &MessageContext<'_>| {
                let args = H::Shape::extract(cx)?;
                let future = H::Call::call(&hook, state.clone(), cx.caller.connected().clone(), args);
                Ok(Box::pin(async move { future.await.into_outcome().map_err(IntoError::into_error) }) as HookFuture)
            }) as Hook
        };
        HookDef { requirements, bind: Box::new(bind), place: PhantomData }
    }
}

/// Assembles a hook from parts that are type-checked one by one: see `parts`.
pub fn hook<S, Place, Data, F, Fut, T, W>(parameters: Parameters<Place, Data>, start: F) -> HookDef<S, Place>
where
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, &MessageContext<'_>) -> Result<Fut, Error> + Send + Sync + 'static,
    Fut: Future<Output = Result<Returned<T, W>, Failed>> + Send + 'static,
{
    let bind = move |state: Arc<S>| {
        Arc::new(move |cx: &MessageContext<'_>| {
            let future = start(state.clone(), cx)?;
            Ok(Box::pin(async move { future.await.map(drop).map_err(Error::from) }) as HookFuture)
        }) as Hook
    };
    HookDef { requirements: parameters.requirements, bind: Box::new(bind), place: PhantomData }
}

impl<S, Place> fmt::Debug for HookDef<S, Place> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookDef")
            .field("of", &short_name(type_name::<S>()))
            .field("place", &short_name(type_name::<Place>()))
            .finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Hooks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
