//! Raw clients beside events and ends.
use super::ms;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchboard::{App, Error, Gateway, Socket};
use switchboard_rig::{Rig, matrix};

#[test]
fn events_do_not_reach_raw_clients() {
    struct Raw;
    impl Raw {
        async fn run(&self, mut socket: Socket) -> Result<(), Error> {
            while let Some(message) = socket.recv().await {
                socket.client().emit("event", 1);
                socket.send(message).await?;
            }
            Ok(())
        }
    }
    matrix(|stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/ws", Gateway::new(Raw).raw(Raw::run))).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request("one").await, "one");
        assert_eq!(rig.handle.server().broadcast("news", 1).queued, 0);
        assert_eq!(peer.request("two").await, "two");
    });
}

#[test]
fn a_raw_loop_does_not_begin_after_the_end() {
    struct Late(Arc<AtomicUsize>);
    impl Late {
        async fn joined(&self) {
            tokio::time::sleep(ms(200)).await;
        }
        async fn run(&self, socket: Socket) {
            self.0.fetch_add(1, Ordering::SeqCst);
            drop(socket);
            std::future::pending().await
        }
    }
    matrix(|stack| async move {
        let begun = Arc::new(AtomicUsize::new(0));
        let gateway = Gateway::new(Late(begun.clone())).on_connect(Late::joined).raw(Late::run);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        drop(rig.connect().await);
        rig.until(|stats| stats.connections == 1).await;
        rig.expect_empty().await;
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    });
}
