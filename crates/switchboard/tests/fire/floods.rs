//! R12: one sends as fast as it can.
use crate::child::Server;
use crate::figures::{self, figure};
use crate::victim::WELL;
use crate::witness::{Times, Witness};
use crate::{MASK, MIB, ms, over, run, turn};
use std::cell::RefCell;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use switchboard_rig::masked;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

const PATIENCE: Duration = Duration::from_secs(60);

/// A client that sends as fast as it can, from threads of its own, and reads what is answered as fast.
struct Flood {
    end: Arc<AtomicBool>,
    writer: std::thread::JoinHandle<u64>,
    /// When the server's last word had come, and what it was.
    reader: std::thread::JoinHandle<(Instant, Vec<u8>)>,
}

impl Flood {
    /// `rate`: bytes a second at the most.
    fn begin(server: &Server, path: &str, bytes: Arc<Vec<u8>>, rate: Option<u64>) -> Flood {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        stream.write_all(&switchboard_rig::upgrade_request(path)).unwrap();
        let mut reading = stream.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            let (mut bytes, mut last) = (vec![0; 256 << 10], (Instant::now(), Vec::new()));
            while let Ok(read @ 1..) = reading.read(&mut bytes) {
                last = (Instant::now(), bytes[read.saturating_sub(64)..read].to_vec());
            }
            last
        });
        let end = Arc::new(AtomicBool::new(false));
        let ended = end.clone();
        stream.set_write_timeout(Some(ms(200))).unwrap();
        let writer = std::thread::spawn(move || {
            let (mut sent, mut at, began) = (0u64, 0, Instant::now());
            while !ended.load(Ordering::Relaxed) {
                if rate.is_some_and(|rate| sent as f64 > rate as f64 * began.elapsed().as_secs_f64()) {
                    std::thread::sleep(ms(1));
                    continue;
                }
                let piece = if rate.is_some() { bytes.len().min(at + (256 << 10)) } else { bytes.len() };
                match stream.write(&bytes[at..piece]) {
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
        Flood { end, writer, reader }
    }

    /// Ends it. How many bytes it has sent.
    fn end(self) -> u64 {
        self.end.store(true, Ordering::Relaxed);
        self.writer.join().unwrap()
    }

    /// Waits until the server ends it. When that was, and what it said last.
    async fn ended(self) -> (Instant, Vec<u8>) {
        while !self.writer.is_finished() {
            tokio::time::sleep(ms(5)).await;
        }
        self.writer.join().unwrap();
        self.reader.join().unwrap()
    }
}

/// How often each of the others asks.
const PERIOD: Duration = ms(250);

/// Five hundred clients that ask four times a second, each.
struct Normal {
    times: Rc<RefCell<Vec<Duration>>>,
    tasks: JoinSet<()>,
}

impl Normal {
    const COUNT: u64 = 500;

    async fn connect(server: &Server) -> Normal {
        let mut normal = Normal { times: Rc::default(), tasks: JoinSet::new() };
        let began = tokio::time::Instant::now();
        for at in 0..Normal::COUNT {
            let mut peer = server.connect("/ws").await;
            let times = normal.times.clone();
            // Each keeps its place in the quarter of a second, whatever befalls it: who came late together would come together
            // from then on, which is dearer.
            let mut asks = tokio::time::interval_at(began + PERIOD + PERIOD * at as u32 / Normal::COUNT as u32, PERIOD);
            asks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            normal.tasks.spawn_local(async move {
                for n in 0.. {
                    asks.tick().await;
                    let sent = format!(r#"{{"event":"echo","data":{at},"id":{n}}}"#);
                    let began = Instant::now();
                    assert_eq!(peer.request(&sent).await, sent);
                    times.borrow_mut().push(began.elapsed());
                }
            });
        }
        normal
    }

    /// How long their answers took since the last call. All of them are there.
    #[track_caller]
    fn times(&mut self) -> Times {
        assert!(self.tasks.try_join_next().is_none(), "one of them has ended");
        Times::new(self.times.take())
    }
}

/// A server whose others all ask.
async fn scene() -> (Server, Witness, Normal) {
    let server = Server::start("default");
    let witness = Witness::new(&server);
    let normal = Normal::connect(&server).await;
    tokio::time::sleep(ms(1500)).await;
    (server, witness, normal)
}

/// Small messages, and messages of 60 KiB: what is sent again and again, and the size of one.
fn floods() -> [(&'static str, Arc<Vec<u8>>, u64); 2] {
    let small = masked(0x81, WELL.as_bytes(), MASK);
    let large = masked(0x81, format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(60 << 10)).as_bytes(), MASK);
    [("small messages", small, 4096), ("messages of 60 KiB", large, 8)]
        .map(|(name, one, count)| (name, Arc::new(one.repeat(count)), one.len() as u64))
}

/// R12: floods are told so and closed, and come again, and the others do not notice.
#[test]
fn r12_floods_that_are_limited_beside_five_hundred() {
    let _turn = turn();
    let test = async || {
        let (server, witness, mut normal) = scene().await;
        let memory = server.memory();
        let floods = floods();
        let [mut before, mut beside, mut witness_before, mut witness_beside] =
            std::array::from_fn(|_| Times::default());
        let mut slowest = Duration::ZERO;
        // Both are told of the whole time, of which the floods are a part.
        let span = ms(if figures::are_wanted() { 10_000 } else { 2500 });
        for _ in 0..2 {
            drop((normal.times(), witness.times()));
            tokio::time::sleep(span).await;
            before.add(normal.times());
            witness_before.add(witness.times());
            let flooding = Instant::now();
            // 50,000 messages, and 200 MB, in a second; behind its close, too, until the server ends it.
            let floods = [(0, 50_000), (1, 200_000_000 / floods[1].2)]
                .map(|(at, rate)| Flood::begin(&server, "/limited", floods[at].1.clone(), Some(rate * floods[at].2)));
            for flood in floods {
                let (at, last) = flood.ended().await;
                assert!(last.windows(2).any(|two| two == 4003u16.to_be_bytes()), "not told why: {last:?}");
                slowest = slowest.max(at - flooding);
            }
            tokio::time::sleep(span.saturating_sub(flooding.elapsed())).await;
            beside.add(normal.times());
            witness_beside.add(witness.times());
        }
        let grown = server.most_memory() - memory;
        eprintln!("    the slowest close after {slowest:?}, {} KiB more", grown >> 10);
        figure("R12", "floods with the rates of `public()`: time to their close", slowest.as_secs_f64(), "s", 2.0);
        let who = "500 others in ten seconds, in the first of which two floods come";
        figures::beside("R12", who, "ten seconds without", &before, &beside, 1.3);
        figure("R12", "floods with the rates of `public()`: memory", grown as f64 / MIB as f64, "MiB", 16.0);
        assert!(slowest <= ms(2000), "{slowest:?}");
        assert!(grown <= 16 * MIB, "{grown} bytes more");
        beside.not_much_worse_than(&before, 10);
        witness_beside.not_much_worse_than(&witness_before, 10);
        server.left_with(1 + Normal::COUNT).await;
        drop(normal);
        over(server, witness).await;
    };
    run(PATIENCE, test);
}

/// R12 without rate limits: the flood is taken as fast as it is handled, and the others have their share.
#[test]
fn r12_one_client_at_full_speed_beside_five_hundred() {
    let _turn = turn();
    let test = async || {
        let (server, witness, mut normal) = scene().await;
        let (before, witness_before) = (normal.times(), witness.times());
        let memory = server.memory();
        for (name, bytes, size) in floods() {
            let flood = Flood::begin(&server, "/ws", bytes, None);
            tokio::time::sleep(ms(1500)).await;
            let sent = flood.end();
            let (beside, witness_beside) = (normal.times(), witness.times());
            let grown = server.most_memory() - memory;
            eprintln!("    {name}: {} in 1.5 s, {} KiB more", sent / size, grown >> 10);
            assert!(grown <= 16 * MIB, "{grown} bytes more");
            beside.not_much_worse_than(&before, 10);
            witness_beside.not_much_worse_than(&witness_before, 10);
            server.left_with(1 + Normal::COUNT).await;
        }
        drop(normal);
        over(server, witness).await;
    };
    run(PATIENCE, test);
}
