//! Many connections for a long time: most of them idle, some that ask at a steady rate, and some that come and go.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::conn::{Conn, SCRATCH};
use crate::dialect::{Dialect, Exchange};
use crate::open::{Door, exchange_all, exchange_fixed};
use crate::options::Options;
use crate::poller::Poller;
use crate::{Result, process, report, tag};

const SETTLE: Duration = Duration::from_secs(3);
/// How often the server's memory is read.
const SAMPLE: Duration = Duration::from_secs(1);
/// How often a line reports that the run continues.
const TELL: Duration = Duration::from_secs(60);
/// The slope is computed from this last part of the samples.
const SLOPE_FROM: f64 = 0.4;
/// How many of the short-lived connections are open at a time.
const STAY: usize = 100;
/// An answer that takes longer than this counts as lost.
const LOST: Duration = Duration::from_secs(20);

/// Opens all, looks at them idle for `--warmup`, then asks on some of them for `--secs`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let pid = options.pid.ok_or("crowd needs --pid")?;
    if options.active == 0 || options.active > options.connections {
        return Err("--active are some of the --connections".into());
    }
    let before = (process::resident_memory(pid)?, process::private_memory(pid)?);
    let Exchange { mut request, answer, .. } = options.dialect.echo(&options.text, 1);
    let door = Door::new(options, b'e', answer.length());
    let mut poller = Poller::new()?;
    let mut opened = door.open_all(&mut poller, options.connections)?;
    let first = |key: usize| tag::encode(key as u8, key as u32);
    exchange_all(
        &mut opened,
        &mut poller,
        |conn, poller| {
            let tag = first(conn.key);
            conn.send(poller, request.tagged(1, || tag))
        },
        |key, bytes| match answer.tag_of(bytes) {
            Some(tag) if tag == first(key) => Ok(answer.length()),
            Some(_) => Err(format!("connection {key} was answered what another one sent")),
            None => Ok(0),
        },
    )?;
    if options.dialect != Dialect::Raw {
        exchange_fixed(&mut opened, &mut poller, &options.dialect.join())?;
    }
    let mut crowd = Crowd {
        conns: opened.into_iter().map(|conn| Some(Lane { conn, sent: VecDeque::new(), next: 1, due: 1 })).collect(),
        poller,
        scratch: vec![0; SCRATCH],
        latencies: Histogram::default(),
        answered: 0,
        closed: 0,
        why: None,
    };
    crowd.attend(SETTLE, &answer)?;
    let count = options.connections as f64;
    let after = (process::resident_memory(pid)?, process::private_memory(pid)?);
    report("resident_bytes_per_connection", after.0.saturating_sub(before.0) as f64 / count);
    report("private_bytes_per_connection", after.1.saturating_sub(before.1) as f64 / count);

    let used = process::cpu_time(pid)?;
    let begun = Instant::now();
    crowd.attend(options.warmup, &answer)?;
    report("idle_cores", (process::cpu_time(pid)? - used).as_secs_f64() / begun.elapsed().as_secs_f64());

    let churn = Churn::begin(options, &door)?;
    let (begun, used) = (Instant::now(), process::cpu_time(pid)?);
    let every = Duration::from_secs_f64(1.0 / options.rate.max(1) as f64);
    let (mut asked, mut at) = (0u32, 0);
    let mut samples: Vec<(f64, f64)> = Vec::new();
    let mut told = begun;
    loop {
        let now = begun.elapsed();
        if now >= options.secs {
            break;
        }
        while every * asked <= now {
            asked += 1;
            at = (at + 1) % options.active;
            let key = at;
            crowd.ask(key, |lane| {
                let tag = tag::encode(key as u8, lane.next);
                request.tagged(1, || tag).to_vec()
            });
        }
        if now >= SAMPLE * samples.len() as u32 {
            samples.push((now.as_secs_f64(), process::resident_memory(pid)? as f64));
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            let resident = samples.last().map_or(0.0, |(_, bytes)| bytes / 1048576.0);
            let (answered, closed) = (crowd.answered, crowd.closed);
            eprintln!("bench-load: {} s, {resident:.1} MiB, {answered} answers, {closed} closes", now.as_secs());
        }
        let until_next = (every * asked).saturating_sub(begun.elapsed()).min(Duration::from_millis(50));
        crowd.turn(until_next, &answer)?;
    }
    let (elapsed, used) = (begun.elapsed(), process::cpu_time(pid)? - used);
    crowd.attend(Duration::from_secs(1), &answer)?;
    let (opened, failed) = churn.end();
    let lost = crowd.conns.iter().flatten().flat_map(|lane| &lane.sent).count();
    let late = samples.split_off((samples.len() as f64 * SLOPE_FROM) as usize);
    report("asked", f64::from(asked));
    report("answered", crowd.answered as f64);
    report("lost", lost as f64);
    report("p50_us", crowd.latencies.at(0.5));
    report("p99_us", crowd.latencies.at(0.99));
    report("max_us", crowd.latencies.at(1.0));
    report("busy_cores", used.as_secs_f64() / elapsed.as_secs_f64());
    report("resident_mib", late.last().map_or(0.0, |(_, bytes)| bytes / 1048576.0));
    report("mib_per_minute", slope(&late) * 60.0 / 1048576.0);
    report("came_and_went", opened as f64);
    report("unexpected_closes", (crowd.closed + failed.len()) as f64);
    for why in crowd.why.iter().chain(failed.first()) {
        eprintln!("bench-load: {why}");
    }
    Ok(())
}

