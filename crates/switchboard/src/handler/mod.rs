//! Handlers, `event → async fn(&self, payload) -> impl IntoReply`: which parameters they may have and what they may
//! return.
//!
//! Applications use [`FromMessage`] for extractors of their own, [`Reply`] and [`HandlerDef`]. The other types carry a
//! function's signature to the gateway.
//!
//! A handler is any `async fn` of the gateway's struct with up to four parameters, in any order: `&Client`, one payload
//! (any `Deserialize` type), and extractors ([`FromMessage`]). The future must be `Send`.

mod argument;
mod attempt;
mod caller;
mod hook;
mod invocation;
mod none;
pub(crate) mod parts;
mod pooled;
mod reply;
mod returned;
mod returned_shape;
mod shape;
mod sink;
mod stream;
mod validation;

#[cfg(feature = "socketio")]
pub(crate) use argument::FailsAs;
pub use argument::{
    AllowedIn, Beside, Context, Decided, FromMessage, Handlers, Kind, Late, MessageContext, OnConnect, OnDisconnect,
    OwnedSocket, Payload, RawLoop, Reason, Requirements,
};
pub(crate) use argument::{Checks, Parts, PayloadNote};
pub(crate) use attempt::{Attempt, Begun};
pub use caller::Caller;
pub(crate) use hook::{Hook, HookFuture, Hooks};
pub use hook::{HookDef, HookPlace, IntoOutcome};
pub use invocation::HandlerDef;
pub(crate) use invocation::{Invoke, Start, Step};
pub(crate) use pooled::Invocation;
pub use reply::{Fallible, IntoReply, Plain, Reply, Streamed};
pub use shape::{AtMostOnePayload, Called, EachAllowedIn, EachBeside, Method, Own, RefClient, Shape};
pub(crate) use sink::Captured;
pub use sink::ReplySink;

use crate::Error;
use std::future::Future;
use std::sync::Arc;

/// An `async fn(&self, ..)` that can handle an event. It is implemented for functions; do not implement it yourself.
///
/// `Args` is inferred: the shape of the parameter list and the return type. Their requirements are separate traits,
/// [`Calls`], [`IntoReply`] and [`IntoError`], so that each has its own error message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler for a gateway of `{S}`",
    label = "not a handler, hook or raw loop of this gateway",
    note = "it must be an `async fn(&self, ..)` of `{S}`: not a plain `fn`, not without `&self`, not of another struct",
    note = "it may have at most four parameters: `&Client` or `Client`, one payload that owns its data (`String`, not \
            `&str`) and derives `serde::Deserialize`, and extractors; for `Valid<T>`, `T` derives `garde::Validate` too",
    note = "axum's extractors (`State`, `Json`, `Path`) do not stand here: the gateway's struct is the state, and a payload is its \
            plain type; `ConnState<T>` needs `T: Default`, `Path<T>` and `Query<T>` of `switchboard::extract` need `T: Clone`; write \
            `Valid<Option<T>>`, not `Option<Valid<T>>`, and `MaybeUser`, not `Option<User>`",
    note = "what it returns must own its data, and have a name: `String`, not `&str` or `impl Serialize`; of a stream write \
            `-> impl Stream<Item = T> + use<>`, for without `use<>` it borrows from `&self`"
)]
pub trait Handler<S, Args>: Clone + Send + Sync + 'static {
    /// The parameter list.
    type Shape: Shape;
    /// The return type.
    type Reply: 'static;
    /// The way it is called: see [`Calls`].
    type Call: 'static;
}

/// Implemented for handlers whose futures are `Send`.
#[diagnostic::on_unimplemented(
    message = "the future of this handler is not `Send`",
    label = "holds something over an `.await` that is not `Send`",
    note = "`Rc`, `RefCell` borrows and lock guards must be dropped before the `.await`"
)]
pub trait Calls<H, S, Sh: Shape, R> {
    /// Calls the function. The future owns everything that it needs.
    fn call(
        handler: &H,
        state: Arc<S>,
        client: crate::Client,
        args: Sh::Values,
    ) -> impl Future<Output = R> + Send + 'static;
}

/// A type that an `Err` of a handler may hold.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what a client is told",
    label = "this handler's `Err` does not convert into `switchboard::Error`",
    note = "if `{Self}` is a type of yours, write `impl From<{Self}> for switchboard::Error`; another's you map, by \
            `.map_err(|error| Error::new(code, message))`, or by `.or_internal()` where the client learns nothing"
)]
pub trait IntoError: Sized + 'static {
    /// Converts it to the error that is sent.
    fn into_error(self) -> Error;
}
#[diagnostic::do_not_recommend]
impl<E: Into<Error> + 'static> IntoError for E {
    fn into_error(self) -> Error {
        self.into()
    }
}

pub(crate) type Outcome = Result<(), Error>;
