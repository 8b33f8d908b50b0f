//! `/echo`: every message is sent back unchanged, for suites that test the protocol.

use switchboard::{GatewayLimits, Socket, gateway, messages};

use crate::number;

#[gateway(path = "/echo", limits = limits())]
pub(crate) struct Echo;

#[messages]
impl Echo {
    #[raw]
    async fn run(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// The default limits, except those that the environment raises.
fn limits() -> GatewayLimits {
    let mut limits = GatewayLimits::default();
    if let Some(bytes) = number("MAX_MESSAGE") {
        limits.max_message = bytes;
        limits.max_message_out = limits.max_message_out.max(bytes);
    }
    if let Some(fragments) = number("MAX_FRAGMENTS") {
        limits.websocket.max_fragments = fragments;
    }
    limits
}
