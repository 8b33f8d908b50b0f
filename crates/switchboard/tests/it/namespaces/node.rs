//! What namespaces share: shutdown, limits and time of the node.
use super::{Admin, Nobody, Talk, shared, talk, two};
use std::sync::Arc;
use std::time::Duration;
use switchboard::{App, Limits};
use switchboard_rig::{Rig, Stack, each_stack, http, matrix, on};

#[test]
fn a_shutdown_closes_every_namespace() {
    matrix(|stack| async move {
        let state: Arc<Talk> = Arc::default();
        let app = App::new().gateway("/ws", talk()).gateway("/admin", shared(&state).namespace::<Admin>());
        let rig = Rig::start(stack, app).await;
        let (mut user, mut idle, mut busy) =
            (rig.connect().await, rig.connect_to("/admin").await, rig.connect_to("/admin").await);
        busy.send(r#"{"event":"wait","id":1}"#).await;
        state.started.notified().await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        for peer in [&mut user, &mut idle] {
            assert_eq!(peer.skip_until_close().await, 1001);
            peer.close(1001).await;
        }
        // A namespace that is made meanwhile changes nothing.
        assert_eq!(rig.handle.server_of::<Nobody>().local().client_count(), 0);
        assert!(!shutdown.is_finished(), "a handler of a namespace is in flight");
        state.go.notify_one();
        busy.expect(r#"{"event":"wait","data":null,"id":1}"#).await;
        assert_eq!(busy.skip_until_close().await, 1001);
        busy.close(1001).await;
        assert_eq!(shutdown.await.unwrap().aborted, 0);
        rig.expect_empty().await;
    });
}

#[test]
fn a_shutdown_out_of_patience_ends_every_namespace() {
    matrix(|stack| async move {
        let state: Arc<Talk> = Arc::default();
        let app = App::new().gateway("/ws", shared(&state)).gateway("/admin", shared(&state).namespace::<Admin>());
        let rig = Rig::start(stack, app).await;
        let mut peers = [rig.connect().await, rig.connect_to("/admin").await];
        for peer in &mut peers {
            peer.send(r#"{"event":"wait","id":1}"#).await;
            state.started.notified().await;
        }
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown_within(Duration::ZERO).await });
        for peer in &mut peers {
            assert!(peer.recv_text().await.contains(r#""code":"draining""#));
            assert_eq!(peer.skip_until_close().await, 1001);
            peer.close(1001).await;
        }
        assert_eq!(shutdown.await.unwrap().aborted, 2);
        rig.expect_empty().await;
    });
}

fn upgrade(path: &str) -> Vec<u8> {
    switchboard_rig::upgrade_request(path)
}

async fn refusal(rig: &Rig, path: &str) -> (u16, String) {
    let answer = http(&mut rig.stream().await, &upgrade(path)).await.unwrap();
    let reason = answer.body.split('"').nth(3).unwrap_or_default().to_owned();
    (answer.status, reason)
}

#[test]
fn a_namespace_that_is_made_after_a_shutdown_refuses() {
    on(Stack::Memory, |stack| async move {
        let app = two();
        assert_eq!(app.handle().shutdown().await.aborted, 0);
        let rig = Rig::start(stack, app).await;
        for path in ["/ws", "/admin"] {
            assert_eq!(refusal(&rig, path).await, (503, "draining".into()), "{path}");
        }
        rig.expect_empty().await;
    });
}

#[test]
fn the_limits_of_the_node_count_over_namespaces() {
    each_stack(|stack| async move {
        let limits = Limits::default().max_connections(Some(2)).handlers(1).pending_acks_node(1);
        let state: Arc<Talk> = Arc::default();
        let app = App::new()
            .limits(limits)
            .gateway("/ws", shared(&state))
            .gateway("/admin", shared(&state).namespace::<Admin>());
        let rig = Rig::start(stack, app).await;
        let (mut user, mut boss) = (rig.connect().await, rig.connect_to("/admin").await);
        for path in ["/ws", "/admin"] {
            assert_eq!(refusal(&rig, path).await, (503, "admission".into()), "{path}");
        }
        boss.send(r#"{"event":"wait","id":1}"#).await;
        state.started.notified().await;
        let refused = user.request(r#"{"event":"wait","id":2}"#).await;
        assert!(refused.contains(r#""code":"overloaded""#), "{refused}");
        state.go.notify_one();
        boss.expect(r#"{"event":"wait","data":null,"id":1}"#).await;
        // One answer is awaited of the one; the other's may not be asked for.
        let asked = rig.handle.server_of::<Admin>().local().clients().remove(0);
        let answer = asked.emit_with_ack::<String>("name?", (), Duration::from_secs(20));
        boss.expect(r#"{"event":"name?","data":null,"ack":1}"#).await;
        let refused = user.request(r#"{"event":"ask","id":3}"#).await;
        assert!(refused.contains(r#""code":"rate_limited""#), "{refused}");
        boss.send(r#"{"ack":1,"data":"Ann"}"#).await;
        assert_eq!(answer.await.unwrap(), "Ann");
        // A place that one namespace gives back is the other's.
        drop(boss);
        rig.until(|stats| stats.connections == 1).await;
        let third = rig.connect().await;
        assert_eq!(refusal(&rig, "/admin").await, (503, "admission".into()));
        assert_eq!(
            (rig.handle.server().local().client_count(), rig.handle.server_of::<Admin>().local().client_count()),
            (2, 0)
        );
        drop((user, third));
        rig.expect_empty().await;
    });
}

#[test]
fn time_passes_in_every_namespace() {
    each_stack(|stack| async move {
        let limits = Limits::default().handler_timeout(Duration::from_millis(100));
        let app = App::new().limits(limits).gateway("/admin", talk().namespace::<Admin>());
        let rig = Rig::start(stack, app).await;
        let mut boss = rig.connect_to("/admin").await;
        let answer = boss.request(r#"{"event":"wait","id":1}"#).await;
        assert!(answer.contains(r#""code":"timeout""#), "{answer}");
        drop(boss);
        rig.expect_empty().await;
    });
}
