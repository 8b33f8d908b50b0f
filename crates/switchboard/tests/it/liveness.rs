//! A connection answers while its handlers run, and ends well whatever they do.
use crate::control::Stopwatch;
use crate::rig::{Got, Path, Rig, matrix, on, untraced};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use switchboard::{App, Client, DisconnectReason, Error, Gateway, Limits, Server};
use switchboard_core::ws::Opcode;
use tokio::sync::Notify;

/// What happened, in order.
#[derive(Clone, Default)]
struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    fn tell(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    async fn expect(&self, whole: &[&str]) {
        for _ in 0..500 {
            if *self.0.lock().unwrap() == whole {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(*self.0.lock().unwrap(), whole);
    }
}

#[derive(Default)]
struct Slow {
    story: Story,
    go: Arc<Notify>,
    dropped: Arc<AtomicUsize>,
}

struct CountsDrop(Arc<AtomicUsize>);
impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Slow {
    async fn wait(&self) -> &'static str {
        let _drop = CountsDrop(self.dropped.clone());
        self.story.tell("begins");
        self.go.notified().await;
        self.story.tell("ends");
        "done"
    }
    async fn hang(&self) {
        let _drop = CountsDrop(self.dropped.clone());
        std::future::pending().await
    }
    async fn ask(&self, client: &Client) -> Result<String, Error> {
        let answer: String = client.emit_with_ack("question", "name?", Duration::from_secs(5)).await?;
        Ok(format!("you are {answer}"))
    }
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn left(&self, reason: DisconnectReason, client: &Client) {
        self.story.tell(format!("left {reason:?} {:?}", client.rooms()));
    }
    async fn joined(&self, client: &Client) {
        client.join("room");
    }
}

fn gateway(slow: Slow) -> Gateway<Slow> {
    Gateway::new(slow)
        .on("wait", Slow::wait)
        .on("hang", Slow::hang)
        .on("ask", Slow::ask)
        .on("echo", Slow::echo)
        .on_connect(Slow::joined)
        .on_disconnect(Slow::left)
}

#[test]
fn a_handler_awaits_its_own_clients_ack() {
    matrix(|path| async move {
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(Slow::default()))).await;
        let mut peer = rig.connect().await;
        let question = peer.request(r#"{"event":"ask","id":1}"#).await;
        assert_eq!(question, r#"{"event":"question","data":"name?","ack":1}"#);
        assert_eq!(rig.handle.stats().pending_acks, 1);
        assert_eq!(rig.handle.stats().in_flight, 1);
        let reply = peer.request(r#"{"ack":1,"data":"ada"}"#).await;
        assert_eq!(reply, r#"{"event":"ask","data":"you are ada","id":1}"#);
        peer.send(r#"{"event":"ask","id":2}"#).await;
        peer.expect(r#"{"event":"question","data":"name?","ack":2}"#).await;
        let error = peer.request(r#"{"ack":2,"error":{"code":"shy","message":"No"}}"#).await;
        assert!(error.contains(r#""code":"shy","message":"No""#), "{error}");
        // D16: an ack that was settled, or never asked for, is ignored.
        peer.send(r#"{"ack":2,"data":"again"}"#).await;
        peer.send(r#"{"ack":99}"#).await;
        assert_eq!(peer.request(r#"{"event":"echo","data":"on"}"#).await, r#"{"event":"echo","data":"on"}"#);
        // The peer leaves while an answer is awaited.
        peer.send(r#"{"event":"ask"}"#).await;
        peer.text().await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn pings_pushes_and_close_pass_a_slow_handler() {
    matrix(|path| async move {
        let slow = Slow::default();
        let (story, go) = (slow.story.clone(), slow.go.clone());
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"wait","id":1}"#).await;
        story.expect(&["begins"]).await;
        peer.send(r#"{"event":"echo","data":"behind"}"#).await;
        peer.send_frame(Opcode::Ping, true, b"here?").await;
        assert_eq!(peer.recv().await, Got::Pong(b"here?".to_vec()));
        rig.handle.server().broadcast("push", 1);
        peer.expect(r#"{"event":"push","data":1}"#).await;
        peer.close(1000).await;
        // Its answer has `linger`.
        assert_eq!(peer.recv().await, Got::Close(Some((1000, String::new()))));
        peer.expect_end().await;
        // The handler finishes, then what was sent before the close frame is handled, then the hook runs.
        story.expect(&["begins"]).await;
        go.notify_one();
        story.expect(&["begins", "ends", r#"left Client { code: Some(1000), reason: "" } ["room"]"#]).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_handler_finishes_when_the_stream_ends() {
    matrix(|path| async move {
        let slow = Slow::default();
        let (story, go, dropped) = (slow.story.clone(), slow.go.clone(), slow.dropped.clone());
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"wait"}"#).await;
        story.expect(&["begins"]).await;
        peer.finish().await;
        peer.expect_silence(Duration::from_millis(20)).await;
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        go.notify_one();
        peer.expect(r#"{"event":"wait","data":"done"}"#).await;
        peer.expect_end().await;
        story.expect(&["begins", "ends", r#"left Lost ["room"]"#]).await;
        rig.expect_empty().await;
    });
}

#[test]
fn cancel_on_disconnect_drops_the_handler() {
    matrix(|path| async move {
        let slow = Slow::default();
        let (story, dropped) = (slow.story.clone(), slow.dropped.clone());
        let gateway = gateway(slow).cancel_on_disconnect(true);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"wait"}"#).await;
        story.expect(&["begins"]).await;
        drop(peer);
        story.expect(&["begins", r#"left Lost ["room"]"#]).await;
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        rig.expect_empty().await;
    });
}

#[test]
fn a_client_cancels_its_request() {
    matrix(|path| async move {
        let slow = Slow::default();
        let dropped = slow.dropped.clone();
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hang","id":1}"#).await;
        peer.send(r#"{"event":"hang","id":2}"#).await;
        peer.send(r#"{"cancel":2}"#).await;
        assert!(
            peer.text().await.starts_with(r#"{"event":"exception","id":2,"data":{"status":"error","code":"cancelled""#)
        );
        let reused = peer.request(r#"{"event":"echo","data":"x","id":1}"#).await;
        assert!(reused.contains(r#""code":"conflict""#), "D10: {reused}");
        peer.send(r#"{"cancel":1}"#).await;
        assert!(
            peer.text().await.starts_with(r#"{"event":"exception","id":1,"data":{"status":"error","code":"cancelled""#)
        );
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        assert_eq!(
            peer.request(r#"{"event":"echo","data":"x","id":1}"#).await,
            r#"{"event":"echo","data":"x","id":1}"#
        );
        drop(peer);
        rig.expect_empty().await;
    });
}

#[derive(Default)]
struct Panics {
    story: Story,
    when: &'static str,
}

impl Panics {
    fn at(&self, place: &str) {
        self.story.tell(place);
        assert_ne!(self.when, place, "on purpose");
    }
    async fn joined(&self) {
        self.at("joined");
    }
    async fn left(&self) {
        self.at("left");
    }
    async fn message(&self, wait: bool) -> &'static str {
        if wait {
            tokio::task::yield_now().await;
        }
        self.at("message");
        "fine"
    }
    async fn serialize(&self) -> PanicsInSerialize {
        PanicsInSerialize
    }
    async fn drops(&self) {
        let _drop = PanicsInDrop;
        std::future::pending().await
    }
    async fn echo(&self, text: String) -> String {
        text
    }
}

struct PanicsInSerialize;
impl serde::Serialize for PanicsInSerialize {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose")
    }
}

struct PanicsInDrop;
impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

async fn panicking(path: Path, when: &'static str) -> (Rig, Story) {
    let panics = Panics { when, ..Panics::default() };
    let story = panics.story.clone();
    let gateway = Gateway::new(panics)
        .on("message", Panics::message)
        .on("serialize", Panics::serialize)
        .on("drops", Panics::drops)
        .on("echo", Panics::echo)
        .on_connect(Panics::joined)
        .on_disconnect(Panics::left);
    (Rig::start(path, App::new().gateway("/ws", gateway)).await, story)
}

const ECHO: &str = r#"{"event":"echo","data":"on"}"#;

#[test]
fn j7_a_panic_in_a_handler_answers_internal_and_the_connection_lives() {
    matrix(|path| async move {
        let (rig, story) = panicking(path, "message").await;
        let mut peer = rig.connect().await;
        for (at, event) in [(1, "message\",\"data\":false"), (2, "message\",\"data\":true"), (3, "serialize\"")] {
            let name = event.split('"').next().unwrap();
            let event = event.trim_end_matches('"');
            let sent = if event == "serialize" {
                format!(r#"{{"event":"serialize","id":{at}}}"#)
            } else {
                format!(r#"{{"event":"{event},"id":{at}}}"#)
            };
            let answer = peer.request(&sent).await;
            let expected = format!(
                r#"{{"event":"exception","id":{at},"data":{{"status":"error","code":"internal","message":"Internal error","event":"{name}","retryable":false}}}}"#
            );
            assert_eq!(untraced(&answer), expected, "{path:?}");
            assert_eq!(peer.request(ECHO).await, ECHO);
        }
        // A panic in the destructor of a handler that is cancelled.
        peer.send(r#"{"event":"drops","id":9}"#).await;
        peer.send(r#"{"cancel":9}"#).await;
        assert!(peer.text().await.contains("cancelled"));
        assert_eq!(peer.request(ECHO).await, ECHO);
        drop(peer);
        story.expect(&["joined", "message", "message", "left"]).await;
        rig.expect_empty().await;
    });
}

#[test]
fn a_panic_in_on_connect_closes_1011_without_on_disconnect() {
    matrix(|path| async move {
        let (rig, story) = panicking(path, "joined").await;
        let mut peer = rig.connect().await;
        assert!(untraced(&peer.text().await).contains(r#""code":"internal","message":"Internal error""#));
        assert_eq!(peer.expect_close().await, 1011);
        drop(peer);
        rig.expect_empty().await;
        story.expect(&["joined"]).await;
    });
}

#[test]
fn a_panic_in_on_disconnect_frees_everything() {
    matrix(|path| async move {
        let (rig, story) = panicking(path, "left").await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(ECHO).await, ECHO);
        drop(peer);
        story.expect(&["joined", "left"]).await;
        rig.expect_empty().await;
    });
}

#[test]
fn on_connect_may_refuse() {
    struct Club;
    impl Club {
        async fn joined(&self, client: &Client) -> Result<(), Error> {
            client.join("inside");
            tokio::task::yield_now().await;
            Err(Error::forbidden("Members only"))
        }
        async fn left(&self) {
            panic!("on-disconnect does not run");
        }
    }
    matrix(|path| async move {
        let gateway = Gateway::new(Club).on_connect(Club::joined).on_disconnect(Club::left);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"never"}"#).await;
        assert!(peer.text().await.contains(r#""code":"forbidden","message":"Members only""#));
        assert_eq!(
            peer.text().await,
            r#"{"event":"sys.goaway","data":{"code":4505,"reason":"forbidden","retryable":false}}"#
        );
        assert_eq!(peer.expect_close().await, 4505);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b3_messages_wait_for_on_connect() {
    struct Late {
        story: Story,
        go: Arc<Notify>,
    }
    impl Late {
        async fn joined(&self) {
            self.go.notified().await;
            self.story.tell("joined");
        }
        async fn message(&self) -> &'static str {
            self.story.tell("message");
            "hi"
        }
    }
    matrix(|path| async move {
        let late = Late { story: Story::default(), go: Arc::default() };
        let (story, go) = (late.story.clone(), late.go.clone());
        let gateway = Gateway::new(late).on("message", Late::message).on_connect(Late::joined);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"message"}"#).await;
        peer.send_frame(Opcode::Ping, true, b"").await;
        assert_eq!(peer.recv().await, Got::Pong(Vec::new()));
        story.expect(&[]).await;
        go.notify_one();
        peer.expect(r#"{"event":"message","data":"hi"}"#).await;
        story.expect(&["joined", "message"]).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b10_a_kick_says_why_behind_all_that_was_emitted() {
    matrix(|path| async move {
        let slow = Slow::default();
        let story = slow.story.clone();
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        let server = rig.handle.server();
        while server.count_in("room") == 0 {
            tokio::task::yield_now().await;
        }
        let client = server.clients().remove(0);
        assert_eq!(server.client(client.id()).map(|found| found.id()), Some(client.id()));
        assert_eq!(client.emit("last", "words").queued, 1);
        client.disconnect();
        assert!(!client.is_connected() && client.emit("more", 1).queued == 0);
        peer.expect(r#"{"event":"last","data":"words"}"#).await;
        peer.expect(r#"{"event":"sys.goaway","data":{"code":4503,"reason":"kicked","retryable":false}}"#).await;
        assert_eq!(peer.recv().await, Got::Close(Some((4503, "kicked".into()))));
        peer.expect_end().await;
        drop(peer);
        story.expect(&[r#"left Server { code: 4503 kicked } ["room"]"#]).await;
        rig.expect_empty().await;
        assert_eq!(client.emit("gone", 1), switchboard::Delivery::default());
        assert!(client.join("room").await.unwrap_err().code().as_str() == "not_found");
    });
}

#[test]
fn shutdown_lets_handlers_finish_and_answers_the_rest() {
    matrix(|path| async move {
        let slow = Slow::default();
        let (story, go) = (slow.story.clone(), slow.go.clone());
        let rig = Rig::start(path, App::new().gateway("/ws", gateway(slow))).await;
        let mut busy = rig.connect().await;
        let mut idle = rig.connect().await;
        assert_eq!(idle.request(ECHO).await, ECHO);
        busy.send(r#"{"event":"wait","id":1}"#).await;
        busy.send(r#"{"event":"echo","data":"waits","id":2}"#).await;
        story.expect(&["begins"]).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        assert!(idle.text().await.starts_with(r#"{"event":"sys.goaway","data":{"code":1001,"#));
        assert_eq!(idle.recv().await, Got::Close(Some((1001, "service_restart".into()))));
        drop(idle);
        let draining = busy.text().await;
        assert!(draining.contains(r#""id":2,"data":{"status":"error","code":"draining""#), "{draining}");
        let late = busy.request(r#"{"event":"echo","data":"late","id":3}"#).await;
        assert!(late.contains(r#""id":3,"data":{"status":"error","code":"draining""#), "{late}");
        go.notify_one();
        busy.expect(r#"{"event":"wait","data":"done","id":1}"#).await;
        let goaway = busy.text().await;
        assert!(goaway.contains(r#""reason":"service_restart","retryable":true,"retry_after_ms":"#), "{goaway}");
        assert_eq!(busy.expect_close().await, 1001);
        drop(busy);
        assert_eq!(shutdown.await.unwrap().aborted, 0);
        rig.expect_empty().await;
    });
}

#[test]
fn shutdown_with_a_hung_handler_ends_and_counts_it() {
    matrix(|path| async move {
        let slow = Slow::default();
        let (story, dropped) = (slow.story.clone(), slow.dropped.clone());
        let limits = Limits::default().linger(Duration::from_millis(200));
        let rig = Rig::start(path, App::new().limits(limits).gateway("/ws", gateway(slow))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hang","id":1}"#).await;
        while rig.handle.stats().in_flight == 0 {
            tokio::task::yield_now().await;
        }
        let report = rig.handle.shutdown_within(Duration::from_millis(300)).await;
        assert_eq!(report.aborted, 1);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        story.expect(&[r#"left Shutdown ["room"]"#]).await;
        rig.expect_empty().await;
    });
}

/// A worker of the runtime that blocks must not be the one that waits for everybody's sockets: another one takes over.
#[test]
fn a_handler_that_blocks_its_thread_stops_nobody_else() {
    const BLOCK: Duration = Duration::from_millis(300);
    struct Blocks(Server);
    impl Blocks {
        async fn joined(&self, client: &Client) {
            client.join("all");
        }
        /// What was pushed before is not held up either.
        async fn block(&self, id: u64) {
            self.0.broadcast_to("all", "blocking", id);
            std::thread::sleep(BLOCK);
        }
        async fn echo(&self, text: String) -> String {
            text
        }
    }
    for path in [Path::Listen, Path::Axum] {
        // The clients have a runtime of their own.
        let (address, shared) = std::sync::mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let app = App::new();
                let gateway = Gateway::new(Blocks(app.server())).on_connect(Blocks::joined);
                let app = app.gateway("/ws", gateway.on("block", Blocks::block).on("echo", Blocks::echo));
                let rig = Rig::start(path, app).await;
                address.send((rig.address(), rig.handle.clone())).unwrap();
                rig.handle.drained().await;
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        let (address, handle) = shared.recv().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stuck, late) = runtime.block_on(async {
            let rig = Rig::elsewhere(address);
            let [mut blocking, mut other, mut member] = [rig.connect().await, rig.connect().await, rig.connect().await];
            // Whoever is answered has joined.
            for peer in [&mut blocking, &mut other, &mut member] {
                let ready = r#"{"event":"echo","data":"ready"}"#;
                assert_eq!(peer.request(ready).await, ready);
            }
            let (mut stuck, mut late) = (0, 0);
            for id in 0..10 {
                blocking.send(&format!(r#"{{"event":"block","data":{id},"id":{id}}}"#)).await;
                let began = Instant::now();
                let push = format!(r#"{{"event":"blocking","data":{id}}}"#);
                let asking = async {
                    let mut worst = Duration::ZERO;
                    while began.elapsed() < BLOCK {
                        let asked = Stopwatch::start();
                        other.send(&format!(r#"{{"event":"echo","data":"well {id}"}}"#)).await;
                        let mut text = other.text().await;
                        if text == push {
                            text = other.text().await;
                        }
                        assert_eq!(text, format!(r#"{{"event":"echo","data":"well {id}"}}"#));
                        // A busy machine, and not the worker, may be what was waited for.
                        worst = worst.max(asked.served());
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    worst
                };
                let hearing = async {
                    let watch = Stopwatch::start();
                    member.expect(&push).await;
                    watch.served()
                };
                let (worst, heard) = tokio::join!(asking, hearing);
                blocking.expect(&push).await;
                blocking.expect(&format!(r#"{{"event":"block","data":null,"id":{id}}}"#)).await;
                stuck += usize::from(worst > BLOCK / 2);
                late += usize::from(heard > BLOCK / 2);
            }
            (stuck, late)
        });
        assert!(stuck <= 2 && late <= 2, "{path:?}: answers were stuck in {stuck} of 10, pushes in {late}");
        runtime.block_on(handle.shutdown());
        serving.join().unwrap();
    }
}

struct Pusher;

impl Pusher {
    async fn echo(&self, text: String) -> String {
        text
    }
}

/// The kernel gave up a peer that takes nothing after 20 s, whatever `write_timeout` said.
#[test]
fn a_write_timeout_above_twenty_seconds_holds() {
    // Both at the same time.
    std::thread::scope(|threads| {
        for path in [Path::Listen, Path::Axum] {
            threads.spawn(move || outlasts_the_kernels_patience(path));
        }
    });
}

fn outlasts_the_kernels_patience(path: Path) {
    on(path, |path| async move {
        let limits = Limits::default()
            .write_timeout(Duration::from_secs(3600))
            .outbound_soft_time(Duration::from_secs(3600))
            .outbound_bytes(8 << 20)
            .outbound_soft_bytes(8 << 20)
            .ping_interval(Duration::from_secs(1000));
        // A gateway's own limits are those that hold.
        let gateway = Gateway::new(Pusher).on("echo", Pusher::echo).limits(limits);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"echo","data":"there"}"#).await;
        peer.text().await;
        let text = "x".repeat(4 << 20);
        assert_eq!(rig.handle.server().broadcast("e", &text).queued, 1);
        tokio::time::sleep(Duration::from_secs(23)).await;
        assert_eq!(rig.handle.stats().connections, 1, "{path:?}");
        assert!(peer.text().await.ends_with("xxx\"}"));
    });
}
