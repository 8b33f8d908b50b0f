//! Upgrades that go wrong (LIMITS.md, E11 and E12): polling goes on.
use crate::beside::Beside;
use crate::client::{BAD_REQUEST, EngineIo, Via, WEBSOCKET, Wire, refused_socket};
use std::time::Duration;
use switchboard::{Limits, SocketIo};
use switchboard_core::ws::Opcode;
use switchboard_rig::{Got, RawClient, each_stack, masked};

fn upgrade_path(session: &EngineIo) -> String {
    format!("{WEBSOCKET}&sid={}", session.sid)
}

/// A WebSocket for a session, before its probe. Until the server has noticed that the one before is gone, it is refused.
async fn unprobed(session: &EngineIo) -> RawClient {
    let path = format!("/socket.io/?{}", upgrade_path(session));
    for _ in 0..1000 {
        if let Some(socket) = RawClient::try_connect(session.rig.stream().await, &path).await {
            return socket;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the upgrade was refused for ever");
}

/// A WebSocket for a session, whose probe is answered.
async fn probed(session: &EngineIo) -> RawClient {
    let mut socket = unprobed(session).await;
    assert_eq!(socket.request("2probe").await, "3probe");
    socket
}

/// The server must end this WebSocket.
async fn expect_gone(mut socket: RawClient) {
    loop {
        match socket.recv().await {
            Got::End => return,
            Got::Close(_) => socket.close_if_open().await,
            Got::Text(text) => assert_eq!(text, "3probe"),
            other => panic!("{other:?}"),
        }
    }
}

/// Moves the session to the WebSocket.
async fn upgrade(mut session: EngineIo, mut socket: RawClient) -> EngineIo {
    socket.send("5").await;
    // Until the server has read that, polls are answered; afterwards they are refused.
    while session.poll().await.status == 200 {}
    session.wire = Wire::WebSocket(socket);
    session
}

#[test]
fn e11_what_is_no_probe() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for names in [&[][..], &["/", "/admin"]] {
            let mut session = beside.join(Via::Polling, names).await;
            let large = format!("2{}", "x".repeat(5000));
            for first in ["2foo", "2", "2probe2", "3probe", "5", "40", "6", "", "x", "1", "b", &large] {
                let mut socket = unprobed(&session).await;
                socket.send_if_open(first).await;
                expect_gone(socket).await;
                beside.unnoticed().await;
            }
            let fragment = masked(0x01, &[b'2'; 100], [1, 2, 3, 4]);
            let frames: [&[u8]; 6] = [
                &masked(0x82, b"2probe", [1, 2, 3, 4]),
                &masked(0xC1, b"2probe", [1, 2, 3, 4]),
                &masked(0x83, b"", [1, 2, 3, 4]),
                b"\x81\x062probe",
                &[&fragment[..], &fragment].concat(),
                b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            ];
            for bytes in frames {
                let mut socket = unprobed(&session).await;
                socket.send_bytes(bytes).await;
                expect_gone(socket).await;
                beside.unnoticed().await;
            }
            if names.is_empty() {
                session.enter("/").await;
            }
            session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
            session.leave().await;
        }
        beside.over().await;
    });
}

#[test]
fn e11_after_the_probe_only_the_upgrade_may_come() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        for second in ["2probe", "3", "40", r#"42["echo","never"]"#, "6", "1", ""] {
            let mut socket = probed(&session).await;
            socket.send(second).await;
            expect_gone(socket).await;
            beside.unnoticed().await;
            session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        }
        let mut session = upgrade_of(session).await;
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
        beside.over().await;
    });
}

async fn upgrade_of(session: EngineIo) -> EngineIo {
    let socket = probed(&session).await;
    upgrade(session, socket).await
}

