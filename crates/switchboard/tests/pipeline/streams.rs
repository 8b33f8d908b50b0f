//! Streams of replies.
use crate::exception;
use futures_util::stream::{self, Stream, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::pipeline::{Call, Interceptor, Next};
use switchboard::{App, Error, Gateway, HandlerDef, Limits, Reply};
use switchboard_rig::{Got, Rig, Stack, matrix, on};

#[derive(Default)]
struct Numbers {
    dropped: Arc<AtomicUsize>,
}

struct CountsDrop(Arc<AtomicUsize>);
impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Numbers {
    async fn up_to(&self, most: u64) -> impl Stream<Item = u64> + use<> {
        stream::iter(1..=most)
    }
    async fn slowly(&self, most: u64) -> Result<impl Stream<Item = u64> + use<>, Error> {
        if most == 0 {
            return Err(Error::bad_request("At least one"));
        }
        Ok(stream::iter(1..=most).then(|number| async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            number
        }))
    }
    async fn fails_at(&self, at: u64) -> impl Stream<Item = Result<u64, Error>> + use<> {
        stream::iter(1..).map(move |number| if number == at { Err(Error::conflict("here")) } else { Ok(number) })
    }
    async fn panics_at(&self, at: u64) -> impl Stream<Item = u64> + use<> {
        stream::iter(1..).map(move |number| if number == at { panic!("a secret") } else { number })
    }
    async fn hangs(&self) -> impl Stream<Item = u64> + use<> {
        let guard = CountsDrop(self.dropped.clone());
        stream::once(async { 1 }).chain(stream::pending()).inspect(move |_| {
            let _ = &guard;
        })
    }
    /// Without an end, as fast as it can.
    async fn flood(&self) -> impl Stream<Item = String> + use<> {
        let guard = CountsDrop(self.dropped.clone());
        stream::iter(0_u64..).map(move |number| {
            let _ = &guard;
            format!("{number:0>1000}")
        })
    }
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn named(&self) -> impl Stream<Item = Reply> + use<> {
        stream::iter([Reply::event("other", 1), Reply::value(2), Reply::none()])
    }
}

fn gateway(numbers: Numbers) -> Gateway<Numbers> {
    Gateway::new(numbers)
        .on("up_to", Numbers::up_to)
        .on("slowly", Numbers::slowly)
        .on("fails_at", Numbers::fails_at)
        .on("panics_at", Numbers::panics_at)
        .on("hangs", Numbers::hangs)
        .on("flood", Numbers::flood)
        .on("echo", Numbers::echo)
        .on("named", Numbers::named)
}

fn app() -> App {
    App::new().gateway("/ws", gateway(Numbers::default()))
}

