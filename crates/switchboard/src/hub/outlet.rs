//! The single exit for what `Server` and `Broadcast` do to clients (events, requests, commands), and for what `Client` sends and
//! asks. `Client::close` and `disconnect` act on a connection of this node, and need no exit.
//!
//! The clients of a [`Target`] may be on any node. The functions of [`Space`] are the place to send to other nodes; for
//! now they reach only the clients of this node. A [`Client`] is a connection of this node, so the functions of
//! [`Endpoint`] involve no other node.
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

/// What the server can make clients do.
#[derive(Clone, Copy)]
pub(crate) enum Command<'a> {
    Join(Room<'a>),
    Leave(Room<'a>),
    Close(&'a CloseRequest),
}

impl Space {
    /// Puts an event into the outbox of each client of the target.
    pub(crate) fn emit(&self, target: &Target, class: Class<'_>, event: &dyn Encode) -> Delivery {
        self.local.deliver(target, class, event, self.node.least_message_out())
    }

    /// Sends a request to each client of the target.
    pub(crate) fn ask(&self, target: &Target, class: Class<'_>, request: &dyn EncodeRequest) -> Asked {
        Asked::ask(self.local.chosen(target), class, request)
    }

    /// Applies a command to each client of the target, including those of raw gateways. Returns the number of clients
    /// of this node for which it had an effect.
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
    /// Puts an event into the outbox of this connection.
    pub(crate) fn emit(self: &Arc<Self>, class: Class<'_>, event: &Emission<'_, impl Serialize>) -> Delivery {
        let Some(event) = event.encode(self.encoding()) else { return Delivery::REFUSED };
        let mut delivery = Delivery::default();
        delivery.add(self.push_event(&mut event.frame(), class));
        delivery
    }

    /// Sends a request to this client. Fails if the request could not be sent.
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

/// Makes a client join a room, if the `on_join` hook of its gateway allows it.
pub(crate) fn join(client: &Client, room: Room<'_>) -> Joined {
    let allowed = match &client.endpoint().profile.on_join {
        Some(gate) => may_join(client, gate, room),
        None => Ok(()),
    };
    Joined::new(client, allowed.and_then(|()| rooms::join(client.endpoint_arc(), room)))
}

/// Calls the `on_join` hook. The hook may itself join rooms, which calls it again, so the depth is limited.
fn may_join(client: &Client, gate: &Gate, room: Room<'_>) -> Result<(), Error> {
    let (_nested, refused) = Nested::begin(&JOINS);
    match refused {
        None => contained("on_join", || gate(client, &room.name())),
        Some(refused) => Err(Error::internal(refused.told("`on_join` hooks join inside of each other", DEEPEST))),
    }
}

/// Makes a client leave a room. Returns false if it was not in the room.
pub(crate) fn leave(client: &Client, room: Room<'_>) -> bool {
    rooms::leave(client.endpoint_arc(), room)
}
