//! The parameter lists that a handler may have: up to four parameters, one of which may be `&Client`, in any position.
use super::argument::{
    AllowedIn, Beside, Context, FromMessage, Kind, Late, MessageContext, OwnedSocket, Payload, Reason, Requirements,
};
use super::{Calls, Handler};
use crate::{Client, Error};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

/// An owned parameter in a [`Shape`].
#[derive(Debug)]
pub struct Own<T>(PhantomData<T>);
/// The `&Client` parameter in a [`Shape`].
#[derive(Debug)]
pub enum RefClient {}

/// A parameter list, as a tuple of [`Own<T>`] and [`RefClient`].
pub trait Shape: 'static {
    /// The owned parameters, as a tuple.
    type Values: Send + 'static;
    /// The kinds of the owned parameters, as a tuple.
    type Kinds;
    /// Reads every owned parameter.
    fn extract(cx: &MessageContext<'_>) -> Result<Self::Values, Error>;
    /// Declares what the parameters need from the handshake and the container.
    fn requirements(requirements: &mut Requirements);
}

/// An async function that borrows the gateway's state for one lifetime.
pub trait Method<'a, S: 'a, Sh: Shape>: Send + Sync {
    /// The return type.
    type Out;
    /// The future, which may borrow the state and the client.
    type Fut: Future<Output = Self::Out> + 'a;
    /// Calls the function.
    fn invoke(&self, state: &'a S, client: &'a Client, args: Sh::Values) -> Self::Fut;
}

/// Implemented for parameter lists with at most one payload.
#[diagnostic::on_unimplemented(
    message = "a handler takes at most one payload",
    label = "two parameters of this handler are read from the message's `data`",
    note = "put both into one struct that derives `Deserialize`; extractors such as `ConnState<T>` do not count"
)]
pub trait AtMostOnePayload {}

/// Implemented for parameter lists with which an `R` may be returned: see [`Beside`].
pub trait EachBeside<R> {}

/// Implemented for parameter lists of which each parameter is allowed in this place: see [`AllowedIn`].
pub trait EachAllowedIn<Place> {}

/// See [`Calls`].
#[derive(Debug)]
pub enum Called {}

impl<F, S, Sh: Shape, R: 'static> Calls<F, S, Sh, R> for Called
where
    S: Send + Sync + 'static,
    F: for<'a> Method<'a, S, Sh, Out = R> + Clone + Send + Sync + 'static,
    for<'a> <F as Method<'a, S, Sh>>::Fut: Send,
{
    fn call(handler: &F, state: Arc<S>, client: Client, args: Sh::Values) -> impl Future<Output = R> + Send + 'static {
        let function = handler.clone();
        async move { function.invoke(&state, &client, args).await }
    }
}

macro_rules! lists {
    ($( ($($kind:ident),*) )*) => { $(
        impl<Place, $($kind: AllowedIn<Place>),*> EachAllowedIn<Place> for ($($kind,)*) {}
        impl<R, $($kind: Beside<R>),*> EachBeside<R> for ($($kind,)*) {}
    )* };
}
lists! { () (A) (A, B) (A, B, C) (A, B, C, D) }

/// Kinds of parameters that are not read from the message's `data`.
pub trait Other {}
impl Other for Context {}
impl Other for Late {}
impl Other for Reason {}
impl Other for OwnedSocket {}

macro_rules! one_payload {
    ($( ($($before:ident)* $(, Payload $($behind:ident)*)?) )*) => { $(
        impl<$($before: Other,)* $($($behind: Other),*)?> AtMostOnePayload for ($($before,)* $(Payload, $($behind,)*)?) {}
    )* };
}
one_payload! {
    () (A) (A B) (A B C) (A B C D)
    (, Payload) (A, Payload) (, Payload B) (A B, Payload) (A, Payload B) (, Payload A B)
    (A B C, Payload) (A B, Payload C) (A, Payload B C) (, Payload A B C)
}

/// Implements the traits for one parameter list: `shape!(A, client, B)` for `fn(&S, A, &Client, B)`.
macro_rules! shape {
    ($($param:ident),*) => { shape!(@split [] [] [] $($param)*); };
    // Splits the list into the shape, the function's parameters and the call's arguments; `[owned]` collects the owned
    // ones.
    (@split [$($shape:ty,)*] [$($owned:ident)*] [$($arg:tt)*] client $($rest:ident)*) => {
        shape!(@split [$($shape,)* RefClient,] [$($owned)*] [$($arg)* (client)] $($rest)*);
    };
    (@split [$($shape:ty,)*] [$($owned:ident)*] [$($arg:tt)*] $param:ident $($rest:ident)*) => {
        shape!(@split [$($shape,)* Own<$param>,] [$($owned)* $param] [$($arg)* ($param)] $($rest)*);
    };
    (@split [$($shape:ty,)*] [$($owned:ident)*] [$(($arg:ident))*]) => {
        impl<$($owned: FromMessage),*> Shape for ($($shape,)*) {
            type Values = ($($owned,)*);
            type Kinds = ($(<$owned::Kind as Kind>::Plain,)*);

            fn extract(_cx: &MessageContext<'_>) -> Result<Self::Values, Error> {
                Ok(($($owned::from_message(_cx)?,)*))
            }

            fn requirements(_requirements: &mut Requirements) {
                $($owned::requirements(_requirements);)*
            }
        }

        impl<'a, S, F, Fut, $($owned: FromMessage),*> Method<'a, S, ($($shape,)*)> for F
        where
            S: 'a,
            F: Fn(&'a S $(, shape!(@type $arg))*) -> Fut + Send + Sync,
            Fut: Future + 'a,
        {
            type Out = Fut::Output;
            type Fut = Fut;

            #[allow(non_snake_case, reason = "the type parameters' names serve as the variables'")]
            fn invoke(&self, state: &'a S, _client: &'a Client, ($($owned,)*): ($($owned,)*)) -> Fut {
                self(state $(, shape!(@value _client $arg))*)
            }
        }

        impl<S, F, R, $($owned: FromMessage),*> Handler<S, (($($shape,)*), R)> for F
        where
            S: Send + Sync + 'static,
            F: for<'a> Method<'a, S, ($($shape,)*), Out = R> + Clone + Send + Sync + 'static,
            R: 'static,
        {
            type Shape = ($($shape,)*);
            type Reply = R;
            type Call = Called;
        }
    };
    (@type client) => { &'a Client };
    (@type $param:ident) => { $param };
    (@value $client:ident client) => { $client };
    (@value $client:ident $param:ident) => { $param };
}

shape!();
shape!(A);
shape!(client);
shape!(A, B);
shape!(client, B);
shape!(A, client);
shape!(A, B, C);
shape!(client, B, C);
shape!(A, client, C);
shape!(A, B, client);
shape!(A, B, C, D);
shape!(client, B, C, D);
shape!(A, client, C, D);
shape!(A, B, client, D);
shape!(A, B, C, client);
