//! `/echo`: every message comes back as it came, for suites that test the protocol.

use switchboard::{Gateway, Limits, Socket};

use crate::number;

pub(crate) struct Echo;

impl Echo {
    pub(crate) fn gateway() -> Gateway<Echo> {
        let mut limits = Limits::default();
        if let Some(bytes) = number("MAX_MESSAGE") {
            limits = limits.max_message(bytes);
            limits = limits.clone().max_message_out(limits.max_message_out.max(bytes));
        }
        if let Some(fragments) = number("MAX_FRAGMENTS") {
            limits = limits.max_fragments(fragments);
        }
        Gateway::new(Echo).raw(Echo::run).limits(limits)
    }

    async fn run(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}
