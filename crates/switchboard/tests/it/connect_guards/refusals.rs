//! What a client gets when a guard refuses it, and in which order guards are asked.
use super::{Fails, WELL, answer, ask, echo, problem};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::pipeline::{Caught, ConnectGuard, Filter, GuardDef};
use switchboard::{App, Error, Ext, Gateway, Handshake, Origins};
use switchboard_rig::{RawClient, Rig, each_stack, http, masked, matrix, read_to_end, settle};
use tokio::sync::Semaphore;

#[test]
fn h1_a_refusal_is_a_real_answer_and_no_socket() {
    matrix(|stack| async move {
        let app = App::new().gateway("/ws", echo().guard(GuardDef::of(Fails).connect()));
        let rig = Rig::start(stack, app).await;
        let mut rejected = 0;
        for (code, status) in [
            ("unauthenticated", 401),
            ("forbidden", 403),
            ("not_found", 404),
            ("bad_request", 400),
            ("validation_failed", 400),
            ("rate_limited", 429),
            ("overloaded", 503),
            ("draining", 503),
            ("timeout", 503),
            ("broker_unavailable", 503),
            ("conflict", 403),
            ("no_money", 403),
            ("internal", 500),
            ("panic", 500),
        ] {
            let mut stream = rig.stream().await;
            let answer = http(&mut stream, &ask("/ws", &[("x-fail", code)])).await.expect("an answer");
            let (got, name, detail) = problem(&answer);
            assert_eq!(got, status, "{code}");
            let opaque = status == 500;
            assert_eq!(
                (name.as_str(), detail.as_str()),
                if opaque { ("internal", "Internal error") } else { (code, "No") }
            );
            assert!(!answer.body.contains("canary") && answer.body.len() < 300, "{}", answer.body);
            assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"));
            let after: Option<u64> = answer.header("retry-after").map(|after| after.parse().unwrap());
            assert_eq!(after.is_some(), matches!(status, 429 | 503), "{code}");
            assert!(after.is_none_or(|after| (1..=5).contains(&after)));
            rejected += 1;
            assert_eq!(rig.handle.stats().rejected, rejected, "{code}");
            // The same HTTP connection may try again.
            let mut peer = RawClient::connect(stream, "/ws").await;
            assert_eq!(peer.request(WELL).await, WELL);
        }
        // 403 stands for it here, unless the application says what would stand for it elsewhere.
        let chosen = answer(&rig, "/ws", &[("x-fail", "chosen")]).await;
        assert_eq!(problem(&chosen), (409, "conflict".into(), "No".into()));
        let later = answer(&rig, "/ws", &[("x-fail", "later")]).await;
        let after: u64 = later.header("retry-after").unwrap().parse().unwrap();
        assert!((62..=65).contains(&after), "{after}");
        rig.expect_empty().await;
    });
}

/// Waits until the test lets it go on, then lets in who has the ticket.
struct Gate(Arc<Semaphore>);

impl ConnectGuard for Gate {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        self.0.acquire().await.unwrap().forget();
        let has_ticket = upgrade.uri().query() == Some("ticket");
        if has_ticket { Ok(()) } else { Err(Error::unauthenticated("No ticket")) }
    }
}

