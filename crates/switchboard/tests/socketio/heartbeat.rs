//! Deadlines, to the millisecond: time is paused, and jumps to the next timer.
use crate::app::{Seen, app};
use crate::client::{EngineIo, UNKNOWN_SID, Via, Wire};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchboard::{Limits, SocketIo};
use switchboard_rig::{Got, Rig, Stack, Stream, http, masked, paused, read_to_end};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

const SECOND: Duration = Duration::from_secs(1);
/// A timer may be late by one step of the runtime's clock.
const STEP: Duration = Duration::from_millis(2);

async fn start() -> (Arc<Rig>, Arc<Seen>) {
    start_with(Limits::default()).await
}

/// Without the deadline of clients that do not read, which do not poll either.
async fn start_patient() -> (Arc<Rig>, Arc<Seen>) {
    start_with(Limits::default().write_timeout(SECOND * 1000)).await
}

async fn start_with(limits: Limits) -> (Arc<Rig>, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let rig = Rig::start(Stack::Memory, app(&seen, SocketIo::default()).limits(limits)).await;
    (Arc::new(rig), seen)
}

/// It is `seconds` after `since`, and no later.
#[track_caller]
fn expect_time(since: Instant, seconds: u64) {
    let (elapsed, expected) = (since.elapsed(), SECOND * seconds as u32);
    assert!(elapsed >= expected && elapsed <= expected + STEP, "{elapsed:?}, and not {expected:?}");
}

/// What comes next, as it is.
async fn raw(session: &mut EngineIo) -> Option<String> {
    match &mut session.wire {
        Wire::Polling => Some(session.poll().await).filter(|answer| answer.status == 200).map(|answer| answer.body),
        Wire::WebSocket(socket) => match socket.recv_within(SECOND * 10_000).await {
            Some(Got::Text(text)) => Some(text),
            Some(Got::Close(_) | Got::End) => None,
            other => panic!("{other:?}"),
        },
    }
}

async fn expect_raw(session: &mut EngineIo, packet: &str) {
    assert_eq!(raw(session).await.as_deref(), Some(packet));
}

/// The end, as each transport says it.
async fn expect_last(session: &mut EngineIo) {
    let last = raw(session).await;
    let is_end = last.is_none() || (session.via() == Via::Polling && last.as_deref() == Some("1"));
    assert!(is_end, "{last:?}");
}

