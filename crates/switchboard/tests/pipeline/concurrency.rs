//! Messages of one client that are handled at a time.
use crate::exception;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::{App, Error, Gateway, GatewayLimits, HandlerDef};
use switchboard_rig::{Rig, Stack, matrix, on};
use tokio::sync::Notify;

/// Requests that wait until they are let go.
#[derive(Clone, Default)]
struct Gates(Arc<Mutex<HashMap<u64, Arc<Notify>>>>, Arc<AtomicUsize>);

impl Gates {
    fn of(&self, number: u64) -> Arc<Notify> {
        self.0.lock().unwrap().entry(number).or_default().clone()
    }

    async fn wait(&self, number: u64) -> u64 {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.of(number).notified().await;
        self.1.fetch_sub(1, Ordering::SeqCst);
        number
    }

    fn running(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }

    async fn until(&self, running: usize) {
        for _ in 0..1000 {
            if self.running() == running {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{} run, not {running}", self.running());
    }

    async fn echo(&self, text: String) -> String {
        text
    }
    async fn panics(&self, number: u64) -> Result<(), Error> {
        self.of(number).notified().await;
        panic!("a secret")
    }
}

fn request(event: &str, number: u64) -> String {
    format!(r#"{{"event":"{event}","data":{number},"id":{number}}}"#)
}
fn reply(event: &str, number: u64) -> String {
    request(event, number)
}

#[test]
fn c11_up_to_so_many_of_an_event_and_replies_as_they_are_ready() {
    matrix(|stack| async move {
        let gates = Gates::default();
        let gateway = Gateway::new(gates.clone())
            .handler("wait", HandlerDef::new(Gates::wait).concurrency(3))
            .handler("panics", HandlerDef::new(Gates::panics).concurrency(1))
            .on("one", Gates::wait)
            .on("echo", Gates::echo);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send_all((1..=5).map(|number| request("wait", number))).await;
        gates.until(3).await;
        // In order of arrival: what waits behind the fourth waits, too; acks and cancels do not.
        peer.send(r#"{"event":"echo","data":"behind"}"#).await;
        peer.expect_silence(Duration::from_millis(30)).await;
        assert_eq!(gates.running(), 3);
        gates.of(3).notify_one();
        peer.expect(&reply("wait", 3)).await;
        gates.of(4).notify_one();
        peer.expect(&reply("wait", 4)).await;
        peer.expect(r#"{"event":"echo","data":"behind"}"#).await;
        gates.until(3).await;
        // What is handled one by one runs beside them.
        peer.send_all([request("one", 10), request("one", 11)]).await;
        gates.until(4).await;
        for number in [5, 1, 10, 11, 2] {
            gates.of(number).notify_one();
            let event = if number < 10 { "wait" } else { "one" };
            peer.expect(&reply(event, number)).await;
        }
        // A panic gives its place back.
        for number in [20, 21] {
            peer.send(&request("panics", number)).await;
            gates.of(number).notify_one();
            assert_eq!(
                exception(&peer.recv_text().await),
                ("internal".into(), "Internal error".into(), Some(number.into()))
            );
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn of_a_gateway_all_its_messages_together() {
    matrix(|stack| async move {
        let gates = Gates::default();
        let gateway = Gateway::new(gates.clone()).on("wait", Gates::wait).on("other", Gates::wait).concurrency(2);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send_all([request("wait", 1), request("other", 2), request("wait", 3)]).await;
        gates.until(2).await;
        assert_eq!(exception(&peer.request(&request("wait", 1)).await).0, "conflict");
        assert_eq!(exception(&peer.request(&request("wait", 3)).await).0, "conflict", "it waits");
        peer.send(r#"{"cancel":3}"#).await;
        assert_eq!(exception(&peer.recv_text().await).0, "cancelled");
        peer.send(r#"{"cancel":1}"#).await;
        assert_eq!(exception(&peer.recv_text().await).0, "cancelled");
        gates.of(2).notify_one();
        peer.expect(&reply("other", 2)).await;
        // Another client has places of its own.
        let mut other = rig.connect().await;
        peer.send_all([request("wait", 5), request("wait", 6)]).await;
        other.send_all([request("wait", 7), request("wait", 8)]).await;
        for number in [5, 6] {
            gates.of(number).notify_one();
            peer.expect(&reply("wait", number)).await;
        }
        for number in [8, 7] {
            gates.of(number).notify_one();
            other.expect(&reply("wait", number)).await;
        }
    });
}

#[test]
fn they_time_out_each_by_itself_and_finish_when_their_client_leaves() {
    on(Stack::Listen, |stack| async move {
        let gates = Gates::default();
        let left = Arc::new(AtomicUsize::new(0));
        struct Leaves(Gates, Arc<AtomicUsize>);
        impl Leaves {
            async fn wait(&self, number: u64) -> u64 {
                self.0.wait(number).await
            }
            async fn left(&self) {
                self.1.store(10 + self.0.running(), Ordering::SeqCst);
            }
        }
        let gateway = |timeout| {
            Gateway::new(Leaves(gates.clone(), left.clone()))
                .on("wait", Leaves::wait)
                .on_disconnect(Leaves::left)
                .concurrency(8)
                .limits(GatewayLimits::default().handler_timeout(timeout))
        };
        let app = App::new()
            .gateway("/quick", gateway(Duration::from_millis(150)))
            .gateway("/ws", gateway(Duration::from_secs(20)));
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect_to("/quick").await;
        peer.send(&request("wait", 1)).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        peer.send(&request("wait", 2)).await;
        for number in [1, 2] {
            assert_eq!(exception(&peer.recv_text().await).2, Some(number.into()));
        }
        drop(peer);
        rig.expect_empty().await;
        gates.1.store(0, Ordering::SeqCst);
        let mut peer = rig.connect().await;
        peer.send_all([request("wait", 1), request("wait", 2)]).await;
        gates.until(2).await;
        left.store(0, Ordering::SeqCst);
        drop(peer);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(left.load(Ordering::SeqCst), 0, "the hook waits for the handlers");
        gates.of(1).notify_one();
        gates.of(2).notify_one();
        rig.expect_empty().await;
        assert_eq!(left.load(Ordering::SeqCst), 10, "both have finished before it");
    });
}

#[test]
fn a_concurrency_is_at_least_one() {
    let zero =
        Gateway::new(Gates::default()).handler("wait", HandlerDef::new(Gates::wait).concurrency(0)).concurrency(0);
    let error = format!("{:?}", App::new().gateway("/ws", zero).into_router().unwrap_err());
    assert!(error.contains("the concurrency of `wait` of Gates must be 1 to 1024"), "{error}");
    assert!(error.contains("the concurrency of Gates must be 1 to 1024"), "{error}");
}
