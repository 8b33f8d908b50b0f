//! How long a write may take.
use crate::rig::{Path, Rig, on};
use std::time::Duration;
use switchboard::{App, Gateway, Limits};

struct Pusher;

impl Pusher {
    async fn echo(&self, text: String) -> String {
        text
    }
}

/// The kernel gave up a peer that takes nothing after 20 s, whatever `write_timeout` said.
#[test]
fn a_write_timeout_above_twenty_seconds_holds() {
    // Both at the same time.
    std::thread::scope(|threads| {
        for path in [Path::Listen, Path::Axum] {
            threads.spawn(move || outlasts_the_kernels_patience(path));
        }
    });
}

fn outlasts_the_kernels_patience(path: Path) {
    on(path, |path| async move {
        let limits = Limits::default()
            .write_timeout(Duration::from_secs(3600))
            .outbound_soft_time(Duration::from_secs(3600))
            .outbound_bytes(8 << 20)
            .outbound_soft_bytes(8 << 20)
            .ping_interval(Duration::from_secs(1000));
        // A gateway's own limits are those that hold.
        let gateway = Gateway::new(Pusher).on("echo", Pusher::echo).limits(limits);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"echo","data":"there"}"#).await;
        peer.text().await;
        let text = "x".repeat(4 << 20);
        assert_eq!(rig.handle.server().broadcast("e", &text).queued, 1);
        tokio::time::sleep(Duration::from_secs(23)).await;
        assert_eq!(rig.handle.stats().connections, 1, "{path:?}");
        assert!(peer.text().await.ends_with("xxx\"}"));
    });
}
