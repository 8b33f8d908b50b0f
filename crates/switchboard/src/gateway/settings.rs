//! What is set on a gateway beside its handlers: limits, who may connect, frames, and its namespace.
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
    /// Limits of this gateway, instead of all that [`Limits::gateway`](crate::Limits) says. Those of the node, such as `max_connections`,
    /// are the application's: see [`App::limits`](crate::App::limits).
    pub fn limits(mut self, limits: GatewayLimits) -> Gateway<S> {
        self.limits = Some(limits);
        self
    }

    /// Who may connect from a browser, instead of the application's choice.
    pub fn origins(mut self, origins: Origins) -> Gateway<S> {
        self.origins = Some(origins);
        self
    }

    /// The hosts that a client may ask for, instead of the application's: see [`App::allowed_hosts`](crate::App::allowed_hosts).
    #[track_caller]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Gateway<S> {
        self.hosts = Some((hosts.into_iter().map(Into::into).collect(), Location::caller()));
        self
    }

    /// Takes text frames only; a binary one closes with 1003. Default: both, with the JSON envelope in either. Formats of binary
    /// frames, as MessagePack, are not offered to its clients: see [`codec`](crate::codec).
    pub fn text_only(mut self) -> Gateway<S> {
        self.frames = Frames::Text;
        self
    }

    /// Takes binary frames only; a text one closes with 1003. Default: both, with the JSON envelope in either. A JSON client, which
    /// has to send its envelope in binary frames, is answered in text frames all the same.
    pub fn binary_only(mut self) -> Gateway<S> {
        self.frames = Frames::Binary;
        self
    }

    /// Takes the frames of message patterns too: `{"kind":"message","pattern","payload"?,"metadata"?,"id"?}`. The pattern is the name of
    /// an event, whose handler gets `payload` as its data and `metadata` as its meta, behind the same stages. The answer is
    /// `{"pattern","payload","metadata":{},"id"?}`; an error is the `exception` event. With `"kind":"event"` there is no answer but an
    /// error's. Default: such a frame is a `bad_request`.
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

    /// A handler in flight is dropped when its client disconnects. Default: it finishes.
    pub fn cancel_on_disconnect(mut self, cancel: bool) -> Gateway<S> {
        self.cancel_on_disconnect = cancel;
        self
    }

    /// Which clients and rooms this gateway's clients are among; the last call counts. Default: [`Root`](crate::Root).
    #[track_caller]
    pub fn namespace<N: Namespace>(mut self) -> Gateway<S> {
        let (marker, place, server) = (Marker::of::<N>(), Location::caller(), Given::server_of::<N>());
        self.namespace = Some(Chosen { marker, place, server });
        self
    }

    /// Puts each client into the namespace that its request names: one for each project of `/projects/{id}/ws`, say. The function
    /// runs once a connection, after the guards. It returns a name as [`Namespace::NAME`] has one; a `/` in front of it may be left
    /// out. Gateways, and clients of one gateway, whose requests name the same are in the same namespace. It begins with its first
    /// client and is forgotten after its last; [`Namespaces`](crate::Namespaces) finds it from elsewhere, and handlers take
    /// [`Server<Dynamic>`](crate::Dynamic).
    ///
    /// An error refuses the upgrade, as one of a connect guard does; a name that cannot be one is answered 400. That of a namespace
    /// with a type, `/` among them, is answered 403: no request leads into one of those. Above `Limits::runtime_namespaces`: 503.
    ///
    /// Beside [`namespace`](Gateway::namespace) it is a problem at boot.
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

    /// Compresses messages for clients that offer it, or with `None` does not, whatever the application says.
    #[cfg(feature = "deflate")]
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Gateway<S> {
        self.compression = Some(compression.into());
        self
    }
}
