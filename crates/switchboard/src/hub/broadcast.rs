//! A choice of receivers, and what is sent to them.
use crate::codec::Encoding;
use crate::contain::drop_contained;
use crate::hub::Space;
use crate::hub::answers::{Answering, Asked};
use crate::hub::kicked;
use crate::outbound::Class;
use crate::outbound::{Event, Sending};
use crate::{Delivery, RoomName, log};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
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
    pub fn to(mut self, room: impl RoomName) -> Broadcast {
        self.target.rooms.push(room.room_name().into_owned());
        self
    }

    /// But not the members of this room.
    pub fn except(mut self, room: impl RoomName) -> Broadcast {
        self.target.except.push(room.room_name().into_owned());
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
        let (place, most) = (Location::caller(), self.space.node.largest_message_out());
        let data = Sending::begin(data);
        let encode = |encoding: Encoding<'_>| Event::encode_at(place, encoding, event, &data, most);
        let Some(json) = encode(Encoding::Json) else { return Delivery::REFUSED };
        // Who has JSON has it by then: a panic must not keep it from the rest, in silence.
        let other = |encoding: Encoding<'_>| {
            catch_unwind(AssertUnwindSafe(|| encode(encoding))).unwrap_or_else(|panic| {
                log::panicked(event, &*panic);
                drop_contained(panic);
                None
            })
        };
        self.space.local.deliver(&self.target, &json, &other, self.class(), self.space.node.least_message_out())
    }

    /// Sends an event to all of them at once, and waits for the answer of each, `{"ack": n, "data": …}`. Nobody is waited for longer
    /// than `timeout`, which is one for all.
    ///
    /// Each client that is meant is in one of the two lists of [`Answers`](crate::Answers), with what [`Client::emit_with_ack`] gives: its answer, or
    /// why there is none. Dropped, the answers are not waited for. It may be awaited in a handler of one of the clients.
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
        let most = self.space.node.largest_message_out();
        let data = Sending::begin(data);
        let encode = |encoding: Encoding<'_>, ack| Event::encode_request(encoding, event, &data, ack, most);
        Answering::new(Asked::ask(self.space.local.chosen(&self.target), &encode, self.class()), timeout)
    }

    /// Closes the connections of all of them with 4503 (`kicked`), of raw gateways too: see [`Client::disconnect`]. Returns how many that
    /// were; who is closing already is not counted.
    ///
    /// [`Client::disconnect`]: crate::Client::disconnect
    pub fn disconnect(&self) -> usize {
        self.space.local.reached(&self.target).iter().filter(|conn| conn.close(kicked())).count()
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
