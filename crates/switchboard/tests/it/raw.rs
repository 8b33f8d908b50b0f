//! Raw gateways: the gateway owns the socket.
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::raw::Message;
use switchboard::{App, Error, Gateway, Limits, Socket};
use switchboard_core::ws::Opcode;
use switchboard_core::ws::handshake::ClientRequest;
use switchboard_rig::{Got, Offer, RawClient, Rig, Stack, each_stack, masked, matrix, on};

const LINGER: Duration = Duration::from_millis(250);

#[derive(Clone, Default)]
struct Raw {
    received: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
    gate: Arc<tokio::sync::Notify>,
}

impl Raw {
    /// Whatever comes goes back.
    async fn echo(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }

    /// Receives nothing before it is told to.
    async fn late(&self, mut socket: Socket) {
        self.gate.notified().await;
        while let Some(message) = socket.recv().await {
            self.received.fetch_add(1, Ordering::Relaxed);
            if let Message::Text(text) = message {
                self.seen.lock().unwrap().push(text);
            }
        }
        assert!(socket.send("nobody").await.is_err());
        assert!(socket.recv().await.is_none(), "and stays so");
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends as fast as it may.
    async fn pour(&self, mut socket: Socket) {
        let Some(Message::Text(plan)) = socket.recv().await else { return };
        let (count, len) = plan.split_once(' ').unwrap();
        let (count, len): (usize, usize) = (count.parse().unwrap(), len.parse().unwrap());
        for at in 0..count {
            if socket.send(format!("{at}:{}", "x".repeat(len))).await.is_err() {
                return;
            }
            self.received.store(at + 1, Ordering::Relaxed);
        }
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    async fn by_word(&self, mut socket: Socket) -> Result<(), Error> {
        let Some(Message::Text(word)) = socket.recv().await else { return Ok(()) };
        match word.as_str() {
            "ok" => Ok(()),
            "close" => {
                socket.close(CloseCode::new(4321).unwrap(), "of my own");
                std::future::pending().await
            }
            "closes" => {
                socket.close(CloseCode::new(4321).unwrap(), "of my own");
                Ok(())
            }
            "forbidden" => Err(Error::forbidden("No")),
            "internal" => Err(Error::internal("the secret cause")),
            "busy" => Err(Error::overloaded("Later")),
            "chosen" => Err(Error::forbidden("No").closing(CloseCode::REPLACED)),
            "panic" => panic!("the secret of a raw loop"),
            _ => Err(Error::bad_request("What?")),
        }
    }

    /// Hands the socket to a task of its own, and waits for its end.
    async fn moved(&self, socket: Socket) {
        let left = self.left.clone();
        let echo = tokio::spawn(async move {
            let mut socket = socket;
            while let Some(message) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
            left.fetch_add(1, Ordering::Relaxed);
        });
        echo.await.unwrap();
    }
}

fn raw(state: &Raw, limits: Limits) -> App {
    App::new()
        .gateway("/ws", Gateway::new(state.clone()).raw(Raw::echo))
        .gateway("/late", Gateway::new(state.clone()).raw(Raw::late))
        .gateway("/pour", Gateway::new(state.clone()).raw(Raw::pour))
        .gateway("/word", Gateway::new(state.clone()).raw(Raw::by_word))
        .gateway("/moved", Gateway::new(state.clone()).raw(Raw::moved))
        .limits(limits.linger(LINGER))
}

#[test]
fn text_and_binary_come_back_whole() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, raw(&Raw::default(), Limits::default())).await;
        for place in ["/ws", "/moved"] {
            let mut peer = rig.connect_to(place).await;
            for text in ["hello", "", "{\"event\":\"echo\"}", "€𝄞"] {
                assert_eq!(peer.request(text).await, text);
            }
            for len in [0usize, 1, 125, 126, 65_535, 65_536] {
                let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
                peer.send_frame(Opcode::Binary, true, &bytes).await;
                assert_eq!(peer.recv().await, Got::Binary(bytes), "{len} {stack:?}");
            }
            // Fragments are one message; control frames stand between them.
            let mask = [9, 8, 7, 6];
            let parts = [
                masked(0x02, b"one ", mask),
                masked(0x89, b"p", mask),
                masked(0x00, b"", mask),
                masked(0x80, b"two", mask),
            ];
            peer.send_bytes(&parts.concat()).await;
            let mut got = [peer.recv().await, peer.recv().await];
            got.sort_by_key(|got| matches!(got, Got::Binary(_)));
            assert_eq!(got, [Got::Pong(b"p".to_vec()), Got::Binary(b"one two".to_vec())]);
            peer.send_bytes(&masked(0x81, b"\xff", mask)).await;
            assert_eq!(peer.recv_close().await, (1007, "invalid_utf8".into()));
            peer.expect_end().await;
        }
        rig.expect_empty().await;
    });
}

