//! Who may do what: tokens, tickets, roles, private rooms and moderators.
//!
//! | to see | open |
//! |---|---|
//! | who may connect, and who they are | [`auth`](auth::Auth) |
//! | how a browser logs in | [`login`], [`tickets`] |
//! | who may enter a room, and who may kick | [`gateway`](gateway::RoomGateway) |
//! | what is on the wire, and what is valid | [`dto`] |
//! | what can go wrong | [`error`](error::RoomError) |
//! | what runs around every message | [`access_log`], [`audit`] |

pub mod access_log;
pub mod accounts;
pub mod audit;
pub mod auth;
pub mod dto;
pub mod error;
pub mod gateway;
pub mod login;
pub mod page;
pub mod rooms;
pub mod sanctions;
pub mod tickets;

use access_log::AccessLog;
use accounts::Accounts;
use audit::Audit;
use auth::Auth;
use gateway::RoomGateway;
use rooms::Rooms;
use sanctions::Sanctions;
use switchboard::module;
use tickets::Tickets;

/// Who there is, and how they are known.
#[module(providers(value(Accounts::demo()), Tickets, Sanctions, Auth), exports(Accounts, Tickets, Sanctions, Auth))]
pub struct AccountModule;

/// The gateway on `/ws`. Its log and its audit stand around every message of the application.
#[module(
    imports(AccountModule),
    providers(value(Rooms::demo()), AccessLog, Audit),
    gateways(RoomGateway),
    app_interceptors(AccessLog),
    app_filters(Audit)
)]
pub struct RoomModule;
