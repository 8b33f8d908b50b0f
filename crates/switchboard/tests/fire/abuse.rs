//! Abuse with figures: what one client may cost, and what the others notice of it.
use crate::child::{Numbers, Server};
use crate::rig::{Got, Peer, Stream, masked, read_to_end};
use crate::victim::now_us;
use crate::witness::{Times, Witness};
use crate::{run, turn};
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use switchboard_core::ws::handshake::ClientRequest;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

const MIB: i64 = 1 << 20;
const MASK: [u8; 4] = [1, 2, 3, 4];
const PATIENCE: Duration = Duration::from_secs(60);
const WELL: &str = r#"{"event":"echo","data":"well"}"#;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn gone(server: &Server, left: u64) -> Numbers {
    server.until(Duration::from_secs(5), |numbers| numbers.connections == left).await
}

/// Nothing is left, and nothing panicked.
async fn over(mut server: Server, witness: Witness) {
    witness.end();
    server.until(Duration::from_secs(5), |numbers| numbers.left() == [0; 6]).await;
    server.expect_well();
}

fn fragments(count: usize, payload: &[u8]) -> Vec<u8> {
    let middle = masked(0x00, payload, MASK);
    let mut bytes = masked(0x02, payload, MASK);
    (2..count).for_each(|_| bytes.extend_from_slice(&middle));
    bytes.extend(masked(0x80, payload, MASK));
    bytes
}

#[test]
fn r30_two_hundred_thousand_fragments_with_the_default_limit() {
    let _turn = turn();
    run(PATIENCE, async {
        let server = Server::start("default");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let memory = server.memory();
        for payload in [&b""[..], b"x"] {
            let bytes = fragments(200_000, payload);
            let mut peer = server.connect("/raw").await;
            let (began, ticks) = (Instant::now(), server.cpu_ticks());
            // It reads on for a while, and throws away.
            peer.flood(&bytes, ms(1000)).await;
            assert_eq!(peer.closed().await, (1008, "too_many_fragments".into()));
            assert!(began.elapsed() < ms(5000), "{:?}", began.elapsed());
            eprintln!("    {} ticks of CPU", server.cpu_ticks() - ticks);
        }
        let beside = witness.watch(ms(200)).await;
        gone(&server, 1).await;
        let grown = server.memory() - memory;
        assert!(grown <= 2 * MIB, "{grown} bytes more");
        beside.not_much_worse_than(&before, 10);
        over(server, witness).await;
    });
}

#[test]
fn r30_two_hundred_thousand_fragments_that_are_allowed() {
    let _turn = turn();
    run(PATIENCE, async {
        let server = Server::start("patient");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let memory = server.memory();
        for payload in [&b""[..], b"x"] {
            let mut peer = server.connect("/raw").await;
            peer.send_bytes(&fragments(200_000, payload)).await;
            assert_eq!(peer.recv().await, Got::Binary(payload.repeat(200_000)));
            peer.close(1000).await;
            assert_eq!(peer.expect_close().await, 1000);
        }
        // What a fragment costs besides its bytes would be megabytes by now.
        let grown = server.most_memory() - memory;
        let beside = witness.beside().await;
        eprintln!("    {} KiB more at most", grown >> 10);
        assert!(grown <= 3 * MIB, "{grown} bytes more");
        beside.not_much_worse_than(&before, 10);
        gone(&server, 1).await;
        over(server, witness).await;
    });
}

#[test]
fn b07_memory_is_for_what_arrives_not_for_what_is_declared() {
    let _turn = turn();
    run(PATIENCE, async {
        let declared = [&[0x82, 0xFF][..], &(256u64 << 20).to_be_bytes(), &MASK].concat();
        for (profile, is_allowed) in [("default", false), ("patient", true)] {
            let server = Server::start(profile);
            let witness = Witness::new(&server);
            let before = witness.watch(ms(400)).await;
            let memory = server.memory();
            let mut peers = Vec::new();
            for _ in 0..200 {
                let mut peer = server.connect("/ws").await;
                // Of what is declared, this much comes.
                peer.send_bytes(&[&declared[..], &[0x55; 1000]].concat()).await;
                peers.push(peer);
            }
            if !is_allowed {
                for peer in &mut peers {
                    assert_eq!(peer.closed().await, (1009, "frame_too_big".into()));
                }
            }
            let beside = witness.watch(ms(200)).await;
            let grown = server.most_memory() - memory;
            eprintln!("    200 × 256 MiB declared, allowed {is_allowed}: {} KiB more", grown >> 10);
            assert!(grown <= 4 * MIB, "{grown} bytes more");
            beside.not_much_worse_than(&before, 10);
            drop(peers);
            gone(&server, 1).await;
            over(server, witness).await;
        }
    });
}

