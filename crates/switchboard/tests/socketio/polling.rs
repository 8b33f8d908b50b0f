//! Polls and POSTs that break the rules (LIMITS.md, E05 to E10).
use crate::beside::Beside;
use crate::client::{BAD_REQUEST, EngineIo, UNKNOWN_SID, Via, post_request};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchboard::SocketIo;
use switchboard_rig::{Rig, Stack, Stream, each_stack, http, on, read_head, read_to_end};
use tokio::io::AsyncWriteExt;

const PATIENCE: Duration = Duration::from_secs(20);

/// A session before CONNECT, and one after it.
async fn both(beside: &Beside) -> [EngineIo; 2] {
    [beside.open(Via::Polling).await, beside.join(Via::Polling, &["/", "/admin"]).await]
}

async fn answer_of(stream: &mut Box<dyn Stream>) -> (u16, String) {
    let answer = http(stream, b"").await.expect("an answer");
    (answer.status, answer.body)
}

#[test]
fn e05_two_polls_at_once_end_the_session() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for session in both(&beside).await {
            let mut first = session.park().await;
            // Which of the two comes first is the server's choice.
            let mut second = session.park().await;
            let mut answers = [answer_of(&mut first).await, answer_of(&mut second).await];
            answers.sort();
            assert_eq!(answers[0], (200, "1".to_owned()));
            assert_eq!(answers[1], (400, BAD_REQUEST.to_owned()));
            assert_eq!(session.poll().await.body, UNKNOWN_SID);
            assert_eq!(session.post("40").await.body, UNKNOWN_SID);
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

#[test]
fn e05_a_hundred_polls_at_once() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for session in both(&beside).await {
            let mut polls = Vec::new();
            for _ in 0..100 {
                polls.push(session.park().await);
            }
            let mut closed = 0;
            for mut poll in polls {
                match answer_of(&mut poll).await {
                    (200, body) => {
                        assert_eq!(body, "1");
                        closed += 1;
                    }
                    (400, body) => assert!([BAD_REQUEST, UNKNOWN_SID].contains(&&*body), "{body}"),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(closed, 1);
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

/// The head of a POST, and as much of its body.
async fn half_a_post(rig: &Rig, session: &EngineIo, length: usize, body: &[u8]) -> Box<dyn Stream> {
    let head = format!(
        "POST /socket.io/?{} HTTP/1.1\r\nHost: test.example\r\nContent-Length: {length}\r\n\r\n",
        session.polling_path()
    );
    let mut stream = rig.stream().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

#[test]
fn e06_two_posts_at_once_end_the_session() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for session in both(&beside).await {
            let mut poll = session.park().await;
            let mut first = half_a_post(&beside.rig, &session, 100, b"4").await;
            // The second one is the one that comes while the first is read. Before, it is taken, and is an event.
            let second = loop {
                let second = session.post(r#"6"#).await;
                if second.status != 200 {
                    break second;
                }
            };
            assert_eq!((second.status, &*second.body), (400, BAD_REQUEST));
            assert_eq!(answer_of(&mut poll).await, (200, "1".to_owned()));
            let _ = first.write_all(&[b'x'; 99]).await;
            assert_eq!(answer_of(&mut first).await.0, 400);
            session.expect_unknown().await;
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

#[test]
fn e06_a_post_while_one_is_handled() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let session = beside.join(Via::Polling, &["/"]).await;
        // 16 messages may wait beside the one that runs, so that this POST is not answered.
        let many = vec![r#"42["wait","x"]"#; 40].join("\x1e");
        let first = session.post_in_background(many);
        while beside.seen.handled.load(Ordering::SeqCst) == 0 || session.post("6").await.status == 200 {
            tokio::task::yield_now().await;
        }
        session.expect_unknown().await;
        let answer = first.await.unwrap().unwrap();
        assert_eq!(answer.status, 400);
        beside.seen.gate.open();
        beside.over().await;
    });
}

#[test]
fn e07_posts_that_are_too_long() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for session in both(&beside).await {
            // By its length, before a byte of it comes.
            let mut declared = half_a_post(&beside.rig, &session, 1_000_001, b"4").await;
            let (head, _) = read_head(&mut declared).await;
            assert!(head.starts_with("HTTP/1.1 413"), "{head}");
            read_to_end(&mut declared, PATIENCE).await;
            // By what comes, in chunks without end: reading stops at the limit.
            let mut stream = beside.rig.stream().await;
            let head = format!(
                "POST /socket.io/?{} HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n",
                session.polling_path()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let chunk = [b"4000\r\n", &[b'4'; 0x4000][..], b"\r\n"].concat();
            let mut sent = 0;
            while sent < 64 << 20 && stream.write_all(&chunk).await.is_ok() {
                sent += chunk.len();
                tokio::task::yield_now().await;
            }
            assert!(sent < 16 << 20, "{sent} bytes were taken");
            beside.unnoticed().await;
            // The session lives, and takes what is short enough.
            let rest = "x".repeat(1_000_000 - 1);
            assert_eq!(session.post(format!("6{rest}")).await.status, 200);
            session.leave().await;
        }
        beside.over().await;
    });
}

#[test]
fn e08_bytes_as_the_third_version_sent_them() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for kind in ["application/octet-stream", "application/octet-stream; charset=x"] {
            for session in both(&beside).await {
                let mut poll = session.park().await;
                let mut stream = beside.rig.stream().await;
                let head = format!(
                    "POST /socket.io/?{} HTTP/1.1\r\nHost: test.example\r\nContent-Type: {kind}\r\nContent-Length: 300000\r\n\r\n",
                    session.polling_path()
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                // The answer comes although the body does not, and then the stream ends.
                assert_eq!(answer_of(&mut stream).await, (400, BAD_REQUEST.to_owned()));
                read_to_end(&mut stream, PATIENCE).await;
                assert_eq!(answer_of(&mut poll).await, (200, "1".to_owned()));
                session.expect_unknown().await;
                beside.unnoticed().await;
            }
        }
        beside.over().await;
    });
}

#[test]
fn e09_posts_that_break_off() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for cut in [0, 1, 50, 99] {
            for session in both(&beside).await {
                let mut poll = session.park().await;
                drop(half_a_post(&beside.rig, &session, 100, &[b'4'; 99][..cut]).await);
                // The session ends, and whoever polls learns of it.
                let (status, body) = answer_of(&mut poll).await;
                assert!(status == 400 || body == "1", "{status} {body}");
                session.expect_unknown().await;
                beside.unnoticed().await;
            }
        }
        beside.over().await;
    });
}

