//! Limits that hold for Socket.IO's clients as for all: rates, malformed messages, memory.
use crate::beside::Beside;
use crate::client::{EngineIo, Via, Wire};
use std::time::Duration;
use switchboard::{Limits, Rate, SocketIo};
use switchboard_rig::{Stack, each_stack, masked, on};
use tokio::io::AsyncWriteExt;

/// Counts what came by its beginning.
fn count(came: &[String], start: &str) -> usize {
    came.iter().filter(|packet| packet.starts_with(start)).count()
}

/// Sends one packet after the other until the session ends. Returns what came.
async fn until_it_ends(session: &mut EngineIo, packet: &str, most: usize) -> Vec<String> {
    let packets = vec![packet; most];
    match session.via() {
        Via::WebSocket => session.throw(&packets).await,
        Via::Polling => drop(session.post_in_background(packets.join("\x1e"))),
    }
    session.expect_end().await
}

#[test]
fn a_flood_of_events_over_the_rate() {
    each_stack(|stack| async move {
        let limits = Limits::default().message_rate(Some(Rate::new(10, 20)));
        let beside = Beside::of(stack, SocketIo::default(), |app| app.limits(limits)).await;
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/", "/admin"]).await;
            let before = beside.stats().rate_limited;
            let came = until_it_ends(&mut session, r#"42/admin,1["echo","x"]"#, 500).await;
            let handled = count(&came, r#"43/admin,1["x"]"#);
            assert!((15..40).contains(&handled), "{via:?}: {handled} were handled");
            let limited = count(&came, r#"43/admin,1[{"error":{"status":"error","code":"rate_limited""#);
            assert!(limited >= 20, "{limited} were refused");
            assert_eq!(count(&came, "41"), 0, "it may come back");
            assert!(beside.stats().rate_limited >= before + 20);
            beside.expect_sessions(0).await;
        }
        beside.over().await;
    });
}

/// CONNECT asks guards, which costs more than an event.
#[test]
fn a_flood_of_connects_over_the_rate() {
    each_stack(|stack| async move {
        let limits = Limits::default().message_rate(Some(Rate::new(10, 20)));
        let beside = Beside::of(stack, SocketIo::default(), |app| app.limits(limits)).await;
        for via in Via::BOTH {
            for connect in ["40/closed,", "40/unknown,", "40/admin,"] {
                let mut session = beside.join(via, &["/"]).await;
                let guards = beside.seen.guards.load(std::sync::atomic::Ordering::SeqCst);
                let came = until_it_ends(&mut session, connect, 500).await;
                let asked = beside.seen.guards.load(std::sync::atomic::Ordering::SeqCst) - guards;
                assert!(asked < 40, "{via:?} {connect}: {asked} guards were asked");
                assert!(came.len() < 100, "{via:?} {connect}: {} answers", came.len());
            }
            beside.expect_sessions(0).await;
        }
        beside.over().await;
    });
}

#[test]
fn a_flood_of_bytes_over_the_rate() {
    each_stack(|stack| async move {
        let limits = Limits::default().byte_rate(Some(Rate::new(100_000, 200_000)));
        let beside = Beside::of(stack, SocketIo::default(), |app| app.limits(limits)).await;
        let text = "x".repeat(20_000);
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/"]).await;
            let came = until_it_ends(&mut session, &format!(r#"421["count","{text}"]"#), 45).await;
            let handled = count(&came, "431[1]");
            assert!((5..25).contains(&handled), "{via:?}: {handled} were handled");
            assert!(count(&came, r#"431[{"error":"#) >= 5, "{came:.100?}");
            beside.expect_sessions(0).await;
        }
        beside.over().await;
    });
}

/// Too many malformed messages: a DISCONNECT of each namespace, and the end.
#[test]
fn a_flood_of_malformed_messages() {
    each_stack(|stack| async move {
        let limits = Limits::default().malformed_per_10s(10);
        let beside = Beside::of(stack, SocketIo::default(), |app| app.limits(limits)).await;
        for via in Via::BOTH {
            for malformed in ["42[1]", r#"42/admin,7["",1]"#, "42[\"a\\u0000\"]"] {
                let mut session = beside.join(via, &["/", "/admin"]).await;
                let came = until_it_ends(&mut session, malformed, 30).await;
                assert_eq!(count(&came, "41"), 2, "{via:?} {malformed}: {came:?}");
                let answers = came.len() - 2;
                assert!((10..=12).contains(&answers), "{via:?} {malformed}: {answers}");
                beside.expect_sessions(0).await;
            }
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

#[test]
fn messages_that_are_too_long() {
    each_stack(|stack| async move {
        let options = SocketIo::default().max_http_buffer_size(10_000);
        let beside = Beside::with(stack, options, Limits::default()).await;
        let of = |bytes: usize| format!(r#"421["count","{}"]"#, "x".repeat(bytes));
        let around = of(0).len();
        for via in Via::BOTH {
            for names in [&[][..], &["/"]] {
                // Over polling the whole body counts, and a WebSocket message is one packet.
                let mut session = beside.join(via, names).await;
                match via {
                    Via::Polling => {
                        assert_eq!(session.post(of(10_001 - around)).await.status, 413);
                        if names.is_empty() {
                            session.enter("/").await;
                        }
                        session.expect_request(&of(10_000 - around), "431[1]").await;
                        session.leave().await;
                    }
                    Via::WebSocket => {
                        if names.is_empty() {
                            session.enter("/").await;
                        }
                        session.expect_request(&of(10_000 - around), "431[1]").await;
                        session.throw(&[&of(10_001 - around)]).await;
                        session.expect_end().await;
                    }
                }
            }
            // An attachment counts with its text, and with the attachments before it.
            let text = r#"452-1["count",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
            let half = |bytes: usize| format!("b{}", crate::base64::encode(&vec![7; bytes]));
            let mut session = beside.join(via, &["/"]).await;
            for packet in [text, &half(4000), &half(4000)] {
                session.throw(&[packet]).await;
            }
            session.expect("431[2]").await;
            for packet in [text, &half(5000), &half(5000)] {
                session.throw(&[packet]).await;
            }
            assert_eq!(session.expect_end().await, [""; 0]);
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

/// Whatever a client sends counts as held until it is handled: unfinished messages and POSTs, attachments, packets that wait.
#[test]
fn what_clients_hold_is_counted() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().memory(Some(8 << 30));
        let beside = Beside::of(stack, SocketIo::default(), |app| app.limits(limits)).await;
        beside.rig.until(|stats| stats.held_bytes == 0).await;
        let held = async |most: usize| beside.rig.until(|stats| stats.held_bytes >= most).await;
        // A frame of a WebSocket that is not whole.
        let mut session = beside.join(Via::WebSocket, &["/"]).await;
        let Wire::WebSocket(socket) = &mut session.wire else { unreachable!() };
        socket.send_bytes(&masked(0x81, &vec![b'4'; 900_000], [1, 2, 3, 4])[..800_000]).await;
        held(700_000).await;
        drop(session);
        beside.rig.until(|stats| stats.held_bytes == 0).await;
        // A POST that is not whole.
        let session = beside.join(Via::Polling, &["/"]).await;
        let request = crate::client::post_request(&session.polling_path(), &vec![b'6'; 900_000]);
        let mut stream = beside.rig.stream().await;
        stream.write_all(&request[..800_000]).await.unwrap();
        held(700_000).await;
        drop((stream, session));
        beside.rig.until(|stats| stats.held_bytes == 0).await;
        for via in Via::BOTH {
            // Attachments.
            let mut session = beside.join(via, &["/"]).await;
            let half = format!("b{}", crate::base64::encode(&[7; 400_000]));
            session
                .throw(&[r#"452-["count",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#, &half])
                .await;
            held(400_000).await;
            // Messages behind a handler that runs.
            let mut busy = beside.join(via, &["/"]).await;
            let text = format!(r#"42["wait","{}"]"#, "x".repeat(20_000));
            match via {
                Via::Polling => drop(busy.post_in_background(vec![&*text; 40].join("\x1e"))),
                Via::WebSocket => busy.throw(&[&*text; 10]).await,
            }
            held(400_000 + 180_000).await;
            session.throw(&["1"]).await;
            busy.throw(&["1"]).await;
            drop((session, busy));
        }
        beside.seen.gate.open();
        beside.expect_sessions(0).await;
        beside.rig.until(|stats| stats.held_bytes == 0).await;
        beside.over().await;
    });
}

/// A node that has no memory left for new connections opens no sessions.
#[test]
fn sessions_are_not_opened_while_memory_is_short() {
    each_stack(|stack| async move {
        let seen = std::sync::Arc::default();
        // Much less than this process uses.
        let app = crate::app::app(&seen, SocketIo::default()).limits(Limits::default().memory(Some(16 << 20)));
        let rig = switchboard_rig::Rig::start(stack, app).await;
        let answer = crate::client::get(&rig, crate::client::POLLING).await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(crate::client::refused_socket(&rig, crate::client::WEBSOCKET).await.status, 503);
        assert_eq!(rig.handle.stats().refused_connections, 2);
        rig.expect_empty().await;
    });
}

/// A session has the deadlines of every other client of the application.
#[test]
fn a_session_that_is_idle_or_old() {
    each_stack(|stack| async move {
        for limits in [
            Limits::default().idle_timeout(Some(Duration::from_millis(300))),
            Limits::default().max_lifetime(Some(Duration::from_millis(300))),
        ] {
            let seen = std::sync::Arc::default();
            let app = crate::app::app(&seen, SocketIo::default()).limits(limits);
            let rig = std::sync::Arc::new(switchboard_rig::Rig::start(stack, app).await);
            for via in Via::BOTH {
                let mut session = EngineIo::join(&rig, via, &["/"]).await;
                assert_eq!(session.expect_end().await, [""; 0]);
            }
            assert_eq!(*seen.reasons.lock().unwrap(), ["Expired", "Expired"]);
            rig.expect_empty().await;
        }
    });
}
