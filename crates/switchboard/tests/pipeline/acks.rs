//! Late answers: each request has exactly one end.
use crate::exception;
use kept::Kept;
use std::time::Duration;
use switchboard::pipeline::{Call, Interceptor, Next};
use switchboard::{Ack, App, Error, Gateway, GatewayLimits, Limits, Reply};
use switchboard_rig::{Rig, Stack, matrix, on};

/// Acks that were kept by a handler.
mod kept {
    use std::sync::Mutex;
    use switchboard::Ack;

    #[derive(Default)]
    pub(super) struct Kept(Mutex<Vec<Ack<String>>>);
    impl Kept {
        pub(super) fn push(&self, ack: Ack<String>) {
            self.0.lock().unwrap().push(ack);
        }
        pub(super) fn pop(&self) -> Option<Ack<String>> {
            self.0.lock().unwrap().pop()
        }
        pub(super) fn clear(&self) {
            let acks = std::mem::take(&mut *self.0.lock().unwrap());
            drop(acks);
        }
    }
}

#[derive(Default)]
struct Jobs {
    kept: Kept,
}

impl Jobs {
    async fn now(&self, ack: Ack<u8>) -> Result<(), Error> {
        ack.send(1)
    }
    async fn spawned(&self, text: String, ack: Ack<String>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            ack.send(text).unwrap();
        });
    }
    async fn spawned_unit(&self, ack: Ack<()>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            ack.send(()).unwrap();
        });
    }
    async fn fails_later(&self, ack: Ack<u8>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            ack.fail(Error::conflict("later")).unwrap();
        });
    }
    async fn fails(&self, _ack: Ack<u8>) -> Result<(), Error> {
        Err(Error::conflict("at once"))
    }
    async fn answers_and_fails(&self, ack: Ack<u8>) -> Result<(), Error> {
        ack.send(1)?;
        Err(Error::conflict("too late"))
    }
    async fn drops(&self, _ack: Ack<u8>) {}
    async fn drops_later(&self, ack: Ack<u8>) {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(ack);
        });
    }
    async fn panics(&self, _ack: Ack<u8>) {
        panic!("a secret");
    }
    async fn keep(&self, ack: Ack<String>) {
        self.kept.push(ack);
    }
    async fn closed(&self) -> Option<bool> {
        let ack = self.kept.pop()?;
        let closed = ack.is_closed();
        let refused = ack.send("x".into()).is_err();
        assert_eq!(closed, refused);
        Some(closed)
    }
    async fn clear(&self) {
        self.kept.clear();
    }
    async fn echo(&self, text: String) -> String {
        text
    }
}

fn app(limits: Limits) -> App {
    let jobs = Gateway::new(Jobs::default())
        .on("now", Jobs::now)
        .on("spawned", Jobs::spawned)
        .on("spawned_unit", Jobs::spawned_unit)
        .on("fails_later", Jobs::fails_later)
        .on("fails", Jobs::fails)
        .on("answers_and_fails", Jobs::answers_and_fails)
        .on("drops", Jobs::drops)
        .on("drops_later", Jobs::drops_later)
        .on("panics", Jobs::panics)
        .on("keep", Jobs::keep)
        .on("closed", Jobs::closed)
        .on("clear", Jobs::clear)
        .on("echo", Jobs::echo);
    App::new().limits(limits).gateway("/ws", jobs)
}