#[test]
fn e09_polls_that_break_off() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for session in both(&beside).await {
            // A request whose end is seen with it is never begun.
            let poll = session.park().await;
            beside.unnoticed().await;
            drop(poll);
            while session.post("6").await.status == 200 {}
            session.expect_unknown().await;
            beside.unnoticed().await;
        }
        beside.expect_sessions(0).await;
        beside.over().await;
    });
}

#[test]
fn e09_resets_in_a_poll() {
    on(Stack::Listen, |stack| async move {
        let beside = Beside::start(stack).await;
        for session in both(&beside).await {
            let stream = tokio::net::TcpStream::connect(beside.rig.address()).await.unwrap();
            let mut stream = stream.into_std().unwrap();
            stream.set_nonblocking(false).unwrap();
            std::io::Write::write_all(&mut stream, &crate::client::get_request(&session.polling_path())).unwrap();
            beside.unnoticed().await;
            let stream = tokio::net::TcpSocket::from_std_stream(stream);
            stream.set_zero_linger().unwrap();
            drop(stream);
            beside.unnoticed().await;
        }
        beside.expect_sessions(0).await;
        beside.over().await;
    });
}

#[test]
fn e10_payloads_of_too_many_packets() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let separators = "\x1e".repeat(16_383);
        let too_many = vec!["6"; 16_385].join("\x1e");
        for body in ["", "\x1e", "\x1e\x1e\x1e", &separators, &too_many, "6\x1e", "\x1e6", "6\x1e\x1e6"] {
            for session in both(&beside).await {
                let mut poll = session.park().await;
                let answer = session.post(body).await;
                assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST), "{:.20?}", body);
                assert_eq!(answer_of(&mut poll).await, (200, "1".to_owned()));
                session.expect_unknown().await;
            }
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

