//! Settings of a gateway: limits, origins and hosts, frames, and its namespace.
use super::{Chosen, Gateway, Given};
use crate::codec::Frames;
#[cfg(feature = "deflate")]
use crate::compression::Compression;
use crate::limits::GatewayLimits;
use crate::namespace::Marker;
use crate::{Error, Handshake, Namespace, Origins};
use std::panic::Location;
use std::sync::Arc;

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Sets the limits of this gateway, in place of all of [`Limits::gateway`](crate::Limits). The limits of the node,
    /// such as `max_connections`, are set on the application: see [`App::limits`](crate::App::limits).
    pub fn limits(mut self, limits: GatewayLimits) -> Gateway<S> {
        self.limits = Some(limits);
        self
    }

    /// Sets the origins from which browsers may connect to this gateway. Overrides the application's setting.
    pub fn origins(mut self, origins: Origins) -> Gateway<S> {
        self.origins = Some(origins);
        self
    }

    /// Sets the hosts that a client may request. Overrides the application's: see
    /// [`App::allowed_hosts`](crate::App::allowed_hosts).
    #[track_caller]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Gateway<S> {
        self.hosts = Some((hosts.into_iter().map(Into::into).collect(), Location::caller()));
        self
    }

    /// Accepts text frames only; a binary frame closes the connection with 1003. Default: both, with the JSON envelope
    /// in either. Formats of binary frames, such as MessagePack, are not offered to its clients: see
    /// [`codec`](crate::codec).
    pub fn text_only(mut self) -> Gateway<S> {
        self.frames = Frames::Text;
        self
    }

    /// Accepts binary frames only; a text frame closes the connection with 1003. Default: both, with the JSON envelope
    /// in either. A JSON client then has to send its envelope in binary frames, but is still answered in text frames.
    pub fn binary_only(mut self) -> Gateway<S> {
        self.frames = Frames::Binary;
        self
    }

    /// Also accepts frames of message patterns: `{"kind":"message","pattern","payload"?,"metadata"?,"id"?}`. The
    /// pattern is the name of an event, whose handler gets `payload` as its data and `metadata` as its meta; the same
    /// stages apply. The reply is `{"pattern","payload","metadata":{},"id"?}`; an error is sent as the `exception`
    /// event. With `"kind":"event"` only an error is answered. Default: such a frame is a `bad_request`.
    ///
    /// ```
    /// use switchboard::Gateway;
    /// let sums = Gateway::functions().patterns().on_fn("sum", |all: Vec<u32>| async move { all.iter().sum::<u32>() });
    /// // {"kind":"message","pattern":"sum","payload":[1,2],"id":7} → {"pattern":"sum","payload":3,"metadata":{},"id":7}
    /// ```
    pub fn patterns(mut self) -> Gateway<S> {
        self.patterns = true;
        self
    }

    /// Sets whether a handler in flight is dropped when its client disconnects. Default: it finishes.
    pub fn cancel_on_disconnect(mut self, cancel: bool) -> Gateway<S> {
        self.cancel_on_disconnect = cancel;
        self
    }

    /// Sets the namespace of this gateway's clients and rooms; the last call wins. Default: [`Root`](crate::Root).
    #[track_caller]
    pub fn namespace<N: Namespace>(mut self) -> Gateway<S> {
        let (marker, place, server) = (Marker::of::<N>(), Location::caller(), Given::server_of::<N>());
        self.namespace = Some(Chosen { marker, place, server });
        self
    }

    /// Puts each client into a namespace that depends on its request: for example one for each project of
    /// `/projects/{id}/ws`. The function runs once for each connection, after the guards. It returns a name as in
    /// [`Namespace::NAME`]; the leading `/` may be omitted. Clients with the same name share one namespace, even those
    /// of different gateways. The namespace is created with its first client and removed after its last.
    /// [`Namespaces`](crate::Namespaces) finds it from elsewhere, and handlers take
    /// [`Server<Dynamic>`](crate::Dynamic).
    ///
    /// An error refuses the upgrade, like an error of a connect guard. An invalid name is answered with 400. The name
    /// of a namespace that has a type, including `/`, is answered with 403: clients cannot select it by request. Above
    /// `Limits::runtime_namespaces`, the answer is 503.
    ///
    /// Socket.IO's clients name the namespace themselves: they reach such a gateway only with
    /// [`socketio_namespace`](Gateway::socketio_namespace).
    ///
    /// Setting both this and [`namespace`](Gateway::namespace) is reported as a problem at boot.
    /// ```
    /// use switchboard::{App, Client, Dynamic, Error, Gateway, Server, Handshake};
    /// # #[derive(Default)]
    /// # struct Board;
    /// # impl Board { async fn draw(&self, line: String, server: Server<Dynamic>) { server.broadcast("drawn", line); } }
    /// fn project(upgrade: &Handshake) -> Result<String, Error> {
    ///     let id: u64 = upgrade.path_params()?;
    ///     Ok(format!("/project-{id}"))
    /// }
    /// let board = Gateway::new(Board).on("draw", Board::draw).namespace_by(project);
    /// let app = App::new().gateway("/projects/{id}/ws", board);
    /// let namespaces = app.namespaces();
    /// assert!(namespaces.get("/project-42").is_none(), "nobody is there");
    /// ```
    #[track_caller]
    pub fn namespace_by<E: Into<Error>>(
        mut self,
        by: impl Fn(&Handshake) -> Result<String, E> + Send + Sync + 'static,
    ) -> Gateway<S> {
        self.namespace_by = Some((Arc::new(move |upgrade| by(upgrade).map_err(Into::into)), Location::caller()));
        self
    }

    /// Compresses messages for clients that offer it, or, with `None`, does not. Overrides the application's setting.
    #[cfg(feature = "deflate")]
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Gateway<S> {
        self.compression = Some(compression.into());
        self
    }
}
