//! A choice of receivers, and what is sent to them.
use crate::Delivery;
use crate::conn::Class;
use crate::hub::{Event, Space};
use serde::Serialize;
use std::sync::Arc;
use switchboard_core::Target;

/// A choice of receivers: the union of rooms, less exceptions; each client once. All of one namespace.
#[must_use = "nothing is sent before `emit`"]
#[derive(Clone)]
pub struct Broadcast {
    space: Arc<Space>,
    target: Target,
    volatile: bool,
    key: Option<String>,
}

impl Broadcast {
    pub(crate) fn new(space: &Arc<Space>, target: Target) -> Broadcast {
        Broadcast { space: space.clone(), target, volatile: false, key: None }
    }

    /// The members of this room too. A client's id is a room with that client alone in it.
    pub fn to(mut self, room: impl AsRef<str>) -> Broadcast {
        self.target.rooms.push(room.as_ref().to_owned());
        self
    }

    /// But not the members of this room.
    pub fn except(mut self, room: impl AsRef<str>) -> Broadcast {
        self.target.except.push(room.as_ref().to_owned());
        self
    }

    /// It may be dropped for a client whose socket refuses bytes.
    pub fn volatile(mut self) -> Broadcast {
        self.volatile = true;
        self
    }

    /// Volatile, and replaces the message of the same key that still waits for the same client, whatever its event and
    /// room: put both into the key where they matter, as in `"position 7"`.
    pub fn latest(mut self, key: impl Into<String>) -> Broadcast {
        self.volatile = true;
        self.key = Some(key.into());
        self
    }

    /// Sends an event. Nothing waits for the clients to read.
    #[track_caller]
    pub fn emit(&self, event: &str, data: impl Serialize) -> Delivery {
        let Some(event) = Event::encode(event, &data, self.space.node.limits().max_message_out) else {
            return Delivery::REFUSED;
        };
        let class = if self.volatile { Class::Volatile(self.key.as_deref()) } else { Class::Push };
        self.space.local.deliver(&self.target, &event, class)
    }
}
