//! The end: clients that go away in every state, clients that are sent away, and shutdowns over all of them.
use crate::app::{Seen, app};
use crate::beside::Beside;
use crate::client::{EngineIo, POLLING, Via, WEBSOCKET, Wire, get, get_request, socket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use switchboard::{Limits, SocketIo};
use switchboard_rig::{Rig, Stack, Stopwatch, Stream, each_stack, http, matrix};
use tokio::io::AsyncWriteExt;

/// How a client goes away.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// Its streams end.
    Drops,
    /// It sends Engine.IO's close.
    Says,
    /// It sends a close frame, or gives up its poll.
    Closes,
}

async fn go(beside: &Beside, mut session: EngineIo, how: Leaving) {
    match (how, &mut session.wire) {
        (Leaving::Drops, Wire::Polling) => {
            let poll = session.park().await;
            // A request whose end is seen with it is never begun.
            beside.unnoticed().await;
            drop(poll);
        }
        (Leaving::Drops, Wire::WebSocket(_)) => {}
        (Leaving::Says, _) => session.throw(&["1"]).await,
        (Leaving::Closes, Wire::Polling) => {
            let parked = session.park().await;
            session.throw(&["1"]).await;
            drop(parked);
        }
        (Leaving::Closes, Wire::WebSocket(socket)) => socket.close_if_open().await,
    }
}

