//! What a file with a gateway usually imports: `use switchboard::prelude::*`.
//!
//! No name in it is one that an axum application imports, too: `Path`, `Query`, `Message`, `State`, `Next`, … are axum's. Ours of the same
//! name are imported by their path: [`extract::Path`](crate::extract::Path), [`extract::Query`](crate::extract::Query),
//! [`raw::Message`](crate::raw::Message), [`pipeline::Next`](crate::pipeline::Next). A name that a file imports or defines itself takes
//! precedence over one of the prelude, such as an `Error` of its own.
//!
//! ```
//! use axum::extract::{Path, State};
//! use switchboard::prelude::*;
//!
//! #[gateway(path = "/ws")]
//! struct Chat;
//!
//! #[messages]
//! impl Chat {
//!     #[subscribe_message("join")]
//!     async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
//!         client.join(&room).await
//!     }
//! }
//!
//! #[module(gateways(Chat))]
//! struct ChatModule;
//!
//! async fn close(State(server): State<Server>, Path(room): Path<String>) {
//!     server.to(room).disconnect();
//! }
//! ```
#[cfg(feature = "garde")]
pub use crate::Valid;
pub use crate::{
    Ack, App, Client, ConnState, DisconnectReason, Error, Gateway, GatewayLimits, HandlerDef, Handshake, Inject,
    Limits, OrInternal, Reply, Roles, Server, User,
};
#[cfg(feature = "macros")]
pub use crate::{WireError, gateway, injectable, messages, module};
