//! What leaves is bounded, in every kind of frame: `Limits::max_message_out`, of the gateway whose client gets it.
use serde_json::{Value, json};
use std::time::Duration;
use switchboard::{Ack, App, Client, Error, Gateway, GatewayLimits, Limits};
use switchboard_rig::{Got, Offer, RawClient, Rig, Stack, each_stack, on};

const SMALL: usize = 400;
const LARGE: usize = 100_000;

struct Speaker;

impl Speaker {
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    async fn fail(&self, len: usize) -> Result<(), Error> {
        Err(Error::conflict("x".repeat(len)))
    }
    async fn fail_as(&self, len: usize) -> Result<(), Error> {
        Err(Error::new("y".repeat(len), "by another name"))
    }
    async fn fail_late(&self, len: usize, ack: Ack<()>) {
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            let _ = ack.fail(Error::conflict("x".repeat(len)));
        });
    }
    async fn leave(&self, len: usize, client: &Client) {
        client.close(switchboard::Close::new(switchboard::close::CloseCode::new(4001).unwrap(), "r".repeat(len)));
    }
}

fn speaker(limits: Option<usize>) -> Gateway<Speaker> {
    let gateway = Gateway::new(Speaker)
        .on("join", Speaker::join)
        .on("fail", Speaker::fail)
        .on("fail_as", Speaker::fail_as)
        .on("fail_late", Speaker::fail_late)
        .on("leave", Speaker::leave)
        .on_join(
            |_: &Speaker, _: &Client, room: &str| {
                if room.starts_with('!') { Err(Error::forbidden("z".repeat(5000))) } else { Ok(()) }
            },
        );
    match limits {
        Some(most) => gateway.limits(GatewayLimits::default().max_message_out(most)),
        None => gateway,
    }
}

/// The application's limit is between those of its gateways.
fn app() -> App {
    App::new()
        .limits(Limits::default().max_message_out(2000))
        .gateway("/ws", speaker(None))
        .gateway("/small", speaker(Some(SMALL)))
        .gateway("/large", speaker(Some(LARGE)))
}

async fn joined(rig: &Rig, path: &str) -> RawClient {
    let mut peer = rig.connect_to(path).await;
    assert_eq!(peer.request(r#"{"event":"join","data":"all","id":1}"#).await, r#"{"event":"join","data":null,"id":1}"#);
    peer
}

#[test]
fn d18_a_broadcast_is_held_against_the_limit_of_each_members_gateway() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let server = rig.handle.server();
        let (mut middle, mut small, mut large) =
            (joined(&rig, "/ws").await, joined(&rig, "/small").await, joined(&rig, "/large").await);
        let mut packed = rig.connect_with(Offer::to("/small").protocols(&["switchboard.v1.msgpack"])).await;
        // {"event":"join","data":"all"}
        packed.send_frame(switchboard_core::ws::Opcode::Binary, true, b"\x82\xa5event\xa4join\xa4data\xa3all").await;
        rig_members(&rig, 4).await;
        let before = rig.handle.stats().dropped;
        let of = |len: usize| "b".repeat(len);
        let delivery = server.broadcast_to("all", "e", of(1500));
        assert_eq!((delivery.queued, delivery.dropped, delivery.refused), (2, 2, false), "{stack:?}");
        let delivery = server.broadcast_to("all", "e", of(50_000));
        assert_eq!((delivery.queued, delivery.dropped, delivery.refused), (1, 3, false), "{stack:?}");
        let delivery = server.broadcast("e", of(50_000));
        assert_eq!((delivery.queued, delivery.dropped, delivery.refused), (1, 3, false), "to all, {stack:?}");
        assert_eq!(rig.handle.stats().dropped, before + 8, "what is not sent is counted");
        let delivery = server.broadcast_to("all", "e", of(LARGE));
        assert!(delivery.refused && delivery.queued == 0, "nobody may have it: {delivery:?}");
        assert_eq!(server.broadcast_to("all", "last", ()).queued, 4);
        let last = r#"{"event":"last","data":null}"#;
        small.expect(last).await;
        let event = |len: usize| format!(r#"{{"event":"e","data":"{}"}}"#, of(len));
        middle.expect(&event(1500)).await;
        middle.expect(last).await;
        for len in [1500, 50_000, 50_000] {
            large.expect(&event(len)).await;
        }
        large.expect(last).await;
    });
}

