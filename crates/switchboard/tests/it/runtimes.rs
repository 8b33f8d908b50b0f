//! Several runtimes serve one router: what one of them does is no matter of the others' clients.
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use switchboard::axum::{self, Router};
use switchboard::{App, Client, Error, Gateway, Handle, Limits};
use switchboard_core::ws::Opcode;
use switchboard_rig::{Got, RawClient, Rig};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// How long a handler blocks its thread.
const BLOCK: Duration = Duration::from_secs(4);
/// What must not wait for it takes no longer.
const SOON: Duration = Duration::from_secs(2);
/// Until a handler is cut off, and between pings.
const SHORT: Duration = Duration::from_millis(400);

struct Work;

impl Work {
    async fn joined(&self, client: &Client) {
        client.join("all");
    }
    async fn block(&self) {
        thread::sleep(BLOCK);
    }
    async fn hang(&self) -> Result<(), Error> {
        std::future::pending().await
    }
    async fn echo(&self, text: String) -> String {
        text
    }
}

fn app() -> App {
    let limits = Limits::default().handler_timeout(SHORT).ping_interval(SHORT).ping_timeout(Duration::from_secs(3));
    let gateway = Gateway::new(Work).on_connect(Work::joined);
    let gateway = gateway.on("block", Work::block).on("hang", Work::hang).on("echo", Work::echo);
    App::new().limits(limits).gateway("/ws", gateway)
}

fn runtime(workers: usize) -> Runtime {
    match workers {
        1 => Builder::new_current_thread().enable_all().build().unwrap(),
        _ => Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap(),
    }
}

/// A client that answers pings.
struct Member {
    peer: RawClient,
    pings: usize,
}

impl Member {
    async fn connect(rig: &Rig) -> Member {
        let mut member = Member { peer: rig.connect().await, pings: 0 };
        // Whoever is answered has joined.
        member.is_answered("ready").await;
        member
    }

    async fn recv_text(&mut self) -> String {
        loop {
            match self.peer.recv().await {
                Got::Text(text) => return text,
                Got::Ping(payload) => {
                    self.pings += 1;
                    self.peer.send_frame(Opcode::Pong, true, &payload).await;
                }
                other => panic!("expected a text, got {other:?}"),
            }
        }
    }

    async fn expect(&mut self, text: &str) {
        assert_eq!(self.recv_text().await, text);
    }

    async fn is_answered(&mut self, text: &str) {
        let text = format!(r#"{{"event":"echo","data":"{text}"}}"#);
        self.peer.send(&text).await;
        self.expect(&text).await;
    }

    async fn block(&mut self) {
        self.peer.send(r#"{"event":"block","id":1}"#).await;
    }

    /// What it was pinged with last; the pong is owed.
    async fn ping(&mut self) -> Vec<u8> {
        match self.peer.recv().await {
            Got::Ping(payload) => payload,
            other => panic!("expected a ping, got {other:?}"),
        }
    }
}

/// A runtime of its own that serves a router, until it is ended.
struct Serving {
    rig: Rig,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    fn start(workers: usize, router: Router) -> Serving {
        let (address, told) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = runtime(workers);
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                address.send(listener.local_addr().unwrap()).unwrap();
                // A worker serves, and not the thread that waits here.
                let serving = tokio::spawn(async move { axum::serve(listener, router).await });
                let _ = ended.await;
                serving.abort();
            });
            runtime.shutdown_timeout(Duration::from_secs(10));
        });
        Serving { rig: Rig::elsewhere(told.recv().unwrap()).hearing_pings(), end: Some(end), thread: Some(thread) }
    }

    async fn connect(&self) -> Member {
        Member::connect(&self.rig).await
    }

    fn end(&mut self) {
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.end.take());
        self.thread.take().map(JoinHandle::join);
    }
}

