//! What a guard sees of the handshake.
use super::{Fails, Typed, WELL, answer, ask, echo, problem};
use std::sync::{Arc, Mutex};
use switchboard::extract::Query;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::testing::TestApp;
use switchboard::{App, Error, Gateway, Handshake};
use switchboard_rig::{Rig, Stack, each_stack, on};

/// Lets in who has the token in the header.
struct Tokens;

impl ConnectGuard for Tokens {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        match upgrade.bearer() {
            Some("right") => Ok(()),
            _ => Err(Error::unauthenticated("Log in first")),
        }
    }
}

#[test]
fn a21_a_token_in_the_url_is_not_looked_at_and_never_logged() {
    const URL: &str = "/guarded?token=right-s3cr3t&access_token=right&bearer=right";
    each_stack(|stack| async move {
        // All lines of this thread, of every level.
        let listening = TestApp::new(App::new());
        let guarded = echo().guard(GuardDef::of(Fails).connect()).guard(GuardDef::of(Tokens).connect());
        let typed = Gateway::functions().on_fn("n", |n: Query<Typed>| async move { n.token });
        let app = App::new().gateway("/ws", echo()).gateway("/guarded", guarded).gateway("/typed", typed);
        let rig = Rig::watched(stack, app).await;
        for headers in [&[][..], &[("authorization", "Bearer wrong")], &[("authorization", "Basic right")]] {
            let refused = answer(&rig, URL, headers).await;
            assert_eq!(problem(&refused), (401, "unauthenticated".into(), "Log in first".into()));
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        }
        for (code, status) in [("internal", 500), ("panic", 500), ("forbidden", 403)] {
            assert_eq!(answer(&rig, URL, &[("x-fail", code)]).await.status, status);
        }
        let twice = ("sec-websocket-version", "13");
        assert_eq!(answer(&rig, URL, &[twice]).await.status, 400);
        assert_eq!(answer(&rig, "/nowhere?token=s3cr3t", &[]).await.status, 404);
        assert_eq!(answer(&rig, "/typed?token=s3cr3t", &[]).await.status, 400);
        let malformed = ask("/guarded?token=s3cr3t", &[("x", "\0")]);
        assert_eq!(rig.http(&malformed).await.unwrap().status, 400);
        let right = ask(URL, &[("authorization", "Bearer right")]);
        let mut peer = rig.connect_by_request(&right).await;
        assert_eq!(peer.request(WELL).await, WELL);
        assert!(peer.request("{").await.contains("bad_request"));
        peer.send_bytes(b"\x01\x01x").await;
        assert_eq!(peer.recv_close().await.0, 1002);
        drop(peer);
        rig.expect_empty().await;
        let logs = listening.logs();
        for told in ["reason=unauthenticated", "reason=dup_header", "reason=unmasked_frame", "canary"] {
            assert!(logs.contains(told), "{told} is not in {logs:?}");
        }
        assert!(!logs.contains("s3cr3t"), "{logs:?}");
    });
}

/// Everything that a guard can see.
struct Looks(Arc<Mutex<String>>);

impl ConnectGuard for Looks {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        let (project, channel) = upgrade.path_params::<(u32, String)>()?;
        let query = upgrade.query::<Vec<(String, String)>>()?;
        *self.0.lock().unwrap() = format!(
            "{} {} {project}/{channel} {query:?} {:?} {:?}",
            upgrade.method(),
            upgrade.uri().path(),
            upgrade.peer_addr().map(|address| address.ip()),
            upgrade.extension::<Arc<str>>(),
        );
        Ok(())
    }
}

#[test]
fn what_a_guard_can_see() {
    on(Stack::Listen, |stack| async move {
        let seen = Arc::new(Mutex::new(String::new()));
        let gateway = echo().guard(GuardDef::of(Looks(seen.clone())).connect());
        let app = App::new().trust_proxies(["127.0.0.0/8"]).unwrap().gateway("/{project}/{channel}", gateway);
        let rig = Rig::start(stack, app).await;
        let response = answer(&rig, "/7/a%20b?x=1&token=secret", &[("X-Forwarded-For", "198.51.100.9")]).await;
        assert_eq!(response.status, 101);
        let line = r#"GET /7/a%20b 7/a b [("x", "1"), ("token", "secret")] Some(198.51.100.9) None"#;
        assert_eq!(*seen.lock().unwrap(), line);
        let refused = answer(&rig, "/canary/b", &[]).await;
        assert_eq!(problem(&refused).0, 400);
        assert!(!refused.body.contains("canary"), "{}", refused.body);
    });
}
