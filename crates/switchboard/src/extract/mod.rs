//! Extractors: parameters of handlers that are not the payload.
//!
//! | extractor | what it is |
//! |---|---|
//! | [`Path`], [`Query`] | the parameters of the path, and of the query string |
//! | [`Headers`], [`Ext`] | the headers, and an extension, of the request that opened the connection |
//! | [`ConnState`] | the gateway's state of this connection |
//! | [`Ctx`] | the client, the event, the user and the container at once |
//! | [`EventName`], [`Meta`] | the event, and what came beside the payload |
//! | [`Ack`] | answers later; in handlers only |
//! | `Valid`, [`Unchecked`] | a payload that is validated, and one that is not; in handlers only |
//!
//! Elsewhere: [`User`](crate::User), [`MaybeUser`](crate::MaybeUser), [`Inject`](crate::Inject), [`Server`](crate::Server) and
//! [`Socket`](crate::Socket). One of your own implements [`FromMessage`](crate::handler::FromMessage).
//!
//! axum has a `Path` and a `Query` too, so these, and `Headers`, are not at the root of the crate. All others are there, too.
mod ack;
mod conn_state;
mod ctx;
mod handshake;
mod message;
mod path;
mod query;
mod server;
mod unchecked;
#[cfg(feature = "garde")]
mod valid;

pub use ack::Ack;
pub use conn_state::ConnState;
pub use ctx::Ctx;
pub use handshake::{Ext, Headers};
pub use message::{EventName, Meta};
pub use path::Path;
pub use query::Query;
pub use unchecked::Unchecked;
#[cfg(feature = "garde")]
pub use valid::Valid;
#[cfg(feature = "garde")]
pub(crate) use valid::validate;
