//! Packets that end the session, and those that do not (LIMITS.md, E13, E14, E16 to E19, E23 to E25): over both transports, before and after
//! CONNECT.
use crate::beside::Beside;
use crate::client::Via;
use std::sync::atomic::Ordering;
use switchboard_rig::{Stack, each_stack, on};

/// Before CONNECT, in the main namespace, and in two.
const STATES: [&[&str]; 3] = [&[], &["/"], &["/", "/admin"]];

/// Each of these ends the session, with all of its namespaces; nobody else notices.
pub(crate) async fn ends(beside: &Beside, all: &[&[&str]]) {
    for via in Via::BOTH {
        for names in STATES {
            for packets in all {
                let mut session = beside.join(via, names).await;
                beside.seen.reasons.lock().unwrap().clear();
                let behind = [*packets, &[r#"42["echo","never"]"#][..]].concat();
                session.throw(&behind).await;
                let came = session.expect_end().await;
                assert!(came.is_empty(), "{via:?} {names:?} {packets:.100?}: {came:?}");
                beside.expect_sessions(0).await;
                assert_eq!(beside.seen.never.load(Ordering::SeqCst), 0, "what follows is not handled");
                let reasons = beside.seen.reasons.lock().unwrap().clone();
                assert_eq!(reasons.len(), names.len(), "{reasons:?}");
                assert!(reasons.iter().all(|reason| reason.starts_with("Violation")), "{packets:.100?}: {reasons:?}");
            }
            beside.unnoticed().await;
        }
    }
}

/// None of these ends the session. Each is followed by what is answered to it.
pub(crate) async fn lives(beside: &Beside, all: &[(&[&str], &[&str])]) {
    for via in Via::BOTH {
        let mut session = beside.join(via, &["/", "/admin"]).await;
        for (packets, answers) in all {
            session.throw(packets).await;
            for answer in *answers {
                let came = session.recv().await;
                let is_it = match answer.strip_suffix('*') {
                    Some(start) => came.starts_with(start),
                    None => came == **answer,
                };
                assert!(is_it, "{via:?} {packets:.100?}: {came:.300}, and not {answer:.300}");
            }
            session.expect_request(r#"427["echo","x"]"#, r#"437["x"]"#).await;
            session.expect_request(r#"42/admin,7["echo","x"]"#, r#"43/admin,7["x"]"#).await;
            beside.unnoticed().await;
        }
        session.leave().await;
    }
}

#[test]
fn e13_what_is_no_packet_of_engine_io() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        ends(
            &beside,
            &[&["7"], &["8"], &["9"], &[""], &["4"], &["x"], &["-1"], &["\u{e9}"], &["\0"], &[" 40"], &["\n"]],
        )
        .await;
        ends(&beside, &[&["6", "6", "7"], &["3", ""]]).await;
        beside.over().await;
    });
}

/// Base64 that is none. Over a WebSocket `b` packets are texts.
#[test]
fn e13_base64_that_is_none() {
    on(Stack::Listen, |stack| async move {
        let beside = Beside::start(stack).await;
        for body in ["b!", "b====", "bA", "b\u{e9}", "bAAA_"] {
            let session = beside.join(Via::Polling, &["/"]).await;
            let packet = format!("451-[\"bytes\",{{\"_placeholder\":true,\"num\":0}}]\x1e{body}");
            assert_eq!(session.post(&packet).await.status, 400, "{body}");
            session.expect_unknown().await;
            let mut session = beside.join(Via::WebSocket, &["/"]).await;
            let crate::client::Wire::WebSocket(socket) = &mut session.wire else { unreachable!() };
            socket.send(r#"451-["bytes",{"_placeholder":true,"num":0}]"#).await;
            socket.send(body).await;
            assert_eq!(session.expect_end().await, [""; 0]);
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

/// Packets that only servers send, or that mean nothing here, are not held against the client.
#[test]
fn e13_packets_without_meaning() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let nothing: &[&str] = &[];
        lives(
            &beside,
            &[
                (&["0"], nothing),
                (&["0{\"sid\":\"x\"}"], nothing),
                (&["2"], nothing),
                (&["2probe"], nothing),
                (&["3"], nothing),
                (&["3probe", "3", "3"], nothing),
                (&["5"], nothing),
                (&["6", "6foo"], nothing),
            ],
        )
        .await;
        beside.over().await;
    });
}

#[test]
fn e14_what_is_no_packet_of_socket_io() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        ends(
            &beside,
            &[&["47"], &["48"], &["49"], &["4x"], &["4 2[\"echo\"]"], &["4\0"], &["4["], &["4-1"], &["4\u{1f4a5}"]],
        )
        .await;
        beside.over().await;
    });
}

