//! Messages, replies, rooms, broadcasts.
use serde::{Deserialize, Serialize};
use switchboard::{App, Client, ConnState, Error, Gateway, Reply};
use switchboard_rig::{Rig, matrix, untraced};

#[derive(Deserialize, Serialize)]
struct Say {
    room: String,
    text: String,
}

#[derive(Default)]
struct Chat;

impl Chat {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn slow(&self, text: String) -> String {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        text
    }
    async fn nothing(&self) {}
    async fn maybe(&self, some: bool) -> Option<u8> {
        some.then_some(1)
    }
    async fn fails(&self) -> Result<(), Error> {
        Err(Error::forbidden("No"))
    }
    async fn broken(&self) -> Result<(), std::io::Error> {
        Err(std::io::Error::other("the secret cause"))
    }
    async fn renamed(&self) -> Reply {
        Reply::event("other", 5)
    }
    async fn join(&self, room: String, client: &Client) {
        client.join(room);
    }
    async fn say(&self, client: &Client, say: Say) -> usize {
        client.broadcast_to(&say.room, "said", &say.text).queued
    }
    async fn count(&self, count: ConnState<u32>) -> u32 {
        count.with(|count| {
            *count += 1;
            *count
        })
    }
}

fn app() -> App {
    let chat = Gateway::new(Chat)
        .on("echo", Chat::echo)
        .on("slow", Chat::slow)
        .on("nothing", Chat::nothing)
        .on("maybe", Chat::maybe)
        .on("fails", Chat::fails)
        .on("broken", Chat::broken)
        .on("renamed", Chat::renamed)
        .on("join", Chat::join)
        .on("say", Chat::say)
        .on("count", Chat::count);
    App::new().gateway("/ws", chat)
}

#[test]
fn replies() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let mut peer = rig.connect().await;
        for (sent, expected) in [
            (r#"{"event":"echo","data":"hi"}"#, r#"{"event":"echo","data":"hi"}"#),
            (r#"{"event":"echo","data":"hi","id":7}"#, r#"{"event":"echo","data":"hi","id":7}"#),
            (r#"{"event":"slow","data":"hi","id":"a"}"#, r#"{"event":"slow","data":"hi","id":"a"}"#),
            (r#"{"event":"nothing","id":1}"#, r#"{"event":"nothing","data":null,"id":1}"#),
            (r#"{"event":"maybe","data":true}"#, r#"{"event":"maybe","data":1}"#),
            (r#"{"event":"maybe","data":false,"id":2}"#, r#"{"event":"maybe","data":null,"id":2}"#),
            (r#"{"event":"renamed","id":3}"#, r#"{"event":"other","data":5,"id":3}"#),
            (
                r#"{"event":"fails","id":4}"#,
                r#"{"event":"exception","id":4,"data":{"status":"error","code":"forbidden","message":"No","event":"fails","retryable":false}}"#,
            ),
            (r#"{"event":"count"}"#, r#"{"event":"count","data":1}"#),
            (r#"{"event":"count"}"#, r#"{"event":"count","data":2}"#),
        ] {
            assert_eq!(peer.request(sent).await, expected, "{stack:?}");
        }
        assert_eq!(
            untraced(&peer.request(r#"{"event":"broken"}"#).await),
            r#"{"event":"exception","data":{"status":"error","code":"internal","message":"Internal error","event":"broken","retryable":false}}"#
        );
        // Silence: what follows is the next answer.
        peer.send(r#"{"event":"nothing"}"#).await;
        peer.send(r#"{"event":"maybe","data":false}"#).await;
        assert_eq!(peer.request(r#"{"event":"echo","data":"end"}"#).await, r#"{"event":"echo","data":"end"}"#);
        peer.close(1000).await;
        assert_eq!(peer.skip_until_close().await, 1000);
        peer.expect_end().await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn rooms_and_broadcasts() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let mut a = rig.connect().await;
        let mut b = rig.connect().await;
        for peer in [&mut a, &mut b] {
            assert_eq!(
                peer.request(r#"{"event":"join","data":"r","id":1}"#).await,
                r#"{"event":"join","data":null,"id":1}"#
            );
        }
        assert_eq!(
            a.request(r#"{"event":"say","data":{"room":"r","text":"hi"}}"#).await,
            r#"{"event":"say","data":1}"#
        );
        b.expect(r#"{"event":"said","data":"hi"}"#).await;
        let delivery = rig.handle.server().broadcast_to("r", "all", 1);
        assert_eq!(delivery.queued, 2);
        a.expect(r#"{"event":"all","data":1}"#).await;
        b.expect(r#"{"event":"all","data":1}"#).await;
        assert_eq!(rig.handle.stats().memberships, 2);
        drop((a, b));
        rig.expect_empty().await;
    });
}