struct Lane {
    conn: Conn,
    /// When each unanswered request was sent.
    sent: VecDeque<Instant>,
    /// The number of the next request, and of the next answer.
    next: u32,
    due: u32,
}

struct Crowd {
    /// `None`: it was closed.
    conns: Vec<Option<Lane>>,
    poller: Poller,
    scratch: Vec<u8>,
    latencies: Histogram,
    answered: u64,
    closed: usize,
    why: Option<String>,
}

impl Crowd {
    /// Answers pings for a while.
    fn attend(&mut self, time: Duration, answer: &tag::Incoming) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.turn((time - begun.elapsed().min(time)).min(Duration::from_millis(100)), answer)?;
        }
        Ok(())
    }

    fn ask(&mut self, key: usize, request: impl FnOnce(&Lane) -> Vec<u8>) {
        let Some(lane) = &mut self.conns[key] else { return };
        let bytes = request(lane);
        lane.sent.push_back(Instant::now());
        lane.next += 1;
        if let Err(why) = lane.conn.send(&self.poller, &bytes) {
            self.lose(key, why);
        }
    }

    fn lose(&mut self, key: usize, why: String) {
        // Its descriptor is closed, and no longer watched.
        self.conns[key] = None;
        self.closed += 1;
        self.why.get_or_insert(format!("connection {key}: {why}"));
    }

    /// Waits for something to read, and reads it.
    fn turn(&mut self, at_most: Duration, answer: &tag::Incoming) -> Result<()> {
        for index in 0..self.poller.wait(at_most)? {
            let (key, writable) = self.poller.ready(index);
            let Some(lane) = &mut self.conns[key] else { continue };
            let Lane { conn, sent, due, .. } = lane;
            let (latencies, answered) = (&mut self.latencies, &mut self.answered);
            let flushed = if writable { conn.flush(&self.poller) } else { Ok(()) };
            let received = flushed.and_then(|()| {
                conn.receive(&self.poller, &mut self.scratch, |bytes| {
                    let Some(tag) = answer.tag_of(bytes) else { return Ok(0) };
                    let Some(at) = sent.pop_front() else { return Err("an answer to nothing".into()) };
                    if tag != tag::encode(key as u8, *due) {
                        return Err(format!("answered {:?}, and {due} was due", tag::decode(tag)));
                    }
                    *due += 1;
                    *answered += 1;
                    latencies.count(at.elapsed());
                    Ok(answer.length())
                })
            });
            let is_late = sent.front().is_some_and(|at| at.elapsed() > LOST);
            if let Err(why) = received {
                self.lose(key, why);
            } else if is_late {
                self.lose(key, "a request was not answered".into());
            }
        }
        Ok(())
    }
}