#[test]
fn e11_a_probe_that_never_ends() {
    each_stack(|stack| async move {
        let time = Duration::from_millis(300);
        let options = SocketIo::default().upgrade_timeout(time);
        let beside = Beside::with(stack, options, Limits::default()).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        for is_probed in [false, true] {
            let began = tokio::time::Instant::now();
            let socket = if is_probed { probed(&session).await } else { unprobed(&session).await };
            // One that keeps asking whether it is alive is not an upgrade either.
            let mut socket = socket;
            let pings = async {
                loop {
                    let mut frames = Vec::new();
                    for _ in 0..10 {
                        switchboard_core::ws::write_frame(&mut frames, Opcode::Ping, true, b"", Some([1, 2, 3, 4]));
                    }
                    let (mut stop, sent) = (false, socket.flood(&frames, Duration::from_secs(5)).await);
                    while let Some(got) = socket.recv_within(Duration::from_millis(20)).await {
                        stop |= got == Got::End;
                        if stop {
                            break;
                        }
                    }
                    if stop || sent < frames.len() {
                        break;
                    }
                }
            };
            let polls = async {
                for number in 0..20 {
                    session.expect_request(&format!(r#"42{number}["echo","x"]"#), &format!(r#"43{number}["x"]"#)).await;
                    beside.unnoticed().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(pings, polls) }).await.expect("an end");
            assert!(began.elapsed() >= time, "{:?}", began.elapsed());
        }
        // Another upgrade may follow.
        let mut session = upgrade_of(session).await;
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
        beside.over().await;
    });
}

#[test]
fn e11_a_second_upgrade() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for names in [&[][..], &["/"]] {
            let session = beside.join(Via::Polling, names).await;
            // While one is under way, before and after its probe.
            let mut first = unprobed(&session).await;
            for _ in 0..3 {
                let answer = refused_socket(&beside.rig, &upgrade_path(&session)).await;
                assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
            }
            assert_eq!(first.request("2probe").await, "3probe");
            let answer = refused_socket(&beside.rig, &upgrade_path(&session)).await;
            assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
            beside.unnoticed().await;
            // After it.
            let mut session = upgrade(session, first).await;
            for _ in 0..3 {
                let answer = refused_socket(&beside.rig, &upgrade_path(&session)).await;
                assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
            }
            beside.unnoticed().await;
            if names.is_empty() {
                session.enter("/").await;
            }
            session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
            session.leave().await;
        }
        // A session that began as a WebSocket.
        let mut session = beside.join(Via::WebSocket, &["/"]).await;
        let answer = refused_socket(&beside.rig, &upgrade_path(&session)).await;
        assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
        beside.over().await;
    });
}

#[test]
fn e11_upgrades_that_are_off() {
    each_stack(|stack| async move {
        let beside = Beside::with(stack, SocketIo::default().allow_upgrades(false), Limits::default()).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        let answer = refused_socket(&beside.rig, &upgrade_path(&session)).await;
        assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
        beside.over().await;
    });
}

#[test]
fn e11_a_socket_that_goes_away_while_it_is_probed() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        for how in 0..6 {
            let mut socket = if how % 2 == 0 { unprobed(&session).await } else { probed(&session).await };
            match how / 2 {
                0 => drop(socket),
                1 => {
                    socket.close(1000).await;
                    expect_gone(socket).await;
                }
                _ => {
                    socket.finish().await;
                    expect_gone(socket).await;
                }
            }
            session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
            beside.unnoticed().await;
        }
        // What is gone is not in the way of the next.
        let socket = probed(&session).await;
        let mut session = upgrade(session, socket).await;
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
        beside.over().await;
    });
}

#[test]
fn e11_a_client_that_does_not_wait_for_the_answer_to_its_probe() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        let mut socket = unprobed(&session).await;
        socket.send_all(["2probe", "5", r#"421["echo","x"]"#]).await;
        socket.expect("3probe").await;
        socket.expect(r#"431["x"]"#).await;
        session.wire = Wire::WebSocket(socket);
        session.leave().await;
        beside.over().await;
    });
}

#[test]
fn e12_polling_after_the_upgrade() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for via in Via::BOTH {
            for names in [&[][..], &["/"]] {
                let mut session = beside.join(via, names).await;
                if via == Via::Polling {
                    session = upgrade_of(session).await;
                }
                for body in [r#"42["echo","never"]"#, "1", "40", "", "\x1e"] {
                    let answer = session.post(body).await;
                    assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST), "{body:?}");
                    let answer = session.poll().await;
                    assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
                }
                beside.unnoticed().await;
                if names.is_empty() {
                    session.enter("/").await;
                }
                session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
                session.leave().await;
            }
        }
        beside.over().await;
    });
}

/// A poll that waits when the session moves is released.
#[test]
fn e12_a_poll_that_waits_is_released() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        let mut parked = session.park().await;
        let mut socket = probed(&session).await;
        let answer = switchboard_rig::http(&mut parked, b"").await.unwrap();
        assert_eq!((answer.status, &*answer.body), (200, "6"));
        socket.send("5").await;
        session.wire = Wire::WebSocket(socket);
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
        beside.over().await;
    });
}
