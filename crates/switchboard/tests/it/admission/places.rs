//! HTTP connections that have not asked for an upgrade leave places for others.
use super::{WELL, ask, upgrade};
use crate::plain::plain;
use std::sync::Arc;
use std::time::Duration;
use switchboard::Limits;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Rig, Stack, http, on, read_to_end};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn an_address_without_requests_cannot_take_all_places() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::start(stack, plain(Limits::default().address_connections(Some(8)))).await;
        let mut silent = Vec::new();
        for _ in 0..8 {
            silent.push(rig.stream_from("127.0.0.9").await);
        }
        for _ in 0..20 {
            let mut stream = rig.stream_from("127.0.0.9").await;
            assert_eq!(read_to_end(&mut stream, Duration::from_secs(2)).await, b"", "closed unheard");
        }
        assert_eq!(rig.handle.stats().refused_connections, 20);
        assert!(upgrade(&rig, rig.stream().await, None).await.is_ok());
        // Those that were there still have their time.
        assert!(upgrade(&rig, silent.pop().unwrap(), None).await.is_ok());
        drop(silent);
        rig.expect_empty().await;
    });
}

#[test]
fn those_who_keep_their_http_connections_leave_places_for_others() {
    on(Stack::Listen, |stack| async move {
        let rig =
            Rig::start(stack, plain(Limits::default().address_connections(Some(20)).http_connections(Some(50)))).await;
        let mut staying = Vec::new();
        let (mut kept, mut closed) = (0, 0);
        for n in 0..300 {
            // The address of those who stay is not held to be silent either.
            let mut stream = rig.stream_from(if n % 2 == 0 { "127.0.0.1" } else { "127.0.0.9" }).await;
            let answer = http(&mut stream, b"GET /nope HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
            let answer = answer.unwrap_or_else(|| panic!("no answer for {n}"));
            assert_eq!(answer.status, 404);
            match answer.header("connection") {
                None => kept += 1,
                Some(connection) => {
                    assert_eq!(connection, "close");
                    assert_eq!(read_to_end(&mut stream, Duration::from_secs(2)).await, b"");
                    closed += 1;
                }
            }
            staying.push(stream);
        }
        assert!(kept == 50 && closed == 250, "{kept} kept, {closed} closed");
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(WELL).await, WELL);
        // Those who stay may ask again, and become WebSockets.
        assert!(upgrade(&rig, staying.remove(0), None).await.is_ok());
        drop((peer, staying));
        rig.expect_empty().await;
    });
}

#[test]
fn requests_that_hang_leave_places_for_others() {
    const TIME: Duration = Duration::from_millis(500);
    on(Stack::Listen, |stack| async move {
        let routes = axum::Router::new().route("/hang", axum::routing::get(std::future::pending::<()>));
        let app = plain(Limits::default().handshake_timeout(TIME).http_connections(Some(50))).mount(routes);
        let rig = Rig::start(stack, app).await;
        let mut hanging = Vec::new();
        for _ in 0..600 {
            let mut stream = rig.stream().await;
            stream.write_all(b"GET /hang HTTP/1.1\r\nHost: test.example\r\n\r\n").await.unwrap();
            hanging.push(stream);
        }
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(WELL).await, WELL);
        drop((peer, hanging));
        rig.expect_empty().await;
    });
}

#[test]
fn an_answer_that_runs_is_not_cut_while_there_is_room() {
    const TIME: Duration = Duration::from_millis(200);
    /// One line every 20 ms, for ever.
    async fn stream() -> axum::body::Body {
        let (sender, lines) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
        tokio::spawn(async move {
            while sender.send(Ok("data: 1\n\n")).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let lines = futures_util::stream::unfold(lines, async |mut lines| Some((lines.recv().await?, lines)));
        axum::body::Body::from_stream(lines)
    }
    on(Stack::Listen, |stack| async move {
        let routes = axum::Router::new().route("/sse", axum::routing::get(stream));
        let app = plain(Limits::default().handshake_timeout(TIME).http_connections(Some(300))).mount(routes);
        let rig = Rig::start(stack, app).await;
        let mut streams = Vec::new();
        for _ in 0..301 {
            let mut stream = rig.stream().await;
            stream.write_all(b"GET /sse HTTP/1.1\r\nHost: test.example\r\n\r\n").await.unwrap();
            // The head is there, so that they come one behind the other.
            stream.read_u8().await.unwrap();
            streams.push(stream);
        }
        let mut last = streams.pop().unwrap();
        assert!(read_to_end(&mut last, Duration::from_secs(2)).await.len() > 20, "one too many has its time");
        tokio::time::sleep(TIME).await;
        for stream in &mut streams {
            // What has come in the meantime, and a line that comes after it.
            let mut bytes = vec![0; 64 << 10];
            let read = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut bytes)).await;
            assert!(matches!(read, Ok(Ok(n)) if n > 100), "{read:?}");
            let read = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut bytes)).await;
            assert!(matches!(read, Ok(Ok(n)) if n > 0), "{read:?}");
        }
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(WELL).await, WELL);
        drop((peer, streams));
        rig.expect_empty().await;
    });
}

/// docs/limits.md R31 at a small size.
#[test]
fn slow_handshakes_and_half_messages_are_cut_while_others_connect() {
    on(Stack::Listen, |stack| async move {
        const TIME: Duration = Duration::from_millis(600);
        let limits = Limits::default().handshake_timeout(TIME).partial_timeout(TIME).linger(TIME / 2);
        let rig = Arc::new(Rig::start(stack, plain(limits)).await);
        let watch = Stopwatch::start();
        let mut slow = tokio::task::JoinSet::new();
        for _ in 0..60 {
            let mut head = rig.stream().await;
            slow.spawn(async move {
                for byte in ask(None).chunks(1) {
                    if head.write_all(byte).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                read_to_end(&mut head, Duration::from_secs(5)).await;
            });
            let mut half = rig.connect().await;
            slow.spawn(async move {
                half.send_bytes(&[0x81, 0xFE, 0x01, 0x00, 1, 2, 3, 4, b'x']).await;
                assert_eq!(half.skip_until_close().await, 1008);
                half.expect_end().await;
            });
        }
        while !slow.is_empty() {
            let connecting = Stopwatch::start();
            let mut good = rig.connect().await;
            assert_eq!(good.request(WELL).await, WELL);
            connecting.within(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(20)).await;
            while let Some(ended) = slow.try_join_next() {
                ended.unwrap();
            }
        }
        watch.within(TIME * 6);
        rig.expect_empty().await;
    });
}
