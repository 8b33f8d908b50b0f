//! The parameter lists that a handler may have: up to four, one of which may be `&Client`, anywhere.
use super::argument::{Context, FromMessage, MessageContext, Needs, Payload};
use super::{Handler, IntoReply};
use crate::{Client, Error};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

/// An owned parameter in a [`Shape`].
pub struct Own<T>(PhantomData<T>);
/// The `&Client` parameter in a [`Shape`].
pub enum RefClient {}

/// A parameter list, as a tuple of [`Own<T>`] and [`RefClient`].
pub trait Shape: 'static {
    /// The owned parameters, as a tuple.
    type Values: Send + 'static;
    /// The kinds of the owned parameters, as a tuple.
    type Kinds;
    /// Reads every owned parameter.
    fn extract(cx: &MessageContext<'_>) -> Result<Self::Values, Error>;
    /// Declares what the parameters need of the handshake.
    fn needs(needs: &mut Needs);
}

/// An async function over borrowed state, for one lifetime.
pub trait Method<'a, S: 'a, Sh: Shape>: Send + Sync {
    /// The return type.
    type Out;
    /// The future, which may borrow the state and the client.
    type Fut: Future<Output = Self::Out> + Send + 'a;
    /// Calls it.
    fn invoke(&self, state: &'a S, client: &'a Client, args: Sh::Values) -> Self::Fut;
}

/// Holds for parameter lists with at most one payload.
#[diagnostic::on_unimplemented(
    message = "a handler takes at most one payload",
    label = "two parameters of this handler are read from the message's `data`",
    note = "put both into one struct that derives `Deserialize`; extractors such as `ConnState<T>` do not count"
)]
pub trait AtMostOnePayload {}

/// Holds for parameter lists without a payload: those of hooks and raw gateways, which have no message.
#[diagnostic::on_unimplemented(
    message = "a hook takes no payload",
    label = "a parameter of this hook is read from the message's `data`, and there is no message",
    note = "a hook may take `&Client`, `DisconnectReason` and extractors"
)]
pub trait ContextOnly {}

macro_rules! kinds {
    ($($bound:ident: $( ($($kind:ident),*) )*;)*) => { $($( impl $bound for ($($kind,)*) {} )*)* };
}
kinds! {
    ContextOnly: () (Context) (Context, Context) (Context, Context, Context) (Context, Context, Context, Context);
    AtMostOnePayload: () (Context) (Context, Context) (Context, Context, Context) (Context, Context, Context, Context)
        (Payload) (Payload, Context) (Context, Payload)
        (Payload, Context, Context) (Context, Payload, Context) (Context, Context, Payload)
        (Payload, Context, Context, Context) (Context, Payload, Context, Context)
        (Context, Context, Payload, Context) (Context, Context, Context, Payload);
}

/// `shape!(A, client, B)`: the impls for `fn(&S, A, &Client, B)`.
macro_rules! shape {
    ($($param:ident),*) => { shape!(@split [] [] [] $($param)*); };
    // Splits the list into: shape, function parameters, call arguments; `[owned]` is gathered on the way.
    (@split [$($shape:ty,)*] [$($owned:ident)*] [$($arg:tt)*] client $($rest:ident)*) => {
        shape!(@split [$($shape,)* RefClient,] [$($owned)*] [$($arg)* (client)] $($rest)*);
    };
    (@split [$($shape:ty,)*] [$($owned:ident)*] [$($arg:tt)*] $param:ident $($rest:ident)*) => {
        shape!(@split [$($shape,)* Own<$param>,] [$($owned)* $param] [$($arg)* ($param)] $($rest)*);
    };
    (@split [$($shape:ty,)*] [$($owned:ident)*] [$(($arg:ident))*]) => {
        impl<$($owned: FromMessage),*> Shape for ($($shape,)*) {
            type Values = ($($owned,)*);
            type Kinds = ($($owned::Kind,)*);

            fn extract(_cx: &MessageContext<'_>) -> Result<Self::Values, Error> {
                Ok(($($owned::from_message(_cx)?,)*))
            }

            fn needs(_needs: &mut Needs) {
                $($owned::needs(_needs);)*
            }
        }

        impl<'a, S, F, Fut, $($owned: FromMessage),*> Method<'a, S, ($($shape,)*)> for F
        where
            S: 'a,
            F: Fn(&'a S $(, shape!(@type $arg))*) -> Fut + Send + Sync,
            Fut: Future + Send + 'a,
        {
            type Out = Fut::Output;
            type Fut = Fut;

            #[allow(non_snake_case, reason = "the type parameters' names serve as the variables'")]
            fn invoke(&self, state: &'a S, _client: &'a Client, ($($owned,)*): ($($owned,)*)) -> Fut {
                self(state $(, shape!(@value _client $arg))*)
            }
        }

        impl<S, F, R, Via, $($owned: FromMessage),*> Handler<S, (($($shape,)*), R, Via)> for F
        where
            S: Send + Sync + 'static,
            F: for<'a> Method<'a, S, ($($shape,)*), Out = R> + Clone + Send + Sync + 'static,
            R: IntoReply<Via> + 'static,
            Via: 'static,
        {
            type Shape = ($($shape,)*);
            type Err = R::Err;
            type Reply = R;
            type Via = Via;

            fn call(
                &self,
                state: Arc<S>,
                client: Client,
                args: <Self::Shape as Shape>::Values,
            ) -> impl Future<Output = R> + Send + 'static {
                let function = self.clone();
                async move { function.invoke(&state, &client, args).await }
            }
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
