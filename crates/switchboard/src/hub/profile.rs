//! [`Profile`]: what delivery to the clients of one gateway needs to know of it.
use crate::codec::{Codecs, Frames};
use crate::compression::Compression;
use crate::limits::{GatewayLimits, NodeLimits};
use crate::{Client, Error};
use std::borrow::Cow;
use std::sync::Arc;

/// Decides whether a client may join a room.
pub(crate) type Gate = Arc<dyn Fn(&Client, &str) -> Result<(), Error> + Send + Sync>;

/// Plain data of one gateway, shared by all its endpoints. It knows no handler: the transport's task has the compiled gateway.
#[derive(Clone, Default)]
pub(crate) struct Profile {
    /// Those of the application, unless the gateway has its own.
    pub(crate) limits: GatewayLimits,
    /// The application's: a copy, so that a message finds them here and not behind the node's `OnceLock`.
    pub(crate) node: NodeLimits,
    /// The application's.
    pub(crate) codecs: Codecs,
    /// The application's, unless the gateway chose its own.
    pub(crate) compression: Option<Compression>,
    /// Frames of message patterns are accepted.
    pub(crate) patterns: bool,
    /// The kinds of frames that are accepted.
    pub(crate) frames: Frames,
    /// The gateway speaks a protocol of its own: no event reaches its clients.
    pub(crate) raw: bool,
    /// Handlers in flight are cancelled when the connection ends.
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) on_join: Option<Gate>,
    /// The subprotocols of a raw gateway. An endpoint has the index of its own.
    pub(crate) protocols: Vec<Cow<'static, str>>,
    /// The names of the events that have a handler, sorted. See [`Profile::known`].
    pub(crate) events: Vec<Arc<str>>,
}

impl Profile {
    /// The name by which the log groups messages: that of a handler, never one that a client made up.
    pub(crate) fn known<'a>(&self, event: &'a str) -> &'a str {
        if self.events.binary_search_by(|known| (**known).cmp(event)).is_ok() { event } else { "*" }
    }
}
