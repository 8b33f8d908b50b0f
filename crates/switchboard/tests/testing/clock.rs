//! A clock that stands still, and one that runs.
use crate::{SHORT, lab, memory};
use std::time::{Duration, Instant};
use switchboard::Limits;
use switchboard::testing::TestApp;

#[tokio::test(start_paused = true)]
async fn a_heartbeat_without_waiting() {
    let app = TestApp::new(lab());
    let (mut ada, mut bob, mut eve) = (app.connect("/ws").await, app.connect("/ws").await, app.connect("/ws").await);
    bob.answer_pings(false);
    eve.stop_reading();
    let started = Instant::now();
    app.advance(Duration::from_secs(3600)).await;
    assert_eq!(app.stats().connections, 1);
    assert_eq!(bob.expect_close(4002).await, "no_pong");
    eve.read_again();
    assert_eq!(eve.expect_close(4002).await, "no_pong");
    ada.expect_silence(Duration::from_secs(3600)).await;
    assert_eq!(ada.request::<u8>("echo", 1).await, 1);
    assert!(started.elapsed() < Duration::from_secs(20), "two hours took {:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_limit_without_waiting() {
    let limits = Limits::default().idle_timeout(Some(Duration::from_secs(600)));
    let app = TestApp::new(lab().limits(limits)).patience(Duration::from_secs(60));
    let mut ada = app.connect("/ws").await;
    app.advance(Duration::from_secs(590)).await;
    ada.request::<()>("wait", 0).await;
    app.advance(Duration::from_secs(590)).await;
    ada.expect_silence(Duration::ZERO).await;
    ada.expect_close(1001).await;
    app.expect_empty().await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "a paused clock does not wait for sockets: keep the application in memory")]
async fn a_paused_clock_is_not_for_sockets() {
    TestApp::listen(lab()).await;
}

#[tokio::test]
#[should_panic(expected = "the clock runs: write #[tokio::test(start_paused = true)]")]
async fn a_clock_that_runs_is_not_advanced() {
    memory().advance(SHORT).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_close_frame_is_1006() {
    let app = memory();
    let mut ada = app.connect("/ws").await;
    ada.stop_reading();
    app.server().broadcast("long", "x".repeat(500_000));
    app.advance(Duration::from_secs(60)).await;
    ada.read_again();
    assert_eq!(ada.expect_close(1006).await, "");
    app.expect_empty().await;
}

#[tokio::test]
async fn an_address_is_of_a_socket() {
    assert_eq!(memory().address(), None);
    let app = TestApp::listen(lab()).await;
    let address = app.address().unwrap();
    assert!(address.ip().is_loopback());
    tokio::net::TcpStream::connect(address).await.unwrap();
    drop(app);
    tokio::task::yield_now().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
