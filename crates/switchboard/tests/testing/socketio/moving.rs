//! Upgrades, heartbeats, and clients that do not read.
use super::{By, memory, served};
use crate::SHORT;
use serde_json::json;
use std::time::Duration;
use switchboard::testing::TestApp;
use switchboard::{Binary, Limits, SocketIo, Transport};

#[tokio::test(start_paused = true)]
async fn an_upgrade_between_events_loses_none() {
    let app = memory();
    let mut ada = app.socketio("/").polling().await;
    let mut admin = ada.enter("/admin", json!({ "token": "t0k3n" })).await.unwrap();
    ada.emit("count", 40).await;
    let call = ada.begin("wait", 1000).await;
    let picture = ada.begin("draw", Binary::from(vec![1, 2, 3])).await;
    assert_eq!(ada.transport(), Transport::Polling);
    ada.upgrade().await;
    assert_eq!((ada.transport(), admin.transport()), (Transport::WebSocket, Transport::WebSocket));
    ada.upgrade().await;
    for tick in 1..=40 {
        assert_eq!(ada.expect::<u32>("tick").await, tick);
    }
    ada.expect_reply::<()>(call).await;
    ada.expect_reply::<switchboard::Args<(usize, Binary)>>(picture).await;
    assert_eq!(admin.request::<String>("who", ()).await, admin.id());
    let client = app.server().local().clients().remove(0);
    assert_eq!(client.transport(), Transport::WebSocket);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_whatever_the_test_does() {
    for by in [By::WebSocket, By::Polling, By::Upgraded] {
        let app = memory();
        let mut ada = by.connecting(&app, "/").await;
        app.advance(Duration::from_secs(3600)).await;
        assert_eq!(ada.request::<u8>("echo", 1).await, 1);
        ada.answer_pings(false);
        app.advance(Duration::from_secs(46)).await;
        ada.expect_closed().await;
        app.expect_empty().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read() {
    for by in [By::WebSocket, By::Polling] {
        let app = memory();
        let mut ada = by.connecting(&app, "/").await;
        ada.stop_reading();
        for _ in 0..10 {
            ada.emit("push", "x".repeat(100)).await;
        }
        ada.read_again();
        for _ in 0..10 {
            ada.expect::<String>("pushed").await;
        }
        ada.stop_reading();
        app.advance(Duration::from_secs(120)).await;
        ada.read_again();
        assert_eq!(app.stats().connections, 0);
    }
}

/// A client that is full reads no more, and the server ends it as it would any other.
#[tokio::test(start_paused = true)]
async fn a_client_keeps_so_much_and_then_reads_no_more() {
    for by in [By::WebSocket, By::Polling] {
        let limits = Limits::default().outbound_messages(100).write_timeout(Duration::from_secs(3600));
        let app = TestApp::new(served().limits(limits));
        let mut ada = by.connecting(&app, "/").await;
        let text = "x".repeat(1000);
        let mut sent = 0;
        while sent < 3000 && app.server().broadcast("flood", &text).queued == 1 {
            sent += 1;
            app.advance(Duration::ZERO).await;
        }
        assert!((1024..2000).contains(&sent), "{sent}");
        for _ in 0..1024 {
            ada.expect::<String>("flood").await;
        }
    }
}

#[tokio::test]
async fn settings_that_leave_one_transport_out() {
    let app = TestApp::new(served().socketio(SocketIo::default().transports(false, true).path("/io")));
    app.socketio("/").await.close().await;
    let refused = app.socketio("/").polling().refused().await;
    assert_eq!((refused.message.as_str(), refused.http.unwrap().status.as_u16()), ("Transport unknown", 400));
    let app = TestApp::new(served().socketio(SocketIo::default().transports(true, false)));
    assert_eq!(app.socketio("/").refused().await.message, "Transport unknown");
    let mut ada = app.socketio("/").polling().await;
    ada.expect_silence(SHORT).await;
}

/// A client and what it waits for can be moved to another task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads() {
    let app = memory();
    let mut clients = tokio::task::JoinSet::new();
    for (n, by) in [By::WebSocket, By::Polling, By::Upgraded].into_iter().cycle().take(6).enumerate() {
        let mut client = by.connecting(&app, "/").await;
        clients.spawn(async move {
            for _ in 0..10 {
                assert_eq!(client.request::<usize>("echo", n).await, n);
            }
            client.close().await;
        });
    }
    clients.join_all().await;
    app.expect_empty().await;
}
