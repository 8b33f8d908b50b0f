//! Several clients at once.
use crate::{SHORT, memory};
use std::time::{Duration, Instant};
use switchboard::testing::{TestApp, expect_all, expect_nobody};

#[tokio::test]
async fn all_get_it_or_nobody_does() {
    let app = memory();
    let [mut ada, mut bob, mut eve] = app.clients("/ws").await;
    ada.request::<()>("join", "lobby").await;
    bob.request::<()>("join", "lobby").await;
    app.server().broadcast_to("lobby", "news", 7);
    assert_eq!(expect_all::<u8>([&mut ada, &mut bob], "news").await, [7, 7]);
    expect_nobody([&mut ada, &mut bob, &mut eve], SHORT).await;
    ada.send("push", 1).await;
    assert_eq!(expect_all::<u8>([&mut ada], "pushed").await, [1]);
    expect_nobody([&mut bob, &mut eve], SHORT).await;
}

#[tokio::test]
async fn a_crowd_over_a_socket() {
    let app = TestApp::listen(crate::lab()).await;
    let mut crowd: [_; 20] = app.clients("/ws").await;
    app.server().broadcast("news", "all");
    assert_eq!(expect_all::<String>(&mut crowd, "news").await, vec!["all"; 20]);
    expect_nobody(&mut crowd, SHORT).await;
    let mut few: Vec<_> = crowd.into_iter().skip(18).collect();
    app.server().broadcast("news", 2);
    assert_eq!(expect_all::<u8>(&mut few, "news").await, [2, 2]);
    for client in few {
        client.close().await;
    }
    app.expect_empty().await;
}

/// They wait together, not one behind the other.
#[tokio::test(start_paused = true)]
async fn their_time_is_one() {
    let app = memory();
    let mut crowd: [_; 10] = app.clients("/ws").await;
    let (started, real) = (tokio::time::Instant::now(), Instant::now());
    expect_nobody(&mut crowd, Duration::from_secs(10)).await;
    assert!(started.elapsed() < Duration::from_secs(11), "{:?}", started.elapsed());
    assert!(real.elapsed() < Duration::from_secs(10));
}
