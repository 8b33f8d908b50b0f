//! Combinations that are easy to forget: a close, a shutdown, a cancel or a fault in the middle of something else.
use crate::control::Stopwatch;
use crate::rig::{Got, Path, Peer, Rig, matrix, on};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use switchboard::{Answer, App, Client, ConnState, DisconnectReason, Error, Gateway, Limits, Rate, Socket};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Clone, Default)]
struct Edges {
    ends: Arc<Mutex<Vec<String>>>,
    begun: Arc<AtomicUsize>,
}

/// Counts when it is dropped.
struct Counted(Arc<AtomicUsize>);
impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Partner {
    _held: Option<(Client, Counted)>,
}

#[derive(Default)]
struct Bomb(bool);
impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "on purpose");
    }
}

#[derive(Debug)]
struct NoText;
impl std::fmt::Display for NoText {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("on purpose")
    }
}
impl std::error::Error for NoText {}

impl Edges {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn hang(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
    async fn slow(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(ms(200)).await;
    }
    async fn burst(&self, client: &Client) {
        let text = "x".repeat(1024);
        for _ in 0..1200 {
            client.emit("push", &text);
        }
    }
    async fn no_text(&self) -> Result<(), Error> {
        Err(Error::internal(NoText))
    }
    async fn keep(&self, partner: ConnState<Partner>, client: &Client) {
        let held = (client.clone(), Counted(self.begun.clone()));
        partner.set(Partner { _held: Some(held) });
    }
    async fn arm(&self, bomb: ConnState<Bomb>) {
        bomb.set(Bomb(true));
    }
    async fn farewell(&self, client: &Client) {
        let text = "y".repeat(1000);
        for _ in 0..900 {
            client.emit("push", &text);
        }
        client.disconnect();
    }
    async fn left(&self, reason: DisconnectReason) {
        self.ends.lock().unwrap().push(format!("{reason:?}"));
    }
}

fn gateway(edges: Edges) -> Gateway<Edges> {
    Gateway::new(edges)
        .on("echo", Edges::echo)
        .on("hang", Edges::hang)
        .on("slow", Edges::slow)
        .on("burst", Edges::burst)
        .on("no_text", Edges::no_text)
        .on("keep", Edges::keep)
        .on("arm", Edges::arm)
        .on("farewell", Edges::farewell)
        .on_disconnect(Edges::left)
}

const ECHO: &str = r#"{"event":"echo","data":"here"}"#;

async fn begun(edges: &Edges) {
    while edges.begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

/// How many pushes come, and what comes after them.
async fn pushes(peer: &mut Peer) -> (usize, Got) {
    let mut count = 0;
    loop {
        match peer.recv().await {
            Got::Text(text) if text.starts_with(r#"{"event":"push""#) => count += 1,
            Got::Ping(_) => {}
            other => return (count, other),
        }
    }
}

#[test]
fn limits_hold_though_the_server_was_used_before_the_mounting() {
    matrix(|path| async move {
        let app =
            App::new().limits(Limits::default().max_connections(Some(1))).gateway("/ws", gateway(Edges::default()));
        app.server().broadcast("boot", 1);
        let rig = Rig::start(path, app).await;
        let mut one = rig.connect().await;
        assert_eq!(one.request(ECHO).await, ECHO);
        let mut stream = rig.stream().await;
        let request = switchboard_core::ws::handshake::ClientRequest::new("test.example", "/ws", [7; 16]).unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &request.encode()).await.unwrap();
        let (head, _) = crate::rig::read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    });
}

#[test]
fn a_cancel_while_draining_closes_at_once() {
    matrix(|path| async move {
        let edges = Edges::default();
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(edges.clone()))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hang","id":1}"#).await;
        begun(&edges).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown_within(Duration::from_secs(30)).await });
        tokio::time::sleep(ms(50)).await;
        peer.send(r#"{"cancel":1}"#).await;
        assert!(peer.text().await.contains("cancelled"));
        assert_eq!(peer.expect_close().await, 1001);
        drop(peer);
        assert_eq!(shutdown.await.unwrap().aborted, 0);
    });
}

