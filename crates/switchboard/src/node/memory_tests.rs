//! Every level of a simulated memory, and clients that read nothing.
use super::{Kept, Level, Limited, Memory};
use crate::client_id::ClientId;
use crate::testing::TestApp;
use crate::{App, Client, Error, Gateway, Handle, Handshake, Limits};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard_core::ws::handshake::ClientRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const MIB: usize = 1 << 20;

struct Echo;

impl Echo {
    async fn echo(&self, text: String) -> String {
        text
    }
}

/// An application with a memory limit of `limit` bytes, and the usage that its samples find.
fn limited(limit: usize) -> (App, Handle, Arc<AtomicUsize>) {
    limited_with(limit, Gateway::new(Echo))
}

fn limited_with(limit: usize, gateway: Gateway<Echo>) -> (App, Handle, Arc<AtomicUsize>) {
    let limits = Limits::default().outbound_bytes(16 * MIB).write_timeout(Duration::from_secs(3600));
    let limits = limits.outbound_soft_time(Duration::from_secs(3600)).ping_interval(Duration::from_secs(3600));
    let app = App::new().gateway("/ws", gateway.on("echo", Echo::echo)).limits(limits);
    let handle = app.handle();
    let usage = Arc::new(AtomicUsize::new(0));
    let source = usage.clone();
    memory(&handle).limit_to(limit, Box::new(move || Some(source.load(Ordering::Relaxed))));
    (app, handle, usage)
}

fn memory(handle: &Handle) -> &Memory {
    &handle.control.hub.node.memory
}

