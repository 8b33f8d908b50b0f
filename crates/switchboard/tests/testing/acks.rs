//! Requests of the server, and answers that come late.
use crate::{SHORT, lab, memory};
use std::time::Duration;
use switchboard::testing::TestApp;
use switchboard::{Answer, Limits};

#[tokio::test]
async fn answers_in_another_order_than_the_requests() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    let client = app.server().local().clients().remove(0);
    let ask = |event: &str| -> Answer<u8> { client.emit_with_ack(event, "how many?", Duration::from_secs(5)) };
    let (first, second) = (ask("first"), ask("second"));
    let asked = ada.expect_request("first").await;
    let then = ada.expect_request("second").await;
    assert_eq!((asked.event(), then.event(), then.ack()), ("first", "second", asked.ack() + 1));
    then.answer(2).await;
    assert_eq!(second.await.unwrap(), 2);
    asked.answer(1).await;
    assert_eq!(first.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_answers_and_one_that_answers_too_late() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    let call = ada.begin("name", ()).await;
    ada.expect::<()>("before").await;
    let asked = ada.expect_request("name?").await;
    app.advance(Duration::from_secs(60)).await;
    assert_eq!(ada.expect_error(call).await.code, "timeout");
    asked.answer("ada").await;
    ada.expect_silence(SHORT).await;

    let call = ada.begin("name", ()).await;
    ada.expect::<()>("before").await;
    drop(ada.expect_request("name?").await);
    app.advance(Duration::from_secs(60)).await;
    assert_eq!(ada.expect_error(call).await.code, "timeout");
    assert_eq!(app.stats().pending_acks, 0);
}

#[tokio::test(start_paused = true)]
async fn late_replies_by_their_id() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    let slow = ada.begin("late", 2000).await;
    let fast = ada.begin("late", 1000).await;
    ada.send("push", "between").await;
    assert_eq!(ada.expect_reply::<u64>(slow).await, 2000);
    assert_eq!(ada.expect_reply::<u64>(fast).await, 1000);
    assert_eq!(ada.expect::<String>("pushed").await, "between");
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_that_never_comes() {
    let limits = Limits::default().deferred_reply_timeout(Duration::from_secs(2));
    let app = TestApp::new(lab().limits(limits));
    let mut ada = app.connect("/ws").await;
    let call = ada.begin("late", 3_600_000).await;
    let error = ada.expect_error(call).await;
    assert_eq!(error.code, "timeout");
}
