//! [`Broadcast`]: a selection of receivers, and the methods that send to them.
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

/// A selection of receivers in one namespace: the union of the added rooms, without the excluded ones. Each client gets
/// a message once.
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

    /// Adds the members of this room. The id of a client is the name of a room whose only member is that client.
    pub fn to(mut self, room: impl RoomName) -> Broadcast {
        self.target.groups.push(room.room_name().into());
        self
    }

    /// Excludes the members of this room.
    pub fn except(mut self, room: impl RoomName) -> Broadcast {
        self.target.except(room.room_name().into());
        self
    }

    /// Lets the event be dropped for a client whose socket accepts no more bytes: see `Limits::volatile`.
    pub fn volatile(mut self) -> Broadcast {
        self.volatile = true;
        self
    }

    /// Makes the event volatile, and lets it replace a message with the same key that still waits for the same client,
    /// whatever the event and the room of that message. If these matter, put them into the key, as in `"position 7"`.
    pub fn latest(mut self, key: impl Into<String>) -> Broadcast {
        self.volatile = true;
        self.key = Some(key.into());
        self
    }

    /// Sends the event. It never waits for the clients to read.
    #[track_caller]
    pub fn emit(&self, event: &str, data: impl Serialize) -> Delivery {
        let emission = Emission::new(event, data, self.space.node.largest_message_out());
        self.space.emit(&self.target, self.class(), &emission)
    }

    /// Sends an event to all receivers at once, and waits for the answer of each, `{"ack": n, "data": …}`. `timeout`
    /// limits the whole wait.
    ///
    /// Each receiver is in one of the two lists of [`Answers`](crate::Answers), with its answer or with the error of
    /// [`Client::emit_with_ack`]. Dropping the future gives up the answers. It may be awaited in a handler of one of
    /// the clients.
    ///
    /// Name the type of an answer, as here or in the `let`: `let votes: Answers<bool> = ..`.
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

    /// Makes all receivers join a room, including clients of raw gateways, as [`Client::join`] does: with its `on_join`
    /// hook and its errors. Returns how many are in the room now and were not before.
    ///
    /// [`Client::join`]: crate::Client::join
    pub fn join(&self, room: impl RoomName) -> usize {
        self.space.command(&self.target, Command::Join(room.room_name()))
    }

    /// Makes all receivers leave a room. Returns how many were in it.
    pub fn leave(&self, room: impl RoomName) -> usize {
        self.space.command(&self.target, Command::Leave(room.room_name()))
    }

    /// Closes the connections of all receivers with 4503 (`kicked`), including those of raw gateways, as
    /// [`Client::disconnect`] does. Returns how many it closed, without those that were closing already.
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