#[test]
fn a_shutdown_without_patience_still_answers_and_closes() {
    matrix(|path| async move {
        let edges = Edges::default();
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(edges.clone()))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hang","id":1}"#).await;
        begun(&edges).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown_within(ms(100)).await });
        let answer = peer.text().await;
        assert!(answer.contains(r#""id":1"#) && answer.contains("draining"), "{answer}");
        assert_eq!(peer.expect_close().await, 1001);
        drop(peer);
        assert_eq!(shutdown.await.unwrap().aborted, 1);
        assert_eq!(*edges.ends.lock().unwrap(), ["Shutdown"]);
    });
}

/// A waker that drops its future: some schedulers cancel so.
struct DropsItsFuture(Mutex<Option<Pin<Box<Answer<u8>>>>>);
impl Wake for DropsItsFuture {
    fn wake(self: Arc<Self>) {
        let future = self.0.lock().unwrap().take();
        drop(future);
    }
}

#[test]
fn an_answer_may_wake_code_that_gives_up_waiting() {
    matrix(|path| async move {
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(ECHO).await, ECHO);
        let client = rig.handle.server().clients().remove(0);
        let slot = Arc::new(DropsItsFuture(Mutex::new(None)));
        let mut future = Box::pin(client.emit_with_ack::<u8>("question", 1, Duration::from_secs(9)));
        let waker = Waker::from(slot.clone());
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        *slot.0.lock().unwrap() = Some(future);
        assert!(peer.text().await.contains("question"));
        peer.send(r#"{"ack":1,"data":1}"#).await;
        assert_eq!(peer.request(ECHO).await, ECHO);
        drop((peer, client));
        rig.expect_empty().await;
    });
}

#[test]
fn a_panic_in_the_drop_of_a_state_hurts_nobody_else() {
    matrix(|path| async move {
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(Edges::default()))).await;
        let server = rig.handle.server();
        let mut armed = Vec::new();
        for _ in 0..20 {
            let mut peer = rig.connect().await;
            peer.request(r#"{"event":"arm","id":1}"#).await;
            armed.push(peer);
        }
        let mut others = Vec::new();
        for _ in 0..8 {
            let mut peer = rig.connect().await;
            assert_eq!(peer.request(ECHO).await, ECHO);
            others.push(peer);
        }
        for peer in armed {
            server.broadcast("tick", 1);
            drop(peer);
            tokio::task::yield_now().await;
        }
        rig.until(|stats| stats.connections == 8).await;
        server.broadcast("final", 1);
        for peer in &mut others {
            while !peer.text().await.contains("final") {}
        }
    });
}

#[test]
fn a_state_that_holds_its_client_is_dropped_with_the_connection() {
    matrix(|path| async move {
        let edges = Edges::default();
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(edges.clone()))).await;
        for _ in 0..10 {
            rig.connect().await.request(r#"{"event":"keep","id":1}"#).await;
        }
        rig.expect_empty().await;
        assert_eq!(edges.begun.load(Ordering::SeqCst), 10);
    });
}