#[test]
fn e16_events_of_a_namespace_that_was_not_entered() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let all: &[&[&str]] = &[
            &[r#"42/closed,["echo","x"]"#],
            &[r#"42/unknown,["echo","x"]"#],
            &[r#"42/closed,1["echo","x"]"#],
            &[r#"451-/closed,["bytes",{"_placeholder":true,"num":0}]"#, "bAQID"],
        ];
        ends(&beside, all).await;
        for via in Via::BOTH {
            // Acks may come late.
            let mut session = beside.join(via, &["/"]).await;
            session.throw(&[r#"43/closed,1["x"]"#, r#"461-/closed,1[{"_placeholder":true,"num":0}]"#, "bAQID"]).await;
            session.expect_request(r#"427["echo","x"]"#, r#"437["x"]"#).await;
            session.leave().await;
            beside.expect_sessions(0).await;
            // Before its CONNECT is answered, while the guard is asked, and after the client has left.
            for packets in [
                &[r#"42["echo","x"]"#][..],
                &["40/hung,", r#"42/hung,["echo","x"]"#],
                &["40", "41", r#"42["echo","x"]"#],
                &["451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]", "bAQID"],
            ] {
                let mut session = beside.open(via).await;
                session.throw(packets).await;
                session.expect_end().await;
                beside.expect_sessions(0).await;
                beside.unnoticed().await;
            }
        }
        beside.over().await;
    });
}

#[test]
fn e17_payloads_that_are_no_event() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let all: &[&[&str]] = &[
            &["42"],
            &["421"],
            &["42{}"],
            &["42null"],
            &["42\"echo\""],
            &["42[]"],
            &["42[ ]"],
            &["42[{}]"],
            &["42[null]"],
            &["42[true,1]"],
            &["42[[\"echo\"]]"],
            &["42[\"echo\""],
            &["42[\"echo\",]"],
            &["42[\"echo\",1"],
            &["42[\"echo\",1]]"],
            &["42[\"echo\",1]x"],
            &["42[\"echo\",01]"],
            &["42[\"echo\",NaN]"],
            &["42[\"echo\",'x']"],
            &["42[\"echo\",\"\u{1}\"]"],
            &["42[\"echo\",undefined]"],
            &["42x[\"echo\"]"],
            &["42-1[\"echo\"]"],
        ];
        ends(&beside, all).await;
        beside.over().await;
    });
}

#[test]
fn e17_a_number_as_the_name_is_an_unknown_event() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let unknown = r#"42["exception",{"status":"error","code":"unknown_event"*"#;
        let acked = r#"433[{"error":{"status":"error","code":"unknown_event"*"#;
        lives(&beside, &[(&["42[1]"], &[unknown]), (&["423[-1.5e3,2]"], &[acked]), (&["42[\"nothing\"]"], &[unknown])])
            .await;
        beside.over().await;
    });
}

/// It ends Node's server.
#[test]
fn e17_an_array_of_200_000_levels() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let deep = |open: &str, close: &str, levels: usize| format!("{}{}", open.repeat(levels), close.repeat(levels));
        let array = deep("[", "]", 200_000);
        let object = deep("{\"a\":[", "]}", 60_000);
        let refused = r#"43*"#;
        let events = ["count", "value", "echo", "nothing"]
            .map(|event| [format!(r#"423["{event}",{array}]"#), format!(r#"423["{event}",{object}]"#)]);
        for event in events.as_flattened() {
            lives(&beside, &[(&[event], &[refused])]).await;
        }
        let ack = format!("431[{array}]");
        lives(&beside, &[(&[&ack], &[])]).await;
        // One that does not end is no JSON.
        let open = format!(r#"423["echo",{}"#, "[".repeat(200_000));
        ends(&beside, &[&[&open]]).await;
        // As the `auth` of a CONNECT.
        for via in Via::BOTH {
            let mut session = beside.open(via).await;
            session.throw(&[&format!(r#"40{{"a":{array}}}"#)]).await;
            let came = session.recv().await;
            assert!(came.starts_with("44") || came.starts_with("40"), "{came:.100}");
            session.leave().await;
            beside.unnoticed().await;
        }
        // With an attachment.
        let text = format!(r#"451-3["count",{array},{{"_placeholder":true,"num":0}}]"#);
        lives(&beside, &[(&[&text, "bAQID"], &[refused])]).await;
        beside.over().await;
    });
}

#[test]
fn e18_names_that_are_objects() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let all: &[&[&str]] = &[
            &[r#"42[{"toString":"foo"}]"#],
            &[r#"42[{"toString":{}},1]"#],
            &[r#"421[{"__proto__":{}}]"#],
            &[r#"42/,[{"toString":"foo"}]"#],
            &[r#"451-[{"toString":{"_placeholder":true,"num":0}}]"#],
            &[r#"451-[{"_placeholder":true,"num":0}]"#],
        ];
        ends(&beside, all).await;
        beside.over().await;
    });
}

#[test]
fn e19_reserved_names() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
            let plain = format!(r#"42["{name}"]"#);
            let with = format!(r#"421["{name}",{{"a":1}}]"#);
            let escaped = format!(r#"42["\u00{:02x}{}",1]"#, name.as_bytes()[0], &name[1..]);
            let binary = format!(r#"451-["{name}",{{"_placeholder":true,"num":0}}]"#);
            ends(&beside, &[&[&plain], &[&with], &[&escaped], &[&binary]]).await;
        }
        let unknown = r#"42["exception",{"status":"error","code":"unknown_event"*"#;
        let acked = r#"433[{"error":{"status":"error","code":"unknown_event"*"#;
        for name in ["error", "__proto__", "constructor", "toString", "hasOwnProperty", "ping", "message"] {
            let (plain, asked) = (format!(r#"42["{name}",1]"#), format!(r#"423["{name}"]"#));
            lives(&beside, &[(&[&plain], &[unknown]), (&[&asked], &[acked])]).await;
        }
        beside.over().await;
    });
}

#[test]
fn e23_ids_of_acks() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let long = format!("4{}", "2".repeat(400));
        let (event, ack) = (format!("42{long}[\"echo\",\"x\"]"), format!("43{long}[1]"));
        let all: &[&[&str]] = &[
            &[&event],
            &[&ack],
            &[r#"4218446744073709551616["echo","x"]"#],
            &["4318446744073709551616[1]"],
            &["43[1]"],
            &["43"],
            &["431"],
            &["431{}"],
            &["431[1"],
            &["43-1[1]"],
            &["431.5[1]"],
            &["431-[1]"],
            &["43\u{661}[1]"],
        ];
        ends(&beside, all).await;
        let zeros = format!(r#"42{}7["echo","x"]"#, "0".repeat(400));
        lives(
            &beside,
            &[
                (&[r#"4218446744073709551615["echo","x"]"#], &[r#"4318446744073709551615["x"]"#]),
                (&[r#"429007199254740992["echo","x"]"#], &[r#"439007199254740992["x"]"#]),
                (&[r#"420["echo","x"]"#], &[r#"430["x"]"#]),
                (&[&zeros], &[r#"437["x"]"#]),
                (&["431[1]"], &[]),
                (&["4318446744073709551615[]"], &[]),
                (&["43/admin,1[1,2,3]"], &[]),
                (&[r#"461-1[{"_placeholder":true,"num":0}]"#, "bAQID"], &[]),
            ],
        )
        .await;
        beside.over().await;
    });
}

#[test]
fn e24_disconnects() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        lives(&beside, &[(&["41/unknown,"], &[]), (&["41/unknown"], &[]), (&["41/closed,{}", "41/hung,"], &[])]).await;
        for via in Via::BOTH {
            for goodbye in ["41", "41{\"a\":1}", "41[", "41/,", "41/admin,x"] {
                let mut session = beside.join(via, &["/", "/admin"]).await;
                let stays = if goodbye.contains("admin") { "" } else { "/admin," };
                session.throw(&[goodbye]).await;
                // It is not answered, and what comes for it after this ends the session.
                let (ask, answer) = (format!(r#"42{stays}7["echo","x"]"#), format!(r#"43{stays}7["x"]"#));
                session.expect_request(&ask, &answer).await;
                let gone = if stays.is_empty() { r#"42/admin,["echo","x"]"# } else { r#"42["echo","x"]"# };
                session.throw(&[gone]).await;
                assert_eq!(session.expect_end().await, [""; 0], "{goodbye}");
                beside.unnoticed().await;
            }
        }
        beside.over().await;
    });
}

#[test]
fn e25_packets_of_servers() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let all: &[&[&str]] = &[
            &["44"],
            &["44{}"],
            &[r#"44{"message":"x"}"#],
            &[r#"44/admin,{"message":"x"}"#],
            &["44\"x\""],
            &["44/closed,"],
        ];
        ends(&beside, all).await;
        beside.over().await;
    });
}
