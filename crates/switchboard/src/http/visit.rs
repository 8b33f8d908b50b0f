//! The places of a listener: nobody keeps them all.
use crate::hub::{Handshaking, max_handshakes};
use parking_lot::Mutex;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// All HTTP connections have a place; those that stay after their first request may have half of them. The others are closed
/// with their answer, so that places become free for those who come.
pub(super) struct Places {
    all: Arc<Semaphore>,
    staying: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new() -> Places {
        let most = max_handshakes();
        Places { all: Arc::new(Semaphore::new(most)), staying: Arc::new(Semaphore::new(most / 2)) }
    }

    /// Waits for a place.
    pub(super) async fn free(&self) -> io::Result<OwnedSemaphorePermit> {
        self.all.clone().acquire_owned().await.map_err(io::Error::other)
    }
}

/// What one HTTP connection holds until it ends or is upgraded.
pub(crate) struct Visit {
    _place: OwnedSemaphorePermit,
    /// Of its address; until its first request, if it may stay.
    handshaking: Mutex<Option<Handshaking>>,
    staying: Arc<Semaphore>,
    /// Set with the first request: `None` when it may not stay.
    stay: OnceLock<Option<OwnedSemaphorePermit>>,
    must_go: Notify,
}

impl Visit {
    pub(super) fn new(places: &Places, place: OwnedSemaphorePermit, handshaking: Option<Handshaking>) -> Visit {
        Visit {
            _place: place,
            handshaking: Mutex::new(handshaking),
            staying: places.staying.clone(),
            stay: OnceLock::new(),
            must_go: Notify::new(),
        }
    }

    /// It has sent the head of a request. False when it ends with the answer to it.
    pub(super) fn heard(&self) -> bool {
        let stays = self.stay.get_or_init(|| self.staying.clone().try_acquire_owned().ok()).is_some();
        if stays {
            drop(self.handshaking.lock().take());
        } else {
            self.must_go.notify_one();
        }
        stays
    }

    /// Ready when it should have gone, and had as long for that as `patience`.
    pub(super) async fn outstayed(&self, patience: Duration) {
        self.must_go.notified().await;
        tokio::time::sleep(patience).await;
    }
}
