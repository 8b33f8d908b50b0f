//! A shutdown while handlers run.
use super::{ECHO, Slow, gateway};
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchboard::{App, Limits};
use switchboard_rig::{Got, Rig, matrix};

#[test]
fn shutdown_lets_handlers_finish_and_answers_the_rest() {
    matrix(|stack| async move {
        let slow = Slow::default();
        let (story, go) = (slow.story.clone(), slow.go.clone());
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(slow))).await;
        let mut busy = rig.connect().await;
        let mut idle = rig.connect().await;
        assert_eq!(idle.request(ECHO).await, ECHO);
        busy.send(r#"{"event":"wait","id":1}"#).await;
        busy.send(r#"{"event":"echo","data":"waits","id":2}"#).await;
        story.expect(&["begins"]).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        assert!(idle.recv_text().await.starts_with(r#"{"event":"sys.goaway","data":{"code":1001,"#));
        assert_eq!(idle.recv().await, Got::Close(Some((1001, "service_restart".into()))));
        drop(idle);
        let draining = busy.recv_text().await;
        assert!(draining.contains(r#""id":2,"data":{"status":"error","code":"draining""#), "{draining}");
        let late = busy.request(r#"{"event":"echo","data":"late","id":3}"#).await;
        assert!(late.contains(r#""id":3,"data":{"status":"error","code":"draining""#), "{late}");
        go.notify_one();
        busy.expect(r#"{"event":"wait","data":"done","id":1}"#).await;
        let goaway = busy.recv_text().await;
        assert!(goaway.contains(r#""reason":"service_restart","retryable":true,"retry_after_ms":"#), "{goaway}");
        assert_eq!(busy.skip_until_close().await, 1001);
        drop(busy);
        assert_eq!(shutdown.await.unwrap().aborted, 0);
        rig.expect_empty().await;
    });
}

#[test]
fn shutdown_with_a_hung_handler_ends_and_counts_it() {
    matrix(|stack| async move {
        let slow = Slow::default();
        let (story, dropped) = (slow.story.clone(), slow.dropped.clone());
        let limits = Limits::default().linger(Duration::from_millis(200));
        let rig = Rig::start(stack, App::new().limits(limits).gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hang","id":1}"#).await;
        while rig.handle.stats().in_flight == 0 {
            tokio::task::yield_now().await;
        }
        let report = rig.handle.shutdown_within(Duration::from_millis(300)).await;
        assert_eq!(report.aborted, 1);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        story.expect(&[r#"left Shutdown ["room"]"#]).await;
        rig.expect_empty().await;
    });
}
