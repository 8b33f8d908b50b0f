//! Real-time gateways for an axum application. A handler is `async fn(&self, payload) -> impl IntoReply`, registered
//! for an event.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Gateway`] | the handlers of one struct, mounted on a path |
//! | [`Client`] | one connection: `emit`, `join`, `broadcast`, `disconnect` |
//! | [`Server`] | sends to all clients, from services, axum handlers and background tasks |
//! | room | a name that clients join; [`Client::to`] and [`Server::to`] send to it |
//! | [`Namespace`] | a set of clients and rooms that is separate from others |
//! | [`Error`] | what a client gets when something goes wrong |
//!
//! ```
//! use serde::Deserialize;
//! use switchboard::{App, Client, Gateway};
//!
//! #[derive(Deserialize, serde::Serialize)]
//! struct Say { room: String, text: String }
//!
//! struct Chat;
//!
//! impl Chat {
//!     async fn join(&self, room: String, client: &Client) -> Result<(), switchboard::Error> {
//!         client.join(&room).await
//!     }
//!     async fn say(&self, message: Say, client: &Client) -> usize {
//!         client.broadcast_to(&message.room, "said", &message).queued
//!     }
//! }
//!
//! let chat = Gateway::new(Chat).on("join", Chat::join).on("say", Chat::say);
//! let app: axum::Router = axum::Router::new().merge(App::new().gateway("/ws", chat));
//! ```
//!
//! | more | where |
//! |---|---|
//! | attributes, which expand to the same calls | [`macro@gateway`], [`macro@messages`], [`macro@module`]; those inside them: [`attributes`] |
//! | what a file with a gateway imports | [`prelude`] |
//! | parameters of handlers | payloads, [`&Client`](Client), [`extract`], [`Inject`], [`User`] |
//! | payloads | any `Deserialize` type, [`Valid`], [`Binary`], [`Args`], [`pipeline::Pipe`] |
//! | replies | any `Serialize` type, [`Reply`], a stream, [`Ack`]; to request one of a client: [`Client::emit_with_ack`] |
//! | who may connect and send | [`pipeline::ConnectGuard`], [`pipeline::Guard`], [`User`], [`Roles`] |
//! | guards, interceptors, pipes and filters around handlers | [`pipeline`] |
//! | errors | [`Error`], [`macro@WireError`], [`pipeline::Filter`] |
//! | services | [`di`] |
//! | formats | [`codec`]; without one: [`raw`] |
//! | limits, each with its default | [`Limits`]: [`NodeLimits`], [`GatewayLimits`], [`WebSocketLimits`] |
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `macros` | yes | the attributes and [`macro@WireError`] |
//! | `garde` | yes | [`Valid`], and validation of each payload that implements garde's `Validate`; without it such a payload is not validated |
//! | `anyhow` | | `anyhow::Error` converts into an opaque internal error |
//! | `deflate` | | [`Compression`]: permessage-deflate |
//! | `socketio` | | [`App::socketio`]: clients of Socket.IO |
//! | `testing` | | [`testing`]: an application's tests without a port |
//!
//! The repository's `docs/guide` has a page for each of these, and one for readers who know NestJS.
//!
//! It is not an HTTP framework (that is axum), and transports no media.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_debug_implementations)]

mod app;
#[cfg(feature = "macros")]
pub mod attributes;
mod buffers;
mod client_id;
mod client_id_text;
pub mod close;
pub mod codec;
mod compression;
mod contain;
pub mod di;
mod event_name;
pub mod extract;
pub mod gateway;
mod guarded;
pub mod handler;
mod handshake;
mod http;
mod hub;
mod identity;
mod limits;
mod log;
mod namespace;
mod nested;
mod node;
mod outbound;
pub mod pipeline;
pub mod prelude;
mod problem;
mod rate;
pub mod raw;
mod room;
mod runner;
#[cfg(feature = "socketio")]
mod socketio;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod transport;
mod user;
mod wire;

/// Targets of the code that the attributes expand to. Do not use it in code written by hand: anything in it may change
/// in any version.
#[doc(hidden)]
pub mod __private {
    /// Handlers and hooks, assembled from parts that are type-checked one by one.
    pub mod parts {
        pub use crate::handler::parts::*;
    }
    /// The settings that a struct with `#[gateway]` puts on its gateway.
    pub mod settings {
        pub use crate::gateway::mount::{HasSettings, NoSettings, SettingsProbe};
    }
    /// Guards and pipes, type-checked one by one.
    pub mod stages {
        pub use crate::pipeline::parts::*;
    }
    /// Targets of the code that `#[derive(WireError)]` expands to.
    pub mod wire {
        pub use crate::wire::*;
    }
}

pub use app::{Address, App, Bound};
pub use client_id::{ClientId, InvalidClientId};
pub use client_id_text::ClientIdText;
#[cfg(feature = "deflate")]
pub use compression::Compression;
pub use di::Inject;
#[cfg(feature = "garde")]
pub use extract::Valid;
pub use extract::{Ack, Args, ConnState, Ctx, EventName, Ext, Meta, Unchecked};
pub use gateway::Gateway;
pub use handler::{HandlerDef, Reply};
pub use handshake::Handshake;
pub use http::InvalidNetwork;
pub use hub::{
    Answer, Answering, Answers, Broadcast, Client, Delivery, Everywhere, Handle, Joined, Joining, LocalServer,
    Namespaces, SendError, Server, ShutdownReport, Transport,
};
pub use identity::{MaybeUser, Roles};
pub use limits::{GatewayLimits, Limits, NodeLimits, VolatilePolicy, WebSocketLimits};
pub use namespace::{Dynamic, Namespace, Root};
pub use node::Stats;
pub use outbound::DisconnectReason;
pub use problem::{BootError, Problem};
pub use rate::Rate;
pub use raw::Socket;
pub use room::RoomName;
#[cfg(feature = "socketio")]
pub use socketio::SocketIo;
pub use switchboard_core::ws::origin::{InvalidOrigin, Origins};
pub use switchboard_core::{AnyFloat, Binary, Close, Code, Detail, Error, OrInternal, TraceId};
pub use user::{RoleNames, User};

#[cfg(feature = "macros")]
pub use switchboard_macros::{WireError, gateway, injectable, messages, module};

pub use axum;
#[cfg(feature = "garde")]
pub use garde;
