//! A choice of receivers, and what is sent to them.
use crate::hub::answers::Answering;
use crate::hub::outlet::Command;
use crate::hub::target::Target;
use crate::hub::{Space, kicked};
use crate::outbound::{Class, Emission};
use crate::{Delivery, RoomName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
    pub fn to(mut self, room: impl RoomName) -> Broadcast {
        self.target.groups.push(room.room_name().into());
        self
    }

    /// But not the members of this room.
    pub fn except(mut self, room: impl RoomName) -> Broadcast {
        self.target.except(room.room_name().into());
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
        let emission = Emission::new(event, data, self.space.node.largest_message_out());
        self.space.emit(&self.target, self.class(), &emission)
    }

    /// Sends an event to all of them at once, and waits for the answer of each, `{"ack": n, "data": …}`. Nobody is
    /// waited for longer than `timeout`, which is one for all.
    ///
    /// Each client that is meant is in one of the two lists of [`Answers`](crate::Answers), with what
    /// [`Client::emit_with_ack`] gives: its answer, or why there is none. Dropped, the answers are not waited for. It
    /// may be awaited in a handler of one of the clients.
    ///
    /// Say the type of an answer: as here, or behind a `let`, `let votes: Answers<bool> = ..`.
    /// ```
    /// # use std::time::Duration;
    /// # use switchboard::{Error, Server};
    /// # async fn vote(server: Server) -> usize {
    /// let votes = server.to("council").emit_with_ack::<bool>("agree?", "a new room", Duration::from_secs(10)).await;
    /// votes.answered.iter().filter(|(_, agrees)| *agrees).count()
    /// # }
    /// ```
    ///
    /// [`Client::emit_with_ack`]: crate::Client::emit_with_ack
    pub fn emit_with_ack<T: DeserializeOwned + Send + 'static>(
        &self,
        event: &str,
        data: impl Serialize,
        timeout: Duration,
    ) -> Answering<T> {
        let request = Emission::new(event, data, self.space.node.largest_message_out());
        Answering::new(self.space.ask(&self.target, self.class(), &request), timeout)
    }

    /// All of them join a room, those of raw gateways too: as [`Client::join`], its `on_join` hook and its failures
    /// included. Returns how many are in it now, and were not before.
    ///
    /// [`Client::join`]: crate::Client::join
    pub fn join(&self, room: impl RoomName) -> usize {
        self.space.command(&self.target, Command::Join(room.room_name()))
    }

    /// All of them leave a room. Returns how many were in it.
    pub fn leave(&self, room: impl RoomName) -> usize {
        self.space.command(&self.target, Command::Leave(room.room_name()))
    }

    /// Closes the connections of all of them with 4503 (`kicked`), of raw gateways too: see [`Client::disconnect`].
    /// Returns how many that were; who is closing already is not counted.
    ///
    /// [`Client::disconnect`]: crate::Client::disconnect
    pub fn disconnect(&self) -> usize {
        self.space.command(&self.target, Command::Close(&kicked()))
    }

    fn class(&self) -> Class<'_> {
        if self.volatile { Class::Volatile(self.key.as_deref()) } else { Class::Push }
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("namespace", &self.space.name())
            .field("target", &self.target)
            .field("volatile", &self.volatile)
            .finish_non_exhaustive()
    }
}