#[test]
fn a_burst_to_a_client_that_reads_is_no_slow_consumer() {
    matrix(|stack| async move {
        let state = Raw::default();
        let rig = Rig::start(stack, raw(&state, Limits::default())).await;
        for (count, len) in [(5000, 1), (300, 20_000)] {
            let mut peer = rig.connect_to("/pour").await;
            peer.send(&format!("{count} {len}")).await;
            for at in 0..count {
                let text = peer.recv_text().await;
                assert!(text.starts_with(&format!("{at}:")) && text.len() > len, "{at} {stack:?}");
            }
            assert_eq!(peer.recv_close().await.0, 1000);
            peer.expect_end().await;
        }
        assert_eq!(state.left.load(Ordering::Relaxed), 2);
        rig.expect_empty().await;
    });
}

#[test]
fn sending_waits_for_a_client_that_does_not_read() {
    each_stack(|stack| async move {
        let state = Raw::default();
        let rig = Rig::start(stack, raw(&state, Limits::default())).await;
        for (count, len) in [(60_000, 8), (400, 20_000)] {
            let mut healthy = rig.connect().await;
            let mut peer = rig.connect_to("/pour").await;
            peer.send(&format!("{count} {len}")).await;
            let mut before = usize::MAX;
            while before != state.received.load(Ordering::Relaxed) || before == 0 {
                before = state.received.load(Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let queued = rig.handle.stats().queued_bytes;
            assert!(queued <= (256 << 10) + len + 14, "{queued}");
            assert_eq!(healthy.request("well").await, "well");
            assert!(before < count && state.left.load(Ordering::Relaxed) == 0, "{before} of {count}");
            for at in 0..count {
                let text = peer.recv_text().await;
                assert!(text.starts_with(&format!("{at}:")), "{at} {stack:?}: {text:.20}");
            }
            assert_eq!(peer.recv_close().await.0, 1000);
            state.received.store(0, Ordering::Relaxed);
            state.left.store(0, Ordering::Relaxed);
            drop((peer, healthy));
            rig.expect_empty().await;
        }
    });
}

#[test]
fn a_gateway_that_does_not_receive_pauses_its_client() {
    each_stack(|stack| async move {
        let state = Raw::default();
        let rig = Rig::start(stack, raw(&state, Limits::default())).await;
        let mut healthy = rig.connect().await;
        let mut peer = RawClient::connect(rig.narrow_stream().await, "/late").await;
        // The ping before the pause is answered, though nothing is received yet.
        peer.send_frame(Opcode::Ping, true, b"p").await;
        assert_eq!(peer.recv().await, Got::Pong(b"p".to_vec()));
        let message = masked(0x81, "x".repeat(60_000).as_bytes(), [1, 2, 3, 4]);
        let all = message.repeat(200);
        let sent = peer.flood(&all, Duration::from_millis(300)).await;
        assert!(sent < all.len(), "12 MB went to a gateway that receives nothing");
        assert_eq!(healthy.request("well").await, "well");
        state.gate.notify_one();
        assert_eq!(peer.flood(&all[sent..], Duration::from_secs(10)).await, all.len() - sent);
        peer.close(1000).await;
        assert_eq!(peer.recv_close().await.0, 1000);
        peer.expect_end().await;
        while state.left.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(state.received.load(Ordering::Relaxed), 200);
        drop((peer, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn what_was_sent_before_the_close_is_received_after_it() {
    each_stack(|stack| async move {
        for ending in ["close", "fin", "violation", "drop"] {
            let state = Raw::default();
            let rig = Rig::start(stack, raw(&state, Limits::default())).await;
            let mut peer = rig.connect_to("/late").await;
            peer.send_all((0..10).map(|i| i.to_string())).await;
            match ending {
                "close" => {
                    peer.close(1001).await;
                    assert_eq!(peer.recv_close().await.0, 1001);
                    peer.expect_end().await;
                }
                "fin" => peer.finish().await,
                "violation" => {
                    peer.send_bytes(&[0xFF, 0xFF]).await;
                    assert_eq!(peer.recv_close().await.0, 1002);
                }
                _ => {}
            }
            drop(peer);
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(state.received.load(Ordering::Relaxed), 0);
            state.gate.notify_one();
            rig.expect_empty().await;
            let expected: Vec<String> = (0..10).map(|i| i.to_string()).collect();
            assert_eq!(*state.seen.lock().unwrap(), expected, "{ending} {stack:?}");
            assert_eq!(state.left.load(Ordering::Relaxed), 1, "{ending}");
        }
    });
}

#[test]
fn how_a_loop_ends_is_how_the_connection_closes() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, raw(&Raw::default(), Limits::default())).await;
        let mut healthy = rig.connect().await;
        for (word, code, reason) in [
            ("ok", 1000, "normal"),
            ("close", 4321, "of my own"),
            ("closes", 4321, "of my own"),
            ("forbidden", 4505, "forbidden"),
            ("internal", 1011, "internal"),
            ("busy", 4008, "try_again_later"),
            ("chosen", 4508, "replaced"),
            ("panic", 1011, "internal"),
            ("other", 4500, "bad_request"),
        ] {
            let mut peer = rig.connect_to("/word").await;
            peer.send(word).await;
            // Nothing but the close frame: a raw gateway has no events.
            if word == "close" {
                assert_eq!(peer.recv_close().await, (code, reason.into()), "{word}");
                peer.finish().await;
                drop(peer);
                continue;
            }
            let (closed, mut said) = peer.recv_close().await;
            if code == 1011 {
                // What the log is found by: there is no `exception` that could tell it.
                let (before, trace) = said.split_once(" trace_id=").expect("a trace id");
                assert!(trace.len() == 32 && trace.bytes().all(|digit| digit.is_ascii_hexdigit()), "{said}");
                said = before.to_owned();
            }
            assert_eq!((closed, &*said), (code, reason), "{word}");
            peer.expect_end().await;
        }
        assert_eq!(healthy.request("well").await, "well");
        drop(healthy);
        // The loop that waits for ever after its own close has the handler's time; a shutdown ends it.
        rig.handle.shutdown_within(Duration::from_millis(50)).await;
        rig.expect_empty().await;
    });
}

#[test]
fn a_socket_in_another_task_ends_with_its_connection() {
    each_stack(|stack| async move {
        let state = Raw::default();
        let rig = Rig::start(stack, raw(&state, Limits::default())).await;
        let mut peer = rig.connect_to("/moved").await;
        assert_eq!(peer.request("here").await, "here");
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(state.left.load(Ordering::Relaxed), 1);
        let mut peer = rig.connect_to("/moved").await;
        assert_eq!(peer.request("again").await, "again");
        rig.handle.shutdown().await;
        assert_eq!(peer.recv().await, Got::Close(Some((1001, "service_restart".into()))));
        rig.expect_empty().await;
        assert_eq!(state.left.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn the_limits_of_frames_hold_for_raw_gateways() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().max_message(1000).partial_timeout(Duration::from_millis(200));
        let rig = Rig::start(stack, raw(&Raw::default(), limits)).await;
        let mut peer = rig.connect().await;
        peer.send_frame(Opcode::Binary, true, &[1; 1000]).await;
        assert_eq!(peer.recv().await, Got::Binary(vec![1; 1000]));
        peer.send_bytes(&masked(0x82, &[1; 1001], [0; 4])).await;
        assert_eq!(peer.recv_close().await, (1009, "frame_too_big".into()));
        let mut peer = rig.connect().await;
        peer.send_bytes(&[0x82]).await;
        assert_eq!(peer.recv_close().await, (1008, "drip".into()));
        drop(peer);
        rig.expect_empty().await;
    });
}

/// A loop that is told its subprotocol.
struct Speaker;

impl Speaker {
    async fn run(&self, mut socket: Socket) {
        let protocol = socket.protocol().unwrap_or("none").to_owned();
        while let Some(message) = socket.recv().await {
            assert_eq!(socket.protocol().unwrap_or("none"), protocol);
            let Message::Text(text) = message else { return };
            if socket.send(format!("{protocol}: {text}")).await.is_err() {
                return;
            }
        }
    }
}

fn header(peer: &RawClient, name: &str) -> Option<String> {
    let mut lines = peer.head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

#[test]
fn r3_a_raw_gateway_chooses_a_subprotocol() {
    matrix(|stack| async move {
        let optional = Gateway::new(Speaker).raw(Speaker::run).protocols(["ocpp2.0.1"]).protocols(["ocpp1.6"]);
        let required = Gateway::new(Speaker).raw(Speaker::run).protocols(["graphql-transport-ws"]).require_protocol();
        let silent = Gateway::new(Speaker).raw(Speaker::run);
        let app = App::new().gateway("/optional", optional).gateway("/required", required).gateway("/silent", silent);
        let rig = Rig::start(stack, app).await;
        let cases: [(&str, &[&str], Option<&str>); _] = [
            ("/optional", &["ocpp1.6"], Some("ocpp1.6")),
            ("/optional", &["soap", "ocpp1.6", "ocpp2.0.1"], Some("ocpp1.6")),
            ("/optional", &["ocpp2.0.1", "ocpp1.6"], Some("ocpp2.0.1")),
            ("/optional", &["OCPP1.6"], None),
            ("/optional", &["switchboard.v1.msgpack"], None),
            ("/optional", &["switchboard.v2.json"], None),
            ("/optional", &[], None),
            ("/required", &["graphql-ws", "graphql-transport-ws"], Some("graphql-transport-ws")),
            ("/silent", &["ocpp1.6"], None),
        ];
        for (gateway, offered, chosen) in cases {
            let mut peer = rig.connect_with(Offer::to(gateway).protocols(offered)).await;
            assert_eq!(header(&peer, "sec-websocket-protocol").as_deref(), chosen, "{gateway} {offered:?}");
            assert_eq!(peer.request("hi").await, format!("{}: hi", chosen.unwrap_or("none")), "{gateway} {offered:?}");
        }
        for offered in [None, Some("graphql-ws"), Some("switchboard.v1.json"), Some(""), Some("a, a")] {
            let request = ClientRequest::new("test.example", "/required", [7; 16]).unwrap();
            let request = match offered {
                Some(offered) => request.header(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offered)),
                None => request,
            };
            let answer = rig.http(&request.encode()).await.unwrap();
            assert_eq!(answer.status, 400, "{offered:?}");
            assert!(answer.body.contains(r#""code":"subprotocol""#), "{}", answer.body);
        }
        rig.expect_empty().await;
    });
}

#[test]
fn r3_what_is_wrong_with_subprotocols_does_not_boot() {
    let raw = || Gateway::new(Speaker).raw(Speaker::run);
    let many: Vec<String> = (0..257).map(|at| format!("p{at}")).collect();
    let app = App::new()
        .gateway("/a", raw().protocols(["a b", "x", "x"]))
        .gateway("/b", raw().protocols([""; 0]))
        .gateway("/c", raw().protocols(many))
        .gateway("/d", raw().require_protocol())
        .gateway("/e", raw().default_format("switchboard.v1.msgpack"))
        .gateway("/f", Gateway::functions().on_fn("n", || async {}).protocols(["ocpp1.6"]));
    let text = app.into_router().unwrap_err().to_string();
    for part in [
        "7 problems",
        "the subprotocol \"a b\" of Speaker is no token",
        "has the subprotocol \"x\" twice",
        "the `protocols` of Speaker are none",
        "more than 256 `protocols`",
        "requires a subprotocol and has no `protocols`",
        "has a raw loop, which has no format, and a `default_format`",
        "functions has `protocols` and no raw loop",
        "raw.rs:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