async fn use_bytes(usage: &AtomicUsize, bytes: usize) {
    usage.store(bytes, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

/// A client that reads the answer to its handshake, and nothing after it.
async fn silent(router: &axum::Router, handle: &Handle) -> (ClientId, DuplexStream) {
    let ids = || there(handle);
    let before = ids();
    let (mut ours, theirs) = tokio::io::duplex(64 << 10);
    let peer = "127.0.0.1:1".parse().unwrap();
    let stop = crate::http::listener::stopped(handle.control.stop.subscribe());
    tokio::spawn(crate::http::listener::serve(theirs, peer, router.clone(), Arc::default(), stop, None));
    ours.write_all(&ClientRequest::new("test.example", "/ws", [7; 16]).unwrap().encode()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(ours.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    loop {
        if let Some(id) = ids().difference(&before).next() {
            return (*id, ours);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Sends `bytes` bytes to one client, in messages of `size` bytes.
fn push(handle: &Handle, id: ClientId, bytes: usize, size: usize) {
    let client = all(handle).into_iter().find(|client| client.id() == id).unwrap();
    for _ in 0..bytes / size {
        assert_eq!(client.emit("e", "x".repeat(size)).queued, 1);
    }
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Reads to the end: whether the last frame is a close with 4008.
async fn is_sent_away(mut stream: DuplexStream) -> bool {
    let mut all = Vec::new();
    let end = async { stream.read_to_end(&mut all).await };
    tokio::time::timeout(Duration::from_secs(20), end).await.unwrap().unwrap();
    let close = [&[0x88, 17, 0x0F, 0xA8][..], b"try_again_later"].concat();
    all.ends_with(&close)
}

#[tokio::test(start_paused = true)]
async fn from_70_percent_on_nobody_is_admitted_and_from_80_on_volatile_messages_are_dropped() {
    let (app, handle, usage) = limited(1000 * MIB);
    let app = TestApp::new(app);
    let mut ada = app.connect("/ws").await;
    let volatile = || handle.server().all().volatile().emit("v", 1);

    use_bytes(&usage, 699 * MIB).await;
    let grace = app.connect("/ws").await;
    assert_eq!(memory(&handle).level(), Level::Normal);
    drop(grace);

    use_bytes(&usage, 700 * MIB).await;
    let refused = app.try_connect("/ws").await.expect_err("nobody is admitted");
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains(r#""code":"memory""#), "{}", refused.body);
    let after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((5..=8).contains(&after), "{after}");
    assert_eq!(handle.stats().refused_connections, 1);
    assert_eq!(volatile().queued, 1);
    assert_eq!(ada.expect::<u32>("v").await, 1);

    use_bytes(&usage, 800 * MIB).await;
    let dropped = handle.stats().dropped;
    let delivery = volatile();
    assert_eq!((delivery.queued, delivery.dropped), (0, 1));
    assert_eq!(handle.stats().dropped, dropped + 1);
    assert_eq!(ada.request::<String>("echo", "well").await, "well", "what is not volatile goes on");

    // Nothing waits for any client, so that no eviction would help.
    use_bytes(&usage, 990 * MIB).await;
    assert_eq!(memory(&handle).level(), Level::Evict);
    assert_eq!(ada.request::<String>("echo", "well").await, "well");
    assert_eq!(handle.stats().evicted, 0);

    use_bytes(&usage, 100 * MIB).await;
    let _back = app.connect("/ws").await;
    assert_eq!(volatile().queued, 2);
}

#[tokio::test(start_paused = true)]
async fn from_90_percent_on_the_largest_queues_go_until_there_is_less() {
    let (app, handle, usage) = limited(20 * MIB);
    let router = app.into_router().unwrap();
    use_bytes(&usage, MIB).await;
    let (small, _small) = silent(&router, &handle).await;
    let (large, stream) = silent(&router, &handle).await;
    let (middle, _middle) = silent(&router, &handle).await;
    push(&handle, large, 22 * MIB / 10, 8 << 10);
    push(&handle, middle, 12 * MIB / 10, 8 << 10);
    push(&handle, small, 6 * MIB / 10, 8 << 10);
    settle().await;
    let queued = memory(&handle).queued();
    assert!((37 * MIB / 10..=4 * MIB).contains(&queued), "{queued}");
    use_bytes(&usage, 17 * MIB).await;
    assert_eq!(handle.stats().evicted, 0);
    // The usage is 2 MiB above 80 %: evicting the largest queue is enough, while the allocator may keep its bytes.
    use_bytes(&usage, 18 * MIB).await;
    assert!(is_sent_away(stream).await);
    settle().await;
    let stats = handle.stats();
    assert_eq!((stats.evicted, stats.connections), (1, 2));
    assert!((250..281).contains(&stats.dropped), "{stats:?}");
    let there: HashSet<_> = handle.server().local().clients().iter().map(|client| client.id()).collect();
    assert_eq!(there, HashSet::from([middle, small]));
    let queued = memory(&handle).queued();
    assert!((16 * MIB / 10..=19 * MIB / 10).contains(&queued), "{queued}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_on_the_node_is_bounded_and_what_many_wait_for_counts_once() {
    let (app, handle, _usage) = limited(40 * MIB);
    let router = app.into_router().unwrap();
    let mut all = Vec::new();
    for _ in 0..20 {
        all.push(silent(&router, &handle).await);
    }
    // 60 MiB by length, 3 in memory.
    assert_eq!(handle.server().broadcast("e", "x".repeat(3 * MIB)).queued, 20);
    settle().await;
    let queued = memory(&handle).queued();
    assert!((3 * MIB..3 * MIB + 1000).contains(&queued), "{queued}");
    assert!(handle.stats().queued_bytes > 50 * MIB);
    for _ in 0..100 {
        // Short messages are copied into each queue.
        handle.server().broadcast("e", "short");
    }
    settle().await;
    let copied = memory(&handle).queued() - queued;
    assert!((20 * 100 * 20..20 * 100 * 40).contains(&copied), "{copied}");
    assert_eq!(handle.stats().evicted, 0);
    // 3 + 4 × 2 MiB are more than a quarter of 40.
    for (id, _) in &all[3..7] {
        push(&handle, *id, 2 * MIB, 2 * MIB);
    }
    settle().await;
    let stats = handle.stats();
    assert_eq!(stats.evicted, 2, "{}", memory(&handle).queued());
    assert!(memory(&handle).queued() <= 75 * MIB / 10);
    let there: HashSet<_> = handle.server().local().clients().iter().map(|client| client.id()).collect();
    assert!(all[3..7].iter().filter(|(id, _)| there.contains(id)).count() == 2, "those with most");
    assert_eq!(there.len(), 18);
    // However the connections ended, nothing stays charged.
    drop(all);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((handle.stats().connections, memory(&handle).queued()), (0, 0));
}

/// Three clients for whom 2.2, 1.2 and 0.6 MiB wait, of a memory of 20 MiB.
async fn three(router: &axum::Router, handle: &Handle) -> Vec<(ClientId, DuplexStream)> {
    let mut all = Vec::new();
    for tenths in [22, 12, 6] {
        let (id, stream) = silent(router, handle).await;
        push(handle, id, tenths * MIB / 10, 8 << 10);
        all.push((id, stream));
    }
    settle().await;
    all
}

#[tokio::test(start_paused = true)]
async fn what_the_allocator_may_keep_delays_the_next_cut_and_no_other_level() {
    let (app, handle, usage) = limited(20 * MIB);
    let router = app.into_router().unwrap();
    use_bytes(&usage, MIB).await;
    let _all = three(&router, &handle).await;
    use_bytes(&usage, 1805 * MIB / 100).await;
    assert_eq!(handle.stats().evicted, 1);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((handle.stats().evicted, memory(&handle).level()), (1, Level::Evict), "the system counts it");
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(handle.stats().evicted, 3, "it is not the allocator who has it");
    use_bytes(&usage, 15 * MIB).await;
    assert_eq!(memory(&handle).level(), Level::NoNewConnections);
}

#[tokio::test(start_paused = true)]
async fn from_93_percent_on_it_does_not_matter_what_the_allocator_may_keep() {
    let (app, handle, usage) = limited(20 * MIB);
    let router = app.into_router().unwrap();
    use_bytes(&usage, MIB).await;
    let _all = three(&router, &handle).await;
    use_bytes(&usage, 187 * MIB / 10).await;
    assert_eq!(handle.stats().evicted, 3);
}

fn there(handle: &Handle) -> HashSet<ClientId> {
    all(handle).iter().map(Client::id).collect()
}

/// The clients of the default namespace, and of those that are named at run time.
fn all(handle: &Handle) -> Vec<Client> {
    let namespaces = handle.namespaces();
    let named = namespaces.names().into_iter().filter_map(|name| Some(namespaces.get(&name)?.local().clients()));
    handle.server().local().clients().into_iter().chain(named.flatten()).collect()
}

#[tokio::test(start_paused = true)]
async fn clients_of_namespaces_that_are_named_at_run_time_are_no_exception() {
    let count = AtomicUsize::new(0);
    let by = move |_: &Handshake| Ok::<_, Error>(format!("/{}", count.fetch_add(1, Ordering::Relaxed)));
    let (app, handle, usage) = limited_with(20 * MIB, Gateway::new(Echo).namespace_by(by));
    let router = app.into_router().unwrap();
    use_bytes(&usage, MIB).await;
    let (small, _small) = silent(&router, &handle).await;
    let (large, stream) = silent(&router, &handle).await;
    assert_eq!(handle.namespaces().count(), 2);
    push(&handle, small, 6 * MIB / 10, 8 << 10);
    push(&handle, large, 22 * MIB / 10, 8 << 10);
    settle().await;
    use_bytes(&usage, 18 * MIB).await;
    assert!(is_sent_away(stream).await);
    settle().await;
    assert_eq!((handle.stats().evicted, there(&handle)), (1, HashSet::from([small])));
    assert_eq!(handle.namespaces().count(), 1);
}

/// A client's close frame without a code.
const CLOSE: [u8; 6] = [0x88, 0x80, 0, 0, 0, 0];

#[tokio::test(start_paused = true)]
async fn who_is_closing_and_does_not_read_goes_before_all_others() {
    let (app, handle, _usage) = limited(40 * MIB);
    let router = app.into_router().unwrap();
    let (large, _large) = silent(&router, &handle).await;
    push(&handle, large, 45 * MIB / 10, 8 << 10);
    let mut closing = Vec::new();
    for _ in 0..2 {
        let (id, mut stream) = silent(&router, &handle).await;
        push(&handle, id, 25 * MIB / 10, 8 << 10);
        settle().await;
        stream.write_all(&CLOSE).await.unwrap();
        closing.push(stream);
    }
    settle().await;
    assert_eq!(there(&handle), HashSet::from([large]));
    assert_eq!((handle.stats().connections, handle.stats().evicted), (3, 0), "they are still owed what waits");
    assert!(memory(&handle).queued() > 9 * MIB);
    let (other, _other) = silent(&router, &handle).await;
    push(&handle, other, MIB, 8 << 10);
    settle().await;
    let stats = handle.stats();
    assert_eq!((stats.connections, stats.evicted), (2, 2), "{}", memory(&handle).queued());
    assert_eq!(there(&handle), HashSet::from([large, other]));
    let queued = memory(&handle).queued();
    assert!((5 * MIB..6 * MIB).contains(&queued), "{queued}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_what_many_wait_for_goes_after_those_for_whom_much_waits_alone() {
    let (app, handle, _usage) = limited(40 * MIB);
    let router = app.into_router().unwrap();
    let mut innocent = Vec::new();
    for _ in 0..10 {
        innocent.push(silent(&router, &handle).await);
    }
    handle.server().broadcast("e", "x".repeat(3 * MIB));
    handle.server().broadcast("e", "short");
    let mut greedy = Vec::new();
    for _ in 0..4 {
        greedy.push(silent(&router, &handle).await);
    }
    for (n, (id, _)) in greedy.iter().enumerate() {
        // Half of them in segments that could be shared, but are not, and half in copied ones.
        push(&handle, *id, 2 * MIB, if n % 2 == 0 { 8 << 10 } else { 256 });
    }
    settle().await;
    assert!(memory(&handle).queued() <= 75 * MIB / 10);
    let there = there(&handle);
    assert!(innocent.iter().all(|(id, _)| there.contains(id)));
    assert!((1..=2).contains(&handle.stats().evicted), "{:?}", handle.stats());
}

#[tokio::test(start_paused = true)]
async fn what_many_wait_for_goes_where_nothing_else_helps() {
    let (app, handle, _usage) = limited(40 * MIB);
    let router = app.into_router().unwrap();
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(silent(&router, &handle).await);
    }
    for _ in 0..4 {
        handle.server().broadcast("e", "x".repeat(3 * MIB));
    }
    settle().await;
    assert_eq!((handle.stats().evicted, memory(&handle).queued()), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_into_a_frame_that_an_eviction_cut_off() {
    let (app, handle, _usage) = limited(40 * MIB);
    let router = app.into_router().unwrap();
    let (id, mut stream) = silent(&router, &handle).await;
    push(&handle, id, MIB, MIB);
    settle().await;
    // The turn that finds the eviction also reads a close frame, which it would answer.
    stream.write_all(&CLOSE).await.unwrap();
    let mut text = vec![0; 32 << 10];
    stream.read_exact(&mut text).await.unwrap();
    let conn = handle.server().local().clients()[0].endpoint_arc().clone();
    assert!(conn.evict() && !conn.evict());
    stream.read_to_end(&mut text).await.unwrap();
    assert!(text.len() < MIB && text.ends_with(b"xxxxx"), "{:?}", &text[text.len() - 30..]);
    settle().await;
    assert_eq!((handle.stats().connections, memory(&handle).queued()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_charged_who_reads_and_nothing_where_there_is_no_limit() {
    let (app, handle, _usage) = limited(40 * MIB);
    let app = TestApp::new(app);
    let mut ada = app.connect("/ws").await;
    for n in 0..50 {
        handle.server().broadcast("e", "x".repeat(n * 100));
        ada.expect::<String>("e").await;
        assert_eq!(memory(&handle).queued(), 0);
    }
    let free = App::new().gateway("/ws", Gateway::new(Echo)).limits(Limits::default().memory(Some(usize::MAX)));
    let handle = free.handle();
    let router = free.into_router().unwrap();
    let (id, _stream) = silent(&router, &handle).await;
    push(&handle, id, MIB / 2, MIB / 2);
    settle().await;
    assert!(!memory(&handle).is_limited());
    assert_eq!(memory(&handle).queued(), 0);
}

#[test]
fn levels() {
    let of = |percent: usize| Level::of(percent * MIB, 100 * MIB);
    let expected =
        [(0, Level::Normal), (69, Level::Normal), (70, Level::NoNewConnections), (79, Level::NoNewConnections)];
    let beyond = [(80, Level::Shed), (89, Level::Shed), (90, Level::Evict), (100, Level::Evict), (500, Level::Evict)];
    for (percent, level) in expected.into_iter().chain(beyond) {
        assert_eq!(of(percent), level, "{percent} %");
    }
    let next = |level: Level, percent: usize| level.next(percent * MIB, 100 * MIB);
    let expected = [
        (Level::Normal, 69, Level::Normal),
        (Level::Normal, 70, Level::NoNewConnections),
        (Level::Normal, 99, Level::Evict),
        (Level::NoNewConnections, 67, Level::NoNewConnections),
        (Level::NoNewConnections, 66, Level::Normal),
        (Level::Shed, 77, Level::Shed),
        (Level::Shed, 76, Level::NoNewConnections),
        (Level::Evict, 87, Level::Evict),
        (Level::Evict, 86, Level::Shed),
        (Level::Evict, 68, Level::NoNewConnections),
        (Level::Evict, 10, Level::Normal),
    ];
    for (before, percent, level) in expected {
        assert_eq!(next(before, percent), level, "{before:?}, then {percent} %");
    }
    let limited = Limited { limit: 400, source: Box::new(|| None) };
    assert_eq!(limited.most_queued(), 100);
}

#[test]
fn what_the_allocator_keeps_of_queues_is_free() {
    let mut kept = Kept::default();
    assert_eq!(kept.correct(100, 0), 100);
    assert_eq!(kept.correct(150, 50), 150, "queues grow: used");
    assert_eq!(kept.correct(150, 0), 100, "they are gone, and the process is as large: free");
    assert_eq!(kept.correct(150, 30), 131, "they use it again");
    assert_eq!(kept.correct(180, 30), 161, "something else grows: used");
    assert_eq!(kept.correct(165, 10), 141, "queues shrink by 20, of which 15 go back to the system");
    assert_eq!(kept.correct(120, 10), 120, "what is kept goes back too");
    let mut kept = Kept::default();
    kept.correct(100, 200);
    assert_eq!(kept.correct(100, 0), 0, "no more is kept than there is");
    let mut kept = Kept::default();
    kept.correct(2000 * MIB, 1000 * MIB);
    kept.correct(2000 * MIB, 0);
    let after = (0..20).map(|_| kept.correct(2000 * MIB, 0)).last().unwrap();
    assert!((1490 * MIB..1510 * MIB).contains(&after), "half is forgotten in 10 s: {after}");
}

/// The runtime that samples the memory ends, or is blocked, while another one has clients.
#[test]
fn the_memory_is_looked_at_whichever_runtime_ends_or_is_blocked() {
    for ends in [true, false] {
        let (app, handle, usage) = limited(1000 * MIB);
        let router = axum::Router::from(app);
        let start = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (first, second) = (start(), start());
        let _one = first.block_on(silent(&router, &handle));
        first.block_on(settle());
        assert!(memory(&handle).watching.load(Ordering::Acquire));
        let _other = second.block_on(silent(&router, &handle));
        // A runtime that is not driven is like one that is blocked.
        let blocked = (!ends).then_some(first);
        usage.store(950 * MIB, Ordering::Relaxed);
        let began = std::time::Instant::now();
        while memory(&handle).level() != Level::Evict {
            assert!(began.elapsed() < Duration::from_secs(5), "ends: {ends}");
            second.block_on(settle());
        }
        drop(blocked);
    }
}
