//! Late answers: each request has exactly one end.
use crate::exception;
use crate::rig::{Path, Rig, matrix, on};
use kept::Kept;
use std::time::Duration;
use switchboard::{Ack, App, Error, Gateway, Limits};

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
    matrix(|path| async move {
        let rig = Rig::start(path, app(Limits::default())).await;
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
    matrix(|path| async move {
        let rig = Rig::start(path, app(Limits::default())).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"keep","id":5}"#).await;
        assert_eq!(exception(&peer.request(r#"{"event":"echo","data":"x","id":5}"#).await).0, "conflict");
        peer.send(r#"{"cancel":5}"#).await;
        let (code, _, id) = exception(&peer.text().await);
        assert_eq!((code.as_str(), id), ("cancelled", Some(5.into())));
        assert_eq!(peer.request(r#"{"event":"closed"}"#).await, r#"{"event":"closed","data":true}"#);
        assert_eq!(
            peer.request(r#"{"event":"echo","data":"x","id":5}"#).await,
            r#"{"event":"echo","data":"x","id":5}"#
        );
        // One that is open when its client leaves answers nobody.
        peer.send(r#"{"event":"keep","id":6}"#).await;
        peer.close(1000).await;
        peer.expect_close().await;
        drop(peer);
        rig.until(|stats| stats.connections == 0).await;
        let mut other = rig.connect().await;
        assert_eq!(other.request(r#"{"event":"closed"}"#).await, r#"{"event":"closed","data":true}"#);
    });
}

#[test]
fn they_have_a_time_and_a_number() {
    on(Path::Listen, |path| async move {
        let limits = Limits::default().late_replies(2).late_reply_timeout(Duration::from_millis(100));
        let rig = Rig::start(path, app(limits)).await;
        let mut peer = rig.connect().await;
        peer.send_all([r#"{"event":"keep","id":1}"#, r#"{"event":"keep","id":2}"#]).await;
        let (code, _, id) = exception(&peer.request(r#"{"event":"keep","id":3}"#).await);
        assert_eq!((code.as_str(), id), ("rate_limited", Some(3.into())));
        let mut ends = Vec::new();
        for _ in 0..2 {
            let (code, _, id) = exception(&peer.text().await);
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
