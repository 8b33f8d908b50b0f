//! Cancels, errors and messages while a connection or the server ends.
use super::{ECHO, Edges, begun, gateway, ms};
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchboard::{App, Limits};
use switchboard_rig::Stopwatch;
use switchboard_rig::{Rig, Stack, matrix, on};

#[test]
fn a_cancel_while_draining_closes_at_once() {
    matrix(|stack| async move {
        let edges = Edges::default();
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(edges.clone()))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hang","id":1}"#).await;
        begun(&edges).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown_within(Duration::from_secs(30)).await });
        tokio::time::sleep(ms(50)).await;
        peer.send(r#"{"cancel":1}"#).await;
        assert!(peer.recv_text().await.contains("cancelled"));
        assert_eq!(peer.skip_until_close().await, 1001);
        drop(peer);
        assert_eq!(shutdown.await.unwrap().aborted, 0);
    });
}

#[test]
fn a_shutdown_without_patience_still_answers_and_closes() {
    matrix(|stack| async move {
        let edges = Edges::default();
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(edges.clone()))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hang","id":1}"#).await;
        begun(&edges).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown_within(ms(100)).await });
        let answer = peer.recv_text().await;
        assert!(answer.contains(r#""id":1"#) && answer.contains("draining"), "{answer}");
        assert_eq!(peer.skip_until_close().await, 1001);
        drop(peer);
        assert_eq!(shutdown.await.unwrap().aborted, 1);
        assert_eq!(*edges.ends.lock().unwrap(), ["Shutdown"]);
    });
}

#[test]
fn cancel_on_disconnect_begins_nothing_more() {
    matrix(|stack| async move {
        let edges = Edges::default();
        let gateway = gateway(edges.clone()).cancel_on_disconnect(true);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send_all([r#"{"event":"slow"}"#; 8]).await;
        begun(&edges).await;
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(edges.begun.load(Ordering::SeqCst), 1);
        assert_eq!(*edges.ends.lock().unwrap(), ["Lost"]);
    });
}

#[test]
fn what_waits_when_a_client_leaves_has_one_handlers_time_in_all() {
    matrix(|stack| async move {
        let edges = Edges::default();
        let limits = Limits::default().handler_timeout(ms(500));
        let rig = Rig::start(stack, App::new().limits(limits).gateway("/ws", gateway(edges.clone()))).await;
        let mut peer = rig.connect().await;
        peer.send_all([r#"{"event":"hang"}"#; 8]).await;
        begun(&edges).await;
        let watch = Stopwatch::start();
        drop(peer);
        rig.expect_empty().await;
        watch.within(ms(1500));
        assert!(rig.handle.stats().dropped_inbound >= 6, "what was not begun is counted");
    });
}

#[test]
fn an_error_whose_text_panics_is_an_error_like_any_other() {
    matrix(|stack| async move {
        let edges = Edges::default();
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(edges.clone()))).await;
        let mut peer = rig.connect().await;
        assert!(peer.request(r#"{"event":"no_text","id":1}"#).await.contains(r#""code":"internal""#));
        assert_eq!(peer.request(ECHO).await, ECHO);
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(*edges.ends.lock().unwrap(), ["Lost"]);
    });
}

/// What waits and is no message is told so, whatever ends its waiting.
#[test]
fn what_waits_and_is_malformed_is_answered_when_it_is_cancelled_and_when_the_server_ends() {
    on(Stack::Memory, |stack| async move {
        let rig = Rig::start(stack, crate::plain::plain(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"wait","data":300,"id":1}"#).await;
        peer.send(r#"{"event":"","id":2}"#).await;
        peer.send(r#"{"event":"","id":3}"#).await;
        peer.send(r#"{"cancel":2}"#).await;
        let cancelled = peer.recv_text().await;
        assert!(cancelled.contains(r#""id":2"#) && cancelled.contains("cancelled"), "{cancelled}");
        let handle = rig.handle.clone();
        let ended = tokio::spawn(async move { handle.shutdown().await });
        let malformed = peer.recv_text().await;
        assert!(malformed.contains(r#""id":3"#) && malformed.contains("bad_request"), "{malformed}");
        assert!(peer.recv_text().await.contains(r#""data":300"#));
        assert!(peer.recv_text().await.contains("sys.goaway"));
        assert_eq!(peer.recv_close().await.0, 1001);
        ended.await.unwrap();
    });
}
