//! Replies that take time: what the client receives, and what happens to the work when its result is not needed.
use serde_json::{Value, json};
use std::time::Duration;
use streaming::JobModule;
use switchboard::testing::{TestApp, TestClient};
use tokio::time::Instant;

async fn jobs() -> TestApp {
    TestApp::of::<JobModule>().start().await
}

async fn arrive(app: &TestApp) -> TestClient {
    let mut client = app.connect("/ws").await;
    client.expect::<Value>("jobs").await;
    client
}

/// Waits until the counts are these.
async fn counts(client: &mut TestClient, running: usize, finished: usize, dropped: usize) {
    let wanted = json!({ "running": running, "finished": finished, "dropped": dropped });
    while client.skip_until::<Value>("jobs").await != wanted {}
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_each_step_and_its_end() {
    let app = jobs().await;
    let (mut ada, mut watcher) = (arrive(&app).await, arrive(&app).await);
    ada.send_text(r#"{"event":"run","data":{"steps":3},"id":"a"}"#).await;
    counts(&mut watcher, 1, 0, 0).await;
    let mut frames = Vec::new();
    while frames.len() < 4 {
        let frame = ada.expect_text().await;
        if frame.contains(r#""id":"a""#) {
            frames.push(frame);
        }
    }
    assert_eq!(frames[0], r#"{"event":"run","data":{"step":1,"of":3},"id":"a","more":true}"#);
    assert_eq!(frames[2], r#"{"event":"run","data":{"step":3,"of":3},"id":"a","more":true}"#);
    assert_eq!(frames[3], r#"{"event":"run","id":"a","done":true}"#);
    counts(&mut watcher, 0, 1, 0).await;
}

#[tokio::test(start_paused = true)]
async fn who_cancels_or_leaves_drops_the_work() {
    let app = jobs().await;
    let (mut ada, mut watcher) = (arrive(&app).await, arrive(&app).await);
    let run = ada.begin("run", json!({ "steps": 200 })).await;
    let report = ada.begin("report", json!({ "steps": 200 })).await;
    counts(&mut watcher, 2, 0, 0).await;
    ada.cancel(&run).await;
    counts(&mut watcher, 1, 0, 1).await;
    ada.cancel(&report).await;
    counts(&mut watcher, 0, 0, 2).await;

    let _ = ada.begin("run", json!({ "steps": 200 })).await;
    let _ = ada.begin("report", json!({ "steps": 200 })).await;
    counts(&mut watcher, 2, 0, 2).await;
    ada.close().await;
    counts(&mut watcher, 0, 0, 4).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_and_the_messages_meanwhile() {
    let app = jobs().await;
    let mut ada = arrive(&app).await;
    let report = ada.begin("report", json!({ "steps": 50 })).await;
    let price = json!({ "item": "tea", "cents": 175 });
    assert_eq!(ada.request::<Value>("price", "tea").await, price);
    let answer = json!({ "steps": 50, "summary": "Nothing to complain about" });
    assert_eq!(ada.expect_reply::<Value>(report).await, answer);
}

#[tokio::test(start_paused = true)]
async fn eight_questions_wait_together() {
    let app = jobs().await;
    let mut ada = arrive(&app).await;
    let begun = Instant::now();
    let mut calls = Vec::new();
    for item in ["tea", "coffee", "milk", "bread", "salt", "rice", "beans", "soap"] {
        calls.push(ada.begin("price", item).await);
    }
    for call in calls {
        ada.expect_reply::<Value>(call).await;
    }
    assert!(begun.elapsed() < Duration::from_millis(600), "{:?}: one after the other takes 2.4 s", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn jobs_are_bounded() {
    let app = jobs().await;
    let mut ada = arrive(&app).await;
    for event in ["run", "report"] {
        for steps in [json!({ "steps": 0 }), json!({ "steps": 201 }), json!({}), json!(null), json!({ "steps": "9" })] {
            assert_eq!(ada.request_error(event, &steps).await.code, "validation_failed", "{event} {steps}");
        }
        for _ in 0..4 {
            let _ = ada.begin(event, json!({ "steps": 200 })).await;
        }
        assert_eq!(ada.request_error(event, json!({ "steps": 1 })).await.code, "rate_limited", "{event}");
    }
    assert_eq!(ada.request_error("price", "").await.code, "validation_failed");

    // All clients together.
    let mut others = Vec::new();
    for _ in 0..7 {
        let mut other = arrive(&app).await;
        for event in ["run", "run", "run", "run", "report", "report", "report", "report"] {
            let _ = other.begin(event, json!({ "steps": 200 })).await;
        }
        others.push(other);
    }
    // One stream was refused after it had begun.
    counts(&mut ada, 64, 0, 1).await;
    let mut late = arrive(&app).await;
    for event in ["run", "report"] {
        let full = late.request_error(event, json!({ "steps": 1 })).await;
        assert_eq!((&*full.code, full.retry_after_ms), ("overloaded", Some(2000)));
    }
}
