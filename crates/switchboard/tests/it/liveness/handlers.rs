//! What a connection does while a handler runs.
use super::{Slow, Story, gateway};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchboard::{App, Client, Error, Gateway};
use switchboard_core::ws::Opcode;
use switchboard_rig::{Got, Rig, matrix};
use tokio::sync::Notify;

#[test]
fn a_handler_awaits_its_own_clients_ack() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(Slow::default()))).await;
        let mut peer = rig.connect().await;
        let question = peer.request(r#"{"event":"ask","id":1}"#).await;
        assert_eq!(question, r#"{"event":"question","data":"name?","ack":1}"#);
        assert_eq!(rig.handle.stats().pending_acks, 1);
        assert_eq!(rig.handle.stats().in_flight, 1);
        let reply = peer.request(r#"{"ack":1,"data":"ada"}"#).await;
        assert_eq!(reply, r#"{"event":"ask","data":"you are ada","id":1}"#);
        peer.send(r#"{"event":"ask","id":2}"#).await;
        peer.expect(r#"{"event":"question","data":"name?","ack":2}"#).await;
        let error = peer.request(r#"{"ack":2,"error":{"code":"shy","message":"No"}}"#).await;
        assert!(error.contains(r#""code":"shy","message":"No""#), "{error}");
        // D16: an ack that was settled, or never asked for, is ignored.
        peer.send(r#"{"ack":2,"data":"again"}"#).await;
        peer.send(r#"{"ack":99}"#).await;
        assert_eq!(peer.request(r#"{"event":"echo","data":"on"}"#).await, r#"{"event":"echo","data":"on"}"#);
        // The peer leaves while an answer is awaited.
        peer.send(r#"{"event":"ask"}"#).await;
        peer.recv_text().await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn pings_pushes_and_close_pass_a_slow_handler() {
    matrix(|stack| async move {
        let slow = Slow::default();
        let (story, go) = (slow.story.clone(), slow.go.clone());
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"wait","id":1}"#).await;
        story.expect(&["begins"]).await;
        peer.send(r#"{"event":"echo","data":"behind"}"#).await;
        peer.send_frame(Opcode::Ping, true, b"here?").await;
        assert_eq!(peer.recv().await, Got::Pong(b"here?".to_vec()));
        rig.handle.server().broadcast("push", 1);
        peer.expect(r#"{"event":"push","data":1}"#).await;
        peer.close(1000).await;
        // Its answer has `linger`.
        assert_eq!(peer.recv().await, Got::Close(Some((1000, String::new()))));
        peer.expect_end().await;
        // The handler finishes, then what was sent before the close frame is handled, then the hook runs.
        story.expect(&["begins"]).await;
        go.notify_one();
        story.expect(&["begins", "ends", r#"left Client { code: Some(1000), reason: "" } ["room"]"#]).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_handler_finishes_when_the_stream_ends() {
    matrix(|stack| async move {
        let slow = Slow::default();
        let (story, go, dropped) = (slow.story.clone(), slow.go.clone(), slow.dropped.clone());
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"wait"}"#).await;
        story.expect(&["begins"]).await;
        peer.finish().await;
        peer.expect_silence(Duration::from_millis(20)).await;
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        go.notify_one();
        peer.expect(r#"{"event":"wait","data":"done"}"#).await;
        peer.expect_end().await;
        story.expect(&["begins", "ends", r#"left Lost ["room"]"#]).await;
        rig.expect_empty().await;
    });
}

#[test]
fn cancel_on_disconnect_drops_the_handler() {
    matrix(|stack| async move {
        let slow = Slow::default();
        let (story, dropped) = (slow.story.clone(), slow.dropped.clone());
        let gateway = gateway(slow).cancel_on_disconnect(true);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"wait"}"#).await;
        story.expect(&["begins"]).await;
        drop(peer);
        story.expect(&["begins", r#"left Lost ["room"]"#]).await;
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        rig.expect_empty().await;
    });
}

#[test]
fn a_client_cancels_its_request() {
    matrix(|stack| async move {
        let slow = Slow::default();
        let dropped = slow.dropped.clone();
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hang","id":1}"#).await;
        peer.send(r#"{"event":"hang","id":2}"#).await;
        peer.send(r#"{"cancel":2}"#).await;
        assert!(
            peer.recv_text()
                .await
                .starts_with(r#"{"event":"exception","id":2,"data":{"status":"error","code":"cancelled""#)
        );
        let reused = peer.request(r#"{"event":"echo","data":"x","id":1}"#).await;
        assert!(reused.contains(r#""code":"conflict""#), "D10: {reused}");
        peer.send(r#"{"cancel":1}"#).await;
        assert!(
            peer.recv_text()
                .await
                .starts_with(r#"{"event":"exception","id":1,"data":{"status":"error","code":"cancelled""#)
        );
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        assert_eq!(
            peer.request(r#"{"event":"echo","data":"x","id":1}"#).await,
            r#"{"event":"echo","data":"x","id":1}"#
        );
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn on_connect_may_refuse() {
    struct Club;
    impl Club {
        async fn joined(&self, client: &Client) -> Result<(), Error> {
            client.join("inside");
            tokio::task::yield_now().await;
            Err(Error::forbidden("Members only"))
        }
        async fn left(&self) {
            panic!("on-disconnect does not run");
        }
    }
    matrix(|stack| async move {
        let gateway = Gateway::new(Club).on_connect(Club::joined).on_disconnect(Club::left);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"never"}"#).await;
        assert!(peer.recv_text().await.contains(r#""code":"forbidden","message":"Members only""#));
        assert_eq!(
            peer.recv_text().await,
            r#"{"event":"sys.goaway","data":{"code":4505,"reason":"forbidden","retryable":false}}"#
        );
        assert_eq!(peer.skip_until_close().await, 4505);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b3_messages_wait_for_on_connect() {
    struct Late {
        story: Story,
        go: Arc<Notify>,
    }
    impl Late {
        async fn joined(&self) {
            self.go.notified().await;
            self.story.tell("joined");
        }
        async fn message(&self) -> &'static str {
            self.story.tell("message");
            "hi"
        }
    }
    matrix(|stack| async move {
        let late = Late { story: Story::default(), go: Arc::default() };
        let (story, go) = (late.story.clone(), late.go.clone());
        let gateway = Gateway::new(late).on("message", Late::message).on_connect(Late::joined);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"message"}"#).await;
        peer.send_frame(Opcode::Ping, true, b"").await;
        assert_eq!(peer.recv().await, Got::Pong(Vec::new()));
        story.expect(&[]).await;
        go.notify_one();
        peer.expect(r#"{"event":"message","data":"hi"}"#).await;
        story.expect(&["joined", "message"]).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b10_a_kick_says_why_behind_all_that_was_emitted() {
    matrix(|stack| async move {
        let slow = Slow::default();
        let story = slow.story.clone();
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        let server = rig.handle.server();
        while server.local().count_in("room") == 0 {
            tokio::task::yield_now().await;
        }
        let client = server.local().clients().remove(0);
        assert_eq!(server.local().client(client.id()).map(|found| found.id()), Some(client.id()));
        assert_eq!(client.emit("last", "words").queued, 1);
        client.disconnect();
        assert!(!client.is_connected() && client.emit("more", 1).queued == 0);
        peer.expect(r#"{"event":"last","data":"words"}"#).await;
        peer.expect(r#"{"event":"sys.goaway","data":{"code":4503,"reason":"kicked","retryable":false}}"#).await;
        assert_eq!(peer.recv().await, Got::Close(Some((4503, "kicked".into()))));
        peer.expect_end().await;
        drop(peer);
        story.expect(&[r#"left Server { code: 4503 kicked } ["room"]"#]).await;
        rig.expect_empty().await;
        assert_eq!(client.emit("gone", 1), switchboard::Delivery::default());
        assert!(client.join("room").await.unwrap_err().code().as_str() == "not_found");
    });
}
