//! [`Server`]: everyone, from anywhere.
use crate::hub::target::Target;
use crate::hub::{Everywhere, Hub, LocalServer, Space};
use crate::namespace::Marker;
use crate::{Broadcast, Client, ClientId, Delivery, Dynamic, Namespace, RoomName, Root, Stats};
use serde::Serialize;
use std::future::ready;
use std::marker::PhantomData;
use std::sync::Arc;

/// The clients of a namespace, from services, axum handlers and background tasks. Cheap to clone.
///
/// It exists before the application is mounted: [`App::server`](crate::App::server), and
/// [`App::server_of`](crate::App::server_of) for a [`Namespace`] of your own. Other namespaces' clients and rooms are
/// not there for it: not their names, not their ids.
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
/// It is a parameter of handlers and hooks, too: `Server` of the clients of [`Root`], `Server<N>` of another
/// namespace's,
/// `Server<Dynamic>` of the namespace that the client is in.
/// ```
/// # use switchboard::Server;
/// # struct Chat;
/// impl Chat {
///     async fn announce(&self, text: String, server: Server) -> usize {
///         server.broadcast("announce", text).queued
///     }
/// }
/// ```
pub struct Server<N = Root> {
    space: Arc<Space>,
    hub: Arc<Hub>,
    namespace: PhantomData<fn() -> N>,
}

impl<N: Namespace> Server<N> {
    pub(crate) fn new(hub: &Arc<Hub>) -> Server<N> {
        Server { space: hub.space(Marker::of::<N>()), hub: hub.clone(), namespace: PhantomData }
    }
}

impl Server<Dynamic> {
    pub(crate) fn of(space: Arc<Space>, hub: Arc<Hub>) -> Server<Dynamic> {
        Server { space, hub, namespace: PhantomData }
    }
}

impl<N> Server<N> {
    /// The name of its namespace.
    pub fn namespace(&self) -> &str {
        self.space.name()
    }

    /// Sends an event to everyone.
    #[track_caller]
    pub fn broadcast(&self, event: &str, data: impl Serialize) -> Delivery {
        Broadcast::new(&self.space, Target::all()).emit(event, data)
    }

    /// The same as [`broadcast`](Server::broadcast), under the name that Socket.IO gives it.
    #[track_caller]
    pub fn emit(&self, event: &str, data: impl Serialize) -> Delivery {
        self.broadcast(event, data)
    }

    /// Sends an event to everyone in a room.
    #[track_caller]
    pub fn broadcast_to(&self, room: impl RoomName, event: &str, data: impl Serialize) -> Delivery {
        self.to(room).emit(event, data)
    }

    /// Everyone in a room; further rooms can be added, and others excepted.
    pub fn to(&self, room: impl RoomName) -> Broadcast {
        Broadcast::new(&self.space, Target::default()).to(room)
    }

    /// The connections of a user, whom guards or [`Client::set_user`] have named by this id; rooms can be added, and
    /// others excepted. Connections are found by the user's id, so that it takes as long for one user as for a hundred
    /// thousand.
    /// ```
    /// # use switchboard::Server;
    /// # fn tell(server: &Server) {
    /// server.user("ada").emit("mail", "You have a letter");
    /// # }
    /// ```
    pub fn user(&self, id: impl AsRef<str>) -> Broadcast {
        Broadcast::new(&self.space, Target::user(id.as_ref()))
    }

    /// Everyone but the members of a room.
    pub fn except(&self, room: impl RoomName) -> Broadcast {
        Broadcast::new(&self.space, Target::all()).except(room)
    }

    /// Everyone.
    pub fn all(&self) -> Broadcast {
        Broadcast::new(&self.space, Target::all())
    }

    /// The clients of this node: what it knows of them without asking anybody.
    pub fn local(&self) -> LocalServer<'_> {
        LocalServer::new(&self.space)
    }

    /// The numbers of the application, all its namespaces together. Exact while nothing moves.
    pub fn stats(&self) -> Stats {
        self.hub.stats()
    }

    /// How many clients there are on all nodes, less those that are closing.
    ///
    /// The nodes are asked when this is called, not when it is first polled.
    pub fn client_count(&self) -> impl Future<Output = Everywhere<usize>> + Send {
        ready(Everywhere::of_one_node(self.local().client_count()))
    }

    /// How many clients are in a room on all nodes, less those that are closing: in its on-disconnect hook a client is
    /// not counted.
    pub fn count_in(&self, room: impl RoomName) -> impl Future<Output = Everywhere<usize>> + Send {
        ready(Everywhere::of_one_node(self.local().count_in(room)))
    }

    /// The ids of the clients on all nodes, less those that are closing.
    pub fn clients(&self) -> impl Future<Output = Everywhere<Vec<ClientId>>> + Send {
        ready(Everywhere::of_one_node(ids(self.local().clients())))
    }

    /// The ids of the members of a room on all nodes, less those that are closing.
    pub fn clients_in(&self, room: impl RoomName) -> impl Future<Output = Everywhere<Vec<ClientId>>> + Send {
        ready(Everywhere::of_one_node(ids(self.local().clients_in(room))))
    }

    /// The rooms that have members on any node; a client's own room, whose name is its id, is not among them.
    pub fn rooms(&self) -> impl Future<Output = Everywhere<Vec<Arc<str>>>> + Send {
        ready(Everywhere::of_one_node(self.local().rooms()))
    }

    /// Closes the connections of everyone in a room with 4503 (`kicked`). Returns how many that were: who
    /// is closing already is not counted. See [`Client::disconnect`] for what it means.
    pub fn disconnect(&self, room: impl RoomName) -> usize {
        self.to(room).disconnect()
    }
}

fn ids(clients: Vec<Client>) -> Vec<ClientId> {
    clients.iter().map(Client::id).collect()
}

impl<N> Clone for Server<N> {
    fn clone(&self) -> Server<N> {
        Server { space: self.space.clone(), hub: self.hub.clone(), namespace: PhantomData }
    }
}

impl<N> std::fmt::Debug for Server<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}, {} clients)", self.space.name(), self.local().client_count())
    }
}
