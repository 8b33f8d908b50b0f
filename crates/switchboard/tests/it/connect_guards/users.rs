//! The user that a guard gives to a connection.
use super::{answer, ask, echo, handler, problem};
use std::sync::{Arc, Mutex};
use switchboard::handler::MessageContext;
use switchboard::pipeline::{ConnectGuard, Guard, GuardDef};
use switchboard::testing::TestApp;
use switchboard::{App, Client, Ctx, DisconnectReason, Error, Gateway, Handshake, MaybeUser, Roles, Socket, User};
use switchboard_rig::{Rig, each_stack, matrix};

#[derive(Debug)]
struct Account {
    tenant: u32,
}

/// Takes `Bearer ada` and the cookie `sid=ada`; everybody else is a guest.
struct LogIn;

impl ConnectGuard for LogIn {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        let Some(name) = upgrade.bearer().or_else(|| upgrade.cookie("sid")) else { return Ok(()) };
        let roles: &[&str] = match name {
            "ada" => &["admin", "member"],
            "bob" => &["member"],
            _ => return Err(Error::unauthenticated("The token is not valid")),
        };
        let user = User::new(name).roles(roles.iter().copied()).with(Account { tenant: 7 });
        assert!(upgrade.user().is_none() && upgrade.user_with::<Account>().is_err());
        upgrade.set_user(user);
        Ok(())
    }
}

struct Members {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Members {
    async fn tenant(&self, user: User<Account>) -> String {
        format!("{} of {}", user.id(), user.tenant)
    }
    async fn roles(&self, user: User) -> Vec<String> {
        user.role_names().map(str::to_owned).collect()
    }
    async fn wrong(&self, user: User<String>) -> usize {
        user.len()
    }
    async fn maybe(&self, MaybeUser(user): MaybeUser<Account>) -> u32 {
        user.map_or(0, |user| user.tenant)
    }
    async fn around(&self, ctx: Ctx, client: &Client) -> Option<bool> {
        assert_eq!(ctx.user().map(|user| user.id().to_owned()), client.user().map(|user| user.id().to_owned()));
        client.user().map(|user| user.has_role("admin"))
    }
    async fn joined(&self, MaybeUser(user): MaybeUser) {
        let name = user.map_or("guest".to_owned(), |user| user.id().to_owned());
        self.seen.lock().unwrap().push(format!("+{name}"));
    }
    async fn left(&self, MaybeUser(user): MaybeUser<Account>, _reason: DisconnectReason) {
        let tenant = user.map_or(0, |user| user.tenant);
        self.seen.lock().unwrap().push(format!("-{tenant}"));
    }
}

fn tenant(user: User<Account>) -> u32 {
    user.tenant
}

/// Lets through who has a user, by the message half.
struct SomeUser;

impl Guard for SomeUser {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        assert!(cx.user_with::<u8>().is_err(), "data of another type");
        assert_eq!(
            cx.user_with::<Account>().ok().map(|user| user.tenant),
            cx.client().unwrap().user_with().ok().map(tenant)
        );
        cx.user_with::<Account>().map(drop).map_err(|_| Error::unauthenticated("Who?"))
    }
}

fn members(seen: &Arc<Mutex<Vec<String>>>) -> Gateway<Members> {
    Gateway::new(Members { seen: seen.clone() })
        .on("tenant", Members::tenant)
        .on("roles", Members::roles)
        .on("wrong", Members::wrong)
        .on("maybe", Members::maybe)
        .on("around", Members::around)
        .on_connect(Members::joined)
        .on_disconnect(Members::left)
        .guard(GuardDef::of(LogIn).connect())
}

