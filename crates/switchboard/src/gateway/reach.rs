//! [`Reach`]: whether, and by which names of namespaces, Socket.IO's clients reach a gateway.
use super::Gateway;
use std::borrow::Cow;
use std::panic::Location;

/// A gateway's settings for Socket.IO's clients. They exist, and have no effect, without the feature `socketio`, so that
/// a library's gateway may have them whatever the application's features are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "socketio"), allow(dead_code, reason = "they have no effect then"))]
pub(crate) struct Reach {
    /// True if the gateway is left out.
    pub(crate) is_left_out: bool,
    /// The pattern of the names of its namespaces, and where it was set.
    pub(crate) pattern: Option<(Cow<'static, str>, &'static Location<'static>)>,
}

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Sets whether Socket.IO's clients reach this gateway, if the application serves them (`App::socketio`, feature
    /// `socketio`). Default: true.
    ///
    /// To them, all gateways of a namespace are one: they connect to the namespace, the connect guards and the hooks of
    /// all its gateways run in the order in which these were mounted, and their messages reach the handlers of all. So an
    /// event that two of them handle is a problem at boot, and so are two handlers of all other events; leave one gateway
    /// out to fix that. A gateway that is raw, or on a [port](Gateway::port) of its own, is never reached.
    ///
    /// If an on-connect hook refuses a client, the hooks of the gateways after it do not run, and the on-disconnect hooks
    /// of those before it do, because they have seen the client connect. A join needs the consent of every gateway's
    /// [`on_join`](Gateway::on_join). In place of a gateway's own limits, the settings of `SocketIo` hold, and where these
    /// say nothing, the application's limits. Its own origins and hosts hold at CONNECT, in addition to those of
    /// `SocketIo` or of the application.
    ///
    /// ```
    /// use switchboard::Gateway;
    /// let internal = Gateway::functions().on_fn("reload", || async {}).socketio(false);
    /// ```
    pub fn socketio(mut self, reached: bool) -> Gateway<S> {
        self.site.reach.is_left_out = !reached;
        self
    }

    /// Sets the names of the namespaces by which Socket.IO's clients reach this gateway, which chooses its namespace by
    /// the request ([`namespace_by`](Gateway::namespace_by)): `/project-{id}`. A client asks for a namespace by its name,
    /// and sends no path; what the name has in place of a parameter is read as the parameter of the path
    /// ([`Handshake::path_params`](crate::Handshake::path_params), [`extract::Path`](crate::extract::Path)). Without a
    /// pattern, Socket.IO's clients do not reach such a gateway.
    ///
    /// A parameter is the end of a segment: `/{tenant}/project-{id}`. The function of `namespace_by` must return the very
    /// name that the client asks for, otherwise the client is refused. A namespace with a type is found before any
    /// pattern is tried.
    ///
    /// It is a problem at boot if the pattern is malformed, if it has other parameters than the gateway's path, or if the
    /// gateway has no `namespace_by`.
    ///
    /// ```
    /// use switchboard::{App, Error, Gateway, Handshake};
    /// # struct Board;
    /// # impl Board { async fn draw(&self, line: String) {} }
    /// fn project(request: &Handshake) -> Result<String, Error> {
    ///     let id: u64 = request.path_params()?;
    ///     Ok(format!("/project-{id}"))
    /// }
    /// let board = Gateway::new(Board).on("draw", Board::draw).namespace_by(project);
    /// let app = App::new().gateway("/projects/{id}/ws", board.socketio_namespace("/project-{id}"));
    /// ```
    #[track_caller]
    pub fn socketio_namespace(mut self, pattern: impl Into<Cow<'static, str>>) -> Gateway<S> {
        self.site.reach.pattern = Some((pattern.into(), Location::caller()));
        self
    }
}
