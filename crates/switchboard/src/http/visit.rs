//! The places of a listener's HTTP connections. Silent connections do not keep others out.
use crate::node::{Handshaking, Node, max_handshakes, max_http_connections};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How long a connection that was asked to make room may take before the next one is asked, too: its thread may be busy.
const ANSWER: Duration = Duration::from_millis(10);
/// The time that each connection has for its request in any case.
const LEAST: Duration = Duration::from_millis(100);
/// How long all places must have been taken before a connection is asked to make room.
const GRACE: Duration = Duration::from_millis(250);
/// If this many late requests came in that time, no connection is asked: many clients that come at once, or from far away, make
/// room by themselves. A request is late if its connection is [`LEAST`] old or more. Earlier ones say nothing of the connections
/// that would be asked.
const FEW: u64 = 64;

/// If the first byte comes within this fraction (1/32) of the time for a head, hyper's timer, which starts then, is late by no
/// more than that: no second timer is needed.
const AT_ONCE: u32 = 32;

/// A connection has a place among the handshakes until its first request. From then on, while it is answered or may send a
/// further request, it has one of `Limits::http_connections`. If none is free, it keeps its first place, and is closed after its
/// answer.
///
/// When all places are taken and the connections that have them stay silent, the oldest one makes room for a new one. So
/// connections without a request, or with a byte of one now and then, do not keep others out.
#[derive(Clone)]
pub(crate) struct Places {
    coming: Arc<Coming>,
    staying: Arc<Semaphore>,
}

/// The connections without a first request.
struct Coming {
    node: Arc<Node>,
    free: Arc<Semaphore>,
    /// How each connection is asked to make room, in the order in which they came. At most as many as there are places.
    unheard: Mutex<BTreeMap<u64, (Instant, Arc<Notify>)>>,
    next: AtomicU64,
    /// How many connections wait for a place: at most one of each listener.
    waiting: AtomicUsize,
    /// All late requests so far, see [`FEW`].
    late: AtomicU64,
}

impl Places {
    pub(crate) fn new(node: &Arc<Node>) -> Places {
        let coming = Coming {
            node: node.clone(),
            free: Arc::new(Semaphore::new(max_handshakes())),
            unheard: Mutex::default(),
            next: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            late: AtomicU64::new(0),
        };
        Places { coming: Arc::new(coming), staying: Arc::new(Semaphore::new(max_http_connections(node.limits()))) }
    }

    /// A place for a new connection. If none is free, and none becomes free by itself, one of a silent connection.
    pub(super) async fn take(&self, siege: &mut Siege) -> io::Result<Place> {
        let free = &self.coming.free;
        if let Ok(permit) = free.clone().try_acquire_owned() {
            // A few places that became free do not end the siege.
            if free.available_permits() >= max_handshakes() / 8 {
                *siege = Siege::default();
            }
            return Ok(Place::new(&self.coming, permit));
        }
        let _waiting = Waiting::new(&self.coming.waiting);
        loop {
            if siege.lasts(self.coming.late.load(Relaxed)) {
                self.coming.ask_the_first();
            }
            if let Ok(permit) = tokio::time::timeout(ANSWER, free.clone().acquire_owned()).await {
                return Ok(Place::new(&self.coming, permit.map_err(io::Error::other)?));
            }
        }
    }
}

/// What a listener knows of a siege: a time in which it found no free place.
#[derive(Default)]
pub(super) struct Siege {
    /// When it last had to wait for a place.
    waited: Option<Instant>,
    /// When the siege began, or was last judged, and how many late requests there had been then.
    seen: Option<(Instant, u64)>,
    lasts: bool,
}

impl Siege {
    /// True if hardly any connection that has had a place for a while makes a request. `late`: all late requests so far.
    fn lasts(&mut self, late: u64) -> bool {
        let now = Instant::now();
        if self.waited.is_some_and(|waited| now - waited > GRACE) {
            // The last wait belongs to an earlier siege.
            *self = Siege::default();
        }
        self.waited = Some(now);
        let (since, before) = *self.seen.get_or_insert((now, late));
        if now - since >= GRACE {
            self.lasts = late.wrapping_sub(before) < FEW;
            self.seen = Some((now, late));
        }
        self.lasts
    }
}

