//! Limits on rooms, pending acks and running handlers.
use super::{Press, hold, start, text};
use serde_json::{Value, json};
use std::time::Duration;
use switchboard::{Client, Limits};
use switchboard_rig::{Rig, Stack, each_stack, on};

#[test]
fn a_client_has_128_rooms() {
    on(Stack::Memory, |stack| async move {
        let rig = start(stack, Limits::default()).await;
        let mut peer = rig.connect().await;
        let rooms: Vec<String> = (0..128).map(|n| format!("room {n}")).collect();
        assert_eq!(peer.request(&text("join", &rooms)).await, text("join", 128));
        let refused = peer.request(&text("join", ["one more"])).await;
        assert!(refused.contains(r#""code":"rate_limited""#) && refused.contains(r#""retryable":false"#), "{refused}");
        assert_eq!(peer.request(&text("join", ["room 0"])).await, text("join", 1), "joined already");
        assert_eq!((rig.handle.stats().rooms, rig.handle.stats().memberships), (128, 128));
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn the_answers_that_are_awaited_are_bounded() {
    each_stack(|stack| async move {
        let rig = start(stack, Limits::default().pending_acks_node(70)).await;
        let (a, b) = (rig.connect().await, rig.connect().await);
        let clients = rig.handle.server().local().clients();
        let ask = |client: &Client| {
            let client = client.clone();
            tokio::spawn(async move { client.emit_with_ack::<u8>("q", 1, Duration::from_secs(30)).await })
        };
        let mut asking: Vec<_> = (0..64).map(|_| ask(&clients[0])).collect();
        rig.until(|stats| stats.pending_acks == 64).await;
        assert_eq!(ask(&clients[0]).await.unwrap().unwrap_err().code().as_str(), "rate_limited");
        asking.extend((0..6).map(|_| ask(&clients[1])));
        rig.until(|stats| stats.pending_acks == 70).await;
        assert_eq!(ask(&clients[1]).await.unwrap().unwrap_err().code().as_str(), "rate_limited", "the node's");
        drop((a, b));
        for asked in asking {
            assert_eq!(asked.await.unwrap().unwrap_err().code().as_str(), "not_found");
        }
        assert_eq!(ask(&clients[0]).await.unwrap().unwrap_err().code().as_str(), "not_found");
        rig.expect_empty().await;
    });
}

#[test]
fn the_handlers_of_a_node_are_bounded() {
    each_stack(|stack| async move {
        let press = Press::new();
        let rig = Rig::start(stack, press.app(Limits::default().handlers(2))).await;
        let mut peers = [rig.connect().await, rig.connect().await, rig.connect().await];
        for peer in &mut peers[..2] {
            peer.send(&hold(1)).await;
        }
        rig.until(|stats| stats.in_flight == 2).await;
        let answer: Value =
            serde_json::from_str(&peers[2].request(r#"{"event":"hold","data":2,"id":2}"#).await).unwrap();
        assert_eq!((&answer["data"]["code"], &answer["data"]["retryable"]), (&json!("overloaded"), &json!(true)));
        press.gate.add_permits(3);
        for peer in &mut peers[..2] {
            peer.expect(&hold(1)).await;
        }
        assert_eq!(peers[2].request(&hold(3)).await, hold(3));
        drop(peers);
        rig.expect_empty().await;
    });
}
