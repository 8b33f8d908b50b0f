//! Order: what is sent during an upgrade, in POSTs that wait, and in several namespaces at once (LIMITS.md, E30).
use crate::base64;
use crate::beside::Beside;
use crate::client::{EngineIo, Via, WEBSOCKET, Wire, socket};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use switchboard::{Limits, SocketIo};
use switchboard_rig::{Rig, Stack, each_stack, http, matrix, on};
use tokio::io::AsyncWriteExt;

const MANY: u32 = 1000;

/// Polls until it is told to stop, as a client does that upgrades: its last poll is answered. Returns what came.
fn polling(rig: &Arc<Rig>, path: String, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Vec<String>> {
    let (rig, stop) = (rig.clone(), stop.clone());
    tokio::spawn(async move {
        let mut came = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let answer = crate::client::get(&rig, &path).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            came.extend(answer.body.split('\x1e').filter(|packet| *packet != "6").map(str::to_owned));
        }
        came
    })
}

fn number(number: u32) -> String {
    format!(r#"42["number",{number}]"#)
}

/// A client as the official one: it sends and receives while it probes, and then pauses polling before it upgrades. Numbers go to
/// the server and come back, while others come from the server alone.
#[test]
fn a_thousand_events_during_an_upgrade() {
    matrix(|stack| async move {
        let beside = Beside::start(stack).await;
        // The place of the upgrade among the events.
        for at in [0, 1, 300, MANY - 1] {
            let mut session = beside.join(Via::Polling, &["/", "/admin"]).await;
            let stop = Arc::new(AtomicBool::new(false));
            let polls = polling(&beside.rig, session.polling_path(), &stop);
            let mut next = 0;
            while next < at {
                let some: Vec<String> = (next..at.min(next + 7)).map(number).collect();
                next += some.len() as u32;
                session.throw(&[&some.join("\x1e")]).await;
            }
            // 300 events of 300 bytes, which are on their way when the session moves.
            session.throw(&[r#"42/admin,["pour",[300,300]]"#]).await;
            let mut web = socket(&beside.rig, &format!("{WEBSOCKET}&sid={}", session.sid)).await;
            web.send("2probe").await;
            while next < MANY / 2 {
                session.throw(&[&number(next)]).await;
                next += 1;
            }
            web.expect("3probe").await;
            stop.store(true, Ordering::SeqCst);
            session.inbox.extend(polls.await.unwrap());
            web.send("5").await;
            session.wire = Wire::WebSocket(web);
            let rest: Vec<String> = (next..MANY).map(number).collect();
            session.throw(&rest.iter().map(String::as_str).collect::<Vec<_>>()).await;
            let (mut numbers, mut poured) = (0, 0);
            while numbers < MANY || poured < 300 {
                let came = session.recv().await;
                match came.strip_prefix("42/admin,") {
                    Some(came) => {
                        assert!(came.starts_with(&format!(r#"["poured",{poured},"#)), "{came:.40}, and not {poured}");
                        poured += 1;
                    }
                    None => {
                        assert_eq!(came, number(numbers));
                        numbers += 1;
                    }
                }
            }
            session.expect_request(r#"421["echo","last"]"#, r#"431["last"]"#).await;
            session.leave().await;
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

/// A client that does not pause: its POST is not handled and its poll waits when the upgrade comes, and events are right behind.
#[test]
fn an_upgrade_over_a_post_and_a_poll_that_wait() {
    matrix(|stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        let stop = Arc::new(AtomicBool::new(false));
        let rig = beside.rig.clone();
        let path = session.polling_path();
        let mut packets = vec![r#"42["wait","first"]"#.to_owned()];
        packets.extend((0..MANY / 2).map(number));
        let posted = session.post_in_background(packets.join("\x1e"));
        beside.rig.until(|stats| stats.in_flight >= 1).await;
        let mut web = socket(&beside.rig, &format!("{WEBSOCKET}&sid={}", session.sid)).await;
        assert_eq!(web.request("2probe").await, "3probe");
        let behind = (MANY / 2..MANY).map(number);
        web.send_all(std::iter::once("5".to_owned()).chain(behind)).await;
        // The upgrade waits for the POST, and polls go on until then.
        let polls = tokio::spawn(async move {
            let mut came = Vec::new();
            loop {
                let answer = crate::client::get(&rig, &path).await;
                if answer.status != 200 {
                    return came;
                }
                came.extend(answer.body.split('\x1e').filter(|packet| *packet != "6").map(str::to_owned));
                stop.store(true, Ordering::SeqCst);
            }
        });
        beside.unnoticed().await;
        beside.seen.gate.open();
        assert_eq!(posted.await.unwrap().unwrap().status, 200);
        session.inbox.extend(polls.await.unwrap());
        session.wire = Wire::WebSocket(web);
        session.expect(r#"42["wait","first"]"#).await;
        for at in 0..MANY {
            session.expect(&number(at)).await;
        }
        session.leave().await;
        beside.over().await;
    });
}

/// The same for a POST whose body is still on its way when the upgrade comes; and for one that is refused.
#[test]
fn an_upgrade_while_the_body_of_a_post_is_read() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for is_refused in [false, true] {
            let mut session = beside.join(Via::Polling, &["/"]).await;
            let body = number(0);
            let length = if is_refused { 2_000_000 } else { body.len() };
            let head = format!(
                "POST /socket.io/?{} HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n4\r\n",
                session.polling_path()
            );
            let mut post = beside.rig.stream().await;
            post.write_all(head.as_bytes()).await.unwrap();
            post.flush().await.unwrap();
            let mut web = socket(&beside.rig, &format!("{WEBSOCKET}&sid={}", session.sid)).await;
            assert_eq!(web.request("2probe").await, "3probe");
            web.send_all(["5".to_owned(), number(1)]).await;
            beside.unnoticed().await;
            let rest = if is_refused { "2".repeat(length) } else { body[1..].to_owned() };
            let rest = format!("{:x}\r\n{rest}\r\n0\r\n\r\n", rest.len());
            let _ = post.write_all(rest.as_bytes()).await;
            if !is_refused {
                assert_eq!(http(&mut post, b"").await.unwrap().status, 200);
                // Polls go on until the upgrade.
                session.inbox.extend(rest_of_polls(&beside.rig, &session.polling_path()).await);
            }
            session.wire = Wire::WebSocket(web);
            if !is_refused {
                session.expect(&number(0)).await;
            }
            session.expect(&number(1)).await;
            session.leave().await;
        }
        beside.over().await;
    });
}

/// What is polled until polling is over.
async fn rest_of_polls(rig: &Rig, path: &str) -> Vec<String> {
    let mut came = Vec::new();
    loop {
        let answer = crate::client::get(rig, path).await;
        if answer.status != 200 {
            return came;
        }
        came.extend(answer.body.split('\x1e').filter(|packet| *packet != "6").map(str::to_owned));
    }
}

/// POSTs that fill the queue exactly, and by one more or less.
#[test]
fn a_post_of_every_length() {
    on(Stack::Memory, |stack| async move {
        let beside = Beside::start(stack).await;
        for count in 1..40 {
            let mut session = beside.join(Via::Polling, &["/"]).await;
            let mut packets = vec![r#"42["sleep",1]"#.to_owned()];
            packets.extend((1..count).map(number));
            for _ in 0..2 {
                let answer = session.post(packets.join("\x1e")).await;
                assert_eq!((answer.status, &*answer.body), (200, "ok"), "{count} packets");
                session.expect(r#"42["sleep",1]"#).await;
                for at in 1..count {
                    session.expect(&number(at)).await;
                }
            }
            session.leave().await;
        }
        beside.over().await;
    });
}

/// Texts and their attachments, of two namespaces on one connection, to a client that reads slowly: every packet is whole, and
/// its attachment comes right after it.
#[test]
fn e30_packets_of_several_namespaces_to_a_slow_reader() {
    const EVENTS: u32 = 30;
    for via in Via::BOTH {
        on(Stack::Listen, |stack| async move {
            let limits = Limits::default().outbound_bytes(64 << 20).outbound_soft_bytes(64 << 20);
            let beside = Beside::with(stack, SocketIo::default(), limits).await;
            let mut session = match via {
                Via::Polling => beside.open(via).await,
                Via::WebSocket => EngineIo::open_narrow(&beside.rig).await,
            };
            for name in ["/", "/admin"] {
                session.enter(name).await;
            }
            for bytes in [1, 1000, 30_000, 100_000] {
                let all = [
                    format!(r#"42["pour_bytes",[{EVENTS},{bytes}]]"#),
                    format!(r#"42/admin,["pour_bytes",[{EVENTS},{bytes}]]"#),
                    format!(r#"42/admin,["pour",[{EVENTS},{bytes}]]"#),
                    format!(r#"42["pour",[{EVENTS},{bytes}]]"#),
                ];
                session.throw(&all.each_ref().map(|text| &**text)).await;
                let mut next: HashMap<String, u32> = HashMap::new();
                let mut came = 0;
                while came < 4 * EVENTS {
                    let text = session.recv().await;
                    let (head, rest) = text.split_once(r#"["poured","#).expect("what was asked for");
                    let number = next.entry(head.to_owned()).or_default();
                    let rest = rest.strip_prefix(&format!("{number},")).expect("the next number");
                    if head.starts_with("45") {
                        assert_eq!(rest, r#"{"_placeholder":true,"num":0}]"#);
                        let attachment = session.recv().await;
                        let attachment = base64::decode(attachment.strip_prefix('b').expect("the attachment is next"));
                        assert_eq!(attachment.len(), bytes);
                        assert!(attachment.iter().all(|byte| *byte == *number as u8));
                    } else {
                        assert_eq!(rest.len(), bytes + 3);
                    }
                    *number += 1;
                    came += 1;
                    if came % 16 == 0 {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                assert_eq!(next.len(), 4);
                beside.unnoticed().await;
            }
            session.leave().await;
            beside.over().await;
        });
    }
}

/// Frames of all kinds, cut at every byte.
#[test]
fn frames_that_are_cut_at_every_byte() {
    on(Stack::Memory, |stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::WebSocket, &["/"]).await;
        let mask = [9, 8, 7, 6];
        let mut bytes = Vec::new();
        for (first, payload) in [
            (0x81, &b"421[\"echo\",\"\xc3\xa9\"]"[..]),
            (0x81, b"451-2[\"bytes\",{\"_placeholder\":true,\"num\":0}]"),
            (0x82, b"\x01\x02\x03"),
            (0x01, b"423[\"ec"),
            (0x80, b"ho\",\"cut\"]"),
        ] {
            bytes.extend(switchboard_rig::masked(first, payload, mask));
        }
        let Wire::WebSocket(mut socket) = session.wire else { unreachable!() };
        for cut in 0..=bytes.len() {
            socket.send_bytes(&bytes[..cut]).await;
            switchboard_rig::settle().await;
            socket.send_bytes(&bytes[cut..]).await;
            socket.expect("431[\"é\"]").await;
            socket.expect(r#"461-2[{"_placeholder":true,"num":0}]"#).await;
            assert_eq!(socket.recv().await, switchboard_rig::Got::Binary(vec![1, 2, 3]));
            socket.expect(r#"433["cut"]"#).await;
        }
        // One byte at a time.
        for byte in bytes {
            socket.send_bytes(&[byte]).await;
            switchboard_rig::settle().await;
        }
        socket.expect("431[\"é\"]").await;
        socket.expect(r#"461-2[{"_placeholder":true,"num":0}]"#).await;
        assert_eq!(socket.recv().await, switchboard_rig::Got::Binary(vec![1, 2, 3]));
        socket.expect(r#"433["cut"]"#).await;
        session.wire = Wire::WebSocket(socket);
        session.leave().await;
        beside.over().await;
    });
}
