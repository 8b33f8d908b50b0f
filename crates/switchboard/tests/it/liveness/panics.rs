//! Panics of handlers and hooks.
use super::{ECHO, Story};
use switchboard::{App, Gateway};
use switchboard_rig::{Rig, Stack, matrix, untraced};

#[derive(Default)]
struct Panics {
    story: Story,
    when: &'static str,
}

impl Panics {
    fn at(&self, place: &str) {
        self.story.tell(place);
        assert_ne!(self.when, place, "on purpose");
    }
    async fn joined(&self) {
        self.at("joined");
    }
    async fn left(&self) {
        self.at("left");
    }
    async fn message(&self, wait: bool) -> &'static str {
        if wait {
            tokio::task::yield_now().await;
        }
        self.at("message");
        "fine"
    }
    async fn serialize(&self) -> PanicsInSerialize {
        PanicsInSerialize
    }
    async fn drops(&self) {
        let _drop = PanicsInDrop;
        std::future::pending().await
    }
    async fn echo(&self, text: String) -> String {
        text
    }
}

struct PanicsInSerialize;

impl serde::Serialize for PanicsInSerialize {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose")
    }
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

async fn panicking(stack: Stack, when: &'static str) -> (Rig, Story) {
    let panics = Panics { when, ..Panics::default() };
    let story = panics.story.clone();
    let gateway = Gateway::new(panics)
        .on("message", Panics::message)
        .on("serialize", Panics::serialize)
        .on("drops", Panics::drops)
        .on("echo", Panics::echo)
        .on_connect(Panics::joined)
        .on_disconnect(Panics::left);
    (Rig::start(stack, App::new().gateway("/ws", gateway)).await, story)
}

#[test]
fn j7_a_panic_in_a_handler_answers_internal_and_the_connection_lives() {
    matrix(|stack| async move {
        let (rig, story) = panicking(stack, "message").await;
        let mut peer = rig.connect().await;
        for (at, event) in [(1, "message\",\"data\":false"), (2, "message\",\"data\":true"), (3, "serialize\"")] {
            let name = event.split('"').next().unwrap();
            let event = event.trim_end_matches('"');
            let sent = if event == "serialize" {
                format!(r#"{{"event":"serialize","id":{at}}}"#)
            } else {
                format!(r#"{{"event":"{event},"id":{at}}}"#)
            };
            let answer = peer.request(&sent).await;
            let expected = format!(
                r#"{{"event":"exception","id":{at},"data":{{"status":"error","code":"internal","message":"Internal error","event":"{name}","retryable":false}}}}"#
            );
            assert_eq!(untraced(&answer), expected, "{stack:?}");
            assert_eq!(peer.request(ECHO).await, ECHO);
        }
        // A panic in the destructor of a handler that is cancelled.
        peer.send(r#"{"event":"drops","id":9}"#).await;
        peer.send(r#"{"cancel":9}"#).await;
        assert!(peer.recv_text().await.contains("cancelled"));
        assert_eq!(peer.request(ECHO).await, ECHO);
        drop(peer);
        story.expect(&["joined", "message", "message", "left"]).await;
        rig.expect_empty().await;
    });
}

#[test]
fn a_panic_in_on_connect_closes_1011_without_on_disconnect() {
    matrix(|stack| async move {
        let (rig, story) = panicking(stack, "joined").await;
        let mut peer = rig.connect().await;
        assert!(untraced(&peer.recv_text().await).contains(r#""code":"internal","message":"Internal error""#));
        assert_eq!(peer.skip_until_close().await, 1011);
        drop(peer);
        rig.expect_empty().await;
        story.expect(&["joined"]).await;
    });
}

#[test]
fn a_panic_in_on_disconnect_frees_everything() {
    matrix(|stack| async move {
        let (rig, story) = panicking(stack, "left").await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(ECHO).await, ECHO);
        drop(peer);
        story.expect(&["joined", "left"]).await;
        rig.expect_empty().await;
    });
}
