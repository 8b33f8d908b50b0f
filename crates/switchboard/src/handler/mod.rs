//! `event → async fn(&self, payload) -> impl IntoReply`: what a handler may take and give.
//!
//! A handler is any `async fn` of the gateway's struct with up to four parameters, in any order: `&Client`, one payload
//! (any `Deserialize` type), and extractors ([`FromMessage`]). The future must be `Send`.

mod argument;
mod hook;
mod invocation;
mod reply;
mod shape;

pub use argument::{Context, FromMessage, Kind, MessageContext, Needs, Payload};
pub use hook::IntoOutcome;
pub(crate) use hook::{Hook, HookDef, HookFuture};
pub use invocation::HandlerDef;
pub(crate) use invocation::{Invocation, Start};
pub use reply::{Fallible, IntoReply, Plain, Reply, ReplySink};
pub use shape::{AtMostOnePayload, ContextOnly, Method, Own, RefClient, Shape};

use crate::Error;
use std::future::Future;
use std::sync::Arc;

/// An `async fn(&S, ..)` that can answer an event. Implemented for functions; never by hand.
///
/// `Args` is inferred: the shape of the parameter list, the return type and how it becomes a reply.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler for a gateway of `{S}`",
    label = "not a handler, hook or raw loop of this gateway",
    note = "it must be an `async fn(&self, ..)` of `{S}`: not a plain `fn`, not without `&self`, not of another struct",
    note = "it may have at most four parameters: `&Client` (not `Client`), one payload that owns its data (`String`, not \
            `&str`) and derives `serde::Deserialize`, and extractors; for `Valid<T>`, `T` derives `garde::Validate` too",
    note = "it must return something that owns its data: `()`, a type that derives `serde::Serialize`, `Option`, \
            `Reply`, or `Result<_, E>` of these where `E: Into<switchboard::Error>`",
    note = "its future must be `Send`: drop each `Rc`, `RefCell` borrow and lock guard before the next `.await`"
)]
pub trait Handler<S, Args>: Clone + Send + Sync + 'static {
    /// The parameter list.
    type Shape: Shape;
    /// What goes wrong when the handler returns `Err`; `Infallible` where it cannot.
    type Err;
    /// The return type.
    type Reply: IntoReply<Self::Via, Err = Self::Err> + 'static;
    /// How the return type becomes a reply.
    type Via: 'static;

    /// Calls the function. The future owns all that it needs.
    fn call(
        &self,
        state: Arc<S>,
        client: crate::Client,
        args: <Self::Shape as Shape>::Values,
    ) -> impl Future<Output = Self::Reply> + Send + 'static;
}

pub(crate) type Outcome = Result<(), Error>;