/// A push, a deadline and heartbeats of a client, all of them in time.
async fn is_well_served(handle: &Handle, member: &mut Member, what: &str) {
    let began = Instant::now();
    handle.server().broadcast_to("all", "push", 1);
    member.expect(r#"{"event":"push","data":1}"#).await;
    assert!(began.elapsed() < SOON / 2, "{what}: a push took {:?}", began.elapsed());
    let began = Instant::now();
    member.peer.send(r#"{"event":"hang","id":1}"#).await;
    let answer = member.recv_text().await;
    assert!(answer.contains("timeout"), "{what}: {answer}");
    assert!(began.elapsed() < SOON, "{what}: a deadline took {:?}", began.elapsed());
    let (before, began) = (member.pings, Instant::now());
    while member.pings < before + 2 {
        assert!(began.elapsed() < SOON, "{what}: {} pings in {SOON:?}", member.pings - before);
        member.is_answered("and").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs the clients, in a runtime that serves nobody.
fn clients<F: Future<Output = ()>>(test: F) {
    let bounded = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    runtime(1).block_on(bounded).expect("no end");
}

#[test]
fn a_runtime_that_has_ended_takes_nothing_with_it() {
    for workers in [1, 2] {
        let app = app();
        let (handle, router) = (app.handle(), Router::from(app));
        clients(async {
            // Whatever is begun for all of them, the first one begins it.
            let mut first = Serving::start(workers, router.clone());
            let _before = first.connect().await;
            let second = Serving::start(workers, router.clone());
            let mut peer = second.connect().await;
            first.end();
            is_well_served(&handle, &mut peer, "the first has ended").await;
            // The same for those who come later, and for the last of several.
            let mut third = Serving::start(workers, router.clone());
            let mut late = third.connect().await;
            is_well_served(&handle, &mut late, "the third").await;
            peer.expect(r#"{"event":"push","data":1}"#).await;
            third.end();
            is_well_served(&handle, &mut peer, "the first and the third have ended").await;
            assert_eq!(handle.stats().connections, 1);
        });
    }
}

#[test]
fn runtimes_one_after_another_serve_one_application() {
    let app = app();
    let (handle, router) = (app.handle(), Router::from(app));
    for nth in 0..4 {
        let mut serving = Serving::start(1 + nth % 2, router.clone());
        clients(async {
            let mut peer = serving.connect().await;
            is_well_served(&handle, &mut peer, "one after another").await;
        });
        serving.end();
        assert_eq!(handle.stats().connections, 0);
    }
}

#[test]
fn a_runtime_that_is_blocked_holds_up_its_own_clients_only() {
    for workers in [1, 2] {
        let app = app();
        let (handle, router) = (app.handle(), Router::from(app));
        clients(async {
            let [first, second] = [(); 2].map(|()| Serving::start(workers, router.clone()));
            let mut blocking = Vec::new();
            for _ in 0..workers {
                blocking.push(first.connect().await);
            }
            let mut beside = first.connect().await;
            let mut member = second.connect().await;
            let pinged = beside.ping().await;
            let began = Instant::now();
            for other in &mut blocking {
                other.block().await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            beside.peer.send_frame(Opcode::Pong, true, &pinged).await;
            is_well_served(&handle, &mut member, "the first is blocked").await;
            assert!(began.elapsed() < BLOCK, "{:?}", began.elapsed());
            // This one's pong stood in its socket for longer than it may take: no other runtime's clock judges it.
            beside.expect(r#"{"event":"push","data":1}"#).await;
            beside.is_answered("still there").await;
        });
    }
}

/// The runtime that listens only accepts.
#[test]
fn threads_of_their_own_do_without_the_runtime_that_listens() {
    let (told, address) = mpsc::channel::<(SocketAddr, Handle)>();
    let (block, blocks) = oneshot::channel::<()>();
    let serving = thread::spawn(move || {
        runtime(1).block_on(async {
            let bound = app().threads(2).signals(false).bind("127.0.0.1:0").await.unwrap();
            told.send((bound.local_addr(), bound.handle())).unwrap();
            tokio::spawn(async {
                blocks.await.unwrap();
                thread::sleep(BLOCK);
            });
            bound.serve().await;
        });
    });
    let (address, handle) = address.recv().unwrap();
    clients(async {
        let rig = Rig::elsewhere(address).hearing_pings();
        // On one thread each.
        let [mut one, mut other] = [Member::connect(&rig).await, Member::connect(&rig).await];
        one.block().await;
        block.send(()).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        is_well_served(&handle, &mut other, "a thread and the runtime that listens are blocked").await;
        handle.shutdown_within(SHORT).await;
    });
    serving.join().unwrap();
}

/// Now and again one worker of two is blocked, which may have been about to run whatever keeps the time.
#[test]
fn a_worker_that_is_blocked_holds_up_no_timer_of_its_runtime() {
    let app = app();
    let (handle, router) = (app.handle(), Router::from(app));
    clients(async {
        // Whatever looks after runtimes looks after each of them.
        let first = Serving::start(2, router.clone());
        let _member = first.connect().await;
        let second = Serving::start(2, router.clone());
        let mut member = second.connect().await;
        for _ in 0..3 {
            second.connect().await.block().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            let began = Instant::now();
            is_well_served(&handle, &mut member, "another worker is blocked").await;
            while began.elapsed() < BLOCK {
                member.is_answered("meanwhile").await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
}
