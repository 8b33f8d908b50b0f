//! Who may join a room, and who handles what nobody else does.
use crate::exception;
use crate::rig::{Path, Rig, matrix, on};
use switchboard::{App, Client, Error, EventName, Gateway, HandlerDef, Server};

struct Chat {
    server: Server,
}
impl Chat {
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    async fn join_and_forget(&self, room: String, client: &Client) {
        client.join(room);
    }
    async fn pull(&self, room: String, client: &Client) -> Result<(), Error> {
        self.server.client(client.id()).unwrap().join(room).await
    }
    async fn rooms(&self, client: &Client) -> Vec<String> {
        client.rooms().iter().map(|room| room.to_string()).collect()
    }
    fn may_join(&self, _: &Client, room: &str) -> Result<(), Error> {
        match room {
            "staff" => Err(Error::forbidden("For the staff")),
            "panic" => panic!("a secret"),
            _ => Ok(()),
        }
    }
    async fn other(&self, event: EventName, data: Option<u32>) -> (String, Option<u32>) {
        (event.to_string(), data)
    }
}

#[test]
fn h13_a_hook_says_who_may_join() {
    matrix(|path| async move {
        let app = App::new();
        let chat = Gateway::new(Chat { server: app.server() })
            .on("join", Chat::join)
            .on("forget", Chat::join_and_forget)
            .on("pull", Chat::pull)
            .on("rooms", Chat::rooms)
            .on_join(Chat::may_join);
        let rig = Rig::start(path, app.gateway("/ws", chat)).await;
        let mut peer = rig.connect().await;
        peer.expect_request(r#"{"event":"join","data":"lobby","id":1}"#, r#"{"event":"join","data":null,"id":1}"#)
            .await;
        for event in ["join", "pull", "forget"] {
            let answer = peer.request(&format!(r#"{{"event":"{event}","data":"staff"}}"#)).await;
            assert_eq!(exception(&answer).0, "forbidden", "{event}");
        }
        assert_eq!(exception(&peer.request(r#"{"event":"join","data":"panic"}"#).await).0, "internal");
        peer.expect_request(r#"{"event":"rooms"}"#, r#"{"event":"rooms","data":["lobby"]}"#).await;
    });
}

#[test]
fn c15_one_handler_for_every_other_event() {
    on(Path::Listen, |path| async move {
        let app = App::new();
        let chat = Gateway::new(Chat { server: app.server() })
            .on("rooms", Chat::rooms)
            .catch_all(HandlerDef::new(Chat::other));
        let rig = Rig::start(path, app.gateway("/ws", chat)).await;
        let mut peer = rig.connect().await;
        peer.expect_request(r#"{"event":"rooms"}"#, r#"{"event":"rooms","data":[]}"#).await;
        peer.expect_request(r#"{"event":"any","data":7,"id":1}"#, r#"{"event":"any","data":["any",7],"id":1}"#).await;
        peer.expect_request(r#"{"event":"*"}"#, r#"{"event":"*","data":["*",null]}"#).await;
        let (code, _, id) = exception(&peer.request(r#"{"event":"any","data":"x","id":2}"#).await);
        assert_eq!((code.as_str(), id), ("validation_failed", Some(2.into())));
        assert_eq!(exception(&peer.request(r#"{"event":"sys.x"}"#).await).0, "bad_request");
    });
}
