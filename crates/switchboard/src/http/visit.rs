//! The places of a listener: nobody keeps those of others who come.
use crate::node::{Handshaking, Node, max_handshakes, max_http_connections};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How long one that was asked to make room may take before the next is asked, too: a thread that is busy does not answer.
const ANSWER: Duration = Duration::from_millis(10);
/// How long each connection has for its request in any case.
const LEAST: Duration = Duration::from_millis(100);
/// How long all places must have been taken before anybody is asked …
const GRACE: Duration = Duration::from_millis(250);
/// … and the late requests, of [`LEAST`] or more, that must not have come meanwhile: many clients that come at once, or from
/// far away, make room by themselves. Quick ones say nothing of those who are asked to go.
const FEW: u64 = 64;

/// Whoever begins in this part of the time for a head needs no second timer beside hyper's, which is late by as much.
const AT_ONCE: u32 = 32;

/// Who comes has a place until their first request; who stays, because an answer runs or a further request may come, has one of
/// `Limits::http_connections`. Beyond those a connection keeps the place that it came with, and is closed with its answer.
///
/// When no place is left for one more, and those who have one say nothing, the one who came first makes room: connections
/// without a request, or with a byte of one now and then, keep nobody out.
#[derive(Clone)]
pub(crate) struct Places {
    coming: Arc<Coming>,
    staying: Arc<Semaphore>,
}

/// Those without a first request.
struct Coming {
    node: Arc<Node>,
    free: Arc<Semaphore>,
    /// How each is asked to make room, in the order in which they came. At most as many as there are places.
    unheard: Mutex<BTreeMap<u64, (Instant, Arc<Notify>)>>,
    next: AtomicU64,
    /// Who waits for a place: at most one of each listener.
    waiting: AtomicUsize,
    /// Requests that came late, in all.
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

    /// A place for one who comes; somebody else's, if none is free and none becomes free.
    pub(super) async fn take(&self, siege: &mut Siege) -> io::Result<Place> {
        let free = &self.coming.free;
        if let Ok(permit) = free.clone().try_acquire_owned() {
            // One that was just left is no end of it.
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

/// What a listener knows of the time in which it found no free place.
#[derive(Default)]
pub(super) struct Siege {
    /// When it last had to wait for a place.
    waited: Option<Instant>,
    /// Since when it has had to, or was last judged, and how many late requests there had been then.
    seen: Option<(Instant, u64)>,
    lasts: bool,
}

impl Siege {
    /// True where hardly anybody who has had a place for a while makes a request.
    fn lasts(&mut self, late: u64) -> bool {
        let now = Instant::now();
        if self.waited.is_some_and(|waited| now - waited > GRACE) {
            // That was another time.
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

/// Counts one who waits, until dropped.
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

/// One of the places of those who come; free again when dropped.
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

    /// Whether its place is still needed by another. If not, it may be asked again.
    fn must_go(&self) -> bool {
        let is_needed = self.coming.waiting.load(Relaxed) > 0;
        let mut unheard = self.coming.unheard.lock();
        if unheard.contains_key(&self.number) {
            // It was not asked.
            return false;
        }
        if !is_needed {
            unheard.insert(self.number, (self.since, self.go.clone()));
        }
        is_needed
    }

    /// It is not asked to make room any more.
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
    /// Its place, and that of its address; until its first request, if it may stay.
    coming: Mutex<Option<(Place, Option<Handshaking>)>>,
    staying: Arc<Semaphore>,
    /// Set with the first request: `None` when it may not stay.
    stay: OnceLock<Option<OwnedSemaphorePermit>>,
    node: Arc<Node>,
    /// It shall look whether it has to go.
    go: Arc<Notify>,
    /// When its first head must have come, where that is sooner than hyper would say.
    head_by: Option<Instant>,
}

impl Visit {
    pub(super) fn new(places: &Places, place: Place, handshaking: Option<Handshaking>) -> Visit {
        Visit {
            go: place.go.clone(),
            head_by: None,
            node: places.coming.node.clone(),
            coming: Mutex::new(Some((place, handshaking))),
            staying: places.staying.clone(),
            stay: OnceLock::new(),
        }
    }

    /// Its first byte has come. hyper waits for the rest of the head, for as long as `timeout`, which the wait until now may have
    /// made too long.
    pub(super) fn has_begun(&mut self, head_by: Instant, timeout: Duration) {
        let left = head_by.saturating_duration_since(Instant::now());
        self.head_by = (left + timeout / AT_ONCE < timeout).then_some(head_by);
        // It may have been asked to go, and not looked yet.
        self.go.notify_one();
    }

    pub(super) fn head_by(&self) -> Option<Instant> {
        self.head_by
    }

    /// It has sent the head of a request. False when it ends with the answer to it.
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

    /// Ready when it has to go: at once where somebody else needs its place and it has not sent a whole head, or has not by
    /// `head_by`; and after `patience` where it ends with an answer.
    ///
    /// Polled behind the connection itself: what has come meanwhile counts.
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
                    return crate::log::limited!(debug, (), "an HTTP connection was ended behind its answer");
                }
                None => {
                    // The head may stand in the socket: the driver looks before this goes on.
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

/// Ready then; never without it.
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
        // How long it takes until it lasts, looked at every ten milliseconds, with so many late requests at each look.
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
        // Nobody had to wait for a while: the next time has to be one by itself.
        advance(GRACE * 2).await;
        assert_eq!(begins(&mut siege, &mut late, 0).await, Some(GRACE));
        advance(GRACE * 2).await;
        assert_eq!(begins(&mut siege, &mut late, 3).await, None, "75 in 250 ms");
        advance(GRACE * 2).await;
        assert_eq!(begins(&mut siege, &mut late, 2).await, Some(GRACE), "50 in 250 ms");
    }
}
