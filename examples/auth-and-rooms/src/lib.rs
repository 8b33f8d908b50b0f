//! Authentication and permissions: tokens, tickets, roles, private rooms and moderators.
//!
//! | to see | open |
//! |---|---|
//! | which clients may connect, and as which user | [`auth`](auth::Auth) |
//! | how a browser logs in | [`login`], [`tickets`] |
//! | which users may enter a room or kick others | [`gateway`](gateway::RoomGateway) |
//! | the payloads, and when they are valid | [`dto`] |
//! | the errors | [`error`](error::RoomError) |
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

/// The accounts.
#[module(providers(value(Accounts::demo()), Tickets, Sanctions, Auth), exports(Accounts, Tickets, Sanctions, Auth))]
pub struct AccountModule;

/// The gateway on `/ws`. The access log and the audit apply to every message of the application.
#[module(
    imports(AccountModule),
    providers(value(Rooms::demo()), AccessLog, Audit),
    gateways(RoomGateway),
    app_interceptors(AccessLog),
    app_filters(Audit)
)]
pub struct RoomModule;
