//! How long a write may take.
use std::time::Duration;
use switchboard::{App, Gateway, GatewayLimits};
use switchboard_rig::{Rig, Stack, on};

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
        for stack in [Stack::Listen, Stack::Axum] {
            threads.spawn(move || outlasts_the_kernels_patience(stack));
        }
    });
}

fn outlasts_the_kernels_patience(stack: Stack) {
    on(stack, |stack| async move {
        let limits = GatewayLimits::default()
            .write_timeout(Duration::from_secs(3600))
            .outbound_soft_time(Duration::from_secs(3600))
            .outbound_bytes(8 << 20)
            .outbound_soft_bytes(8 << 20)
            .ping_interval(Duration::from_secs(1000));
        // A gateway's own limits are those that hold.
        let gateway = Gateway::new(Pusher).on("echo", Pusher::echo).limits(limits);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"echo","data":"there"}"#).await;
        peer.recv_text().await;
        let text = "x".repeat(4 << 20);
        assert_eq!(rig.handle.server().broadcast("e", &text).queued, 1);
        tokio::time::sleep(Duration::from_secs(23)).await;
        assert_eq!(rig.handle.stats().connections, 1, "{stack:?}");
        assert!(peer.recv_text().await.ends_with("xxx\"}"));
    });
}
