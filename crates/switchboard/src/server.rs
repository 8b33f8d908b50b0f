//! [`Server`]: everyone, from anywhere.
use crate::conn::kicked;
use crate::hub::Hub;
use crate::{Broadcast, Client, ClientId, Delivery, Stats};
use serde::Serialize;
use std::sync::Arc;
use switchboard_core::Target;

/// The clients of an application, from services, axum handlers and background tasks. Cheap to clone.
///
/// It exists before the application is mounted: [`App::server`](crate::App::server).
/// ```
/// use axum::{Router, extract::State, routing::post};
/// use switchboard::{App, Server};
///
/// async fn announce(State(server): State<Server>, text: String) -> String {
///     format!("reached {}", server.broadcast_to("lobby", "announce", text).queued)
/// }
///
/// let app = App::new();
/// let router: Router = Router::new().route("/announce", post(announce)).with_state(app.server()).merge(app);
/// ```
#[derive(Clone)]
pub struct Server(Arc<Hub>);

impl Server {
    pub(crate) fn new(hub: Arc<Hub>) -> Server {
        Server(hub)
    }

    /// Sends an event to everyone.
    #[track_caller]
    pub fn broadcast(&self, event: &str, data: impl Serialize) -> Delivery {
        Broadcast::new(&self.0, Target::all()).emit(event, data)
    }

    /// The same as [`broadcast`](Server::broadcast), under the name that Socket.IO gives it.
    #[track_caller]
    pub fn emit(&self, event: &str, data: impl Serialize) -> Delivery {
        self.broadcast(event, data)
    }

    /// Sends an event to everyone in a room.
    #[track_caller]
    pub fn broadcast_to(&self, room: impl AsRef<str>, event: &str, data: impl Serialize) -> Delivery {
        self.to(room).emit(event, data)
    }

    /// Everyone in a room; further rooms can be added, and others excepted.
    pub fn to(&self, room: impl AsRef<str>) -> Broadcast {
        Broadcast::new(&self.0, Target::default()).to(room)
    }

    /// Everyone but the members of a room.
    pub fn except(&self, room: impl AsRef<str>) -> Broadcast {
        Broadcast::new(&self.0, Target::all()).except(room)
    }

    /// Everyone.
    pub fn all(&self) -> Broadcast {
        Broadcast::new(&self.0, Target::all())
    }

    /// A client by its id, while it is connected.
    pub fn client(&self, id: ClientId) -> Option<Client> {
        self.0.local.client(id).filter(|conn| conn.is_open()).map(Client::new)
    }

    /// Exact numbers while nothing moves.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// Every client, less those that are closing. A copy of the list, at one moment.
    pub fn clients(&self) -> Vec<Client> {
        self.0.local.clients().into_iter().filter(|conn| conn.is_open()).map(Client::new).collect()
    }

    /// How many clients there are, less those that are closing.
    pub fn client_count(&self) -> usize {
        self.0.local.open_count()
    }

    /// The members of a room, less those that are closing. A copy of the list, at one moment.
    pub fn clients_in(&self, room: impl AsRef<str>) -> Vec<Client> {
        self.0.local.members(room.as_ref()).into_iter().filter(|conn| conn.is_open()).map(Client::new).collect()
    }

    /// How many clients are in a room, less those that are closing: in its on-disconnect hook a client is not counted.
    pub fn count_in(&self, room: impl AsRef<str>) -> usize {
        self.0.local.member_count(room.as_ref())
    }

    /// The rooms that have members; not those that are a client's id.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.0.local.room_names()
    }

    /// Closes the connections of everyone in a room with 4503 (`kicked`). Returns how many that were.
    pub fn disconnect(&self, room: impl AsRef<str>) -> usize {
        let members = self.0.local.members(room.as_ref());
        for conn in &members {
            conn.close(kicked());
        }
        members.len()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({} clients)", self.client_count())
    }
}