#[test]
fn d5_every_request_has_one_end_whoever_gives_it() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app(Limits::default())).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(r#"{"event":"now","id":1}"#).await, r#"{"event":"now","data":1,"id":1}"#);
        assert_eq!(peer.request(r#"{"event":"now"}"#).await, r#"{"event":"now","data":1}"#);
        // The next message does not wait.
        peer.send_all([r#"{"event":"spawned","data":"late","id":"a"}"#, r#"{"event":"echo","data":"first"}"#]).await;
        peer.expect(r#"{"event":"echo","data":"first"}"#).await;
        peer.expect(r#"{"event":"spawned","data":"late","id":"a"}"#).await;
        for (event, code) in [
            ("fails_later", "conflict"),
            ("fails", "conflict"),
            ("drops", "internal"),
            ("drops_later", "internal"),
            ("panics", "internal"),
        ] {
            let answer = peer.request(&format!(r#"{{"event":"{event}","id":9}}"#)).await;
            let (told, _, id) = exception(&answer);
            assert_eq!((told.as_str(), id), (code, Some(9.into())), "{event}");
            peer.send(r#"{"event":"echo","data":"next"}"#).await;
            peer.expect(r#"{"event":"echo","data":"next"}"#).await;
        }
        peer.send_all([r#"{"event":"answers_and_fails","id":2}"#, r#"{"event":"echo","data":"end"}"#]).await;
        peer.expect(r#"{"event":"answers_and_fails","data":1,"id":2}"#).await;
        peer.expect(r#"{"event":"echo","data":"end"}"#).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_request_that_waits_has_an_id_that_is_taken_and_can_be_cancelled() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"keep","id":5}"#).await;
        assert_eq!(exception(&peer.request(r#"{"event":"echo","data":"x","id":5}"#).await).0, "conflict");
        peer.send(r#"{"cancel":5}"#).await;
        let (code, _, id) = exception(&peer.recv_text().await);
        assert_eq!((code.as_str(), id), ("cancelled", Some(5.into())));
        assert_eq!(peer.request(r#"{"event":"closed"}"#).await, r#"{"event":"closed","data":true}"#);
        assert_eq!(
            peer.request(r#"{"event":"echo","data":"x","id":5}"#).await,
            r#"{"event":"echo","data":"x","id":5}"#
        );
        // One that is open when its client leaves answers nobody.
        peer.send(r#"{"event":"keep","id":6}"#).await;
        peer.close(1000).await;
        peer.skip_until_close().await;
        drop(peer);
        rig.until(|stats| stats.connections == 0).await;
        let mut other = rig.connect().await;
        assert_eq!(other.request(r#"{"event":"closed"}"#).await, r#"{"event":"closed","data":true}"#);
    });
}

#[test]
fn they_have_a_time_and_a_number() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().deferred_replies(2).deferred_reply_timeout(Duration::from_millis(100));
        let rig = Rig::start(stack, app(limits)).await;
        let mut peer = rig.connect().await;
        peer.send_all([r#"{"event":"keep","id":1}"#, r#"{"event":"keep","id":2}"#]).await;
        let (code, _, id) = exception(&peer.request(r#"{"event":"keep","id":3}"#).await);
        assert_eq!((code.as_str(), id), ("rate_limited", Some(3.into())));
        let mut ends = Vec::new();
        for _ in 0..2 {
            let (code, _, id) = exception(&peer.recv_text().await);
            assert_eq!(code, "timeout");
            ends.push(id.unwrap());
        }
        ends.sort_by_key(|id| id.as_u64());
        assert_eq!(ends, [1, 2]);
        peer.send(r#"{"event":"clear"}"#).await;
        peer.expect_silence(Duration::from_millis(50)).await;
        assert_eq!(peer.request(r#"{"event":"now","id":1}"#).await, r#"{"event":"now","data":1,"id":1}"#);
    });
}

/// A value that cannot be sent.
struct Panics;
impl serde::Serialize for Panics {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("a secret")
    }
}

#[derive(Default)]
struct Behind {
    kept: Kept,
}

impl Behind {
    /// The ack comes first, so that it is there when the payload does not fit.
    async fn typed(&self, ack: Ack<u32>, number: u32) -> Result<(), Error> {
        ack.send(number)
    }
    async fn keep_and_wait(&self, ack: Ack<String>) {
        self.kept.push(ack);
        std::future::pending().await
    }
    async fn answer(&self) -> bool {
        self.kept.pop().is_some_and(|ack| ack.send("late".into()).is_ok())
    }
    async fn value_panics(&self, ack: Ack<Panics>) {
        let _ = ack.send(Panics);
    }
    async fn later_panics(&self, ack: Ack<Panics>) {
        tokio::spawn(async move {
            let _ = ack.send(Panics);
        });
    }
    async fn closes(&self, ack: Ack<u8>) -> Result<(), Error> {
        ack.send(1)?;
        Err(Error::forbidden("Go").closing(switchboard::close::CloseCode::POLICY))
    }
    async fn unit(&self, ack: Ack<()>) -> Result<(), Error> {
        ack.send(())
    }
}

struct Impatient;
impl Interceptor for Impatient {
    async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
        if call.event() != "impatient" {
            return next.run().await;
        }
        let waited = tokio::time::timeout(Duration::from_millis(20), next.run()).await;
        waited.unwrap_or_else(|_| Ok(Reply::value("busy")))
    }
}

#[test]
fn behind_interceptors_and_with_payloads_that_do_not_fit_there_is_one_end_too() {
    for interceptors in [false, true] {
        matrix(move |stack| async move {
            let behind = Gateway::new(Behind::default())
                .on("typed", Behind::typed)
                .on("keep", Behind::keep_and_wait)
                .on("impatient", Behind::keep_and_wait)
                .on("answer", Behind::answer)
                .on("value_panics", Behind::value_panics)
                .on("later_panics", Behind::later_panics)
                .on("closes", Behind::closes)
                .on("unit", Behind::unit)
                .concurrency(4)
                .limits(GatewayLimits::default().deferred_replies(8));
            let behind = if interceptors { behind.interceptor(Impatient) } else { behind };
            let rig = Rig::start(stack, App::new().gateway("/ws", behind)).await;
            let mut peer = rig.connect().await;
            // None of these keeps a place.
            for id in 0..20 {
                let answer = peer.request(&format!(r#"{{"event":"typed","data":"x","id":{id}}}"#)).await;
                assert_eq!(exception(&answer).0, "validation_failed");
            }
            peer.expect_request(r#"{"event":"typed","data":7,"id":1}"#, r#"{"event":"typed","data":7,"id":1}"#).await;
            for _ in 0..20 {
                peer.send(r#"{"event":"keep","id":"k"}"#).await;
                peer.send(r#"{"cancel":"k"}"#).await;
                assert_eq!(exception(&peer.recv_text().await).0, "cancelled");
                peer.expect_request(r#"{"event":"answer"}"#, r#"{"event":"answer","data":false}"#).await;
            }
            for event in ["value_panics", "later_panics"] {
                let answer = peer.request(&format!(r#"{{"event":"{event}","id":3}}"#)).await;
                assert_eq!(exception(&answer), ("internal".into(), "Internal error".into(), Some(3.into())));
            }
            peer.expect_request(r#"{"event":"unit","id":4}"#, r#"{"event":"unit","data":null,"id":4}"#).await;
            if interceptors {
                let busy = r#"{"event":"impatient","data":"busy","id":5}"#;
                peer.expect_request(r#"{"event":"impatient","id":5}"#, busy).await;
                peer.expect_request(r#"{"event":"answer"}"#, r#"{"event":"answer","data":false}"#).await;
            }
            peer.send(r#"{"event":"unit"}"#).await;
            peer.expect_request(r#"{"event":"closes","id":6}"#, r#"{"event":"closes","data":1,"id":6}"#).await;
            assert!(peer.recv_text().await.contains("sys.goaway"));
            assert_eq!(peer.skip_until_close().await, 1008);
            drop(peer);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn a_shutdown_waits_for_them_and_then_tells_them() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send_all([r#"{"event":"spawned","data":"in time","id":1}"#]).await;
        rig.until(|stats| stats.connections == 1).await;
        peer.expect_request(r#"{"event":"echo","data":"x"}"#, r#"{"event":"echo","data":"x"}"#).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        peer.expect(r#"{"event":"spawned","data":"in time","id":1}"#).await;
        assert!(peer.recv_text().await.contains("sys.goaway"));
        assert_eq!(peer.skip_until_close().await, 1001);
        drop(peer);
        shutdown.await.unwrap();
        // Nobody is told of an empty answer to a message without an id: it is over all the same.
        let rig = Rig::start(stack, app(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send_all([r#"{"event":"spawned_unit"}"#, r#"{"event":"echo","data":"x"}"#]).await;
        peer.expect(r#"{"event":"echo","data":"x"}"#).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        assert!(peer.recv_text().await.contains("sys.goaway"));
        assert_eq!(peer.skip_until_close().await, 1001);
        drop(peer);
        shutdown.await.unwrap();
        let rig = Rig::start(stack, app(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"keep","id":2}"#).await;
        peer.expect_request(r#"{"event":"echo","data":"x"}"#, r#"{"event":"echo","data":"x"}"#).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown_within(Duration::from_millis(100)).await });
        let (code, _, id) = exception(&peer.recv_text().await);
        assert_eq!((code.as_str(), id), ("draining", Some(2.into())));
        drop(peer);
        shutdown.await.unwrap();
    });
}