#[test]
fn b13_a_hundred_thousand_pings_whose_pongs_are_never_read() {
    let _turn = turn();
    run(PATIENCE, async {
        let server = Server::start("patient");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let memory = server.memory();
        let mut peer = server.connect_narrow("/ws").await;
        let pings = masked(0x89, &[b'p'; 125], MASK).repeat(100_000);
        let began = Instant::now();
        // Either all of them are taken, or the server gives up on a client that reads nothing.
        peer.flood(&pings, ms(4000)).await;
        let numbers = server.until(Duration::from_secs(8), |numbers| numbers.connections == 1).await;
        let (elapsed, grown) = (began.elapsed(), server.most_memory() - memory);
        let beside = witness.beside().await;
        eprintln!("    gone after {elapsed:?}, {} KiB more", grown >> 10);
        assert_eq!(numbers.slow_consumers, 1, "{numbers:?}");
        assert!(grown <= 2 * MIB, "{grown} bytes more");
        beside.not_much_worse_than(&before, 10);
        drop(peer);
        over(server, witness).await;
    });
}

#[test]
fn r31_sixty_slow_heads_and_sixty_half_messages() {
    let _turn = turn();
    run(PATIENCE, async {
        let server = Server::start("hasty");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let (descriptors, memory) = (server.descriptors(), server.memory());
        let mut heads: Vec<Box<dyn Stream>> = Vec::new();
        for at in 0..60 {
            let mut stream = server.stream().await;
            stream.write_all(&b"GET /ws HTTP/1.1\r\nHost: test.example\r\nX: "[..at % 41]).await.unwrap();
            heads.push(Box::new(stream));
        }
        let mut halves = Vec::new();
        for at in 0..60 {
            let mut peer = server.connect("/ws").await;
            let bytes = [masked(0x01, b"{\"event\":", MASK), masked(0x00, &[b' '; 200], MASK)].concat();
            peer.send_bytes(&bytes[..1 + at * 3]).await;
            halves.push(peer);
        }
        let began = Instant::now();
        // A byte now and then of a head is no excuse; of a message it is progress.
        for _ in 0..4 {
            for head in &mut heads {
                let _ = head.write_all(b"x").await;
            }
            // A good client is served meanwhile.
            let mut good = server.connect("/ws").await;
            assert_eq!(good.request(WELL).await, WELL);
            tokio::time::sleep(ms(50)).await;
        }
        for peer in &mut halves {
            assert_eq!(peer.closed().await, (1008, "drip".into()));
        }
        for head in &mut heads {
            read_to_end(head, Duration::from_secs(2)).await;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        gone(&server, 1).await;
        let beside = witness.beside().await;
        drop((heads, halves));
        server.until(Duration::from_secs(3), |_| server.descriptors() <= descriptors + 2).await;
        assert!(server.memory() - memory <= 4 * MIB);
        beside.not_much_worse_than(&before, 10);
        over(server, witness).await;
    });
}

/// The members of a room, who all read.
struct Members {
    late: Rc<RefCell<Vec<Duration>>>,
    tasks: JoinSet<()>,
    heard: Rc<Cell<usize>>,
}

impl Members {
    /// Each of them expects so many drops, so many times: all of them, and in order.
    fn listen(peers: Vec<Peer>, drops: u64, times: usize) -> Members {
        let mut members = Members { late: Rc::default(), tasks: JoinSet::new(), heard: Rc::default() };
        for mut peer in peers {
            let (late, heard) = (members.late.clone(), members.heard.clone());
            members.tasks.spawn_local(async move {
                for n in (0..times).flat_map(|_| 0..drops) {
                    let text = peer.text().await;
                    let (number, at_us) = dropped(&text).unwrap_or_else(|| panic!("{text}"));
                    assert_eq!(number, n, "a drop is lost, or out of order");
                    late.borrow_mut().push(Duration::from_micros(now_us().saturating_sub(at_us)));
                    heard.set(heard.get() + 1);
                }
                // Nobody leaves before all have heard all.
                std::future::pending::<()>().await;
            });
        }
        members
    }

    /// Waits until there were so many in all; how late they were since the last time.
    async fn heard(&mut self, count: usize) -> Times {
        while self.heard.get() < count {
            tokio::select! {
                Some(ended) = self.tasks.join_next() => ended.unwrap(),
                () = tokio::time::sleep(ms(10)) => {}
            }
        }
        Times::new(self.late.take())
    }
}

/// The number of a drop and when it was sent, without a parser: there are many.
fn dropped(text: &str) -> Option<(u64, u64)> {
    let (n, rest) = text.strip_prefix(r#"{"event":"drop","data":{"n":"#)?.split_once(r#","at_us":"#)?;
    Some((n.parse().ok()?, rest.split_once(',')?.0.parse().ok()?))
}

async fn join(peer: &mut Peer, rooms: &str) {
    assert_eq!(peer.request(&format!(r#"{{"event":"join","data":{rooms}}}"#)).await, r#"{"event":"join","data":null}"#);
}

fn pour(room: &str, count: u64, every: Duration, size: usize) -> String {
    let every = every.as_micros();
    format!(r#"{{"event":"pour","data":{{"room":"{room}","count":{count},"every_us":{every},"size":{size}}}}}"#)
}

/// R11: some of a room of 1,000 never read.
async fn never_read(stopped: usize) {
    const MEMBERS: usize = 1000;
    const DROPS: u64 = 25;
    const EVERY: Duration = ms(80);
    let mut server = Server::start("slow");
    let witness = Witness::new(&server);
    let mut publisher = server.connect("/ws").await;
    let mut peers = Vec::new();
    for _ in 0..MEMBERS {
        let mut peer = server.connect("/ws").await;
        join(&mut peer, r#"["all"]"#).await;
        peers.push(peer);
    }
    let mut members = Members::listen(peers, DROPS, 2);
    witness.times();
    publisher.send(&pour("all", DROPS, EVERY, 1024)).await;
    let before = members.heard(MEMBERS * DROPS as usize).await;
    let (witness_before, memory) = (witness.times(), server.memory());

    let mut silent = Vec::new();
    for _ in 0..stopped {
        let mut peer = server.connect_narrow("/ws").await;
        join(&mut peer, r#"["all","stopped"]"#).await;
        silent.push(peer);
    }
    witness.times();
    let began = Instant::now();
    // More than a socket takes.
    publisher.send(&pour("stopped", 12, ms(5), 64 << 10)).await;
    publisher.send(&pour("all", DROPS, EVERY, 1024)).await;
    let slow = server.until(Duration::from_secs(15), |numbers| numbers.slow_consumers == stopped as u64).await;
    let elapsed = began.elapsed();
    let beside = members.heard(2 * MEMBERS * DROPS as usize).await;
    let witness_beside = witness.beside().await;
    let grown = server.most_memory() - memory;
    eprintln!("    {stopped} stopped: closed within {elapsed:?}, {} KiB more", grown >> 10);
    assert!(slow.dropped > 0 || slow.queued_bytes == 0, "{slow:?}");
    // The queue of each and what its socket may hold, a tenth more, and what is there anyway.
    assert!(grown <= stopped as i64 * (MIB + (256 << 10)) * 11 / 10 + 4 * MIB, "{grown} bytes more");
    beside.not_much_worse_than(&before, 5);
    witness_beside.not_much_worse_than(&witness_before, 10);
    // The publisher, the witness and the members.
    gone(&server, 2 + MEMBERS as u64).await;
    assert_eq!(server.numbers().slow_consumers, stopped as u64, "nobody else");
    server.expect_well();
    drop((members, silent, publisher));
    over(server, witness).await;
}

#[test]
fn r11_one_reader_that_never_reads_beside_a_thousand_that_do() {
    let _turn = turn();
    run(PATIENCE, tokio::task::LocalSet::new().run_until(never_read(1)));
}

#[test]
fn r11_fifty_readers_that_never_read_beside_a_thousand_that_do() {
    let _turn = turn();
    run(PATIENCE, tokio::task::LocalSet::new().run_until(never_read(50)));
}

/// A client that sends as fast as it can, from threads of its own, and reads what is answered as fast.
struct Flood {
    end: Arc<AtomicBool>,
    writer: std::thread::JoinHandle<u64>,
}

impl Flood {
    fn begin(server: &Server, bytes: Vec<u8>) -> Flood {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        let request = ClientRequest::new("test.example", "/ws", [7; 16]).unwrap();
        stream.write_all(&request.encode()).unwrap();
        let mut reading = stream.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = vec![0; 256 << 10];
            while reading.read(&mut bytes).is_ok_and(|read| read > 0) {}
        });
        let end = Arc::new(AtomicBool::new(false));
        let ended = end.clone();
        stream.set_write_timeout(Some(ms(200))).unwrap();
        let writer = std::thread::spawn(move || {
            let (mut sent, mut at) = (0u64, 0);
            while !ended.load(Ordering::Relaxed) {
                match stream.write(&bytes[at..]) {
                    Ok(written) => {
                        sent += written as u64;
                        at = (at + written) % bytes.len();
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => break,
                }
            }
            let _ = stream.shutdown(std::net::Shutdown::Both);
            sent
        });
        Flood { end, writer }
    }

    fn end(self) -> u64 {
        self.end.store(true, Ordering::Relaxed);
        self.writer.join().unwrap()
    }
}

/// R12 without rate limits: the flood is taken as fast as it is handled, and the others have their share.
#[test]
fn r12_one_client_at_full_speed_beside_five_hundred() {
    let _turn = turn();
    let test = async {
        const NORMAL: u64 = 500;
        let server = Server::start("default");
        let witness = Witness::new(&server);
        let times: Rc<RefCell<Vec<Duration>>> = Rc::default();
        let mut tasks = JoinSet::new();
        for at in 0..NORMAL {
            let mut peer = server.connect("/ws").await;
            let times = times.clone();
            tasks.spawn_local(async move {
                tokio::time::sleep(ms(at)).await;
                for n in 0.. {
                    let sent = format!(r#"{{"event":"echo","data":{at},"id":{n}}}"#);
                    let began = Instant::now();
                    assert_eq!(peer.request(&sent).await, sent);
                    times.borrow_mut().push(began.elapsed());
                    tokio::time::sleep(ms(250)).await;
                }
            });
        }
        let small = masked(0x81, WELL.as_bytes(), MASK).repeat(4096);
        let large = format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(60 << 10));
        let large = masked(0x81, large.as_bytes(), MASK).repeat(8);
        tokio::time::sleep(ms(1500)).await;
        let (before, witness_before) = (Times::new(times.take()), witness.times());
        let memory = server.memory();
        for (name, bytes, size) in [("small messages", small, 36), ("messages of 60 KiB", large, 61_474)] {
            let flood = Flood::begin(&server, bytes);
            tokio::time::sleep(ms(1500)).await;
            let sent = flood.end();
            let (beside, witness_beside) = (Times::new(times.take()), witness.times());
            let grown = server.most_memory() - memory;
            eprintln!("    {name}: {} in 1.5 s, {} KiB more", sent / size, grown >> 10);
            assert!(grown <= 16 * MIB, "{grown} bytes more");
            beside.not_much_worse_than(&before, 10);
            witness_beside.not_much_worse_than(&witness_before, 10);
            assert!(tasks.try_join_next().is_none(), "one of the others has ended");
            gone(&server, 1 + NORMAL).await;
        }
        drop(tasks);
        over(server, witness).await;
    };
    run(PATIENCE, tokio::task::LocalSet::new().run_until(test));
}
