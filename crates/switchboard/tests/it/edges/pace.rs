//! Clients that read at their own pace, and streams that hold bytes back.
use super::{ECHO, Edges, gateway, ms};
use switchboard::{App, Limits};
use switchboard_rig::{Got, RawClient, Rig, Stack, matrix, on};

/// How many pushes come, and what comes after them.
async fn pushes(peer: &mut RawClient) -> (usize, Got) {
    let mut count = 0;
    loop {
        match peer.recv().await {
            Got::Text(text) if text.starts_with(r#"{"event":"push""#) => count += 1,
            Got::Ping(_) => {}
            other => return (count, other),
        }
    }
}

#[test]
fn a_burst_to_a_client_that_reads_arrives_whole() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"burst","id":1}"#).await;
        let (count, end) = pushes(&mut peer).await;
        assert_eq!((count, end), (1200, Got::Text(r#"{"event":"burst","data":null,"id":1}"#.into())), "{stack:?}");
    });
}

#[test]
fn a_client_that_keeps_up_is_no_slow_consumer() {
    on(Stack::Memory, |stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(ECHO).await, ECHO);
        let server = rig.handle.server();
        let text = "x".repeat(70);
        // Some always wait, and as many are read as are sent.
        while rig.handle.stats().queued_bytes < 20_000 {
            server.broadcast("push", &text);
            tokio::task::yield_now().await;
        }
        for _ in 0..3000 {
            server.broadcast("push", &text);
            tokio::task::yield_now().await;
            assert!(peer.recv_text().await.starts_with(r#"{"event":"push""#));
        }
    });
}

#[test]
fn a_close_waits_for_a_client_that_reads_slowly() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().write_timeout(ms(1000));
        let rig = Rig::start(stack, App::new().limits(limits).gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect_narrow().await;
        peer.send(r#"{"event":"farewell"}"#).await;
        let mut count = 0;
        loop {
            match peer.recv().await {
                Got::Text(text) if text.starts_with(r#"{"event":"push""#) => {
                    count += 1;
                    // Three quarters of a second in all behind what one `write_timeout` would allow.
                    if count % 45 == 0 {
                        tokio::time::sleep(ms(100)).await;
                    }
                }
                Got::Text(goaway) => assert!(goaway.contains("sys.goaway")),
                Got::Ping(_) => {}
                end => {
                    assert_eq!((count, end), (900, Got::Close(Some((4503, "kicked".into())))));
                    break;
                }
            }
        }
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(rig.handle.stats().dropped, 0);
    });
}

/// TLS holds bytes back in the same way.
#[test]
fn a_stream_that_holds_bytes_back_hands_all_on_before_the_end() {
    on(Stack::Memory, |_| async move {
        let router = App::new().gateway("/ws", gateway(Edges::default())).into_router().unwrap();
        let (ours, theirs) = tokio::io::duplex(1024);
        let service = hyper_util::service::TowerToHyperService::new(router);
        let io = hyper_util::rt::TokioIo::new(tokio::io::BufWriter::with_capacity(64 << 10, theirs));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades());
        let mut peer = RawClient::connect(Box::new(ours), "/ws").await;
        let text = "z".repeat(400);
        for id in 0..50 {
            peer.send(&format!(r#"{{"event":"echo","data":"{text}","id":{id}}}"#)).await;
        }
        peer.close(1000).await;
        tokio::time::sleep(ms(100)).await;
        for id in 0..50 {
            assert!(peer.recv_text().await.ends_with(&format!(r#""id":{id}}}"#)));
        }
        assert_eq!(peer.skip_until_close().await, 1000);
        peer.expect_end().await;
    });
}

#[test]
fn a_stall_of_the_server_is_not_the_clients() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().partial_timeout(ms(300)).ping_timeout(ms(300)).ping_interval(ms(100));
        let rig = Rig::start(stack, App::new().limits(limits).gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect().await;
        let mut bytes = Vec::new();
        let opcode = switchboard_core::ws::Opcode::Text;
        switchboard_core::ws::write_frame(&mut bytes, opcode, true, ECHO.as_bytes(), Some([1, 2, 3, 4]));
        peer.send_bytes(&bytes[..10]).await;
        tokio::time::sleep(ms(30)).await;
        // The rest is in the server's socket; then nobody runs for a while.
        peer.send_bytes(&bytes[10..]).await;
        if tokio::runtime::Handle::current().metrics().num_workers() == 1 {
            std::thread::sleep(ms(1000));
        }
        assert_eq!(peer.recv_text().await, ECHO);
    });
}