#[test]
fn the_first_ping_comes_after_one_interval_and_the_end_after_one_timeout() {
    for via in Via::BOTH {
        paused(async {
            let (rig, seen) = start().await;
            let began = Instant::now();
            let mut session = EngineIo::join(&rig, via, &["/"]).await;
            expect_raw(&mut session, "2").await;
            expect_time(began, 25);
            // A pong, and the next ping comes one interval after it.
            sleep(SECOND * 5).await;
            session.send("3").await;
            expect_raw(&mut session, "2").await;
            expect_time(began, 25 + 5 + 25);
            // Events are no pong.
            session.send(r#"42["echo","x"]"#).await;
            expect_raw(&mut session, r#"42["echo","x"]"#).await;
            expect_last(&mut session).await;
            expect_time(began, 25 + 5 + 25 + 20);
            assert_eq!(*seen.reasons.lock().unwrap(), ["NoPong"]);
            drop(session);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn a_pong_in_the_last_moment_counts_and_one_after_it_does_not() {
    for via in Via::BOTH {
        for is_late in [false, true] {
            paused(async {
                let (rig, _) = start().await;
                let began = Instant::now();
                let mut session = EngineIo::join(&rig, via, &["/"]).await;
                expect_raw(&mut session, "2").await;
                let margin = Duration::from_millis(20);
                sleep_until(began + SECOND * 45 - margin + if is_late { margin * 2 } else { Duration::ZERO }).await;
                session.throw(&["3"]).await;
                match is_late {
                    false => {
                        expect_raw(&mut session, "2").await;
                        assert!(began.elapsed() < SECOND * 70 && began.elapsed() + margin + STEP >= SECOND * 70);
                    }
                    true => assert_eq!(raw(&mut session).await, None),
                }
                session.leave().await;
                rig.expect_empty().await;
            });
        }
    }
}

/// A driver waits for exactly an interval and a timeout, and then asks: nothing has woken the session but its own clock.
#[test]
fn a_request_that_comes_too_late_is_refused_at_once() {
    for (after, is_late) in [(SECOND * 45 - STEP, false), (SECOND * 45, true), (SECOND * 45 + STEP, true)] {
        for what in ["poll", "post", "upgrade"] {
            paused(async {
                let (rig, _) = start_patient().await;
                let session = EngineIo::join(&rig, Via::Polling, &["/"]).await;
                let opened = EngineIo::open(&rig, Via::Polling).await;
                // It is in a namespace, so that only the heartbeat matters; the other one is over long before.
                sleep(after).await;
                opened.expect_unknown().await;
                let answer = match what {
                    "poll" => session.poll().await,
                    "post" => session.post("6").await,
                    _ => {
                        let query = format!("{}&sid={}", crate::client::WEBSOCKET, session.sid);
                        let request = switchboard_rig::upgrade_request(&format!("/socket.io/?{query}"));
                        http(&mut rig.stream().await, &request).await.unwrap()
                    }
                };
                match is_late {
                    true => assert_eq!((answer.status, &*answer.body), (400, UNKNOWN_SID), "{what} after {after:?}"),
                    false => assert!([200, 101].contains(&answer.status), "{what} after {after:?}"),
                }
                drop(session);
                rig.expect_empty().await;
            });
        }
    }
}

/// Clients of the third version send the pings, and wait for pongs.
#[test]
fn e28_a_client_that_pings_and_does_not_pong() {
    for via in Via::BOTH {
        paused(async {
            let (rig, seen) = start_patient().await;
            let began = Instant::now();
            let mut session = EngineIo::join(&rig, via, &["/"]).await;
            session.answers_pings = false;
            for second in (10..45).step_by(10) {
                sleep_until(began + SECOND * second).await;
                session.send("2").await;
            }
            while let Some(packet) = raw(&mut session).await {
                if packet == "1" {
                    break;
                }
                assert_eq!(packet, "2");
            }
            expect_time(began, 45);
            assert_eq!(*seen.reasons.lock().unwrap(), ["NoPong"]);
            drop(session);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn e15_the_time_to_connect() {
    for via in Via::BOTH {
        paused(async {
            let (rig, _) = start().await;
            let began = Instant::now();
            let mut session = EngineIo::open(&rig, via).await;
            expect_last(&mut session).await;
            expect_time(began, 10);
            // After the last namespace is left, it begins anew.
            let mut session = EngineIo::join(&rig, via, &["/"]).await;
            sleep(SECOND * 12).await;
            let began = Instant::now();
            session.send("41").await;
            expect_last(&mut session).await;
            expect_time(began, 10);
            drop(session);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn e15_the_time_to_connect_goes_on_while_guards_refuse() {
    for via in Via::BOTH {
        paused(async {
            let (rig, _) = start().await;
            let began = Instant::now();
            let mut session = EngineIo::open(&rig, via).await;
            for second in [3, 6, 9] {
                sleep_until(began + SECOND * second).await;
                session.send("40/closed,").await;
                assert!(raw(&mut session).await.unwrap().starts_with("44/closed,"));
            }
            expect_last(&mut session).await;
            expect_time(began, 10);
            drop(session);
            rig.expect_empty().await;
        });
    }
}

/// A guard that hangs has the time of a handshake; the time to connect does not run meanwhile, and is over after it.
#[test]
fn e15_a_guard_that_hangs() {
    for via in Via::BOTH {
        paused(async {
            let (rig, _) = start().await;
            let began = Instant::now();
            let mut session = EngineIo::open(&rig, via).await;
            sleep(SECOND * 4).await;
            session.send("40/hung,").await;
            sleep(SECOND * 8).await;
            // The time of the session itself is over by now. It is not ended while a guard is asked, and asks no more of them.
            session.send("40/hung,").await;
            session.send("40/closed,").await;
            let late = raw(&mut session).await.unwrap();
            assert!(late.starts_with("44/closed,") && late.contains("timeout"), "{late}");
            // It is told nothing for the guard's sake: after a CONNECT_ERROR the official clients would not come back.
            expect_last(&mut session).await;
            expect_time(began, 14);
            drop(session);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn e22_attachments_that_never_come() {
    for via in Via::BOTH {
        paused(async {
            let (rig, seen) = start().await;
            let mut session = EngineIo::join(&rig, via, &["/"]).await;
            sleep(SECOND * 3).await;
            session.send(r#"452-["count",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#).await;
            let began = Instant::now();
            sleep(SECOND * 6).await;
            // One of two gives no more time.
            session.send("bAQID").await;
            expect_last(&mut session).await;
            expect_time(began, 10);
            assert!(seen.reasons.lock().unwrap()[0].starts_with("Violation"));
            drop(session);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn e11_the_time_of_an_upgrade() {
    paused(async {
        let (rig, _) = start().await;
        let mut session = EngineIo::join(&rig, Via::Polling, &["/"]).await;
        let began = Instant::now();
        let mut socket =
            crate::client::socket(&rig, &format!("{}&sid={}", crate::client::WEBSOCKET, session.sid)).await;
        assert_eq!(socket.request("2probe").await, "3probe");
        assert_eq!(socket.recv_within(SECOND * 60).await, Some(Got::End));
        expect_time(began, 10);
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
        rig.expect_empty().await;
    });
}

/// A polling client that does not poll is one that does not read.
#[test]
fn unread_polls_end_as_unread_sockets_do() {
    paused(async {
        let (rig, seen) = start().await;
        let session = EngineIo::join(&rig, Via::Polling, &["/"]).await;
        sleep(SECOND * 5).await;
        assert_eq!(session.post(r#"42["pour",[30,1000]]"#).await.status, 200);
        let began = Instant::now();
        while seen.left.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        expect_time(began, 10);
        assert_eq!(*seen.reasons.lock().unwrap(), ["SlowConsumer"]);
        // Who polls after all learns of the end, while the session lingers.
        assert_eq!(session.poll().await.body, "1");
        drop(session);
        rig.expect_empty().await;
    });
}

/// A poll in time gives more time, each time.
#[test]
fn a_poll_now_and_then_is_enough() {
    paused(async {
        let (rig, _) = start().await;
        let mut session = EngineIo::join(&rig, Via::Polling, &["/"]).await;
        assert_eq!(session.post(r#"42["pour",[80,1000]]"#).await.status, 200);
        for number in 0..80 {
            if session.inbox.is_empty() {
                sleep(SECOND * 9).await;
            }
            let came = session.recv().await;
            assert!(came.starts_with(&format!(r#"42["poured",{number},"#)), "{came:.40}");
        }
        session.leave().await;
        rig.expect_empty().await;
    });
}

/// Half a message, and then nothing.
#[test]
fn messages_that_are_not_finished() {
    paused(async {
        let (rig, seen) = start().await;
        // Half a frame, and half a message.
        for bytes in [&masked(0x81, &[b'4'; 1000], [1, 2, 3, 4])[..500], &masked(0x01, b"42[", [1, 2, 3, 4])] {
            let mut session = EngineIo::join(&rig, Via::WebSocket, &["/"]).await;
            sleep(SECOND * 3).await;
            let began = Instant::now();
            let Wire::WebSocket(socket) = &mut session.wire else { unreachable!() };
            socket.send_bytes(bytes).await;
            assert_eq!(raw(&mut session).await, None);
            expect_time(began, 10);
        }
        // Half a POST.
        let session = EngineIo::join(&rig, Via::Polling, &["/"]).await;
        let began = Instant::now();
        let mut stream = half(&rig, &session).await;
        let answer = http(&mut stream, b"").await.unwrap();
        assert_eq!(answer.status, 400);
        expect_time(began, 10);
        session.expect_unknown().await;
        assert_eq!(seen.left.load(Ordering::SeqCst), 3);
        drop(session);
        rig.expect_empty().await;
    });
}

async fn half(rig: &Rig, session: &EngineIo) -> Box<dyn Stream> {
    let request = crate::client::post_request(&session.polling_path(), &[b'6'; 1000]);
    let mut stream = rig.stream().await;
    stream.write_all(&request[..request.len() - 900]).await.unwrap();
    stream
}

/// A POST that comes byte by byte has the time of the heartbeat: no other one can bring the pong.
#[test]
fn a_post_that_drips() {
    paused(async {
        let (rig, seen) = start().await;
        let session = EngineIo::join(&rig, Via::Polling, &["/"]).await;
        let began = Instant::now();
        let mut stream = half(&rig, &session).await;
        loop {
            sleep(SECOND * 9).await;
            if stream.write_all(b"6").await.is_err() || seen.left.load(Ordering::SeqCst) > 0 {
                break;
            }
            assert!(began.elapsed() < SECOND * 100, "it goes on for ever");
        }
        assert!(began.elapsed() <= SECOND * 54 + STEP, "{:?}", began.elapsed());
        read_to_end(&mut stream, SECOND * 20).await;
        session.expect_unknown().await;
        drop(session);
        rig.expect_empty().await;
    });
}

/// While so much waits that nothing more is read, a pong cannot be seen: that is not the client's fault.
#[test]
fn a_client_that_waits_for_slow_handlers_lives() {
    for via in Via::BOTH {
        paused(async {
            let (rig, _) = start().await;
            let mut session = EngineIo::join(&rig, via, &["/"]).await;
            // 80 s, of which reading pauses for 45.
            const MANY: usize = 40;
            let packets: Vec<String> = (0..MANY).map(|number| format!(r#"42{number}["sleep",2000]"#)).collect();
            let mut posted = None;
            match via {
                Via::Polling => {
                    // A client has one POST at a time, and this one is answered late.
                    session.answers_pings = false;
                    posted = Some(session.post_in_background(packets.join("\x1e")));
                }
                Via::WebSocket => session.throw(&packets.iter().map(String::as_str).collect::<Vec<_>>()).await,
            }
            for number in 0..MANY {
                if posted.as_ref().is_some_and(JoinHandle::is_finished) && !session.answers_pings {
                    session.answers_pings = true;
                    session.send("3").await;
                }
                session.expect(&format!("43{number}[2000]")).await;
            }
            if let Some(posted) = posted {
                assert_eq!(posted.await.unwrap().unwrap().status, 200);
            }
            session.leave().await;
            rig.expect_empty().await;
        });
    }
}