/// Counts a connection that waits for a place, until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn new(count: &AtomicUsize) -> Waiting<'_> {
        count.fetch_add(1, Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Coming {
    /// Asks the oldest silent connection to make room, if it is at least [`LEAST`] old.
    fn ask_the_first(&self) {
        let first = {
            let mut unheard = self.unheard.lock();
            let is_old = |(since, _): &(Instant, _)| since.elapsed() >= LEAST;
            unheard.first_entry().filter(|entry| is_old(entry.get())).map(|entry| entry.remove())
        };
        if let Some((_, go)) = first {
            go.notify_one();
        }
    }
}

/// A place among the handshakes; free again when dropped.
pub(super) struct Place {
    coming: Arc<Coming>,
    number: u64,
    since: Instant,
    go: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn new(coming: &Arc<Coming>, permit: OwnedSemaphorePermit) -> Place {
        let (number, since, go) = (coming.next.fetch_add(1, Relaxed), Instant::now(), Arc::new(Notify::new()));
        coming.unheard.lock().insert(number, (since, go.clone()));
        Place { coming: coming.clone(), number, since, go, _permit: permit }
    }

    /// Whether the connection was asked to make room, and its place is still needed. If it is not needed, the connection may be
    /// asked again.
    fn must_go(&self) -> bool {
        let is_needed = self.coming.waiting.load(Relaxed) > 0;
        let mut unheard = self.coming.unheard.lock();
        if unheard.contains_key(&self.number) {
            // The connection was not asked.
            return false;
        }
        if !is_needed {
            unheard.insert(self.number, (self.since, self.go.clone()));
        }
        is_needed
    }

    /// The connection has made a request, and is not asked to make room any more.
    fn is_heard(&self) {
        self.coming.unheard.lock().remove(&self.number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_heard();
    }
}

/// What one HTTP connection holds until it ends or is upgraded.
pub(crate) struct Visit {
    /// Its place, and that of its address. It holds both until its first request, if it may stay then, else to its end.
    coming: Mutex<Option<(Place, Option<Handshaking>)>>,
    staying: Arc<Semaphore>,
    /// Set with the first request: `None` when it may not stay.
    stay: OnceLock<Option<OwnedSemaphorePermit>>,
    node: Arc<Node>,
    /// Notified when the connection has to check whether it must go.
    go: Arc<Notify>,
    /// By when its first head must have come, if that is earlier than hyper's timer.
    head_by: Option<Instant>,
    /// How many polls of sessions are parked on it.
    parked: AtomicUsize,
    /// Notified when the last of them is answered.
    unparked: Notify,
}

/// A poll that is parked on an HTTP connection, until dropped.
#[cfg(feature = "socketio")]
pub(super) struct Parked(Arc<Visit>);

#[cfg(feature = "socketio")]
impl Drop for Parked {
    fn drop(&mut self) {
        if self.0.parked.fetch_sub(1, Relaxed) == 1 {
            self.0.unparked.notify_one();
        }
    }
}

impl Visit {
    /// A poll is parked on the connection. It belongs to a session, which has a place among the node's connections. So the
    /// connection gives back its place among the handshakes, and is not ended before the poll is answered.
    #[cfg(feature = "socketio")]
    pub(super) fn park(self: &Arc<Self>) -> Parked {
        self.parked.fetch_add(1, Relaxed);
        let coming = self.coming.lock().take();
        drop(coming);
        Parked(self.clone())
    }

    pub(super) fn new(places: &Places, place: Place, handshaking: Option<Handshaking>) -> Visit {
        Visit {
            go: place.go.clone(),
            head_by: None,
            parked: AtomicUsize::new(0),
            unparked: Notify::new(),
            node: places.coming.node.clone(),
            coming: Mutex::new(Some((place, handshaking))),
            staying: places.staying.clone(),
            stay: OnceLock::new(),
        }
    }

    /// Its first byte has come, and hyper now waits up to `timeout` for the head. If the wait for the byte took long, `head_by`
    /// remains the deadline.
    pub(super) fn has_begun(&mut self, head_by: Instant, timeout: Duration) {
        let left = head_by.saturating_duration_since(Instant::now());
        self.head_by = (left + timeout / AT_ONCE < timeout).then_some(head_by);
        // It may have been asked to go, and not checked yet.
        self.go.notify_one();
    }

    pub(super) fn head_by(&self) -> Option<Instant> {
        self.head_by
    }

    /// It has sent the head of a request. False if it ends after the answer to that.
    pub(super) fn heard(&self) -> bool {
        let stays = self.stay.get_or_init(|| {
            if let Some((place, _)) = &*self.coming.lock()
                && place.since.elapsed() >= LEAST
            {
                place.coming.late.fetch_add(1, Relaxed);
            }
            self.staying.clone().try_acquire_owned().ok()
        });
        let stays = stays.is_some();
        if stays {
            let coming = self.coming.lock().take();
            drop(coming);
        } else {
            if let Some((place, _)) = &*self.coming.lock() {
                place.is_heard();
            }
            self.go.notify_one();
        }
        stays
    }

    /// Ready when the connection has to go: its place is needed and it has not sent a whole head; it has not sent one by
    /// `head_by`; or it may not stay, and `patience` is over since its request.
    ///
    /// Polled after the connection itself, so that what has come meanwhile counts.
    pub(super) async fn outstayed(&self, patience: Duration, head_by: Option<Instant>) {
        loop {
            tokio::select! {
                biased;
                () = self.go.notified() => {}
                () = until(head_by) => {
                    if self.stay.get().is_none() {
                        return crate::log::limited!(debug, (), "an HTTP connection has made no request in time");
                    }
                    self.go.notified().await;
                }
            }
            match self.stay.get() {
                Some(Some(_)) => {}
                Some(None) => {
                    tokio::time::sleep(patience).await;
                    while self.parked.load(Relaxed) > 0 {
                        self.unparked.notified().await;
                        tokio::time::sleep(patience).await;
                    }
                    return crate::log::limited!(debug, (), "an HTTP connection was ended behind its answer");
                }
                None => {
                    // The head may be in the socket already. The yield lets the I/O driver run, and the connection read it.
                    tokio::task::yield_now().await;
                    if self.stay.get().is_none()
                        && self.coming.lock().as_ref().is_some_and(|(place, _)| place.must_go())
                    {
                        crate::log::limited!(debug, (), "an HTTP connection was ended for others");
                        return self.node.refused("accept", "handshakes");
                    }
                }
            }
        }
    }
}

/// Ready at that time; without one, never.
async fn until(then: Option<Instant>) {
    match then {
        Some(then) => tokio::time::sleep_until(then).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_siege_is_a_time_without_late_requests() {
        let mut siege = Siege::default();
        let step = Duration::from_millis(10);
        // How long it takes until the siege lasts, checked every ten milliseconds, with `more` late requests between two checks.
        async fn begins(siege: &mut Siege, late: &mut u64, more: u64) -> Option<Duration> {
            let began = Instant::now();
            for _ in 0..100 {
                if siege.lasts(*late) {
                    return Some(began.elapsed());
                }
                *late += more;
                advance(Duration::from_millis(10)).await;
            }
            None
        }
        let mut late = 0;
        assert_eq!(begins(&mut siege, &mut late, 0).await, Some(GRACE));
        advance(step).await;
        assert!(siege.lasts(late), "it goes on");
        // No connection had to wait for a while, so a new siege has to last by itself.
        advance(GRACE * 2).await;
        assert_eq!(begins(&mut siege, &mut late, 0).await, Some(GRACE));
        advance(GRACE * 2).await;
        assert_eq!(begins(&mut siege, &mut late, 3).await, None, "75 in 250 ms");
        advance(GRACE * 2).await;
        assert_eq!(begins(&mut siege, &mut late, 2).await, Some(GRACE), "50 in 250 ms");
    }
}