/// Connections that come and go, on a thread of their own.
struct Churn {
    end: Arc<AtomicBool>,
    opened: Arc<AtomicU64>,
    failed: Arc<Mutex<Vec<String>>>,
    thread: thread::JoinHandle<()>,
}

impl Churn {
    fn begin(options: &Options, door: &Door) -> Result<Churn> {
        let door = door.clone();
        let (end, opened, failed) = (Arc::default(), Arc::default(), Arc::default());
        let mut churn = Churn { end, opened, failed, thread: thread::spawn(|| ()) };
        let (end, opened, failed) = (churn.end.clone(), churn.opened.clone(), churn.failed.clone());
        let (rate, dialect) = (options.churn, options.dialect);
        churn.thread = thread::spawn(move || {
            if rate == 0 {
                return;
            }
            let begun = Instant::now();
            let mut there = VecDeque::new();
            for count in 0u32.. {
                let due = Duration::from_secs(1) * count / rate as u32;
                thread::sleep(due.saturating_sub(begun.elapsed()));
                if end.load(Ordering::Relaxed) {
                    return;
                }
                match come(&door, dialect) {
                    Ok(conn) => there.push_back(conn),
                    Err(why) => failed.lock().unwrap().push(why),
                }
                opened.fetch_add(1, Ordering::Relaxed);
                if there.len() > STAY {
                    there.pop_front();
                }
            }
        });
        Ok(churn)
    }

    /// How many there were, and what went wrong.
    fn end(self) -> (u64, Vec<String>) {
        self.end.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        let failed = std::mem::take(&mut *self.failed.lock().unwrap());
        (self.opened.load(Ordering::Relaxed), failed)
    }
}

/// A connection that has joined the room and has its own poller.
fn come(door: &Door, dialect: Dialect) -> Result<(Vec<Conn>, Poller)> {
    let mut poller = Poller::new()?;
    let mut conns = door.open_all(&mut poller, 1)?;
    if dialect != Dialect::Raw {
        exchange_fixed(&mut conns, &mut poller, &dialect.join())?;
    }
    Ok((conns, poller))
}

/// Times in steps of a twentieth of themselves, from a microsecond on.
#[derive(Default)]
struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

const STEP: f64 = 1.05;

impl Histogram {
    fn count(&mut self, time: Duration) {
        let micros = (time.as_secs_f64() * 1e6).max(1.0);
        let slot = (micros.ln() / STEP.ln()) as usize;
        if self.counts.len() <= slot {
            self.counts.resize(slot + 1, 0);
        }
        self.counts[slot] += 1;
        self.total += 1;
    }

    /// The time in microseconds below which this share of them is.
    fn at(&self, share: f64) -> f64 {
        let rank = (self.total as f64 * share).ceil() as u64;
        let mut sum = 0;
        let slot = self.counts.iter().position(|count| {
            sum += count;
            sum >= rank.max(1)
        });
        slot.map_or(0.0, |slot| STEP.powi(slot as i32 + 1))
    }
}

/// The slope of a line through these points, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / count, sum.1 + point.1 / count));
    let (above, below) = points
        .iter()
        .fold((0.0, 0.0), |sum, point| (sum.0 + (point.0 - x) * (point.1 - y), sum.1 + (point.0 - x) * (point.0 - x)));
    if below > 0.0 { above / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::{Histogram, slope};
    use std::time::Duration;

    #[test]
    fn a_line_has_its_slope() {
        let points: Vec<(f64, f64)> = (0..50).map(|x| (f64::from(x), 3.0 * f64::from(x) + 7.0)).collect();
        assert!((slope(&points) - 3.0).abs() < 1e-9);
        assert_eq!((slope(&points[..1]), slope(&[])), (0.0, 0.0));
    }

    #[test]
    fn shares_of_times_are_within_a_step() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|ms| histogram.count(Duration::from_millis(ms)));
        for (share, expected) in [(0.5, 500e3), (0.99, 990e3), (1.0, 1e6)] {
            let at = histogram.at(share);
            assert!((expected..expected * 1.06).contains(&at), "{share}: {at}");
        }
        assert_eq!(Histogram::default().at(0.5), 0.0);
    }
}
