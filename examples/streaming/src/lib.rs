//! Replies that take time: a stream of progress, a deferred reply, and several requests at the same time.
//!
//! | to see | open |
//! |---|---|
//! | a stream, an `Ack`, `concurrency` | [`gateway`](gateway::JobGateway) |
//! | how a job learns that its result is not needed | [`jobs`](jobs::Job) |
//! | the payloads | [`dto`] |
//! | how a client reads a stream, and cancels it | `page/connection.js` |

pub mod dto;
pub mod gateway;
pub mod jobs;
pub mod page;

use gateway::JobGateway;
use jobs::{Jobs, Pace};
use std::time::Duration;
use switchboard::module;

/// The gateway on `/ws`, and the jobs. A step takes a tenth of a second.
#[module(providers(Jobs, value(Pace(Duration::from_millis(100)))), gateways(JobGateway))]
pub struct JobModule;