#[test]
fn e10_payloads_that_are_not_utf_8() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for body in [&b"4\xff"[..], b"4\xc0\x80", b"42[\"echo\",\"\xed\xa0\x80\"]", b"\x80"] {
            for session in both(&beside).await {
                let answer = session.post(body).await;
                assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
                session.expect_unknown().await;
            }
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

/// Thousands of small packets are fine, and each is answered; an answer has at most 16.
#[test]
fn e10_as_many_packets_as_may_be() {
    each_stack(|stack| async move {
        let options = SocketIo::default();
        let beside = Beside::with(stack, options, switchboard::Limits::default()).await;
        let session = beside.join(Via::Polling, &["/"]).await;
        const MANY: usize = 4_000;
        let events: Vec<String> = (0..MANY).map(|number| format!(r#"42{number}["echo","{number}"]"#)).collect();
        let posted = session.post_in_background(events.join("\x1e"));
        let mut number = 0;
        while number < MANY {
            let answer = session.poll().await;
            assert_eq!(answer.status, 200);
            let packets: Vec<&str> = answer.body.split('\x1e').collect();
            assert!(packets.len() <= 16, "{}", packets.len());
            for packet in packets {
                assert_eq!(packet, format!(r#"43{number}["{number}"]"#));
                number += 1;
            }
        }
        let posted = posted.await.unwrap().unwrap();
        assert_eq!((posted.status, &*posted.body), (200, "ok"));
        session.leave().await;
        beside.over().await;
    });
}

/// What an answer to a poll keeps is bounded by what the client reads: a client that posts and does not poll waits with its POST.
#[test]
fn e10_a_post_waits_until_its_answers_are_polled() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        let text = "x".repeat(1000);
        let events: Vec<String> = (0..900).map(|number| format!(r#"42{number}["echo","{text}"]"#)).collect();
        let posted = session.post_in_background(events.join("\x1e"));
        beside.rig.until(|stats| stats.queued_bytes > 16 << 10).await;
        for number in 0..900 {
            session.expect(&format!(r#"43{number}["{text}"]"#)).await;
        }
        assert_eq!(posted.await.unwrap().unwrap().status, 200);
        session.leave().await;
        beside.over().await;
    });
}

#[test]
fn what_is_posted_in_pieces_is_whole() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        let payload = b"42[\"echo\",\"\xc3\xa9\"]\x1e451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID";
        let request = post_request(&session.polling_path(), payload);
        let start = request.len() - payload.len();
        for cut in start..request.len() {
            let mut stream = beside.rig.stream().await;
            stream.write_all(&request[..cut]).await.unwrap();
            stream.flush().await.unwrap();
            switchboard_rig::settle().await;
            stream.write_all(&request[cut..]).await.unwrap();
            assert_eq!(answer_of(&mut stream).await, (200, "ok".to_owned()));
            session.expect("42[\"echo\",\"é\"]").await;
            session.expect("451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]").await;
            session.expect("bAQID").await;
        }
        session.leave().await;
        beside.over().await;
    });
}

/// Five thousand POSTs that are refused leave no descriptor behind.
#[test]
fn e08_five_thousand_refused_posts() {
    on(Stack::Listen, |stack| async move {
        let beside = Arc::new(Beside::start(stack).await);
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = descriptors();
        let session = beside.join(Via::Polling, &["/"]).await;
        for round in 0..50 {
            let mut streams = Vec::new();
            for number in 0..100 {
                let query = match number % 4 {
                    0 => "EIO=4&transport=polling&sid=none".to_owned(),
                    1 => crate::client::POLLING.to_owned(),
                    _ => session.polling_path(),
                };
                let length = if number % 4 == 2 { 2_000_000 } else { 300_000 };
                let method = if number % 4 == 3 { "PUT" } else { "POST" };
                let head = format!(
                    "{method} /socket.io/?{query} HTTP/1.1\r\nHost: test.example\r\nContent-Length: {length}\r\n\r\n4"
                );
                let mut stream = beside.rig.stream().await;
                stream.write_all(head.as_bytes()).await.unwrap();
                streams.push(stream);
            }
            for mut stream in streams {
                let status = answer_of(&mut stream).await.0;
                assert!((400..=413).contains(&status), "{status}");
                // The server ends it, though most of the body has not come.
                read_to_end(&mut stream, PATIENCE).await;
            }
            if round % 10 == 0 {
                beside.unnoticed().await;
            }
        }
        session.leave().await;
        for attempt in 0.. {
            if descriptors() <= before {
                break;
            }
            assert!(attempt < 1000, "{} descriptors, {before} before", descriptors());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Arc::into_inner(beside).unwrap().over().await;
    });
}
