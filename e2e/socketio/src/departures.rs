//! [`Departures`]: who has left, and why.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde::Serialize;
use switchboard::{Client, DisconnectReason, injectable};

/// The number of departures that are kept.
const KEPT: usize = 512;

/// A client that has left.
#[derive(Clone, Serialize)]
pub(crate) struct Departure {
    id: String,
    reason: String,
}

/// The last clients that have left.
#[injectable]
pub(crate) struct Departures(Mutex<VecDeque<Departure>>);

impl Departures {
    pub(crate) fn add(&self, client: &Client, reason: &DisconnectReason) {
        let mut departures = self.0.lock();
        if departures.len() == KEPT {
            departures.pop_front();
        }
        departures.push_back(Departure { id: client.id().to_string(), reason: format!("{reason:?}") });
    }

    /// Why a client has left. `None`: it has not.
    pub(crate) fn reason(&self, id: &str) -> Option<String> {
        self.0.lock().iter().find(|departure| departure.id == id).map(|departure| departure.reason.clone())
    }
}