#[test]
fn h2_who_the_connection_belongs_to() {
    matrix(|stack| async move {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let raw = Gateway::functions().guard(GuardDef::of(LogIn).connect()).raw_fn(
            |user: User<Account>, mut socket: Socket| async move {
                socket.send(format!("{} of {}", user.id(), user.tenant)).await
            },
        );
        let rig = Rig::start(stack, App::new().gateway("/ws", members(&seen)).gateway("/raw", raw)).await;
        let connect = async |path: &str, headers: &[(&str, &str)]| rig.connect_by_request(&ask(path, headers)).await;
        let mut ada = connect("/ws", &[("Authorization", "Bearer ada")]).await;
        let mut bob = connect("/ws", &[("Cookie", "a=b; sid=bob")]).await;
        let mut guest = connect("/ws", &[]).await;
        for (peer, event, part) in [
            (0, "tenant", r#""data":"ada of 7""#),
            (0, "roles", r#""data":["admin","member"]"#),
            (0, "maybe", r#""data":7"#),
            (0, "around", r#""data":true"#),
            (0, "wrong", r#""code":"internal""#),
            (1, "tenant", r#""data":"bob of 7""#),
            (1, "around", r#""data":false"#),
            (2, "tenant", r#""code":"unauthenticated""#),
            (2, "roles", r#""code":"unauthenticated""#),
            (2, "maybe", r#""data":0"#),
            (2, "wrong", r#""code":"unauthenticated""#),
        ] {
            let peer = [&mut ada, &mut bob, &mut guest].into_iter().nth(peer).unwrap();
            let reply = peer.request(&format!(r#"{{"event":"{event}"}}"#)).await;
            assert!(reply.contains(part), "{event}: {reply}");
        }
        let refused = answer(&rig, "/ws", &[("Authorization", "Bearer canary")]).await;
        assert_eq!(problem(&refused), (401, "unauthenticated".into(), "The token is not valid".into()));
        let mut raw = connect("/raw", &[("Authorization", "bearer ada")]).await;
        raw.expect("ada of 7").await;
        assert_eq!(raw.skip_until_close().await, 1000);
        let mut nobody = connect("/raw", &[]).await;
        assert_eq!(nobody.skip_until_close().await, 4501);
        drop((ada, bob, guest, raw, nobody));
        rig.expect_empty().await;
        let mut seen = seen.lock().unwrap().clone();
        seen.sort();
        assert_eq!(seen, ["+ada", "+bob", "+guest", "-0", "-7", "-7"]);
    });
}

#[tokio::test]
async fn the_log_names_both_types_of_a_user_and_nothing_of_it() {
    let app = TestApp::new(App::new().gateway("/ws", members(&Arc::default())));
    let mut ada = app.connecting("/ws").bearer("ada").connect().await;
    ada.send("wrong", ()).await;
    ada.expect_exception("internal").await;
    let logs = app.logs();
    let line = logs.errors().into_iter().find(|line| line.to_string().contains("String")).expect("a line");
    assert!(line.to_string().contains("Account"), "{line}");
    assert!(app.connecting("/ws").bearer("canary").try_connect().await.is_err());
    assert!(!app.logs().contains("canary"));
    // Nor does anything print it.
    let user = User::new("ada").roles(["admin"]).with("canary");
    assert_eq!(format!("{user:?}"), r#"User { id: "ada", roles: ["admin"], .. }"#);
}

#[test]
fn roles_are_asked_for_before_messages_and_before_the_upgrade() {
    each_stack(|stack| async move {
        let ok = || async { "ok" };
        let gateway = Gateway::functions()
            .guard(GuardDef::of(LogIn).connect())
            .on_fn("free", ok)
            .handler("any", handler(ok).guard(Roles::any(["root", "admin"])))
            .handler("one", handler(ok).guard(Roles::any("admin")))
            .handler("all", handler(ok).guard(Roles::all(["member", "admin"])))
            .handler("nobody", handler(ok).guard(Roles::any([""; 0])))
            .handler("everybody", handler(ok).guard(Roles::all([""; 0])))
            .handler("some", handler(ok).guard(SomeUser));
        let inside = echo().guard(GuardDef::of(LogIn).connect()).guard(GuardDef::of(Roles::any(["admin"])).connect());
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway).gateway("/inside", inside)).await;
        for (bearer, allowed) in [
            (Some("ada"), vec!["free", "any", "one", "all", "everybody", "some"]),
            (Some("bob"), vec!["free", "everybody", "some"]),
            (None, vec!["free"]),
        ] {
            let header = bearer.map(|name| ("Authorization", format!("Bearer {name}")));
            let headers: Vec<(&str, &str)> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let mut peer = rig.connect_by_request(&ask("/ws", &headers)).await;
            for event in ["free", "any", "one", "all", "nobody", "everybody", "some"] {
                let reply = peer.request(&format!(r#"{{"event":"{event}"}}"#)).await;
                let refusal = if bearer.is_some() { "forbidden" } else { "unauthenticated" };
                let wanted = if allowed.contains(&event) { r#""data":"ok""# } else { refusal };
                assert!(reply.contains(wanted), "{bearer:?} {event}: {reply}");
            }
            let status = match bearer {
                Some("ada") => 101,
                Some(_) => 403,
                None => 401,
            };
            assert_eq!(answer(&rig, "/inside", &headers).await.status, status, "{bearer:?}");
        }
    });
}
