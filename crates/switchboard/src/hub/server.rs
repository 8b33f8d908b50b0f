//! [`Server`]: sends to the clients of a namespace from anywhere in the program.
use crate::hub::target::Target;
use crate::hub::{Everywhere, Hub, LocalServer, Space};
use crate::namespace::Marker;
use crate::{Broadcast, Client, ClientId, Delivery, Dynamic, Namespace, RoomName, Root, Stats};
use serde::Serialize;
use std::future::ready;
use std::marker::PhantomData;
use std::sync::Arc;

/// Reaches the clients of one namespace from services, axum handlers and background tasks. Cheap to clone.
///
/// Get one before the application is mounted from [`App::server`](crate::App::server), or from
/// [`App::server_of`](crate::App::server_of) for a [`Namespace`] of your own. It does not reach clients and rooms of
/// other namespaces, not even by name or id.
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
/// Handlers and hooks can take it as a parameter: `Server` reaches the clients of [`Root`], `Server<N>` those of
/// namespace `N`, and `Server<Dynamic>` those of the namespace that the client is in.
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
    /// Returns the name of the namespace.
    pub fn namespace(&self) -> &str {
        self.space.name()
    }

    /// Sends an event to all clients of the namespace.
    #[track_caller]
    pub fn broadcast(&self, event: &str, data: impl Serialize) -> Delivery {
        Broadcast::new(&self.space, Target::all()).emit(event, data)
    }

    /// Sends an event to all clients of the namespace. Socket.IO's name for [`broadcast`](Server::broadcast).
    #[track_caller]
    pub fn emit(&self, event: &str, data: impl Serialize) -> Delivery {
        self.broadcast(event, data)
    }

    /// Sends an event to all members of a room.
    #[track_caller]
    pub fn broadcast_to(&self, room: impl RoomName, event: &str, data: impl Serialize) -> Delivery {
        self.to(room).emit(event, data)
    }

    /// Addresses the members of a room. Further rooms can be added, and rooms can be excluded.
    pub fn to(&self, room: impl RoomName) -> Broadcast {
        Broadcast::new(&self.space, Target::default()).to(room)
    }

    /// Addresses all connections of the user with this id, as set by a guard or [`Client::set_user`]. Rooms can be
    /// added and excluded. Connections are indexed by user id, so the lookup time does not depend on how many users are
    /// connected.
    /// ```
    /// # use switchboard::Server;
    /// # fn tell(server: &Server) {
    /// server.user("ada").emit("mail", "You have a letter");
    /// # }
    /// ```
    pub fn user(&self, id: impl AsRef<str>) -> Broadcast {
        Broadcast::new(&self.space, Target::user(id.as_ref()))
    }

    /// Addresses all clients except the members of a room.
    pub fn except(&self, room: impl RoomName) -> Broadcast {
        Broadcast::new(&self.space, Target::all()).except(room)
    }

    /// Addresses all clients of the namespace.
    pub fn all(&self) -> Broadcast {
        Broadcast::new(&self.space, Target::all())
    }

    /// Returns a view of the clients of this node only. It answers without asking other nodes.
    pub fn local(&self) -> LocalServer<'_> {
        LocalServer::new(&self.space)
    }

    /// Returns the statistics of the application, summed over all its namespaces. They are exact only while there is no
    /// traffic.
    pub fn stats(&self) -> Stats {
        self.hub.stats()
    }

    /// Counts the clients on all nodes, without those that are closing.
    ///
    /// The nodes are asked when this is called, not when it is first polled.
    pub fn client_count(&self) -> impl Future<Output = Everywhere<usize>> + Send {
        ready(Everywhere::of_one_node(self.local().client_count()))
    }

    /// Counts the members of a room on all nodes, without those that are closing. While its on-disconnect hook runs, a
    /// client is not counted.
    pub fn count_in(&self, room: impl RoomName) -> impl Future<Output = Everywhere<usize>> + Send {
        ready(Everywhere::of_one_node(self.local().count_in(room)))
    }

    /// Returns the ids of the clients on all nodes, without those that are closing.
    pub fn clients(&self) -> impl Future<Output = Everywhere<Vec<ClientId>>> + Send {
        ready(Everywhere::of_one_node(ids(self.local().clients())))
    }

    /// Returns the ids of the members of a room on all nodes, without those that are closing.
    pub fn clients_in(&self, room: impl RoomName) -> impl Future<Output = Everywhere<Vec<ClientId>>> + Send {
        ready(Everywhere::of_one_node(ids(self.local().clients_in(room))))
    }

    /// Returns the names of the rooms that have members on any node, without the own rooms of clients, whose names are
    /// their ids.
    pub fn rooms(&self) -> impl Future<Output = Everywhere<Vec<Arc<str>>>> + Send {
        ready(Everywhere::of_one_node(self.local().rooms()))
    }

    /// Closes the connections of all members of a room with 4503 (`kicked`), as [`Client::disconnect`] does. Returns
    /// how many it closed, without those that were closing already.
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
