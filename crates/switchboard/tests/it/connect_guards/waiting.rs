//! Guards that do not answer: the client leaves, the time is over, the server shuts down.
use super::{WELL, answer, ask, echo, problem};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{App, Error, Handshake, Limits};
use switchboard_rig::Stopwatch;
use switchboard_rig::{Rig, each_stack, http, matrix};

/// Waits for ever, and says when it is dropped.
struct Waits {
    asked: AtomicUsize,
    dropped: Arc<AtomicUsize>,
}

struct Dropped(Arc<AtomicUsize>, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert!(!self.1, "a drop that panics");
    }
}

impl ConnectGuard for Waits {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        if upgrade.headers().contains_key("x-pass") {
            return Ok(());
        }
        let _dropped = Dropped(self.dropped.clone(), upgrade.headers().contains_key("x-panic"));
        self.asked.fetch_add(1, Ordering::SeqCst);
        pending().await
    }
}

fn waiting(limits: Limits) -> (App, Arc<Waits>) {
    let waits = Arc::new(Waits { asked: AtomicUsize::new(0), dropped: Arc::default() });
    let app = App::new().limits(limits).gateway("/ws", echo().guard(GuardDef::shared(waits.clone()).connect()));
    (app, waits)
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..1000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never");
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    matrix(|stack| async move {
        let (app, waits) = waiting(Limits::default().max_connections(Some(1)));
        let rig = Rig::start(stack, app).await;
        let mut stream = rig.stream().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &ask("/ws", &[("x-panic", "1")])).await.unwrap();
        until(|| waits.asked.load(Ordering::SeqCst) == 1).await;
        // It has the only place.
        assert_eq!(answer(&rig, "/ws", &[("x-pass", "1")]).await.status, 503);
        assert_eq!(waits.dropped.load(Ordering::SeqCst), 0);
        drop(stream);
        until(|| waits.dropped.load(Ordering::SeqCst) == 1).await;
        // Its place is free again, a moment after the guard is dropped.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut peer = rig.connect_by_request(&ask("/ws", &[("x-pass", "1")])).await;
        assert_eq!(peer.request(WELL).await, WELL);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn all_of_them_have_the_time_of_a_handshake() {
    each_stack(|stack| async move {
        let (app, waits) = waiting(Limits::default().handshake_timeout(Duration::from_millis(300)));
        let rig = Rig::start(stack, app).await;
        let watch = Stopwatch::start();
        let late = answer(&rig, "/ws", &[]).await;
        assert_eq!((problem(&late).0, problem(&late).1.as_str()), (503, "timeout"));
        assert!(late.header("retry-after").is_some());
        assert!(watch.elapsed() >= Duration::from_millis(250), "{:?}", watch.elapsed());
        watch.within(Duration::from_secs(3));
        assert_eq!(waits.dropped.load(Ordering::SeqCst), 1);
        assert_eq!(rig.handle.stats().rejected, 1);
        assert_eq!(answer(&rig, "/ws", &[("x-pass", "1")]).await.status, 101);
        rig.expect_empty().await;
    });
}

#[test]
fn a_shutdown_does_not_wait_for_them() {
    each_stack(|stack| async move {
        let (app, waits) = waiting(Limits::default());
        let rig = Rig::start(stack, app).await;
        let mut stream = rig.stream().await;
        let request = ask("/ws", &[]);
        let asked = tokio::spawn(async move { http(&mut stream, &request).await });
        until(|| waits.asked.load(Ordering::SeqCst) == 1).await;
        let watch = Stopwatch::start();
        assert_eq!(rig.handle.shutdown().await.aborted, 0);
        watch.within(Duration::from_secs(5));
        let answer = asked.await.unwrap().expect("an answer");
        assert_eq!((problem(&answer).0, problem(&answer).1.as_str()), (503, "draining"));
        assert_eq!(waits.dropped.load(Ordering::SeqCst), 1);
    });
}