#[test]
fn d6_items_and_then_the_end() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"up_to","data":3,"id":1}"#).await;
        for number in 1..=3 {
            peer.expect(&format!(r#"{{"event":"up_to","data":{number},"id":1,"more":true}}"#)).await;
        }
        peer.expect(r#"{"event":"up_to","id":1,"done":true}"#).await;
        // None at all is an end, too; without an id there is nobody to tell it.
        peer.expect_request(r#"{"event":"up_to","data":0,"id":2}"#, r#"{"event":"up_to","id":2,"done":true}"#).await;
        peer.send_all([r#"{"event":"up_to","data":2}"#, r#"{"event":"echo","data":"x"}"#]).await;
        let mut got = [peer.recv_text().await, peer.recv_text().await, peer.recv_text().await];
        got.sort();
        assert_eq!(
            got,
            [r#"{"event":"echo","data":"x"}"#, r#"{"event":"up_to","data":1}"#, r#"{"event":"up_to","data":2}"#]
        );
        assert_eq!(exception(&peer.request(r#"{"event":"slowly","data":0,"id":3}"#).await).0, "bad_request");
        peer.send(r#"{"event":"named","id":4}"#).await;
        for answer in [
            r#"{"event":"other","data":1,"id":4,"more":true}"#,
            r#"{"event":"named","data":2,"id":4,"more":true}"#,
            r#"{"event":"named","data":null,"id":4,"more":true}"#,
            r#"{"event":"named","id":4,"done":true}"#,
        ] {
            peer.expect(answer).await;
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn messages_are_handled_while_a_stream_runs() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hangs","id":"s"}"#).await;
        peer.expect(r#"{"event":"hangs","data":1,"id":"s","more":true}"#).await;
        peer.expect_request(r#"{"event":"echo","data":"x","id":1}"#, r#"{"event":"echo","data":"x","id":1}"#).await;
        assert_eq!(exception(&peer.request(r#"{"event":"echo","data":"x","id":"s"}"#).await).0, "conflict");
        peer.send_all([r#"{"event":"slowly","data":20,"id":"a"}"#, r#"{"event":"slowly","data":20,"id":"b"}"#]).await;
        let mut last = [0, 0];
        for _ in 0..42 {
            let frame: serde_json::Value = serde_json::from_str(&peer.recv_text().await).unwrap();
            let which = usize::from(frame["id"] == "b");
            match frame["data"].as_u64() {
                Some(number) => assert_eq!(number, std::mem::replace(&mut last[which], number) + 1),
                None => assert_eq!((last[which], &frame["done"]), (20, &true.into())),
            }
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn it_ends_by_an_error_a_panic_a_cancel_or_a_disconnect() {
    matrix(|stack| async move {
        let numbers = Numbers::default();
        let dropped = numbers.dropped.clone();
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(numbers))).await;
        let mut peer = rig.connect().await;
        for (event, code) in [("fails_at", "conflict"), ("panics_at", "internal")] {
            peer.send(&format!(r#"{{"event":"{event}","data":3,"id":1}}"#)).await;
            for number in [1, 2] {
                peer.expect(&format!(r#"{{"event":"{event}","data":{number},"id":1,"more":true}}"#)).await;
            }
            let (told, _, id) = exception(&peer.recv_text().await);
            assert_eq!((told.as_str(), id), (code, Some(1.into())));
            peer.expect_request(r#"{"event":"echo","data":"x","id":1}"#, r#"{"event":"echo","data":"x","id":1}"#).await;
        }
        peer.send(r#"{"event":"hangs","id":"s"}"#).await;
        peer.recv_text().await;
        peer.send(r#"{"cancel":"s"}"#).await;
        assert_eq!(exception(&peer.recv_text().await).0, "cancelled");
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        peer.expect_request(r#"{"event":"echo","data":"x"}"#, r#"{"event":"echo","data":"x"}"#).await;
        peer.send(r#"{"event":"hangs","id":"s"}"#).await;
        peer.recv_text().await;
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(dropped.load(Ordering::SeqCst), 2, "a disconnect drops it");
    });
}

#[test]
fn a_flood_waits_for_its_reader_and_starves_nobody() {
    on(Stack::Listen, |stack| async move {
        let numbers = Numbers::default();
        let dropped = numbers.dropped.clone();
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(numbers))).await;
        let mut slow = rig.connect_narrow().await;
        slow.send(r#"{"event":"flood","id":"f"}"#).await;
        let mut other = rig.connect().await;
        for _ in 0..50 {
            other.expect_request(r#"{"event":"echo","data":"x"}"#, r#"{"event":"echo","data":"x"}"#).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let queued = rig.handle.stats().queued_bytes;
        let most = Limits::default().gateway.outbound_soft_bytes + (64 << 10);
        assert!(queued < most, "what waits is bounded: {queued}");
        // It goes on where it was, for as long as somebody reads; and its own connection can be spoken to.
        for number in 0..3000_u64 {
            slow.expect(&format!(r#"{{"event":"flood","data":"{number:0>1000}","id":"f","more":true}}"#)).await;
        }
        slow.send(r#"{"cancel":"f"}"#).await;
        loop {
            match slow.recv().await {
                Got::Text(text) if text.contains("exception") => break,
                Got::Text(text) => assert!(text.contains(r#""more":true"#), "{text}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn they_have_a_number_and_may_not_be_silent_for_ever() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().streams(2).stream_timeout(Duration::from_millis(100));
        let rig = Rig::start(stack, app().limits(limits)).await;
        let mut peer = rig.connect().await;
        for id in [1, 2] {
            peer.send(&format!(r#"{{"event":"hangs","id":{id}}}"#)).await;
            peer.expect(&format!(r#"{{"event":"hangs","data":1,"id":{id},"more":true}}"#)).await;
        }
        let (code, _, id) = exception(&peer.request(r#"{"event":"hangs","id":3}"#).await);
        assert_eq!((code.as_str(), id), ("rate_limited", Some(3.into())));
        for _ in 0..2 {
            assert_eq!(exception(&peer.recv_text().await).0, "timeout");
        }
        peer.expect_request(r#"{"event":"up_to","data":0,"id":1}"#, r#"{"event":"up_to","id":1,"done":true}"#).await;
    });
}

#[test]
fn behind_interceptors_and_through_a_shutdown() {
    matrix(|stack| async move {
        struct Around;
        impl Interceptor for Around {
            async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
                let reply = next.run().await?;
                assert!(reply.is_stream());
                reply.map(|_| "a stream stays what it is")
            }
        }
        let numbers = Gateway::new(Numbers::default())
            .handler("up_to", HandlerDef::new(Numbers::up_to).interceptor(Around))
            .on("hangs", Numbers::hangs);
        let rig = Rig::start(stack, App::new().gateway("/ws", numbers)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"up_to","data":1,"id":1}"#).await;
        peer.expect(r#"{"event":"up_to","data":1,"id":1,"more":true}"#).await;
        peer.expect(r#"{"event":"up_to","id":1,"done":true}"#).await;
        peer.send(r#"{"event":"hangs","id":2}"#).await;
        peer.recv_text().await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        let (code, _, id) = exception(&peer.recv_text().await);
        assert_eq!((code.as_str(), id), ("draining", Some(2.into())));
        assert!(peer.recv_text().await.contains("sys.goaway"));
        assert_eq!(peer.skip_until_close().await, 1001);
        drop(peer);
        shutdown.await.unwrap();
    });
}

#[test]
fn an_item_that_is_too_long_is_the_end() {
    on(Stack::Listen, |stack| async move {
        struct Long;
        impl Long {
            async fn grows(&self) -> impl Stream<Item = String> + use<> {
                stream::iter([1, 2000, 3]).map(|length| "x".repeat(length))
            }
        }
        let limits = Limits::default().max_message_out(1000);
        let rig =
            Rig::start(stack, App::new().limits(limits).gateway("/ws", Gateway::new(Long).on("grows", Long::grows)))
                .await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"grows","id":1}"#).await;
        peer.expect(r#"{"event":"grows","data":"x","id":1,"more":true}"#).await;
        assert_eq!(exception(&peer.recv_text().await).2, Some(1.into()));
        peer.expect_silence(Duration::from_millis(50)).await;
    });
}

#[test]
fn those_of_concurrent_handlers_have_the_same_number() {
    on(Stack::Listen, |stack| async move {
        struct Late;
        impl Late {
            async fn hangs(&self) -> impl Stream<Item = u8> + use<> {
                tokio::task::yield_now().await;
                stream::pending()
            }
        }
        let gateway = Gateway::new(Late).handler("hangs", HandlerDef::new(Late::hangs).concurrency(2));
        let rig = Rig::start(stack, App::new().limits(Limits::default().streams(3)).gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send_all((1..=5).map(|id| format!(r#"{{"event":"hangs","id":{id}}}"#))).await;
        for id in [4, 5] {
            let (code, _, refused) = exception(&peer.recv_text().await);
            assert_eq!((code.as_str(), refused), ("rate_limited", Some(id.into())));
        }
        peer.expect_silence(Duration::from_millis(30)).await;
    });
}

#[test]
fn one_that_would_begin_in_a_shutdown_does_not_keep_it() {
    on(Stack::Listen, |stack| async move {
        struct Late;
        impl Late {
            async fn hangs(&self) -> impl Stream<Item = u8> + use<> {
                tokio::time::sleep(Duration::from_millis(100)).await;
                stream::pending()
            }
        }
        let rig = Rig::start(stack, App::new().gateway("/ws", Gateway::new(Late).on("hangs", Late::hangs))).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"hangs","id":1}"#).await;
        rig.until(|stats| stats.in_flight == 1).await;
        let handle = rig.handle.clone();
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        assert_eq!(exception(&peer.recv_text().await).0, "draining");
        assert!(peer.recv_text().await.contains("sys.goaway"));
        drop(peer);
        tokio::time::timeout(Duration::from_secs(3), shutdown).await.unwrap().unwrap();
    });
}
