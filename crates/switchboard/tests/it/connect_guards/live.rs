//! A connection that gets another user while it lives.
use super::{answer, ask, problem};
use std::time::Duration;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{App, Client, Error, Gateway, HandlerDef, Handshake, Limits, MaybeUser, Roles, Server, User};
use switchboard_rig::{Rig, Stack, matrix, on};

struct Account {
    tenant: u32,
}

/// Takes the header `X-User` for who it is.
struct Believes;

impl ConnectGuard for Believes {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        if let Some(user) = upgrade.headers().get("x-user") {
            upgrade.set_user(User::new(user.to_str().unwrap()));
        }
        Ok(())
    }
}

struct Members;

impl Members {
    async fn log_in(&self, user: String, client: &Client) -> Result<(), Error> {
        let roles: &[&str] = if user == "ada" { &["admin"] } else { &[] };
        client.set_user(User::new(user).roles(roles.iter().copied()).with(Account { tenant: 7 }))
    }
    async fn try_to_log_in(&self, user: String, client: &Client) -> bool {
        client.set_user(User::new(user)).is_ok()
    }
    async fn who(&self, MaybeUser(user): MaybeUser) -> String {
        user.map_or("guest".into(), |user| user.id().to_owned())
    }
    async fn tenant(&self, user: User<Account>, client: &Client) -> u32 {
        assert_eq!(client.user_with::<Account>().unwrap().tenant, user.tenant);
        user.tenant
    }
    async fn ok(&self) -> &'static str {
        "ok"
    }
    async fn keeps(&self, user: User, client: &Client) -> Result<(String, String), Error> {
        client.set_user(User::new("other"))?;
        let now = client.user().map_or(String::new(), |user| user.id().to_owned());
        Ok((user.id().to_owned(), now))
    }
}

fn members() -> Gateway<Members> {
    Gateway::new(Members)
        .on("log in", Members::log_in)
        .on("try", Members::try_to_log_in)
        .on("who", Members::who)
        .on("tenant", Members::tenant)
        .on("keeps", Members::keeps)
        .handler("admins", HandlerDef::new(Members::ok).guard(Roles::any("admin")))
        .guard(GuardDef::of(Believes).connect())
}

async fn start(stack: Stack, limits: Limits) -> (Rig, Server) {
    let rig = Rig::start(stack, App::new().gateway("/ws", members()).limits(limits)).await;
    let server = rig.handle.server();
    (rig, server)
}

