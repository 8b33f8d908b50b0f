//! [`Profile`]: the settings of a gateway that delivery to its clients needs.
use crate::codec::{Codecs, Frames};
use crate::compression::Compression;
use crate::limits::{GatewayLimits, NodeLimits};
use crate::{Client, Error};
use std::borrow::Cow;
use std::sync::Arc;

/// Decides whether a client may join a room.
pub(crate) type Gate = Arc<dyn Fn(&Client, &str) -> Result<(), Error> + Send + Sync>;

/// The settings of one gateway, shared by all its endpoints. It has no handlers: these are in the compiled gateway, which the transport's
/// task holds.
#[derive(Clone, Default)]
pub(crate) struct Profile {
    /// The gateway's limits: the application's, unless the gateway has its own.
    pub(crate) limits: GatewayLimits,
    /// A copy of the application's limits, which saves each message an access to the node's `OnceLock`.
    pub(crate) node: NodeLimits,
    /// The application's codecs.
    pub(crate) codecs: Codecs,
    /// The gateway's compression: the application's, unless the gateway has its own.
    pub(crate) compression: Option<Compression>,
    /// True if frames of message patterns are accepted.
    pub(crate) patterns: bool,
    /// The kinds of frames that are accepted.
    pub(crate) frames: Frames,
    /// True if the gateway is raw: it has its own protocol, and its clients get no events.
    pub(crate) raw: bool,
    /// True if handlers in flight are cancelled when the connection ends.
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) on_join: Option<Gate>,
    /// The subprotocols of a raw gateway. An endpoint has the index of its own.
    pub(crate) protocols: Vec<Cow<'static, str>>,
    /// The names of the events that have a handler, sorted. See [`Profile::known`].
    pub(crate) events: Vec<Arc<str>>,
}

impl Profile {
    /// Returns the name by which the log groups messages: the event's, if a handler has it, else `*`. So clients cannot add names to the
    /// log.
    pub(crate) fn known<'a>(&self, event: &'a str) -> &'a str {
        if self.events.binary_search_by(|known| (**known).cmp(event)).is_ok() { event } else { "*" }
    }
}
