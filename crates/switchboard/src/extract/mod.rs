//! Extractors: parameters of handlers other than the payload.
//!
//! | extractor | what it is |
//! |---|---|
//! | [`Path`], [`Query`] | the parameters of the path, and of the query string |
//! | [`Headers`], [`Ext`] | the headers, and an extension, of the request that opened the connection |
//! | [`ConnState`] | the gateway's state of this connection |
//! | [`Ctx`] | the client, the event, the user and the container at once |
//! | [`EventName`], [`Meta`] | the event's name, and the `meta` that was sent beside the payload |
//! | [`Ack`] | replies later; in handlers only |
//! | [`Args`] | a payload that is several arguments of a Socket.IO client; in handlers only |
//! | `Valid`, [`Unchecked`] | a payload that is validated, and one that is not; in handlers only |
//!
//! Defined elsewhere: [`User`](crate::User), [`MaybeUser`](crate::MaybeUser), [`Inject`](crate::Inject),
//! [`Server`](crate::Server) and [`Socket`](crate::Socket). Your own extractor implements
//! [`FromMessage`](crate::handler::FromMessage).
//!
//! axum has types named `Path` and `Query` too, so these two, and `Headers`, are not re-exported at the crate's root.
//! All others are.
mod ack;
mod args;
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
pub use args::Args;
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
