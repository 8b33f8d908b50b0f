//! R15 and R31: who comes, and who only seems to.
use crate::child::Server;
use crate::figures::{self, figure};
use crate::victim::WELL;
use crate::witness::{Times, Witness};
use crate::{MASK, MIB, ms, over, run, turn};
use std::cell::Cell;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use switchboard_rig::{Stream, http, masked, read_to_end};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn r31_sixty_slow_heads_and_sixty_half_messages() {
    let _turn = turn();
    run(PATIENCE, async || {
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
        let watch = server.stopwatch();
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
            assert_eq!(peer.recv_close().await, (1008, "drip".into()));
        }
        for head in &mut heads {
            read_to_end(head, Duration::from_secs(10)).await;
        }
        watch.within(Duration::from_secs(5));
        server.left_with(1).await;
        let beside = witness.beside().await;
        drop((heads, halves));
        server.until(Duration::from_secs(3), |_| server.descriptors() <= descriptors + 2).await;
        assert!(server.memory() - memory <= 4 * MIB);
        beside.not_much_worse_than(&before, 10);
        over(server, witness).await;
    });
}

/// R31: more than there are places for handshakes say nothing, or a part of a head, and there are ever more of them.
#[test]
fn r31_thousands_that_say_nothing_beside_those_who_connect() {
    let _turn = turn();
    run(PATIENCE, async || {
        let rounds = if figures::are_wanted() { 50 } else { 20 };
        let server = Server::start("default");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let (descriptors, memory) = (server.descriptors(), server.memory());
        let address = server.address;
        // Some 1,000 in a second, in bursts, from a thread of their own.
        let flooding = std::thread::spawn(move || {
            let head = b"GET /ws HTTP/1.1\r\nHost: test.example\r\nX: ";
            let mut silent: Vec<std::net::TcpStream> = Vec::new();
            for _ in 0..rounds {
                for at in 0..100 {
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    stream.set_nonblocking(true).unwrap();
                    let _ = stream.write(&head[..at % head.len()]);
                    silent.push(stream);
                }
                // A byte now and then is no excuse. Whoever came long ago is closed by now.
                for stream in silent.iter_mut().rev().take(600) {
                    let _ = stream.write(b"x");
                }
                std::thread::sleep(ms(90));
            }
            (silent, Instant::now())
        });
        let (mut connecting, mut again) = (Vec::new(), 0);
        while !flooding.is_finished() {
            let began = Instant::now();
            // Where this thread was kept from asking for longer than a client has, it is sent away, and comes again.
            while ask(address).await.is_none_or(|(status, _)| status != 101) {
                again += 1;
            }
            connecting.push(began.elapsed());
            tokio::time::sleep(ms(2)).await;
        }
        assert!(again <= connecting.len() / 10 + 2, "sent away {again} times of {}", connecting.len());
        let (silent, last) = flooding.join().unwrap();
        let beside = witness.beside().await;
        let open = server.descriptors().saturating_sub(descriptors);
        assert!(open <= 512 + 16, "{open} descriptors");
        let grown = server.most_memory() - memory;
        let connecting = Times::new(connecting);
        eprintln!("    {} silent, {} KiB more; who connects: {connecting}", silent.len(), grown >> 10);
        figure(
            "R31",
            "a client that connects while 1,000 a second come that say nothing: p99",
            connecting.at(0.99).as_secs_f64(),
            "s",
            1.0,
        );
        assert!(connecting.at(0.99) <= ms(1000));
        assert!(grown <= 16 * MIB, "{grown} bytes more");
        beside.not_much_worse_than(&before, 10);
        if figures::are_wanted() {
            server.until(Duration::from_secs(15), |_| server.descriptors() <= descriptors + 2).await;
            figure("R31", "5,000 that say nothing: the last one is gone", last.elapsed().as_secs_f64(), "s", 10.5);
        }
        drop(silent);
        server.until(Duration::from_secs(5), |_| server.descriptors() <= descriptors + 2).await;
        over(server, witness).await;
    });
}

/// R15: at most so many, whoever is sent away is told so at once, and a place is free as soon as its client is gone.
#[test]
fn r15_a_crowd_at_a_full_house() {
    let _turn = turn();
    run(PATIENCE, async || {
        const MOST: usize = 1000;
        let server = Server::start("thousand");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let descriptors = server.descriptors();
        let (mut held, _) = crowd(&server, 2000, 256).await;
        // The witness is one of them.
        assert_eq!(held.len(), MOST - 1);
        let watch = server.stopwatch();
        let (more, refused) = crowd(&server, 4000, 64).await;
        let most = watch.stretch(ms(1000));
        assert_eq!((more.len(), refused.count()), (0, 4000));
        let mut free = Vec::new();
        for _ in 0..20 {
            drop(held.pop());
            let gone = server.stopwatch();
            let again = loop {
                match come(server.address).await {
                    (101, _, stream) => break stream,
                    _ => gone.within(ms(5000)),
                }
            };
            held.push(again);
            free.push(gone.served());
        }
        let free = Times::new(free);
        eprintln!("    sent away: {refused}; a place again: {free}");
        figure("R15", "sent away from a full node, 64 at once: p99", refused.at(0.99).as_secs_f64() * 1e3, "ms", 100.0);
        figure("R15", "a place is free again: p99", free.at(0.99).as_secs_f64() * 1e3, "ms", 100.0);
        assert!(refused.at(0.99) <= most && free.at(0.5) <= ms(100), "at most {most:?}");
        let beside = witness.beside().await;
        beside.not_much_worse_than(&before, 20);
        drop(held);
        server.until(Duration::from_secs(5), |_| server.descriptors() <= descriptors + 2).await;
        over(server, witness).await;
    });
}

/// So many ask for an upgrade, some at once. The streams of those who got it, and how long it took to send away the others.
async fn crowd(server: &Server, count: usize, at_once: usize) -> (Vec<Box<dyn Stream>>, Times) {
    let next = Rc::new(Cell::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (next, address) = (next.clone(), server.address);
        tasks.spawn_local(async move {
            let (mut held, mut refused) = (Vec::new(), Vec::new());
            while next.replace(next.get() + 1) < count {
                match come(address).await {
                    (101, _, stream) => held.push(stream),
                    (503, elapsed, _) => refused.push(elapsed),
                    (other, ..) => panic!("{other}"),
                }
            }
            (held, refused)
        });
    }
    let (mut held, mut refused) = (Vec::new(), Times::default());
    while let Some(ended) = tasks.join_next().await {
        let (more, times) = ended.unwrap();
        held.extend(more);
        refused.add(Times::new(times));
    }
    (held, refused)
}

/// Asks for an upgrade. The status, how long it took, and the stream; who is sent away is told when to come back.
async fn come(address: SocketAddr) -> (u16, Duration, Box<dyn Stream>) {
    let began = Instant::now();
    let (status, stream) = ask(address).await.expect("an answer");
    (status, began.elapsed(), stream)
}

/// The same. `None`: the connection ended without an answer.
async fn ask(address: SocketAddr) -> Option<(u16, Box<dyn Stream>)> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let request = switchboard_rig::upgrade_request("/ws");
    let answer = http(&mut stream, &request).await?;
    assert!(answer.status == 101 || answer.header("retry-after").is_some());
    Some((answer.status, stream))
}
