//! The places of a listener: nobody keeps those of others who come.
use crate::hub::{Handshaking, Node, max_handshakes, max_http_connections};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// After which a further one is asked to make room: one whose thread is busy does not answer.
const ANSWER: Duration = Duration::from_millis(10);

/// Who comes has a place until their first request; who stays, because an answer runs or a further request may come, has one of
/// `Limits::http_connections`. Beyond those a connection keeps the place that it came with, and is closed with its answer.
///
/// When no place is left for one more who comes, the one who has not sent a whole head for longest makes room: silence, or a
/// byte now and then, keeps nobody out.
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
    unheard: Mutex<BTreeMap<u64, Arc<Notify>>>,
    next: AtomicU64,
}

impl Places {
    pub(crate) fn new(node: &Arc<Node>) -> Places {
        let coming = Coming {
            node: node.clone(),
            free: Arc::new(Semaphore::new(max_handshakes())),
            unheard: Mutex::default(),
            next: AtomicU64::new(0),
        };
        Places { coming: Arc::new(coming), staying: Arc::new(Semaphore::new(max_http_connections(node.limits()))) }
    }

    /// A place for one who comes; somebody else's, if none is free.
    pub(super) async fn take(&self) -> io::Result<Place> {
        let free = &self.coming.free;
        let permit = match free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => loop {
                self.coming.ask_the_first();
                match tokio::time::timeout(ANSWER, free.clone().acquire_owned()).await {
                    Ok(permit) => break permit.map_err(io::Error::other)?,
                    Err(_) => continue,
                }
            },
        };
        Ok(Place::new(&self.coming, permit))
    }
}

impl Coming {
    fn ask_the_first(&self) {
        let first = self.unheard.lock().pop_first();
        if let Some((_, go)) = first {
            go.notify_one();
        }
    }
}

/// One of the places of those who come; free again when dropped.
pub(super) struct Place {
    coming: Arc<Coming>,
    number: u64,
    go: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn new(coming: &Arc<Coming>, permit: OwnedSemaphorePermit) -> Place {
        let (number, go) = (coming.next.fetch_add(1, Relaxed), Arc::new(Notify::new()));
        coming.unheard.lock().insert(number, go.clone());
        Place { coming: coming.clone(), number, go, _permit: permit }
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
}

impl Visit {
    pub(super) fn new(places: &Places, place: Place, handshaking: Option<Handshaking>) -> Visit {
        Visit {
            go: place.go.clone(),
            node: places.coming.node.clone(),
            coming: Mutex::new(Some((place, handshaking))),
            staying: places.staying.clone(),
            stay: OnceLock::new(),
        }
    }

    /// It has sent the head of a request. False when it ends with the answer to it.
    pub(super) fn heard(&self) -> bool {
        let stays = self.stay.get_or_init(|| self.staying.clone().try_acquire_owned().ok()).is_some();
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

    /// Ready when it has to go: at once where somebody else needs its place and it has not sent a whole head, and after
    /// `patience` where it ends with an answer.
    ///
    /// Polled behind the connection itself: what has come meanwhile counts.
    pub(super) async fn outstayed(&self, patience: Duration) {
        loop {
            self.go.notified().await;
            match self.stay.get() {
                Some(Some(_)) => {}
                Some(None) => return tokio::time::sleep(patience).await,
                None => {
                    // The head may stand in the socket: the driver looks before this goes on.
                    tokio::task::yield_now().await;
                    if self.stay.get().is_none() {
                        return self.node.refused("accept", "handshakes");
                    }
                }
            }
        }
    }
}
