//! CONNECT: too late, twice, to what is not there, to too many (LIMITS.md, E15 and E27).
use crate::beside::Beside;
use crate::client::{EngineIo, Via, Wire};
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchboard::{Error, Gateway, Handshake, Limits, SocketIo};
use switchboard_rig::{Stack, each_stack, on};
use tokio::time::Instant;

const TIME: Duration = Duration::from_millis(400);

fn hasty() -> SocketIo {
    SocketIo::default().connect_timeout(TIME)
}

#[test]
fn e15_no_connect_in_time() {
    each_stack(|stack| async move {
        let beside = Beside::with(stack, hasty(), Limits::default()).await;
        for via in Via::BOTH {
            let began = Instant::now();
            let mut session = beside.open(via).await;
            // Pings and pongs are no CONNECT, and neither is one that is refused.
            session.throw(&["3", "2", "40/unknown,", "40/closed,", "41"]).await;
            let came = session.expect_end().await;
            assert!(began.elapsed() >= TIME, "{:?}", began.elapsed());
            assert_eq!(came.len(), 2, "{came:?}");
            beside.expect_sessions(0).await;
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

/// A client that is refused again and again is in no namespace, and has no more time for that.
#[test]
fn e15_refused_connects_do_not_give_more_time() {
    each_stack(|stack| async move {
        let beside = Beside::with(stack, hasty(), Limits::default()).await;
        for via in Via::BOTH {
            let mut session = beside.open(via).await;
            let began = Instant::now();
            loop {
                // As often as it likes.
                session.throw(&["40/closed,"]).await;
                match session.next().await {
                    Some(packet) => assert!(packet.starts_with("44/closed,"), "{packet}"),
                    None => break,
                }
                assert!(began.elapsed() < TIME * 30, "the session does not end");
                tokio::time::sleep(TIME / 8).await;
            }
            assert!(began.elapsed() >= TIME / 2);
            beside.expect_sessions(0).await;
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

#[test]
fn e15_no_connect_after_the_last_namespace_was_left() {
    each_stack(|stack| async move {
        let beside = Beside::with(stack, hasty(), Limits::default()).await;
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/", "/admin"]).await;
            tokio::time::sleep(TIME * 2).await;
            session.throw(&["41", "41/admin,"]).await;
            let began = Instant::now();
            session.expect_end().await;
            assert!(began.elapsed() >= TIME - TIME / 4, "{:?}", began.elapsed());
            // One that comes back in time stays.
            let mut session = beside.join(via, &["/"]).await;
            session.throw(&["41"]).await;
            session.enter("/admin").await;
            tokio::time::sleep(TIME * 2).await;
            session.expect_request(r#"42/admin,1["echo","x"]"#, r#"43/admin,1["x"]"#).await;
            session.leave().await;
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

#[test]
fn e15_connects_that_are_refused_or_ignored() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let long = format!("/{}", "n".repeat(255));
        let invalid = r#"44/*,{"message":"Invalid namespace"}"#;
        for via in Via::BOTH {
            for names in [&[][..], &["/"], &["/", "/admin"]] {
                let mut session = beside.join(via, names).await;
                // What is there twice is ignored.
                for name in names {
                    let again = if *name == "/" { "40".to_owned() } else { format!("40{name},") };
                    session.throw(&[&again, &format!("{again}{{}}"), &again]).await;
                }
                for name in ["/unknown", "/admin2", "/adm", "/Admin", "/admin/", "//admin", "/../admin", "/admin%2f"] {
                    session.throw(&[&format!("40{name},")]).await;
                    session.expect(&invalid.replace("/*", name)).await;
                }
                // A name that cannot be one is not repeated.
                for name in [&*long, "/a\u{7f}b", "/a\tb", "/\0", &"/é".repeat(100)] {
                    session.throw(&[&format!("40{name},")]).await;
                    session.expect(r#"44{"message":"Invalid namespace"}"#).await;
                }
                session.throw(&["40/closed,{\"token\":1}"]).await;
                let came = session.recv().await;
                assert!(came.starts_with(r#"44/closed,{"message":"Not you","data":{"#), "{came}");
                if names.is_empty() {
                    session.enter("/").await;
                }
                session.expect_request(r#"427["echo","x"]"#, r#"437["x"]"#).await;
                session.leave().await;
                beside.unnoticed().await;
            }
            // Without the comma, with a payload, after a query.
            for connect in ["40/admin", "40/admin,", "40/admin,{\"a\":1}"] {
                let mut session = beside.open(via).await;
                session.throw(&[connect]).await;
                assert!(session.recv().await.starts_with("40/admin,{\"sid\""));
                session.leave().await;
            }
        }
        beside.over().await;
    });
}

#[test]
fn e15_payloads_of_connect_that_are_no_object() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for via in Via::BOTH {
            for names in [&[][..], &["/"]] {
                for payload in
                    ["[]", "-1", "1.5", "null", "\"x\"", "true", "{", "{}x", "{a:1}", "x", "{}{}", "[{}]", " {}"]
                {
                    for name in ["", "/admin,", "/unknown,"] {
                        let mut session = beside.join(via, names).await;
                        session.throw(&[&format!("40{name}{payload}"), r#"42["echo","never"]"#]).await;
                        assert_eq!(session.expect_end().await, [""; 0], "{via:?} {name}{payload}");
                    }
                }
                beside.unnoticed().await;
            }
        }
        assert_eq!(beside.seen.never.load(Ordering::SeqCst), 0);
        beside.over().await;
    });
}

#[test]
fn e27_ten_thousand_namespaces() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/"]).await;
            let names: Vec<String> = (0..10_000).map(|number| format!("40/n{number},")).collect();
            for some in names.chunks(1000) {
                let packets: Vec<&str> = some.iter().map(String::as_str).collect();
                let posted = match via {
                    Via::Polling => Some(session.post_in_background(packets.join("\x1e"))),
                    Via::WebSocket => {
                        session.throw(&packets).await;
                        None
                    }
                };
                for name in some {
                    session.expect(&format!(r#"44{}{{"message":"Invalid namespace"}}"#, &name[2..])).await;
                }
                if let Some(posted) = posted {
                    assert_eq!(posted.await.unwrap().unwrap().status, 200);
                }
                beside.unnoticed().await;
            }
            session.expect_request(r#"427["echo","x"]"#, r#"437["x"]"#).await;
            session.leave().await;
        }
        beside.over().await;
    });
}

fn room(upgrade: &Handshake) -> Result<String, Error> {
    let name: String = upgrade.path_params()?;
    Ok(format!("/room/{name}"))
}

/// Namespaces that there are, by a pattern: 32 at once, and what is left makes room.
#[test]
fn e27_more_namespaces_than_one_may_be_in() {
    each_stack(|stack| async move {
        let beside = Beside::of(stack, SocketIo::default(), |app| {
            let rooms = Gateway::functions()
                .on_fn("echo", |text: String| async move { text })
                .namespace_by(room)
                .socketio_namespace("/room/{name}");
            app.gateway("/room/{name}/ws", rooms).limits(Limits::default().ping_interval(Duration::from_secs(3600)))
        })
        .await;
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/"]).await;
            let mut entered = 0;
            for number in 0..200 {
                session.throw(&[&format!("40/room/{number},")]).await;
                let came = session.recv().await;
                if came.starts_with("40") {
                    entered += 1;
                } else {
                    assert!(came.starts_with(&format!("44/room/{number},")) && came.contains("rate_limited"), "{came}");
                }
            }
            assert_eq!(entered, 31, "{via:?}");
            beside.unnoticed().await;
            session.throw(&["41/room/3,"]).await;
            let again = async {
                loop {
                    session.throw(&["40/room/3,"]).await;
                    if session.recv().await.starts_with("40") {
                        break;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(20), again).await.expect("what is left makes room");
            session.leave().await;
            beside.expect_sessions(0).await;
        }
        assert_eq!(beside.rig.handle.namespaces().count(), 0, "namespaces of nobody");
        beside.over().await;
    });
}

/// Who asks for namespaces and does not read the answers is not read any more, and then ended as a slow client is; nothing grows.
#[test]
fn a_flood_of_connects_whose_answers_are_not_read() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().write_timeout(Duration::from_millis(500));
        let beside = Beside::with(stack, SocketIo::default(), limits).await;
        // Polling.
        let session = beside.join(Via::Polling, &["/"]).await;
        let payload = vec!["40/unknown,"; 16_000].join("\x1e");
        let answer = session.try_post(payload.as_bytes()).await;
        assert!(answer.is_none_or(|answer| answer.status == 400), "it waits until the session ends");
        // Who polls while it lingers learns of the end.
        while session.poll().await.status == 200 {}
        beside.unnoticed().await;
        // WebSocket.
        let mut session = EngineIo::open_narrow(&beside.rig).await;
        let mut frames = Vec::new();
        for _ in 0..400_000 {
            frames.extend(switchboard_rig::masked(0x81, b"40/unknown,", [1, 2, 3, 4]));
        }
        let Wire::WebSocket(socket) = &mut session.wire else { unreachable!() };
        let sent = socket.flood(&frames, Duration::from_secs(60)).await;
        assert!(sent < frames.len(), "all of {sent} bytes were read");
        beside.expect_sessions(0).await;
        beside.over().await;
    });
}

/// Who reads late gets all answers, without waiting for a ping to wake the session.
#[test]
fn a_flood_of_connects_whose_answers_are_read_late() {
    on(Stack::Listen, |stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = EngineIo::open_narrow(&beside.rig).await;
        const MANY: usize = 40_000;
        let mut frames = Vec::new();
        for _ in 0..MANY {
            frames.extend(switchboard_rig::masked(0x81, b"40/unknown,", [1, 2, 3, 4]));
        }
        let Wire::WebSocket(mut socket) = session.wire else { unreachable!() };
        let (mut sent, mut came) = (0, 0);
        let began = Instant::now();
        while came < MANY {
            // Until neither goes on: then the session waits with its outgoing frames.
            sent += socket.flood(&frames[sent..], Duration::from_millis(100)).await;
            while came < MANY {
                let patience = if sent < frames.len() { Duration::from_millis(100) } else { Duration::from_secs(10) };
                let Some(got) = socket.recv_within(patience).await else { break };
                assert_eq!(got, switchboard_rig::Got::Text(r#"44/unknown,{"message":"Invalid namespace"}"#.to_owned()));
                came += 1;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{came} answers, {sent} of {} bytes", frames.len());
        }
        session.wire = Wire::WebSocket(socket);
        session.leave().await;
        beside.over().await;
    });
}

/// Whoever enters and leaves again and again has no more in the server than one who stays.
#[test]
fn e27_connect_and_disconnect_in_a_loop() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for via in Via::BOTH {
            let mut session = beside.open(via).await;
            // Each leaves a handler that waits.
            for _ in 0..20 {
                session.throw(&["40", r#"42["wait","x"]"#, "41", "40/hung,", "41/hung,"]).await;
                assert!(beside.stats().connections < 60, "{:?}", beside.stats());
            }
            beside.unnoticed().await;
            session.throw(&["1"]).await;
            drop(session);
            beside.unnoticed().await;
        }
        beside.seen.gate.open();
        beside.expect_sessions(0).await;
        beside.over().await;
    });
}
