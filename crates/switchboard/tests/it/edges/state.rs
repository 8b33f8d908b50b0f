//! Destructors and wakers of the application that run inside the engine.
use super::{ECHO, Edges, gateway};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use switchboard::{Answer, App};
use switchboard_rig::{Rig, matrix};

/// A waker that drops its future: some schedulers cancel so.
struct DropsItsFuture(Mutex<Option<Pin<Box<Answer<u8>>>>>);

impl Wake for DropsItsFuture {
    fn wake(self: Arc<Self>) {
        let future = self.0.lock().unwrap().take();
        drop(future);
    }
}

#[test]
fn an_answer_may_wake_code_that_gives_up_waiting() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(ECHO).await, ECHO);
        let client = rig.handle.server().local().clients().remove(0);
        let slot = Arc::new(DropsItsFuture(Mutex::new(None)));
        let mut future = Box::pin(client.emit_with_ack::<u8>("question", 1, Duration::from_secs(9)));
        let waker = Waker::from(slot.clone());
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        *slot.0.lock().unwrap() = Some(future);
        assert!(peer.recv_text().await.contains("question"));
        peer.send(r#"{"ack":1,"data":1}"#).await;
        assert_eq!(peer.request(ECHO).await, ECHO);
        drop((peer, client));
        rig.expect_empty().await;
    });
}

#[test]
fn a_panic_in_the_drop_of_a_state_hurts_nobody_else() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(Edges::default()))).await;
        let server = rig.handle.server();
        let mut armed = Vec::new();
        for _ in 0..20 {
            let mut peer = rig.connect().await;
            peer.request(r#"{"event":"arm","id":1}"#).await;
            armed.push(peer);
        }
        let mut others = Vec::new();
        for _ in 0..8 {
            let mut peer = rig.connect().await;
            assert_eq!(peer.request(ECHO).await, ECHO);
            others.push(peer);
        }
        for peer in armed {
            server.broadcast("tick", 1);
            drop(peer);
            tokio::task::yield_now().await;
        }
        rig.until(|stats| stats.connections == 8).await;
        server.broadcast("final", 1);
        for peer in &mut others {
            while !peer.recv_text().await.contains("final") {}
        }
    });
}

#[test]
fn a_state_that_holds_its_client_is_dropped_with_the_connection() {
    matrix(|stack| async move {
        let edges = Edges::default();
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(edges.clone()))).await;
        for _ in 0..10 {
            rig.connect().await.request(r#"{"event":"keep","id":1}"#).await;
        }
        rig.expect_empty().await;
        assert_eq!(edges.begun.load(Ordering::SeqCst), 10);
    });
}