async fn rig_members(rig: &Rig, count: usize) {
    for _ in 0..400 {
        if rig.handle.stats().memberships == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", rig.handle.stats());
}

/// The limit is of the payload: the header of the frame is none of it.
#[test]
fn d18_an_event_of_the_limit_passes_and_one_byte_more_does_not() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::start(stack, app()).await;
        let mut small = joined(&rig, "/small").await;
        let room = SMALL - r#"{"event":"e","data":""}"#.len();
        let server = rig.handle.server();
        let client = server.local().clients_in("all").remove(0);
        assert_eq!(server.broadcast_to("all", "e", "b".repeat(room)).queued, 1);
        assert_eq!(server.broadcast_to("all", "e", "b".repeat(room + 1)).dropped, 1);
        assert_eq!(client.emit("e", "b".repeat(room)).queued, 1);
        assert!(client.emit("e", "b".repeat(room + 1)).refused);
        for _ in 0..2 {
            assert_eq!(small.recv_text().await.len(), SMALL);
        }
    });
}

#[test]
fn d18_a_request_to_many_is_held_against_the_limit_of_each() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::start(stack, app()).await;
        let (mut small, mut large) = (joined(&rig, "/small").await, joined(&rig, "/large").await);
        let server = rig.handle.server();
        let asked = server.to("all").emit_with_ack::<u64>("q", "b".repeat(50_000), Duration::from_secs(5));
        let answering = async {
            let question: Value = serde_json::from_str(&large.recv_text().await).unwrap();
            large.send(&json!({"ack": question["ack"], "data": 7}).to_string()).await;
        };
        let (answers, ()) = tokio::join!(asked, answering);
        assert_eq!(answers.answered.len(), 1, "{answers:?}");
        assert_eq!(answers.answered[0].1, 7);
        assert_eq!(answers.failed.len(), 1);
        assert_eq!(answers.failed[0].1.code().as_str(), "payload_too_large");
        server.broadcast_to("all", "last", ());
        small.expect(r#"{"event":"last","data":null}"#).await;
    });
}

#[test]
fn d18_an_error_is_no_longer_than_a_message() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let mut small = rig.connect_to("/small").await;
        for (event, len, code) in [
            ("fail", 10, "conflict"),
            ("fail", 20 << 20, "conflict"),
            ("fail_late", 10, "conflict"),
            ("fail_late", 1 << 20, "conflict"),
            ("fail_as", 1 << 20, "internal"),
        ] {
            let answer = small.request(&format!(r#"{{"event":"{event}","data":{len},"id":"a"}}"#)).await;
            assert!(answer.len() <= SMALL, "{event} {len}: {} bytes", answer.len());
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!((&answer["event"], &answer["id"]), (&json!("exception"), &json!("a")), "{event} {len}");
            assert_eq!(answer["data"]["code"], code, "{event} {len}");
        }
        // A join that nobody awaits.
        let client = { joined(&rig, "/small").await };
        let there = rig.handle.server().local().clients_in("all").remove(0);
        drop(there.join("!"));
        let mut client = client;
        let answer = client.recv_text().await;
        assert!(answer.len() <= SMALL && answer.contains("forbidden"), "{} bytes", answer.len());
    });
}

/// Where not even a short error fits, nobody waits for an answer that does not come.
#[test]
fn d18_an_error_that_cannot_be_said_closes_the_connection_and_is_counted() {
    on(Stack::Listen, |stack| async move {
        let app = App::new().gateway("/ws", speaker(Some(40)));
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"fail","data":10,"id":1}"#).await;
        assert_eq!(peer.recv().await, Got::Close(Some((1011, "internal".into()))));
        assert_eq!(rig.handle.stats().dropped, 2, "the error, and the goodbye");
    });
}

#[test]
fn d18_a_goodbye_that_is_too_long_is_counted_and_the_close_frame_says_it() {
    on(Stack::Listen, |stack| async move {
        let app = App::new().gateway("/ws", speaker(Some(150)));
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"leave","data":120}"#).await;
        assert_eq!(peer.recv().await, Got::Close(Some((4001, "r".repeat(120)))));
        assert_eq!(rig.handle.stats().dropped, 1);
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"leave","data":5}"#).await;
        assert!(matches!(peer.recv().await, Got::Text(text) if text.contains("sys.goaway")));
        assert_eq!(peer.skip_until_close().await, 4001);
    });
}