#[test]
fn a_client_that_goes_away_in_every_state() {
    each_stack(|stack| async move {
        // A client that is gone while its poll is answered is noticed when it does not poll again.
        let limits = Limits::default().write_timeout(Duration::from_millis(500));
        let beside = Beside::with(stack, SocketIo::default(), limits).await;
        let mut busy = 0;
        for via in Via::BOTH {
            for how in [Leaving::Drops, Leaving::Says, Leaving::Closes] {
                for state in 0..9 {
                    let mut session = beside.open(via).await;
                    match state {
                        // Open, and in no namespace.
                        0 => {}
                        // Guards are asked: of one, and of one beside others.
                        1 => session.throw(&["40/hung,"]).await,
                        2 => {
                            session.enter("/").await;
                            session.throw(&["40/hung,", "40/closed,"]).await;
                            assert!(session.recv().await.starts_with("44/closed,"));
                        }
                        3 => session.enter("/").await,
                        // Attachments are awaited.
                        4 => {
                            session.enter("/").await;
                            session.throw(&[r#"451-["bytes",{"_placeholder":true,"num":0}]"#]).await;
                        }
                        // The server is closing the session.
                        5 => {
                            session.enter("/").await;
                            session.throw(&["4x"]).await;
                        }
                        // Much waits to be read.
                        6 => {
                            session.enter("/").await;
                            session.throw(&[r#"42["pour",[500,500]]"#]).await;
                        }
                        // A handler runs; and as many wait as may, and more.
                        7 => {
                            session.enter("/").await;
                            session.throw(&[r#"421["wait","x"]"#]).await;
                        }
                        _ => {
                            session.enter("/").await;
                            let many = vec![r#"42["wait","x"]"#; 40];
                            match via {
                                Via::Polling => drop(session.post_in_background(many.join("\x1e"))),
                                Via::WebSocket => session.throw(&many).await,
                            }
                        }
                    }
                    go(&beside, session, how).await;
                    beside.unnoticed().await;
                    // Handlers that have begun go on.
                    busy += usize::from(state >= 7);
                    beside.expect_sessions(busy).await;
                }
            }
            // A session that is probed.
            for is_probed in [false, true] {
                for first in 0..2 {
                    let session = beside.join(Via::Polling, &["/"]).await;
                    let mut web = socket(&beside.rig, &format!("{WEBSOCKET}&sid={}", session.sid)).await;
                    if is_probed {
                        assert_eq!(web.request("2probe").await, "3probe");
                    }
                    if first == 0 {
                        drop(web);
                        go(&beside, session, Leaving::Drops).await;
                    } else {
                        go(&beside, session, Leaving::Says).await;
                        assert_eq!(web.recv().await, switchboard_rig::Got::End);
                    }
                    beside.unnoticed().await;
                }
            }
        }
        // Handlers that have begun go on to their end, and nothing else is left.
        beside.seen.gate.open();
        beside.expect_sessions(0).await;
        beside.over().await;
    });
}

/// Requests whose client is gone before it is answered.
#[test]
fn a_client_that_goes_away_while_it_opens() {
    each_stack(|stack| async move {
        // A session whose client never heard of it has the time to connect.
        let options = SocketIo::default().connect_timeout(Duration::from_millis(300));
        let beside = Beside::with(stack, options, Limits::default()).await;
        let upgrade = switchboard_rig::upgrade_request(&format!("/socket.io/?{WEBSOCKET}"));
        for request in [get_request(POLLING), upgrade] {
            for cut in (1..=request.len()).step_by(7).chain([request.len()]) {
                let mut stream: Box<dyn Stream> = beside.rig.stream().await;
                stream.write_all(&request[..cut]).await.unwrap();
                if cut % 2 == 0 {
                    switchboard_rig::settle().await;
                }
                drop(stream);
            }
            beside.unnoticed().await;
        }
        beside.expect_sessions(0).await;
        beside.over().await;
    });
}

/// Polling sessions that are abandoned half-way: after the handshake, after CONNECT, between two polls.
#[test]
fn polling_sessions_that_are_abandoned() {
    each_stack(|stack| async move {
        let options = SocketIo::default()
            .connect_timeout(Duration::from_millis(300))
            .ping_interval(Duration::from_millis(300))
            .ping_timeout(Duration::from_millis(300));
        let beside = Beside::with(stack, options, Limits::default().max_connections(Some(100))).await;
        for _ in 0..25 {
            drop(beside.open(Via::Polling).await);
            drop(beside.join(Via::Polling, &["/"]).await);
            let session = beside.join(Via::Polling, &["/", "/admin"]).await;
            session.post(r#"421["echo","x"]"#).await;
            drop(session);
        }
        beside.unnoticed().await;
        beside.expect_sessions(0).await;
        // Their places are free: those too of sessions that were never in a namespace, which are not among the statistics.
        let (mut full, began) = (true, Instant::now());
        while full {
            let mut some = Vec::new();
            for _ in 0..90 {
                some.push(get(&beside.rig, POLLING).await.status);
            }
            full = some.iter().any(|status| *status != 200);
            assert!(began.elapsed() < Duration::from_secs(60), "{some:?}");
            // Each of them has its time to connect, and lingers a little.
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        beside.over().await;
    });
}

/// Who is sent away gets what was sent before, a DISCONNECT of that namespace, and nothing after it. What it sends before it knows
/// that is ignored.
#[test]
fn a_kick_is_a_disconnect_and_nothing_follows() {
    matrix(|stack| async move {
        let beside = Beside::start(stack).await;
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/", "/admin"]).await;
            session
                .throw(&[
                    r#"42/admin,["kick"]"#,
                    r#"42/admin,["echo","never"]"#,
                    r#"42/admin,1["echo","never"]"#,
                    "43/admin,1[1]",
                    r#"427["echo","x"]"#,
                ])
                .await;
            let mut came = Vec::new();
            while ![r#"437["x"]"#, "41/admin,"].iter().all(|last| came.iter().any(|packet| packet == last)) {
                came.push(session.recv().await);
            }
            let admin: Vec<&str> = came.iter().map(String::as_str).filter(|came| came.contains("admin")).collect();
            assert_eq!(admin, [r#"42/admin,["last",1]"#, "41/admin,"]);
            session.expect_request(r#"428["echo","y"]"#, r#"438["y"]"#).await;
            // It may come back.
            session.enter("/admin").await;
            session.expect_request(r#"42/admin,9["echo","z"]"#, r#"43/admin,9["z"]"#).await;
            session.leave().await;
            beside.unnoticed().await;
        }
        assert_eq!(beside.seen.never.load(Ordering::SeqCst), 0);
        beside.over().await;
    });
}

/// After a code that means "come back" the transport ends, with all namespaces and without a DISCONNECT.
#[test]
fn a_close_after_which_clients_come_back_ends_the_transport() {
    matrix(|stack| async move {
        let beside = Beside::start(stack).await;
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/", "/admin"]).await;
            session.throw(&[r#"42/admin,["away"]"#, r#"42/admin,["echo","never"]"#]).await;
            assert_eq!(session.expect_end().await, [r#"42/admin,["last",1]"#]);
            beside.expect_sessions(0).await;
            beside.unnoticed().await;
        }
        assert_eq!(beside.seen.never.load(Ordering::SeqCst), 0);
        beside.over().await;
    });
}

/// A client of Socket.IO in each state, while the server shuts down. Nobody is told DISCONNECT, so all of them come back.
#[test]
fn a_shutdown_in_every_state() {
    each_stack(|stack| async move {
        let seen = Arc::new(Seen::default());
        let rig = Arc::new(Rig::start(stack, app(&seen, SocketIo::default())).await);
        let (mut parked, mut silent, mut webs, mut posts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for names in [&[][..], &["/"], &["/", "/admin"]] {
            let session = EngineIo::join(&rig, Via::Polling, names).await;
            parked.push((session.park().await, session));
            silent.push(EngineIo::join(&rig, Via::Polling, names).await);
            webs.push(EngineIo::join(&rig, Via::WebSocket, names).await);
        }
        // Guards that hang, handlers that run, POSTs that wait, probes, and one that was sent away.
        for via in Via::BOTH {
            let mut hung = EngineIo::open(&rig, via).await;
            hung.throw(&["40/hung,"]).await;
            let mut busy = EngineIo::join(&rig, via, &["/", "/admin"]).await;
            busy.throw(&[r#"42["wait","x"]"#, r#"42/admin,["wait","x"]"#]).await;
            let mut kicked = EngineIo::join(&rig, via, &["/"]).await;
            kicked.throw(&[r#"42["kick"]"#]).await;
            for session in [hung, busy, kicked] {
                match via {
                    Via::Polling => silent.push(session),
                    Via::WebSocket => webs.push(session),
                }
            }
        }
        let waiting = EngineIo::join(&rig, Via::Polling, &["/"]).await;
        posts.push(waiting.post_in_background(vec![r#"42["wait","x"]"#; 40].join("\x1e")));
        let probed = EngineIo::join(&rig, Via::Polling, &["/"]).await;
        let mut probe = socket(&rig, &format!("{WEBSOCKET}&sid={}", probed.sid)).await;
        assert_eq!(probe.request("2probe").await, "3probe");
        silent.push(probed);
        rig.until(|stats| stats.in_flight >= 5).await;

        let (watch, handle) = (Stopwatch::start(), rig.handle.clone());
        let ended = tokio::spawn(async move { handle.shutdown_within(Duration::from_millis(500)).await });
        // What had a poll learns of the end at once, if nothing of it runs.
        for (mut poll, session) in parked {
            assert_eq!(http(&mut poll, b"").await.unwrap().body, "1");
            session.expect_unknown_or_gone().await;
        }
        for web in &mut webs {
            let came = web.expect_end().await;
            let is_told = came.iter().any(|packet| packet.starts_with("41"));
            assert_eq!(is_told, came.iter().any(|packet| packet.contains("last")), "{came:?}");
        }
        ended.await.unwrap();
        // The patience, and the time that clients have for the last packet or frame.
        watch.within(Duration::from_millis(500 + 2000 + 1000));
        for post in posts {
            // Its packets were taken, or it was refused.
            assert!(post.await.unwrap().is_none_or(|answer| [200, 400].contains(&answer.status)));
        }
        for session in silent {
            let came = session.rest().await;
            let is_told = came.iter().any(|packet| packet.starts_with("41"));
            assert_eq!(is_told, came.iter().any(|packet| packet.contains("last")), "{came:?}");
        }
        drop(probe);
        rig.until(|stats| stats.connections == 0 && stats.in_flight == 0).await;
        assert_eq!(seen.entered.load(Ordering::SeqCst), seen.left.load(Ordering::SeqCst));
        let _ = waiting;
    });
}

/// While the server drains, what runs is finished, and nobody new is let in.
#[test]
fn a_shutdown_waits_for_what_runs() {
    for stack in [Stack::Axum, Stack::Memory] {
        switchboard_rig::on(stack, |stack| async move {
            let seen = Arc::new(Seen::default());
            let rig = Arc::new(Rig::start(stack, app(&seen, SocketIo::default())).await);
            let mut sessions = Vec::new();
            for via in Via::BOTH {
                let mut session = EngineIo::join(&rig, via, &["/", "/admin"]).await;
                session.throw(&[r#"421["wait","x"]"#]).await;
                sessions.push(session);
            }
            rig.until(|stats| stats.in_flight == 2).await;
            let handle = rig.handle.clone();
            let ended = tokio::spawn(async move { handle.shutdown().await });
            rig.handle.draining().await;
            assert_eq!(get(&rig, POLLING).await.status, 503);
            let refused = crate::client::refused_socket(&rig, WEBSOCKET).await;
            assert_eq!(refused.status, 503);
            seen.gate.open();
            for session in &mut sessions {
                assert_eq!(session.expect_end().await, [r#"431["x"]"#]);
            }
            ended.await.unwrap();
            rig.expect_empty().await;
        });
    }
}
