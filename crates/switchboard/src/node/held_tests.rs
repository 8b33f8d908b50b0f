//! What is charged against a simulated memory.
use super::{Charge, Kind, Level};
use crate::node::Node;
use crate::testing::TestApp;
use crate::{App, Gateway, Handle, Limits, Socket};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

const MIB: usize = 1 << 20;

fn node(limit: usize) -> (Arc<Node>, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let node = Arc::new(Node::new());
    let (usage, looks) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (source, count) = (usage.clone(), looks.clone());
    node.memory.limit_to(
        limit,
        Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Some(source.load(Ordering::Relaxed))
        }),
    );
    (node, usage, looks)
}

fn charged(node: &Arc<Node>, kind: Kind, bytes: usize) -> Charge {
    let mut charge = Charge::new(node, kind).expect("a limit");
    charge.set(bytes);
    node.memory.notice();
    charge
}

#[test]
fn what_is_charged_is_given_back_whatever_becomes_of_it() {
    let (node, ..) = node(100 * MIB);
    let mut one = charged(&node, Kind::Waiting, 3 * MIB);
    let two = charged(&node, Kind::Estimated, 2 * MIB);
    assert_eq!(node.memory.held(), 5 * MIB);
    one.set(MIB);
    assert_eq!(node.memory.held(), 3 * MIB);
    drop(two);
    one.set(0);
    assert_eq!(node.memory.held(), 0);
    drop(one);
    assert_eq!(node.memory.held(), 0);
    assert!(Charge::new(&Arc::new(Node::new()), Kind::Waiting).is_none(), "no limit");
}

#[test]
fn d24_the_sum_decides_before_any_sample_does() {
    for kind in [Kind::Waiting, Kind::Estimated] {
        let (node, ..) = node(100 * MIB);
        let memory = &node.memory;
        let mut charge = charged(&node, kind, 69 * MIB);
        assert_eq!((memory.fullness(), memory.pressure()), (Level::Normal, Level::Normal));
        charge.set(70 * MIB);
        assert_eq!((memory.fullness(), memory.is_short()), (Level::NoNewConnections, false), "{kind:?}");
        charge.set(80 * MIB);
        assert_eq!((memory.fullness(), memory.is_short()), (Level::Shed, true), "{kind:?}");
        charge.set(95 * MIB);
        assert_eq!(memory.fullness(), Level::Evict);
        // An estimate may be too high, so that it alone does not stop reading.
        let reads_on = matches!(kind, Kind::Estimated);
        assert_eq!(memory.pressure(), if reads_on { Level::Shed } else { Level::Evict });
        assert_eq!(memory.is_exhausted(), !reads_on);
        charge.set(85 * MIB);
        assert_eq!(memory.is_exhausted(), !reads_on, "until there is room");
        charge.set(79 * MIB);
        assert!(!memory.is_exhausted());
        charge.set(85 * MIB);
        assert!(!memory.is_exhausted());
        charge.set(0);
        assert_eq!((memory.fullness(), memory.pressure()), (Level::Normal, Level::Normal));
    }
    let (node, ..) = node(100 * MIB);
    let _both = (charged(&node, Kind::Waiting, 30 * MIB), charged(&node, Kind::Estimated, 30 * MIB));
    node.memory.recharge(0, 20 * MIB);
    assert!(node.memory.is_short(), "what waits for clients to read is a part of it");
}

#[test]
fn d24_the_process_is_looked_at_with_each_part_that_comes_on_top() {
    let (node, usage, looks) = node(128 * MIB);
    usage.store(110 * MIB, Ordering::Relaxed);
    let mut all = vec![charged(&node, Kind::Estimated, MIB / 2)];
    assert_eq!(looks.load(Ordering::Relaxed), 1, "the first");
    assert_eq!(node.memory.level(), Level::Shed, "as the process is");
    assert!(!node.memory.is_short(), "so little is served whatever the process has");
    for n in 0..20 {
        all.push(charged(&node, Kind::Estimated, MIB / 2));
        assert!(looks.load(Ordering::Relaxed) <= 2 + n / 2, "{n}");
    }
    assert!((6..=12).contains(&looks.load(Ordering::Relaxed)), "{looks:?} looks at 10 MiB");
    assert!(node.memory.is_short());
    // A process that is nearly full still reads, so that it can refuse; unless much is unfinished or waits, too.
    usage.store(120 * MIB, Ordering::Relaxed);
    all.push(charged(&node, Kind::Estimated, 2 * MIB));
    assert_eq!((node.memory.level(), node.memory.pressure()), (Level::Evict, Level::Shed));
    let unread = charged(&node, Kind::Waiting, 8 * MIB);
    assert_eq!(node.memory.pressure(), Level::Evict);
    drop(unread);
    // Ups and downs cause no sample. The next growth does.
    let before = looks.load(Ordering::Relaxed);
    for _ in 0..100 {
        let charge = charged(&node, Kind::Estimated, MIB / 4);
        drop(charge);
    }
    assert!(looks.load(Ordering::Relaxed) <= before + 1);
    all.truncate(1);
    usage.store(MIB, Ordering::Relaxed);
    let _much = charged(&node, Kind::Estimated, 8 * MIB);
    assert_eq!(node.memory.level(), Level::Normal);
}

