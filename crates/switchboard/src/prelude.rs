//! What a file with a gateway usually imports: `use switchboard::prelude::*`.
//!
//! It has no name that an axum application usually imports, such as axum's `Path`, `Query`, `Message`, `State` and
//! `Next`. Import ours of the same name by their path: [`extract::Path`](crate::extract::Path),
//! [`extract::Query`](crate::extract::Query), [`raw::Message`](crate::raw::Message),
//! [`pipeline::Next`](crate::pipeline::Next). A name that a file imports or defines itself, such as its own `Error`,
//! takes precedence over the prelude's.
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
    Ack, App, Args, Client, ConnState, DisconnectReason, Error, Gateway, GatewayLimits, HandlerDef, Handshake, Inject,
    Limits, OrInternal, Reply, Roles, Server, User,
};
#[cfg(feature = "macros")]
pub use crate::{WireError, gateway, injectable, messages, module};
