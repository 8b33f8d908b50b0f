//! [`Serving`]: what all sessions of an application share.
use super::sessions::Sessions;
use crate::gateway::Unions;
use crate::hub::{Handle, Hub};
use crate::limits::GatewayLimits;
use crate::socketio::SocketIo;
use std::sync::Arc;
use switchboard_core::engineio::{Open, Transport};
use switchboard_core::socketio::PacketLimits;

/// What all sessions of an application share.
pub(crate) struct Serving {
    pub(crate) hub: Arc<Hub>,
    pub(crate) unions: Arc<Unions>,
    pub(crate) options: SocketIo,
    pub(crate) sessions: Sessions,
    /// Those of the application, with the longest message that `options` allows.
    pub(crate) limits: GatewayLimits,
    /// Keeps the application alive while a session exists.
    pub(crate) _application: Handle,
}

impl Serving {
    /// The handshake: the first packet of a session.
    pub(crate) fn open(&self, sid: &str, upgrades: &[Transport]) -> Vec<u8> {
        let mut packet = Vec::new();
        let SocketIo { ping_interval, ping_timeout, max_http_buffer_size: max_payload, .. } = self.options;
        Open { sid, upgrades, ping_interval, ping_timeout, max_payload }.write(&mut packet);
        packet
    }

    pub(super) fn packets(&self) -> PacketLimits {
        PacketLimits { max_bytes: self.options.max_http_buffer_size, ..PacketLimits::default() }
    }
}
