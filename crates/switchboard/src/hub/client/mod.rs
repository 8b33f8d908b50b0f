//! [`Client`]: one connection, as handlers and services see it.
mod answer;
mod joined;

pub use answer::Answer;
pub use joined::{Joined, Joining};

use crate::hub::target::{Group, Target};
use crate::hub::{self, Endpoint, outlet};
use crate::outbound::{Class, CloseRequest, DisconnectReason, Emission};
use crate::room::Room;
use crate::{Broadcast, ClientId, Delivery, Error, RoomName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use switchboard_core::Close;

/// One connection. Cheap to clone; a clone outlives the connection and then reaches nobody.
///
/// What is emitted to one client arrives in the order in which it was emitted, replies included.
#[derive(Clone)]
pub struct Client(Arc<Endpoint>);

impl Client {
    pub(crate) fn new(conn: Arc<Endpoint>) -> Client {
        Client(conn)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.0
    }

    pub(crate) fn endpoint_arc(&self) -> &Arc<Endpoint> {
        &self.0
    }

    /// This connection's id, which is also the name of a room with this client alone in it.
    pub fn id(&self) -> ClientId {
        self.0.id
    }

    /// The name of the namespace that it is in: [`Namespace::NAME`](crate::Namespace::NAME), or what
    /// [`Gateway::namespace_by`](crate::Gateway::namespace_by) has returned.
    pub fn namespace(&self) -> &str {
        self.0.space.name()
    }

    /// The address of the peer's socket. Behind a trusted proxy (`App::trust_proxies`) it is what that says of the client, with
    /// port 0. `None` where the transport has none.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.peer_addr()
    }

    /// False once the connection is closing: nothing that is emitted now reaches the client. True while what the client sent before its own
    /// close frame is still answered.
    pub fn is_connected(&self) -> bool {
        self.0.is_open()
    }

    /// Sends an event to this client.
    #[track_caller]
    pub fn emit(&self, event: &str, data: impl Serialize) -> Delivery {
        self.emit_as(Class::Push, event, data)
    }

    /// Sends an event that may be dropped: when the client's socket refuses bytes, it is not queued behind them.
    #[track_caller]
    pub fn emit_volatile(&self, event: &str, data: impl Serialize) -> Delivery {
        self.emit_as(Class::Volatile(None), event, data)
    }

    #[track_caller]
    fn emit_as(&self, class: Class<'_>, event: &str, data: impl Serialize) -> Delivery {
        self.0.emit(class, &Emission::new(event, data, self.0.profile.limits.max_message_out))
    }

    /// Sends an event at once, and waits for the client's answer, `{"ack": n, "data": …}`.
    ///
    /// It may be awaited in a handler of the same connection: acks are read while handlers run.
    ///
    /// Errors: `timeout`; `not_found` when the client has left; `rate_limited` when too many answers are awaited;
    /// `overloaded` in a handler of the same client while reading from it is paused; `validation_failed` when the answer
    /// is not a `T`; and what the client answers as an error, with the code and message that it gave (`client_error` where it
    /// gave none). That is the answering client's word: map it before you return it to somebody else.
    ///
    /// Say the type of the answer: behind a `let`, as here, or as `client.emit_with_ack::<String>(..)`.
    /// ```
    /// # use std::time::Duration;
    /// # use switchboard::{Client, Error};
    /// # struct Game;
    /// impl Game {
    ///     async fn start(&self, client: &Client) -> Result<String, Error> {
    ///         let name: String = client.emit_with_ack("name?", (), Duration::from_secs(5)).await?;
    ///         let sure = client.emit_with_ack::<bool>("sure?", &name, Duration::from_secs(5)).await?;
    ///         if sure { Ok(format!("welcome, {name}")) } else { Err(Error::conflict("Another time")) }
    ///     }
    /// }
    /// ```
    pub fn emit_with_ack<T: DeserializeOwned + 'static>(
        &self,
        event: &str,
        data: impl Serialize,
        timeout: Duration,
    ) -> Answer<T> {
        let asked = self.0.ask(&Emission::new(event, data, self.0.profile.limits.max_message_out));
        Answer::new(async move {
            let (_pending, answer) = asked?;
            let answer = match tokio::time::timeout(timeout, answer).await {
                Err(_) => return Err(Error::timeout("The client did not answer in time")),
                Ok(Err(_)) => return Err(hub::left()),
                Ok(Ok(answer)) => answer?,
            };
            answer.data().read()
        })
    }

    /// Joins a room: from now on what is sent to it reaches this client. Joining twice is joining once.
    ///
    /// A room's name has 1 to 255 bytes, no control character and none of `*`, `>`, `{`, `}`; and a client's id is the name of that
    /// client's own room alone.
    ///
    /// It takes effect at once. The outcome may be awaited, or ignored: a failure that nobody awaits is sent to the client
    /// as `exception`. Failures: `validation_failed` for a name that cannot be one; `forbidden` for another client's own
    /// room; `rate_limited` beyond `Limits::rooms`; `not_found` when the client has left; what an `on_join` hook says; and `internal`
    /// where such hooks join inside of each other, more than 8 deep, or more than 1,024 inside of one.
    pub fn join(&self, room: impl RoomName) -> Joined {
        outlet::join(self, room.room_name())
    }

    /// Leaves a room. False when the client was not in it.
    pub fn leave(&self, room: impl RoomName) -> bool {
        outlet::leave(self, room.room_name())
    }

    /// True when this client has joined the room, or it is its own.
    pub fn is_in(&self, room: impl RoomName) -> bool {
        match room.room_name() {
            Room::Named(room) => self.0.membership.lock().iter().any(|name| **name == *room),
            Room::Own(id) => id == self.0.id,
        }
    }

    /// The rooms that this client has joined, in that order; not the one that is its id.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.0.membership.lock().to_vec()
    }

    /// Sends an event to every **other** client in every room that this client is in, each once.
    #[track_caller]
    pub fn broadcast(&self, event: &str, data: impl Serialize) -> Delivery {
        let groups = self.rooms().into_iter().map(Group::Room).collect();
        Broadcast::new(&self.0.space, Target { groups, ..Target::others_than(self.0.id) }).emit(event, data)
    }

    /// Sends an event to every **other** client in one room, which this client need not be in.
    #[track_caller]
    pub fn broadcast_to(&self, room: impl RoomName, event: &str, data: impl Serialize) -> Delivery {
        self.to(room).emit(event, data)
    }

    /// Every **other** client in a room; further rooms can be added, and others excepted.
    pub fn to(&self, room: impl RoomName) -> Broadcast {
        Broadcast::new(&self.0.space, Target::others_than(self.0.id)).to(room)
    }

    /// Closes the connection with 4503 (`kicked`), behind all that was emitted to it.
    ///
    /// It takes effect at once: [`is_connected`](Client::is_connected) is false, no list or count of clients has it any more, no further
    /// message of it is handled, be it one that has come already, and what is emitted to it reaches nobody. Handlers of it that have begun
    /// run to their end; their replies, and that of the handler that calls this, are dropped and counted in
    /// [`Stats::dropped`](crate::Stats::dropped). Its on-disconnect hook still sees its rooms.
    pub fn disconnect(&self) {
        self.0.close(hub::kicked());
    }

    /// Closes the connection with a code and reason, behind all that was emitted to it. It takes effect at once, as
    /// [`disconnect`](Client::disconnect) does.
    pub fn close(&self, close: impl Into<Close>) {
        let close = close.into();
        let reason = DisconnectReason::Server { code: close.code };
        self.0.close(CloseRequest::Graceful { close, reason });
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.0.id)
    }
}
