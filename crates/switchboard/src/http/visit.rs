//! The places of a listener: nobody keeps those of others who come.
use crate::hub::{Handshaking, max_handshakes, max_http_connections};
use crate::limits::Limits;
use parking_lot::Mutex;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Who comes has a place until their first request; who stays, because an answer runs or a further request may come, has one of
/// `Limits::http_connections`. Beyond those a connection keeps the place that it came with, and is closed with its answer.
#[derive(Clone)]
pub(crate) struct Places {
    coming: Arc<Semaphore>,
    staying: Arc<Semaphore>,
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Places {
        Places {
            coming: Arc::new(Semaphore::new(max_handshakes())),
            staying: Arc::new(Semaphore::new(max_http_connections(limits))),
        }
    }

    /// Waits for a place.
    pub(super) async fn free(&self) -> io::Result<OwnedSemaphorePermit> {
        self.coming.clone().acquire_owned().await.map_err(io::Error::other)
    }
}

/// What one HTTP connection holds until it ends or is upgraded.
pub(crate) struct Visit {
    /// Its place, and that of its address; until its first request, if it may stay.
    coming: Mutex<Option<(OwnedSemaphorePermit, Option<Handshaking>)>>,
    staying: Arc<Semaphore>,
    /// Set with the first request: `None` when it may not stay.
    stay: OnceLock<Option<OwnedSemaphorePermit>>,
    must_go: Notify,
}

impl Visit {
    pub(super) fn new(places: &Places, place: OwnedSemaphorePermit, handshaking: Option<Handshaking>) -> Visit {
        Visit {
            coming: Mutex::new(Some((place, handshaking))),
            staying: places.staying.clone(),
            stay: OnceLock::new(),
            must_go: Notify::new(),
        }
    }

    /// It has sent the head of a request. False when it ends with the answer to it.
    pub(super) fn heard(&self) -> bool {
        let stays = self.stay.get_or_init(|| self.staying.clone().try_acquire_owned().ok()).is_some();
        if stays {
            let coming = self.coming.lock().take();
            drop(coming);
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
