//! A chat that anyone can open: one gateway, a service, an axum route, a background task and a page.
//!
//! | to see | open |
//! |---|---|
//! | how messages are handled | [`gateway`](gateway::Chat) |
//! | how a service pushes without being asked | [`rooms`](rooms::RoomService) |
//! | what is on the wire | [`dto`] |
//! | a push from an axum handler | [`routes`] |
//! | the page | [`page`], and `page/` |

pub mod clock;
pub mod dto;
pub mod gateway;
pub mod page;
pub mod rooms;
pub mod routes;

use clock::Clock;
use gateway::Chat;
use rooms::RoomService;
use std::sync::Arc;
use switchboard::{App, Compression};

/// The application: the gateway on `/ws`, and beside it the page and the routes.
pub fn app(clock: Clock) -> App {
    let app = App::new().compression(Compression::default());
    let rooms = Arc::new(RoomService::new(app.server(), clock));
    app.gateway("/ws", Chat::gateway(rooms.clone())).mount(page::routes()).mount(routes::routes(rooms))
}
