//! A chat that anyone can use: one gateway, a service, an axum route, a background task and a page.
//!
//! | to see | open |
//! |---|---|
//! | how messages are handled | [`gateway`](gateway::ChatGateway) |
//! | how a service pushes events | [`rooms`](rooms::RoomService) |
//! | the payloads | [`dto`] |
//! | a push from an axum handler | [`routes`] |
//! | the page | [`page`], and `page/` |

pub mod clock;
pub mod dto;
pub mod gateway;
pub mod page;
pub mod rooms;
pub mod routes;

use clock::Clock;
use gateway::ChatGateway;
use rooms::RoomService;
use switchboard::module;

/// The gateway on `/ws`, and its services.
#[module(providers(RoomService, value(Clock::system())), gateways(ChatGateway))]
pub struct ChatModule;
