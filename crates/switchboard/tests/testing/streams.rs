//! Streams of replies, from a client's side.
use crate::{SHORT, memory};
use std::time::Duration;

#[tokio::test]
async fn items_up_to_the_end() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    let mut numbers = ada.stream("numbers", 3).await;
    assert_eq!((numbers.event(), numbers.id()), ("numbers", "test-1"));
    assert_eq!(numbers.next_item::<u32>().await, 1);
    assert_eq!(numbers.next_item::<u32>().await, 2);
    assert_eq!(numbers.next_item::<u32>().await, 3);
    numbers.expect_end().await;
    assert_eq!(ada.stream("numbers", 4).await.collect::<u32>().await, [1, 2, 3, 4]);
    ada.stream("numbers", 0).await.expect_end().await;
    ada.expect_silence(SHORT).await;
    ada.close().await;
    app.expect_empty().await;
}

#[tokio::test]
async fn what_comes_meanwhile_waits() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    let mut numbers = ada.stream("numbers", 2).await;
    ada.send("push", "between").await;
    let others = ada.stream("numbers", 3).await;
    assert_eq!(ada.request::<u32>("echo", 7).await, 7);
    app.server().broadcast("news", 1);
    assert_eq!(others.collect::<u32>().await, [1, 2, 3]);
    assert_eq!(ada.expect::<String>("pushed").await, "between");
    assert_eq!(numbers.next_item::<u32>().await, 1);
    assert_eq!(ada.expect::<u32>("news").await, 1);
    assert_eq!(numbers.collect::<u32>().await, [2]);

    let numbers = ada.stream("numbers", 1).await;
    ada.expect_silence(SHORT).await;
    drop(numbers);
    assert_eq!(ada.expect_text().await, r#"{"event":"numbers","data":1,"id":"test-4","more":true}"#);
    assert_eq!(ada.expect_text().await, r#"{"event":"numbers","id":"test-4","done":true}"#);
    ada.expect_silence(SHORT).await;
}

#[tokio::test]
async fn an_error_in_the_middle() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    let mut numbers = ada.stream("breaks_at", 2).await;
    assert_eq!(numbers.next_item::<u32>().await, 1);
    let error = numbers.expect_error().await;
    assert_eq!((error.code.as_str(), error.message.as_str()), ("conflict", "Here"));
    // A handler that has no stream to begin with.
    assert_eq!(ada.stream("forbid", ()).await.expect_error().await.code, "forbidden");
}

#[tokio::test]
async fn a_stream_that_is_cancelled() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    let mut endless = ada.stream("numbers", u32::MAX).await;
    assert_eq!(endless.next_item::<u32>().await, 1);
    assert_eq!(endless.cancel().await.unwrap().code, "cancelled");
    let numbers = ada.stream("numbers", 1).await;
    ada.request::<()>("wait", 20).await;
    assert_eq!(numbers.cancel().await, None);
    assert_eq!(ada.request::<u32>("echo", 7).await, 7);
    ada.close().await;
    app.expect_empty().await;
}

#[tokio::test]
async fn a_stream_in_message_pack() {
    let app = memory();
    let mut ada = app.connecting("/ws").message_pack().connect().await;
    assert_eq!(ada.stream("numbers", 3).await.collect::<u32>().await, [1, 2, 3]);
    let mut endless = ada.stream("numbers", u32::MAX).await;
    assert_eq!(endless.next_item::<u32>().await, 1);
    assert_eq!(endless.cancel().await.unwrap().code, "cancelled");
}

#[tokio::test(start_paused = true)]
async fn items_that_take_their_time() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    let started = std::time::Instant::now();
    // One a second: each within the patience, all of them not.
    assert_eq!(ada.stream("slowly", 10).await.collect::<u32>().await.len(), 10);
    let mut slow = ada.stream("slowly", 2).await;
    app.advance(Duration::from_secs(1)).await;
    assert_eq!(slow.next_item::<u32>().await, 1);
    assert_eq!(slow.next_item::<u32>().await, 2);
    slow.expect_end().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