#[derive(Clone)]
struct Keeper(Arc<Semaphore>);

impl Keeper {
    async fn keep(&self, data: Value) -> usize {
        self.0.acquire().await.unwrap().forget();
        data.as_str().map_or(0, str::len)
    }
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn raw(&self, mut socket: Socket) {
        loop {
            self.0.acquire().await.unwrap().forget();
            match socket.recv().await {
                Some(message) => drop(socket.send(message).await),
                None => return,
            }
        }
    }
}

fn keeping(limit: usize, limits: Limits) -> (TestApp, Handle, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let keeper = Keeper(gate.clone());
    let gateway = Gateway::new(keeper.clone()).on("keep", Keeper::keep).on("echo", Keeper::echo);
    let app = App::new().limits(limits).gateway("/ws", gateway).gateway("/raw", Gateway::new(keeper).raw(Keeper::raw));
    let handle = app.handle();
    handle.control.hub.node.memory.limit_to(limit, Box::new(|| Some(MIB)));
    (TestApp::new(app), handle, gate)
}

async fn until(handle: &Handle, what: impl Fn(&crate::Stats) -> bool) {
    for _ in 0..400 {
        if what(&handle.stats()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", handle.stats());
}

#[tokio::test(start_paused = true)]
async fn d24_a_handler_in_flight_is_charged_by_its_payload_and_a_message_that_waits_by_its_bytes() {
    let (app, handle, gate) = keeping(100 * MIB, Limits::default().payload_factor(10));
    let mut ada = app.connect("/ws").await;
    ada.send("keep", "x".repeat(10_000)).await;
    until(&handle, |stats| stats.in_flight == 1).await;
    let one = handle.stats().held_bytes;
    assert!((100_000..102_000).contains(&one), "{one}");
    ada.send("keep", "x".repeat(20_000)).await;
    until(&handle, |stats| stats.held_bytes > one).await;
    let two = handle.stats().held_bytes - one;
    assert!((20_000..21_000).contains(&two), "{two}");
    gate.add_permits(1);
    until(&handle, |stats| (200_000..202_000).contains(&stats.held_bytes)).await;
    gate.add_permits(1);
    until(&handle, |stats| stats.held_bytes == 0).await;
    // A message that is handled at once is never charged.
    assert_eq!(ada.request::<String>("echo", "well").await, "well");
    assert_eq!(handle.stats().held_bytes, 0);
    ada.send("keep", "x".repeat(10_000)).await;
    until(&handle, |stats| stats.in_flight == 1).await;
    drop(ada);
    gate.add_permits(1);
    until(&handle, |stats| stats.connections == 0 && stats.held_bytes == 0).await;
}

#[tokio::test(start_paused = true)]
async fn d24_from_the_shed_level_on_messages_are_overloaded_and_served_again_when_there_is_less() {
    let (app, handle, gate) = keeping(16 * MIB, Limits::default());
    let mut holders = Vec::new();
    for _ in 0..40 {
        holders.push(app.connect("/ws").await);
    }
    // 28 × 60,000 × 8 bytes are 80 % of 16 MiB.
    for (n, holder) in holders.iter_mut().enumerate() {
        match n {
            0..28 => holder.send("keep", "x".repeat(60_000)).await,
            _ => assert_eq!(holder.request_error("keep", "x").await.code, "overloaded", "{n}"),
        }
        until(&handle, |stats| stats.in_flight == (n + 1).min(28)).await;
    }
    // A connection whose handler is in flight is not read until there is room, so that this message is answered later.
    holders[0].send("echo", "later").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(app.try_connect("/ws").await.expect_err("nobody is admitted").status, 503);
    gate.add_permits(28);
    assert_eq!(holders[0].expect::<usize>("keep").await, 60_000);
    assert_eq!(holders[0].expect::<String>("echo").await, "later");
    until(&handle, |stats| stats.held_bytes == 0).await;
    assert_eq!(holders[39].request::<String>("echo", "well").await, "well");
    app.connect("/ws").await;
}

#[tokio::test(start_paused = true)]
async fn d24_messages_of_raw_gateways_are_charged_until_the_next_is_asked_for() {
    let (app, handle, gate) = keeping(100 * MIB, Limits::default());
    let mut raw = app.connect("/raw").await;
    for n in 1..=3 {
        raw.send_text("x".repeat(10_000)).await;
        until(&handle, |stats| (n * 10_000..n * 10_000 + 300).contains(&stats.held_bytes)).await;
    }
    gate.add_permits(2);
    tokio::time::sleep(Duration::from_millis(50)).await;
    // One message waits, and the one that was taken last is still charged.
    assert!((20_000..20_200).contains(&handle.stats().held_bytes), "{:?}", handle.stats());
    gate.add_permits(2);
    until(&handle, |stats| stats.held_bytes == 0).await;
    raw.send_text("x".repeat(10_000)).await;
    drop(raw);
    gate.add_permits(9);
    until(&handle, |stats| stats.connections == 0 && stats.held_bytes == 0).await;
}

/// Keeps its sockets, and never receives from them.
#[derive(Clone, Default)]
struct Collector(Arc<parking_lot::Mutex<Vec<Socket>>>);

impl Collector {
    async fn raw(&self, socket: Socket) {
        self.0.lock().push(socket);
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn d24_what_is_thrown_away_of_a_raw_gateway_is_charged_no_more_whoever_keeps_the_socket() {
    let collector = Collector::default();
    let app = App::new().gateway("/raw", Gateway::new(collector.clone()).raw(Collector::raw));
    let handle = app.handle();
    handle.control.hub.node.memory.limit_to(100 * MIB, Box::new(|| Some(MIB)));
    let app = TestApp::new(app);
    let mut raw = app.connect("/raw").await;
    raw.send_text("x".repeat(10_000)).await;
    until(&handle, |stats| stats.held_bytes >= 10_000).await;
    handle.server().all().disconnect();
    until(&handle, |stats| stats.held_bytes == 0).await;
    assert_eq!((collector.0.lock().len(), handle.stats().dropped_inbound), (1, 1));
}

/// A client's socket, and the head of the answer to its handshake.
async fn upgraded(address: std::net::SocketAddr) -> (tokio::net::TcpStream, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    (stream, answer)
}

/// Windows stay as long as their connections: if they made memory short, it would stay short.
#[cfg(feature = "deflate")]
#[tokio::test]
async fn d24_windows_that_are_kept_have_a_quarter_and_who_comes_then_is_not_compressed() {
    let keeper = Gateway::new(Keeper(Arc::new(Semaphore::new(0)))).on("echo", Keeper::echo);
    let app = App::new().compression(crate::Compression::default().client_window(15)).gateway("/ws", keeper);
    let handle = app.handle();
    handle.control.hub.node.memory.limit_to(MIB, Box::new(|| Some(0)));
    let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr();
    let served = tokio::spawn(bound.serve());
    let mut all = Vec::new();
    for n in 0..10 {
        let (stream, answer) = upgraded(address).await;
        assert_eq!(answer.contains("permessage-deflate"), n < 7, "7 times 32 KiB are within a quarter: {n}");
        all.push(stream);
    }
    drop(all);
    until(&handle, |stats| stats.connections == 0).await;
    let (_stream, answer) = upgraded(address).await;
    assert!(answer.contains("permessage-deflate"), "{answer}");
    served.abort();
}

/// Each client sends a byte now and then of a message that does not end.
#[tokio::test]
async fn d24_who_drips_holds_no_memory_that_is_short() {
    let limits = Limits::default().partial_timeout(Duration::from_millis(500));
    let keeper = Gateway::new(Keeper(Arc::new(Semaphore::new(0)))).on("echo", Keeper::echo);
    let app = App::new().limits(limits).gateway("/ws", keeper);
    let handle = app.handle();
    handle.control.hub.node.memory.limit_to(MIB, Box::new(|| Some(0)));
    let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr();
    let served = tokio::spawn(bound.serve());
    let mut healthy = upgraded(address).await.0;
    let mut dripping = Vec::new();
    for _ in 0..14 {
        dripping.push(upgraded(address).await.0);
    }
    let mut begun = vec![0x82, 0xFE, 0xFA, 0x00, 0, 0, 0, 0];
    begun.resize(62_000, b'x');
    for stream in &mut dripping {
        stream.write_all(&begun).await.unwrap();
    }
    until(&handle, |stats| stats.held_bytes > MIB / 100 * 80).await;
    let mut refused = 0;
    for tried in 0.. {
        let message = br#"{"event":"echo","data":"well","id":1}"#;
        let mut frame = vec![0x81, 0x80 | message.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(message);
        healthy.write_all(&frame).await.unwrap();
        let mut answer = vec![0; 512];
        let len = healthy.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..len]).into_owned();
        if answer.contains("well") {
            break;
        }
        assert!(answer.contains("overloaded") && tried < 60, "{tried}: {answer} {:?}", handle.stats());
        refused += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
        for stream in &mut dripping {
            // Some are closed by then.
            let _ = stream.write_all(b"x").await;
        }
    }
    assert!(refused > 0);
    assert!(handle.stats().evicted > 0, "{:?}", handle.stats());
    served.abort();
}
