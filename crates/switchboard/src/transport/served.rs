//! [`Served`]: what a turn reads of its connection and never changes.
use crate::Client;
use crate::gateway::CompiledGateway;
use crate::hub::{Endpoint, Registration};
use std::ops::Deref;
use std::sync::Arc;

/// The endpoint, and the gateway in which handlers are looked up. It leaves all rooms and the namespace when dropped.
pub(crate) struct Served {
    registration: Registration,
    /// Dropped last: it keeps the application alive, whose services the on-disconnect hook and the connection's state may use.
    pub(crate) table: Arc<CompiledGateway>,
}

impl Served {
    pub(crate) fn new(registration: Registration, table: Arc<CompiledGateway>) -> Served {
        Served { registration, table }
    }

    pub(crate) fn client(&self) -> Client {
        self.registration.client()
    }
}

impl Deref for Served {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        self.registration.endpoint()
    }
}
