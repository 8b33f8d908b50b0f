//! The outlet: whatever `Server`, `Broadcast` and `Client` send, ask or command leaves through this file, and nothing
//! else does.
//!
//! Clients that a [`Target`] means may be on any node, so the functions of [`Space`] are where other nodes are reached;
//! what they do today is to reach those of this node. A [`Client`] is a connection of this node, so the functions of
//! [`Endpoint`] need nobody else.
use crate::contain::contained;
use crate::hub::acks::{Answer, PendingAck, left};
use crate::hub::answers::Asked;
use crate::hub::target::Target;
use crate::hub::{Client, Endpoint, Gate, Joined, Space, rooms};
use crate::nested::{Calls, DEEPEST, Nested};
use crate::outbound::{Class, CloseRequest, Emission, Encode, EncodeRequest, Pushed};
use crate::room::Room;
use crate::{Delivery, Error};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::oneshot;

thread_local! {
    static JOINS: Calls = const { Calls::new(DEEPEST) };
}

/// What happens to clients without their asking for it.
#[derive(Clone, Copy)]
pub(crate) enum Command<'a> {
    Join(Room<'a>),
    Leave(Room<'a>),
    Close(&'a CloseRequest),
}

impl Space {
    /// Puts an event into the outbox of everyone who is meant.
    pub(crate) fn emit(&self, target: &Target, class: Class<'_>, event: &dyn Encode) -> Delivery {
        self.local.deliver(target, class, event, self.node.least_message_out())
    }

    /// Asks everyone who is meant.
    pub(crate) fn ask(&self, target: &Target, class: Class<'_>, request: &dyn EncodeRequest) -> Asked {
        Asked::ask(self.local.chosen(target), class, request)
    }

    /// Commands everyone who is meant, clients of raw gateways too. Returns for how many clients of this node it
    /// changed anything.
    pub(crate) fn command(&self, target: &Target, command: Command<'_>) -> usize {
        let reached = self.local.reached(target).into_iter();
        match command {
            Command::Join(room) => reached.filter(|conn| join(&Client::new(conn.clone()), room).is_new()).count(),
            Command::Leave(room) => reached.filter(|conn| rooms::leave(conn, room)).count(),
            Command::Close(request) => reached.filter(|conn| conn.close(request.clone())).count(),
        }
    }
}

impl Endpoint {
    /// Puts an event into its outbox.
    pub(crate) fn emit(self: &Arc<Self>, class: Class<'_>, event: &Emission<'_, impl Serialize>) -> Delivery {
        let Some(event) = event.encode(self.encoding()) else { return Delivery::REFUSED };
        let mut delivery = Delivery::default();
        delivery.add(self.push_event(&mut event.frame(), class));
        delivery
    }

    /// Asks it. Errors: why it is not asked.
    pub(crate) fn ask(
        self: &Arc<Self>,
        request: &Emission<'_, impl Serialize>,
    ) -> Result<(PendingAck, oneshot::Receiver<Answer>), Error> {
        let (pending, answer) = PendingAck::new(self)?;
        let event = request.encode_request(self.encoding(), pending.ack)?;
        match self.push_event(&mut event.frame(), Class::Push) {
            Pushed::Queued => Ok((pending, answer)),
            Pushed::Dropped | Pushed::Gone => Err(left()),
        }
    }
}

/// A client joins a room, if its gateway's hook lets it.
pub(crate) fn join(client: &Client, room: Room<'_>) -> Joined {
    let allowed = match &client.endpoint().profile.on_join {
        Some(gate) => may_join(client, gate, room),
        None => Ok(()),
    };
    Joined::new(client, allowed.and_then(|()| rooms::join(client.endpoint_arc(), room)))
}

/// The hook may join, which asks it again.
fn may_join(client: &Client, gate: &Gate, room: Room<'_>) -> Result<(), Error> {
    let (_nested, refused) = Nested::begin(&JOINS);
    match refused {
        None => contained("on_join", || gate(client, &room.name())),
        Some(refused) => Err(Error::internal(refused.told("`on_join` hooks join inside of each other", DEEPEST))),
    }
}

/// A client leaves a room. False when it was not in it.
pub(crate) fn leave(client: &Client, room: Room<'_>) -> bool {
    rooms::leave(client.endpoint_arc(), room)
}