#[test]
fn a_burst_to_a_client_that_reads_arrives_whole() {
    matrix(|path| async move {
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"burst","id":1}"#).await;
        let (count, end) = pushes(&mut peer).await;
        assert_eq!((count, end), (1200, Got::Text(r#"{"event":"burst","data":null,"id":1}"#.into())), "{path:?}");
    });
}

#[test]
fn a_client_that_keeps_up_is_no_slow_consumer() {
    on(Path::Memory, |path| async move {
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(ECHO).await, ECHO);
        let server = rig.handle.server();
        let text = "x".repeat(70);
        // Some always wait, and as many are read as are sent.
        while rig.handle.stats().queued_bytes < 20_000 {
            server.broadcast("push", &text);
            tokio::task::yield_now().await;
        }
        for _ in 0..3000 {
            server.broadcast("push", &text);
            tokio::task::yield_now().await;
            assert!(peer.text().await.starts_with(r#"{"event":"push""#));
        }
    });
}

#[test]
fn a_close_waits_for_a_client_that_reads_slowly() {
    on(Path::Listen, |path| async move {
        let limits = Limits::default().write_timeout(ms(1000));
        let rig = Rig::start(path, App::new().limits(limits).gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect_narrow().await;
        peer.send(r#"{"event":"farewell"}"#).await;
        let mut count = 0;
        loop {
            match peer.recv().await {
                Got::Text(text) if text.starts_with(r#"{"event":"push""#) => {
                    count += 1;
                    // Three quarters of a second in all behind what one `write_timeout` would allow.
                    if count % 45 == 0 {
                        tokio::time::sleep(ms(100)).await;
                    }
                }
                Got::Text(goaway) => assert!(goaway.contains("sys.goaway")),
                Got::Ping(_) => {}
                end => {
                    assert_eq!((count, end), (900, Got::Close(Some((4503, "kicked".into())))));
                    break;
                }
            }
        }
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(rig.handle.stats().dropped, 0);
    });
}

/// TLS holds bytes back in the same way.
#[test]
fn a_stream_that_holds_bytes_back_hands_all_on_before_the_end() {
    on(Path::Memory, |_| async move {
        let router = App::new().gateway("/ws", gateway(Edges::default())).into_router().unwrap();
        let (ours, theirs) = tokio::io::duplex(1024);
        let service = hyper_util::service::TowerToHyperService::new(router);
        let io = hyper_util::rt::TokioIo::new(tokio::io::BufWriter::with_capacity(64 << 10, theirs));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades());
        let mut peer = Peer::handshake(Box::new(ours), "/ws").await;
        let text = "z".repeat(400);
        for id in 0..50 {
            peer.send(&format!(r#"{{"event":"echo","data":"{text}","id":{id}}}"#)).await;
        }
        peer.close(1000).await;
        tokio::time::sleep(ms(100)).await;
        for id in 0..50 {
            assert!(peer.text().await.ends_with(&format!(r#""id":{id}}}"#)));
        }
        assert_eq!(peer.expect_close().await, 1000);
        peer.expect_end().await;
    });
}

#[test]
fn cancel_on_disconnect_begins_nothing_more() {
    matrix(|path| async move {
        let edges = Edges::default();
        let gateway = gateway(edges.clone()).cancel_on_disconnect(true);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send_all([r#"{"event":"slow"}"#; 8]).await;
        begun(&edges).await;
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(edges.begun.load(Ordering::SeqCst), 1);
        assert_eq!(*edges.ends.lock().unwrap(), ["Lost"]);
    });
}

#[test]
fn what_waits_when_a_client_leaves_has_one_handlers_time_in_all() {
    matrix(|path| async move {
        let edges = Edges::default();
        let limits = Limits::default().handler_timeout(ms(500));
        let rig = Rig::start(path, App::new().limits(limits).gateway("/ws", gateway(edges.clone()))).await;
        let mut peer = rig.connect().await;
        peer.send_all([r#"{"event":"hang"}"#; 8]).await;
        begun(&edges).await;
        let watch = Stopwatch::start();
        drop(peer);
        rig.expect_empty().await;
        watch.within(ms(1500));
        assert!(rig.handle.stats().dropped_inbound >= 6, "what was not begun is counted");
    });
}

#[test]
fn an_error_whose_text_panics_is_an_error_like_any_other() {
    matrix(|path| async move {
        let edges = Edges::default();
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(edges.clone()))).await;
        let mut peer = rig.connect().await;
        assert!(peer.request(r#"{"event":"no_text","id":1}"#).await.contains(r#""code":"internal""#));
        assert_eq!(peer.request(ECHO).await, ECHO);
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(*edges.ends.lock().unwrap(), ["Lost"]);
    });
}

#[test]
fn routes_that_overlap_are_boot_problems() {
    let parameters =
        App::new().gateway("/a/{id}", gateway(Edges::default())).gateway("/a/{name}", gateway(Edges::default()));
    assert!(parameters.into_router().unwrap_err().to_string().contains("both mounted on /a/{name}"));
    let route = axum::Router::new().route("/ws", axum::routing::get(|| async {}));
    let mounted = App::new().gateway("/ws", gateway(Edges::default())).mount(route);
    assert!(mounted.into_router().unwrap_err().to_string().contains("a mounted route has the path /ws of Edges"));
}

#[test]
fn limits_that_make_no_sense_do_not_boot() {
    let limits = Limits::default().inbound_messages(0).outbound_reserved(2000).idle_timeout(Some(Duration::ZERO));
    let app = App::new().limits(limits.clone()).gateway("/ws", gateway(Edges::default()).limits(limits));
    let text = app.into_router().unwrap_err().to_string();
    assert!(text.contains("6 problems") && text.contains("`inbound_messages` is 0"), "{text}");
}

#[test]
fn limits_that_are_absurd_do_not_boot() {
    const YEAR: u64 = 366 * 24 * 3_600_000;
    type Bend = fn(Limits) -> Limits;
    let rows: [(Bend, &str); 24] = [
        (|limits| limits.message_rate(Some(Rate::new(0, 1))), "`message_rate.per_second` is 0"),
        (|limits| limits.address_rate(Some(Rate::new(1, 0))), "`address_rate.burst` is 0"),
        (|limits| limits.address_connections(Some(0)), "`address_connections` is 0"),
        (|limits| limits.user_connections(Some(0)), "`user_connections` is 0"),
        (|limits| limits.byte_rate(Some(Rate::new(1, 1000))), "`byte_rate.burst` is less than `max_message`"),
        (|limits| limits.memory(Some(64 << 10)), "`memory` is less than 16 MiB"),
        (|limits| limits.max_message(2 << 30), "`max_message` is more than 1 GiB"),
        (|limits| limits.max_message_out(usize::MAX), "`max_message_out` is more than 1 GiB"),
        (|limits| limits.inbound_bytes(2 << 30), "`inbound_bytes` is more than 1 GiB"),
        (|limits| limits.max_head(1000), "is more than `max_head`"),
        (|limits| limits.max_head(2 << 30), "`max_head` is more than 1 GiB"),
        (|limits| limits.ping_timeout(Duration::from_secs(250)), "`ping_timeout` is ten times"),
        (|limits| limits.outbound_bytes(2 << 30), "`outbound_bytes` is more than 1 GiB"),
        (|limits| limits.partial_timeout(Duration::MAX), "`partial_timeout` is more than a year"),
        (|limits| limits.handler_timeout(Duration::MAX), "`handler_timeout` is more than a year"),
        (|limits| limits.outbound_soft_time(Duration::MAX), "`outbound_soft_time` is more than a year"),
        (|limits| limits.write_timeout(Duration::MAX), "`write_timeout` is more than a year"),
        (|limits| limits.ping_interval(Duration::MAX), "`ping_interval` is more than a year"),
        (|limits| limits.ping_interval(ms(YEAR)).ping_timeout(ms(YEAR + 1)), "`ping_timeout` is more than a year"),
        (|limits| limits.idle_timeout(Some(Duration::MAX)), "`idle_timeout` is more than a year"),
        (|limits| limits.max_lifetime(Some(Duration::MAX)), "`max_lifetime` is more than a year"),
        (|limits| limits.linger(Duration::MAX), "`linger` is more than a year"),
        (|limits| limits.handshake_timeout(Duration::MAX), "`handshake_timeout` is more than a year"),
        (|limits| limits.shutdown_timeout(Duration::MAX), "`shutdown_timeout` is more than a year"),
    ];
    for (bend, expected) in rows {
        let app = App::new().limits(bend(Limits::default())).gateway("/ws", gateway(Edges::default()));
        let text = app.into_router().unwrap_err().to_string();
        assert!(text.contains("1 problem") && text.contains(expected), "{text}");
    }
    let patient = Limits::default().write_timeout(ms(YEAR)).linger(ms(YEAR)).handshake_timeout(ms(YEAR));
    assert!(App::new().limits(patient).gateway("/ws", gateway(Edges::default())).into_router().is_ok());
    assert!(App::new().limits(Limits::public()).gateway("/ws", gateway(Edges::default())).into_router().is_ok());
}

#[test]
fn events_do_not_reach_raw_clients() {
    struct Raw;
    impl Raw {
        async fn run(&self, mut socket: Socket) -> Result<(), Error> {
            while let Some(message) = socket.recv().await {
                socket.client().emit("event", 1);
                socket.send(message).await?;
            }
            Ok(())
        }
    }
    matrix(|path| async move {
        let rig = Rig::start(path, App::new().gateway("/ws", Gateway::new(Raw).raw(Raw::run))).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request("one").await, "one");
        assert_eq!(rig.handle.server().broadcast("news", 1).queued, 0);
        assert_eq!(peer.request("two").await, "two");
    });
}

#[test]
fn a_raw_loop_does_not_begin_after_the_end() {
    struct Late(Arc<AtomicUsize>);
    impl Late {
        async fn joined(&self) {
            tokio::time::sleep(ms(200)).await;
        }
        async fn run(&self, socket: Socket) {
            self.0.fetch_add(1, Ordering::SeqCst);
            drop(socket);
            std::future::pending().await
        }
    }
    matrix(|path| async move {
        let begun = Arc::new(AtomicUsize::new(0));
        let gateway = Gateway::new(Late(begun.clone())).on_connect(Late::joined).raw(Late::run);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        drop(rig.connect().await);
        rig.until(|stats| stats.connections == 1).await;
        rig.expect_empty().await;
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_stall_of_the_server_is_not_the_clients() {
    on(Path::Listen, |path| async move {
        let limits = Limits::default().partial_timeout(ms(300)).ping_timeout(ms(300)).ping_interval(ms(100));
        let rig = Rig::start(path, App::new().limits(limits).gateway("/ws", gateway(Edges::default()))).await;
        let mut peer = rig.connect().await;
        let mut bytes = Vec::new();
        let opcode = switchboard_core::ws::Opcode::Text;
        switchboard_core::ws::write_frame(&mut bytes, opcode, true, ECHO.as_bytes(), Some([1, 2, 3, 4]));
        peer.send_bytes(&bytes[..10]).await;
        tokio::time::sleep(ms(30)).await;
        // The rest is in the server's socket; then nobody runs for a while.
        peer.send_bytes(&bytes[10..]).await;
        if tokio::runtime::Handle::current().metrics().num_workers() == 1 {
            std::thread::sleep(ms(1000));
        }
        assert_eq!(peer.text().await, ECHO);
    });
}

/// What waits and is no message is told so, whatever ends its waiting.
#[test]
fn what_waits_and_is_malformed_is_answered_when_it_is_cancelled_and_when_the_server_ends() {
    on(Path::Memory, |path| async move {
        let rig = Rig::start(path, crate::frames::plain(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"wait","data":300,"id":1}"#).await;
        peer.send(r#"{"event":"","id":2}"#).await;
        peer.send(r#"{"event":"","id":3}"#).await;
        peer.send(r#"{"cancel":2}"#).await;
        let cancelled = peer.text().await;
        assert!(cancelled.contains(r#""id":2"#) && cancelled.contains("cancelled"), "{cancelled}");
        let handle = rig.handle.clone();
        let ended = tokio::spawn(async move { handle.shutdown().await });
        let malformed = peer.text().await;
        assert!(malformed.contains(r#""id":3"#) && malformed.contains("bad_request"), "{malformed}");
        assert!(peer.text().await.contains(r#""data":300"#));
        assert!(peer.text().await.contains("sys.goaway"));
        assert_eq!(peer.closed().await.0, 1001);
        ended.await.unwrap();
    });
}