#[test]
fn d19_what_is_sent_while_a_guard_is_asked_waits_for_it() {
    matrix(|stack| async move {
        let (gate, runs) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = runs.clone();
        let gateway = Gateway::functions().on_fn("n", move |n: usize| {
            let count = count.clone();
            async move {
                count.fetch_add(1, Ordering::SeqCst);
                n
            }
        });
        let gateway = gateway.guard(GuardDef::of(Gate(gate.clone())).connect());
        let rig = Rig::watched(stack, App::new().gateway("/ws", echo()).gateway("/gated", gateway)).await;
        let message = |n: usize| format!(r#"{{"event":"n","data":{n}}}"#);
        let behind: Vec<u8> = (0..20).flat_map(|n| masked(0x81, message(n).as_bytes(), [1, 2, 3, 4])).collect();
        let let_go = || async {
            for _ in 0..5 {
                settle().await;
                rig.unnoticed().await;
            }
            assert_eq!(runs.load(Ordering::SeqCst), 0, "before it is known who sent it");
            gate.add_permits(1);
        };
        // Who is refused has sent nothing that anybody handles.
        let mut stream = rig.stream().await;
        let bytes = [ask("/gated", &[]), behind.clone()].concat();
        let (refused, ()) = tokio::join!(http(&mut stream, &bytes), let_go());
        assert_eq!(problem(&refused.expect("an answer")), (401, "unauthenticated".into(), "No ticket".into()));
        read_to_end(&mut stream, Duration::from_secs(2)).await;
        let (mut peer, ()) = tokio::join!(rig.connect_early("/gated?ticket", &behind, usize::MAX), let_go());
        for n in 0..20 {
            peer.expect(&message(n)).await;
        }
        assert_eq!(runs.load(Ordering::SeqCst), 20);
        drop(peer);
        rig.expect_empty().await;
    });
}

/// Says that it was asked.
struct Noted(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl ConnectGuard for Noted {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        settle().await;
        self.1.lock().unwrap().push(self.0);
        upgrade.insert(self.0);
        if upgrade.headers().get("x-stop").is_some_and(|at| at == self.0) {
            Err(Error::forbidden("Stop"))
        } else {
            Ok(())
        }
    }
}

#[test]
fn they_are_asked_in_their_order_behind_the_checks_of_the_request() {
    matrix(|stack| async move {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = |name| GuardDef::of(Noted(name, seen.clone())).connect();
        let shared = Arc::new(Noted("shared", seen.clone()));
        let gateway = Gateway::functions()
            .on_fn("last", |last: Ext<&'static str>| async move { last.0.to_owned() })
            .guard(noted("gateway"))
            .guard(GuardDef::shared(shared.clone()).connect())
            .origins(Origins::same());
        let app = App::new().guard(noted("app")).gateway("/ws", gateway).guard(GuardDef::shared(shared).connect());
        let rig = Rig::start(stack, app).await;
        let take = || std::mem::take(&mut *seen.lock().unwrap());
        let mut peer = rig.connect().await;
        assert_eq!(take(), ["app", "shared", "gateway"], "the application's first, and each once");
        assert_eq!(peer.request(r#"{"event":"last"}"#).await, r#"{"event":"last","data":"gateway"}"#);
        assert_eq!(answer(&rig, "/ws", &[("x-stop", "shared")]).await.status, 403);
        assert_eq!(take(), ["app", "shared"], "none behind the one that refuses");
        assert_eq!(answer(&rig, "/ws", &[("Origin", "https://evil.example")]).await.status, 403);
        assert_eq!(answer(&rig, "/ws", &[("Sec-WebSocket-Version", "8")]).await.status, 400);
        assert_eq!(answer(&rig, "/nowhere", &[]).await.status, 404);
        assert_eq!(take(), [""; 0], "what is refused anyhow asks nobody");
        drop(peer);
        rig.expect_empty().await;
    });
}

struct PaymentRequired;

impl Filter for PaymentRequired {
    type Error = Error;
    fn catch(&self, error: Error, caught: &Caught<'_>) -> Error {
        assert!(caught.event().is_empty());
        match error.code().as_str() {
            "no_money" => Error::rate_limited("Pay first"),
            "conflict" => panic!("canary"),
            _ => error,
        }
    }
}

#[test]
fn filters_hear_of_them() {
    each_stack(|stack| async move {
        let gateway = echo().guard(GuardDef::of(Fails).connect());
        let rig = Rig::start(stack, App::new().filter(PaymentRequired).gateway("/ws", gateway)).await;
        let refused = answer(&rig, "/ws", &[("x-fail", "no_money")]).await;
        assert_eq!(problem(&refused), (429, "rate_limited".into(), "Pay first".into()));
        assert_eq!(problem(&answer(&rig, "/ws", &[("x-fail", "conflict")]).await).0, 500);
        assert_eq!(problem(&answer(&rig, "/ws", &[("x-fail", "forbidden")]).await).0, 403);
    });
}
