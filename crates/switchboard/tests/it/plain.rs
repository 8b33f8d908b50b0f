//! A gateway with an event of each simple kind, for tests of what surrounds events.
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::{App, Client, Gateway, Limits};

/// The gateway of these tests.
pub(crate) struct Plain;

impl Plain {
    pub(crate) async fn echo(&self, text: String) -> String {
        text
    }
    pub(crate) async fn wait(&self, ms: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }
    async fn none(&self) {}
    async fn bye(&self, client: &Client) {
        client.close(CloseCode::REPLACED);
    }
}

pub(crate) fn plain(limits: Limits) -> App {
    let gateway = Gateway::new(Plain).on("echo", Plain::echo).on("wait", Plain::wait).on("bye", Plain::bye);
    let gateway = gateway.on("n", Plain::none);
    App::new().gateway("/ws", gateway).limits(limits)
}

pub(crate) const HEALTHY: &str = r#"{"event":"echo","data":"well"}"#;
