//! [`Client`]: the handle of one connection, for handlers and services.
mod answer;
mod joined;
mod transport;

pub use answer::Answer;
pub use joined::{Joined, Joining};
pub use transport::Transport;

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

/// A handle of one connection. Cheap to clone. It may outlive the connection; what is emitted after that reaches nobody.
///
/// Events and replies arrive at the client in the order in which they were emitted.
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

    /// Returns the id of this connection. It is also the name of the client's own room, of which it is the only member.
    pub fn id(&self) -> ClientId {
        self.0.id
    }

    /// Returns the name of the client's namespace: [`Namespace::NAME`](crate::Namespace::NAME), or the name that
    /// [`Gateway::namespace_by`](crate::Gateway::namespace_by) has returned.
    pub fn namespace(&self) -> &str {
        self.0.space.name()
    }

    /// Returns the address of the peer's socket. With a trusted proxy (`App::trust_proxies`) it is the client's address as the proxy
    /// reports it, with port 0. `None` if the transport has no address.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.peer_addr()
    }

    /// Returns what carries this client's messages now. A client of Socket.IO may change from polling to a WebSocket.
    pub fn transport(&self) -> Transport {
        Transport::of(&self.0)
    }

    /// False once the connection is closing, when nothing that is emitted reaches the client any more. Still true while messages that the
    /// client sent before its own close frame are being answered.
    pub fn is_connected(&self) -> bool {
        self.0.is_open()
    }

    /// Sends an event to this client.
    #[track_caller]
    pub fn emit(&self, event: &str, data: impl Serialize) -> Delivery {
        self.emit_as(Class::Push, event, data)
    }

    /// Sends an event that may be dropped. By default it is dropped, and not queued, while the client's socket accepts no more bytes: see
    /// `Limits::volatile`.
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
    /// Errors: `timeout`; `not_found` when the client has left; `rate_limited` when too many answers are awaited; `overloaded` in a handler
    /// of the same client while reading from it is paused; `validation_failed` when the answer is not a `T`; and an error that the client
    /// sends as its answer, with the client's code and message (`client_error` if it has no code). The client chose that text: map it
    /// before you return it to another client.
    ///
    /// Name the type of the answer, either in the `let` or as `client.emit_with_ack::<String>(..)`.
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
            answer.read()
        })
    }

    /// Joins a room: from now on, messages to the room reach this client. Joining a room again has no effect.
    ///
    /// A room's name has 1 to 255 bytes, no control character and none of `*`, `>`, `{`, `}`. The id of a client is the name of its own
    /// room, which no other client can join.
    ///
    /// It takes effect at once. The outcome may be awaited or ignored: if it is ignored, a failure is sent to the client as `exception`.
    ///
    /// Errors: `validation_failed` for an invalid name; `forbidden` for another client's own room; `rate_limited` beyond `Limits::rooms`;
    /// `not_found` when the client has left; the error of an `on_join` hook; and `internal` if such hooks call `join` recursively, more
    /// than 8 levels deep or more than 1,024 times in one.
    pub fn join(&self, room: impl RoomName) -> Joined {
        outlet::join(self, room.room_name())
    }

    /// Leaves a room. Returns false if the client was not in it.
    pub fn leave(&self, room: impl RoomName) -> bool {
        outlet::leave(self, room.room_name())
    }

    /// True if this client has joined the room, or if it is the client's own room.
    pub fn is_in(&self, room: impl RoomName) -> bool {
        match room.room_name() {
            Room::Named(room) => self.0.membership.lock().iter().any(|name| **name == *room),
            Room::Own(id) => id == self.0.id,
        }
    }

    /// Returns the rooms that this client has joined, in the order of joining, without its own room.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.0.membership.lock().to_vec()
    }

    /// Sends an event to every **other** client that shares a room with this client. Each gets it once.
    #[track_caller]
    pub fn broadcast(&self, event: &str, data: impl Serialize) -> Delivery {
        let groups = self.rooms().into_iter().map(Group::Room).collect();
        Broadcast::new(&self.0.space, Target { groups, ..Target::others_than(self.0.id) }).emit(event, data)
    }

    /// Sends an event to every **other** client in a room. This client need not be in the room.
    #[track_caller]
    pub fn broadcast_to(&self, room: impl RoomName, event: &str, data: impl Serialize) -> Delivery {
        self.to(room).emit(event, data)
    }

    /// Addresses every **other** client in a room. Further rooms can be added, and rooms can be excluded.
    pub fn to(&self, room: impl RoomName) -> Broadcast {
        Broadcast::new(&self.0.space, Target::others_than(self.0.id)).to(room)
    }

    /// Closes the connection with 4503 (`kicked`), after everything that was emitted to it before.
    ///
    /// It takes effect at once: [`is_connected`](Client::is_connected) is false, the client is in no list or count of clients, none of its
    /// messages is handled any more, not even those already received, and events emitted to it reach nobody. Handlers that are already
    /// running complete. Their replies, including the reply of the handler that calls this, are dropped and counted in
    /// [`Stats::dropped`](crate::Stats::dropped). The on-disconnect hook still sees the client's rooms.
    pub fn disconnect(&self) {
        self.0.close(hub::kicked());
    }

    /// Closes the connection with a code and reason, after everything that was emitted to it before. It takes effect at once, as described
    /// for [`disconnect`](Client::disconnect).
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