#[test]
fn a_guest_logs_in_without_a_new_connection() {
    matrix(|stack| async move {
        let (rig, server) = start(stack, Limits::default()).await;
        let mut peer = rig.connect().await;
        peer.expect_request(r#"{"event":"who"}"#, r#"{"event":"who","data":"guest"}"#).await;
        assert!(peer.request(r#"{"event":"admins"}"#).await.contains("unauthenticated"));
        assert_eq!(server.user("ada").emit("mail", 1).queued, 0);
        peer.expect_request(r#"{"event":"log in","data":"ada","id":1}"#, r#"{"event":"log in","data":null,"id":1}"#)
            .await;
        peer.expect_request(r#"{"event":"who"}"#, r#"{"event":"who","data":"ada"}"#).await;
        peer.expect_request(r#"{"event":"tenant"}"#, r#"{"event":"tenant","data":7}"#).await;
        peer.expect_request(r#"{"event":"admins"}"#, r#"{"event":"admins","data":"ok"}"#).await;
        // A handler keeps whom it was called with.
        peer.expect_request(r#"{"event":"keeps"}"#, r#"{"event":"keeps","data":["ada","other"]}"#).await;
        assert!(peer.request(r#"{"event":"admins"}"#).await.contains("forbidden"), "the roles are the new one's");
        let client = server.local().clients_of("other").pop().expect("it is found");
        assert_eq!((server.local().clients_of("ada").len(), client.id()), (0, server.local().clients()[0].id()));
        drop(peer);
        rig.expect_empty().await;
        assert!(client.set_user(User::new("ada")).is_err_and(|error| error.code().as_str() == "not_found"));
        assert_eq!(client.user().map(|user| user.id().to_owned()).as_deref(), Some("other"));
        assert!(server.local().clients_of("other").is_empty());
    });
}

#[test]
fn m2_a_user_is_reached_on_all_its_connections() {
    matrix(|stack| async move {
        let (rig, server) = start(stack, Limits::default()).await;
        let ada = ask("/ws", &[("X-User", "ada")]);
        let (mut one, mut two) = (rig.connect_by_request(&ada).await, rig.connect_by_request(&ada).await);
        let (mut bob, mut guest) =
            (rig.connect_by_request(&ask("/ws", &[("X-User", "bob")])).await, rig.connect().await);
        rig.until(|stats| stats.connections == 4).await;
        assert_eq!(server.user("ada").emit("mail", 1).queued, 2);
        assert_eq!(server.user("nobody").emit("mail", 1).queued, 0);
        let first = server.local().clients_of("ada")[0].clone();
        assert_eq!(server.user("ada").except(first.id()).emit("mail", 2).queued, 1);
        assert_eq!(server.user("ada").to(first.id()).emit("mail", 3).queued, 2, "each once");
        assert_eq!(server.user("ada").join("letters"), 2);
        assert_eq!(server.to("letters").emit("mail", 4).queued, 2);
        let asked = server.user("ada").emit_with_ack::<u32>("sure?", (), Duration::from_millis(50)).await;
        assert_eq!((asked.answered.len(), asked.failed.len()), (0, 2));
        let mut second = 0;
        for peer in [&mut one, &mut two] {
            peer.expect(r#"{"event":"mail","data":1}"#).await;
            let mut next = peer.recv_text().await;
            if next == r#"{"event":"mail","data":2}"# {
                second += 1;
                next = peer.recv_text().await;
            }
            assert_eq!(next, r#"{"event":"mail","data":3}"#);
            peer.expect(r#"{"event":"mail","data":4}"#).await;
            assert!(peer.recv_text().await.contains(r#""event":"sure?""#));
        }
        assert_eq!(second, 1);
        for peer in [&mut bob, &mut guest] {
            assert!(peer.request(r#"{"event":"who"}"#).await.contains("who"), "nothing came before it");
        }
        assert_eq!((server.user("ada").disconnect(), server.user("ada").disconnect()), (2, 0));
        assert_eq!((one.skip_until_close().await, two.skip_until_close().await), (4503, 4503));
        drop((one, two, bob, guest));
        rig.expect_empty().await;
    });
}

#[test]
fn a23_the_place_of_a_user_moves_with_the_connection() {
    on(Stack::Listen, |stack| async move {
        let (rig, server) = start(stack, Limits::default().user_connections(Some(2))).await;
        let mut peers = Vec::new();
        for _ in 0..4 {
            peers.push(rig.connect().await);
        }
        let logs_in = |user: &str| format!(r#"{{"event":"try","data":"{user}"}}"#);
        let can = |is: bool| format!(r#"{{"event":"try","data":{is}}}"#);
        for (peer, user, is) in [
            (0, "ada", true),
            (1, "ada", true),
            (2, "ada", false),
            // The same person again needs no further place.
            (0, "ada", true),
            (2, "ada", false),
            (1, "bob", true),
            (2, "ada", true),
            (3, "bob", true),
            (0, "bob", false),
        ] {
            peers[peer].expect_request(&logs_in(user), &can(is)).await;
        }
        // Who is refused belongs to whom it did.
        peers[0].expect_request(r#"{"event":"who"}"#, r#"{"event":"who","data":"ada"}"#).await;
        assert_eq!(["ada", "bob"].map(|user| server.local().clients_of(user).len()), [2, 2]);
        let refused = answer(&rig, "/ws", &[("X-User", "ada")]).await;
        let (status, code, detail) = problem(&refused);
        assert_eq!((status, code.as_str()), (429, "user_connections"));
        // Returned from a handler it closes the connection, because nobody is there to take less.
        let error = peers[0].request(r#"{"event":"log in","data":"bob"}"#).await;
        assert!(error.contains(r#""code":"user_connections""#), "{error}");
        assert!(error.contains(detail.trim_end_matches('.')), "{error}");
        assert_eq!(peers[0].skip_until_close().await, 4504);
        // Its place is free again, for whom it was.
        rig.until(|stats| stats.connections == 3).await;
        let mut again = rig.connect_by_request(&ask("/ws", &[("X-User", "ada")])).await;
        again.expect_request(r#"{"event":"who"}"#, r#"{"event":"who","data":"ada"}"#).await;
        assert_eq!(answer(&rig, "/ws", &[("X-User", "bob")]).await.status, 429);
        drop((peers, again));
        rig.expect_empty().await;
    });
}
