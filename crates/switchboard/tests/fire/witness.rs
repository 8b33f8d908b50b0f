//! The connection that must not notice.
use crate::child::Server;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use switchboard_rig::Rig;

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

/// Runs on a thread of its own, so that what the test does cannot delay it. Says what went wrong.
fn witness(shared: &Shared, address: SocketAddr) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let watched = AssertUnwindSafe(|| runtime.block_on(ask(shared, address)));
    catch_unwind(watched).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(text.unwrap_or("the client panicked").to_owned())
    })
}

async fn ask(shared: &Shared, address: SocketAddr) -> Result<(), String> {
    let mut client = Rig::elsewhere(address).connect().await;
    client.send(r#"{"event":"join","data":["ticks"]}"#).await;
    let mut tick = None;
    for number in 0u64.. {
        if shared.end.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sent = format!(r#"{{"event":"echo","data":"witness {number}","id":{number}}}"#);
        let started = Instant::now();
        client.send(&sent).await;
        loop {
            let text = client.recv_text().await;
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
                return Err(format!("tick {n} came after tick {tick:?}"));
            }
            tick = Some(n);
        }
        shared.times.lock().unwrap().push(started.elapsed());
        tokio::time::sleep(PACE).await;
    }
    Ok(())
}
