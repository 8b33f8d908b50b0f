//! The connection that must not notice.
use crate::child::Server;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use switchboard_core::ws::handshake::ClientRequest;
use switchboard_core::ws::{Decoder, FrameLimits, Item, Opcode, Role, write_frame};

/// How often it asks.
const PACE: Duration = Duration::from_millis(2);
/// Fewer answers say nothing.
const FEW: usize = 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// A client on a thread of its own. It asks and is answered, one request after the other, and gets the server's ticks: all of
/// them, in order.
pub(crate) struct Witness {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    end: AtomicBool,
    times: Mutex<Vec<Duration>>,
    wrong: Mutex<Option<String>>,
}

/// How long answers took.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

/// What [`Times::not_much_worse_than`] panics with: see [`crate::run`].
pub(crate) struct MuchWorse(pub(crate) String);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Times {
        times.sort_unstable();
        Times(times)
    }

    pub(crate) fn at(&self, share: f64) -> Duration {
        let at = (self.0.len() as f64 * share) as usize;
        self.0.get(at.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(&mut self, others: Times) {
        self.0.extend(others.0);
        self.0.sort_unstable();
    }

    /// These are not much worse than what was before. A machine with two cores that others use, too, makes everything late
    /// now and then: hence the time beside the factor, which is short against a server that stops.
    #[track_caller]
    pub(crate) fn not_much_worse_than(&self, before: &Times, factor: u32) {
        eprintln!("    before: {before}; beside the attack: {self}");
        assert!(before.count() >= 20 && self.count() >= FEW, "too few: {} and {}", before.count(), self.count());
        for (share, slack) in [(0.5, Duration::from_millis(25)), (0.99, Duration::from_millis(200))] {
            let (most, at) = (before.at(share) * factor + slack, self.at(share));
            if at > most {
                std::panic::panic_any(MuchWorse(format!("at {share}: {at:?}, and {most:?} is the most")));
            }
        }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answers, median {:?}, p99 {:?}", self.count(), self.at(0.5), self.at(0.99))
    }
}

impl Witness {
    pub(crate) fn new(server: &Server) -> Witness {
        let shared = Arc::new(Shared::default());
        let (theirs, address) = (shared.clone(), server.address);
        let thread = thread::spawn(move || {
            if let Err(wrong) = witness(&theirs, address) {
                *theirs.wrong.lock().unwrap() = Some(wrong);
            }
        });
        Witness { shared, thread: Some(thread) }
    }

    /// The times since the last call.
    pub(crate) fn times(&self) -> Times {
        Times::new(std::mem::take(&mut self.shared.times.lock().unwrap()))
    }

    /// The times since the last call, with that of the answer that is awaited now; [`FEW`] at least: some attacks are over
    /// sooner.
    pub(crate) async fn beside(&self) -> Times {
        let until = Instant::now() + PATIENCE;
        let count = || self.shared.times.lock().unwrap().len();
        let enough = FEW.max(count() + 1);
        while count() < enough && Instant::now() < until {
            tokio::time::sleep(PACE).await;
        }
        self.times()
    }

    /// What it is like for so long.
    pub(crate) async fn watch(&self, duration: Duration) -> Times {
        self.times();
        tokio::time::sleep(duration).await;
        self.times()
    }

    #[track_caller]
    pub(crate) fn expect_well(&self) {
        let wrong = self.shared.wrong.lock().unwrap();
        assert!(wrong.is_none(), "the connection beside the attack: {}", wrong.as_ref().unwrap());
        assert!(!self.thread.as_ref().unwrap().is_finished());
    }

    /// It leaves.
    #[track_caller]
    pub(crate) fn end(mut self) {
        self.expect_well();
        self.shared.end.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        let wrong = self.shared.wrong.lock().unwrap();
        assert!(wrong.is_none(), "the connection beside the attack: {}", wrong.as_ref().unwrap());
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Relaxed);
    }
}

/// Reads whole messages.
struct Reader {
    stream: TcpStream,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Reader {
    fn text(&mut self) -> Result<String, String> {
        let limits = FrameLimits::default();
        loop {
            let decoded = self.decoder.decode(&mut self.buffer, &limits).map_err(|why| why.to_string())?;
            let (consumed, item) = (decoded.consumed, decoded.item.map(Item::into_owned));
            self.buffer.drain(..consumed);
            match item {
                Some(Item::Text(text)) => return Ok(text.into_owned()),
                Some(Item::Ping(payload)) => self.send(Opcode::Pong, &payload)?,
                Some(other) => return Err(format!("{other:?}")),
                None => {
                    let mut bytes = [0; 16 << 10];
                    match self.stream.read(&mut bytes) {
                        Ok(0) => return Err("the server ended the connection".into()),
                        Ok(n) => self.buffer.extend_from_slice(&bytes[..n]),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {
                            return Err(format!("no answer within {PATIENCE:?}"));
                        }
                        Err(error) => return Err(error.to_string()),
                    }
                }
            }
        }
    }

    fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), String> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, opcode, true, payload, Some([7, 3, 9, 1]));
        self.stream.write_all(&bytes).map_err(|error| error.to_string())
    }
}

fn witness(shared: &Shared, address: SocketAddr) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = ClientRequest::new("test.example", "/ws", [7; 16]).unwrap();
    stream.write_all(&request.encode()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).map_err(|error| error.to_string())? == 0 {
            return Err("no upgrade".into());
        }
        head.push(byte[0]);
    }
    let mut reader = Reader { stream, decoder: Decoder::new(Role::Client), buffer: Vec::new() };
    reader.send(Opcode::Text, br#"{"event":"join","data":["ticks"]}"#)?;
    let mut tick = None;
    for number in 0u64.. {
        if shared.end.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sent = format!(r#"{{"event":"echo","data":"witness {number}","id":{number}}}"#);
        let started = Instant::now();
        reader.send(Opcode::Text, sent.as_bytes())?;
        loop {
            let text = reader.text()?;
            if text == sent {
                break;
            }
            if text == r#"{"event":"join","data":null}"# {
                continue;
            }
            let Some(n) = text.strip_prefix(r#"{"event":"tick","data":"#) else {
                return Err(format!("request {number}: {text}"));
            };
            let n: u64 = n.trim_end_matches('}').parse().map_err(|_| text.clone())?;
            if tick.is_some_and(|tick| n != tick + 1) {
                return Err(format!("tick {n} behind tick {tick:?}"));
            }
            tick = Some(n);
        }
        shared.times.lock().unwrap().push(started.elapsed());
        thread::sleep(PACE);
    }
    Ok(())
}
