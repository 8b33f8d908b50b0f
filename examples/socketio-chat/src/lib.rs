//! One gateway for two kinds of clients: Socket.IO's official client library, and raw WebSockets.
//!
//! | to see | open |
//! |---|---|
//! | how Socket.IO is served | [`socketio`] |
//! | handlers that do not depend on the kind of client | [`gateway`](gateway::ChatGateway) |
//! | a guard that reads Socket.IO's `auth` | [`names`](names::Named) |
//! | who is in a room, and over which transport | [`people`](people::People) |
//! | bytes, which are attachments for Socket.IO | [`dto`](dto::Picture) |
//! | the page, with both kinds of clients | [`page`], and `page/connect.js` |

pub mod dto;
pub mod gateway;
pub mod names;
pub mod page;
pub mod people;

use gateway::ChatGateway;
use people::People;
use switchboard::{SocketIo, module};

/// The gateway on `/ws`, which is also what Socket.IO's clients reach on `/socket.io/`.
#[module(providers(People), gateways(ChatGateway))]
pub struct ChatModule;

/// How Socket.IO is served: with its own defaults, and with the client library for the page.
pub fn socketio() -> SocketIo {
    SocketIo::default().serve_client(&include_bytes!("../page/socket.io.min.js")[..])
}
