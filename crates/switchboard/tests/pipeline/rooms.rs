//! Who may join a room, and who handles what nobody else does.
use crate::exception;
use switchboard::{App, Client, Error, EventName, Gateway, HandlerDef, Namespace, Server};
use switchboard_rig::{Rig, Stack, matrix, on};

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
        self.server.local().client(client.id()).unwrap().join(room).await
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
    matrix(|stack| async move {
        let app = App::new();
        let chat = Gateway::new(Chat { server: app.server() })
            .on("join", Chat::join)
            .on("forget", Chat::join_and_forget)
            .on("pull", Chat::pull)
            .on("rooms", Chat::rooms)
            .on_join(Chat::may_join);
        let rig = Rig::start(stack, app.gateway("/ws", chat)).await;
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
fn a_choice_of_clients_joins_and_leaves() {
    matrix(|stack| async move {
        let app = App::new();
        let chat = Gateway::new(Chat { server: app.server() }).on("join", Chat::join).on_join(Chat::may_join);
        let plain = Gateway::new(Chat { server: app.server() }).on("rooms", Chat::rooms);
        let rig = Rig::start(stack, app.gateway("/ws", chat).gateway("/plain", plain)).await;
        let server = rig.handle.server();
        let (mut one, mut two, mut other) = (rig.connect().await, rig.connect().await, rig.connect_to("/plain").await);
        for peer in [&mut one, &mut two] {
            peer.expect_request(r#"{"event":"join","data":"lobby","id":1}"#, r#"{"event":"join","data":null,"id":1}"#)
                .await;
        }
        rig.until(|stats| stats.connections == 3).await;
        assert_eq!(server.to("lobby").join("garden"), 2);
        assert_eq!((server.all().join("garden"), server.local().count_in("garden")), (1, 3));
        assert_eq!(server.to("garden").except("lobby").emit("one of three", ()).queued, 1);
        other.expect(r#"{"event":"one of three","data":null}"#).await;
        // The hook of a client's own gateway is asked, and each client is told that it has not joined.
        assert_eq!(server.all().join("staff"), 1);
        for peer in [&mut one, &mut two] {
            assert_eq!(exception(&peer.recv_text().await).0, "forbidden");
        }
        let [staff] = &server.local().clients_in("staff")[..] else { panic!("the one without a hook") };
        assert_eq!(
            (server.all().join(staff.id()), server.to(staff.id()).leave(staff.id())),
            (0, 0),
            "nobody's but its own"
        );
        for peer in [&mut one, &mut two] {
            assert_eq!(exception(&peer.recv_text().await).0, "forbidden");
        }
        assert_eq!(staff.to("garden").leave("garden"), 2, "the others");
        assert_eq!((server.all().leave("garden"), server.all().leave("garden")), (1, 0));
        assert_eq!(server.local().count_in("garden"), 0);
        drop((one, two, other));
        rig.expect_empty().await;
    });
}

#[test]
fn c15_one_handler_for_every_other_event() {
    on(Stack::Listen, |stack| async move {
        let app = App::new();
        let chat = Gateway::new(Chat { server: app.server() })
            .on("rooms", Chat::rooms)
            .catch_all(HandlerDef::new(Chat::other));
        let rig = Rig::start(stack, app.gateway("/ws", chat)).await;
        let mut peer = rig.connect().await;
        peer.expect_request(r#"{"event":"rooms"}"#, r#"{"event":"rooms","data":[]}"#).await;
        peer.expect_request(r#"{"event":"any","data":7,"id":1}"#, r#"{"event":"any","data":["any",7],"id":1}"#).await;
        peer.expect_request(r#"{"event":"*"}"#, r#"{"event":"*","data":["*",null]}"#).await;
        let (code, _, id) = exception(&peer.request(r#"{"event":"any","data":"x","id":2}"#).await);
        assert_eq!((code.as_str(), id), ("validation_failed", Some(2.into())));
        assert_eq!(exception(&peer.request(r#"{"event":"sys.x"}"#).await).0, "bad_request");
    });
}

struct Admin;
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

/// Takes the server as a parameter, and names rooms by ids.
struct Post;
impl Post {
    async fn came(&self, client: &Client, server: Server) {
        server.except(client.id()).emit("came", ());
    }
    async fn to_me(&self, client: &Client, server: Server) -> [usize; 6] {
        let (id, borrowed) = (client.id(), &client.id());
        [
            server.to(id).emit("mine", ()).queued,
            server.to(borrowed).emit("mine", ()).queued,
            server.broadcast_to(id, "mine", ()).queued,
            client.to("nobody").to(id).except(id).emit("mine", ()).queued,
            client.broadcast_to(id, "mine", ()).queued,
            server.local().count_in(id),
        ]
    }
    async fn others(&self, client: &Client, server: Server) -> usize {
        client.broadcast("all", ()).queued + server.except(client.id()).emit("all", ()).queued
    }
    async fn own(&self, client: &Client) -> Result<bool, Error> {
        client.join(client.id()).await?;
        Ok(client.is_in(client.id()) && client.rooms().is_empty())
    }
    async fn admins(&self, admins: Server<Admin>) -> usize {
        admins.local().client_count()
    }
}

#[test]
fn c5_a_server_is_a_parameter_and_an_id_is_a_room() {
    matrix(|stack| async move {
        let post = Gateway::new(Post)
            .on_connect(Post::came)
            .on("to me", Post::to_me)
            .on("others", Post::others)
            .on("own", Post::own)
            .on("admins", Post::admins);
        let admins = Gateway::functions().namespace::<Admin>();
        let rig = Rig::start(stack, App::new().gateway("/ws", post).gateway("/admins", admins)).await;
        let mut ada = rig.connect().await;
        ada.expect_request(r#"{"event":"own"}"#, r#"{"event":"own","data":true}"#).await;
        let mut bob = rig.connect().await;
        assert_eq!(ada.recv_text().await, r#"{"event":"came","data":null}"#);
        bob.send(r#"{"event":"to me"}"#).await;
        for _ in 0..3 {
            assert_eq!(bob.recv_text().await, r#"{"event":"mine","data":null}"#);
        }
        assert_eq!(bob.recv_text().await, r#"{"event":"to me","data":[1,1,1,0,0,1]}"#);
        bob.expect_request(r#"{"event":"others"}"#, r#"{"event":"others","data":1}"#).await;
        assert_eq!(ada.recv_text().await, r#"{"event":"all","data":null}"#);
        ada.expect_request(r#"{"event":"admins"}"#, r#"{"event":"admins","data":0}"#).await;
    });
}
