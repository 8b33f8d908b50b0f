//! Guards before the upgrade: real HTTP answers, who the connection belongs to, and what is left when they fail.
use crate::control::Stopwatch;
use crate::rig::{Answer, Path as Stream, Peer, Rig, http, masked, matrix, on, paths, read_to_end, settle};
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{Caught, ConnectGuard, Filter, Guard, GuardDef};
use switchboard::testing::TestApp;
use switchboard::{
    App, Client, Ctx, DisconnectReason, Error, Ext, Gateway, Limits, MaybeUser, Origins, Query, Roles, Socket, Upgrade,
    User,
};
use tokio::sync::Semaphore;

fn ask(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text =
        format!("GET {path} HTTP/1.1\r\nHost: test.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    text += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

async fn answer(rig: &Rig, path: &str, headers: &[(&str, &str)]) -> Answer {
    rig.http(&ask(path, headers)).await.expect("an answer")
}

/// The problem that a refusal describes: its status, code and detail.
fn problem(answer: &Answer) -> (u16, String, String) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&body["type"], &body["status"]), (&"about:blank".into(), &answer.status.into()));
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()));
    // An internal error, and a panic, has what its line in the log is found by.
    let trace = body.get("trace_id").map(|trace| trace.as_str().unwrap());
    assert_eq!(trace.is_some(), body["code"] == "internal", "{body}");
    let is_hex = |trace: &str| trace.len() == 32 && trace.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert!(trace.is_none_or(is_hex), "{body}");
    assert_eq!(body.as_object().unwrap().len(), if trace.is_some() { 6 } else { 5 }, "{body}");
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    (answer.status, text("code"), text("detail"))
}

/// Refuses with what the header `x-fail` names.
struct Fails;

impl ConnectGuard for Fails {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
        let Some(code) = upgrade.headers().get("x-fail").and_then(|code| code.to_str().ok()) else { return Ok(()) };
        tokio::task::yield_now().await;
        match code {
            "panic" => panic!("canary"),
            "internal" => Err(Error::internal("canary")),
            "chosen" => Err(Error::conflict("No").status(409)),
            "later" => Err(Error::rate_limited("Not now").retry_after_ms(61_500)),
            code => Err(Error::new(code.to_owned(), "No")),
        }
    }
}

fn echo() -> Gateway<()> {
    Gateway::functions().on_fn("echo", |text: String| async move { text })
}

const WELL: &str = r#"{"event":"echo","data":"well"}"#;

#[test]
fn h1_a_refusal_is_a_real_answer_and_no_socket() {
    matrix(|path| async move {
        let app = App::new().gateway("/ws", echo().guard(GuardDef::of(Fails).connect()));
        let rig = Rig::start(path, app).await;
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
            let mut peer = Peer::handshake(stream, "/ws").await;
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
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
        self.0.acquire().await.unwrap().forget();
        let has_ticket = upgrade.uri().query() == Some("ticket");
        if has_ticket { Ok(()) } else { Err(Error::unauthenticated("No ticket")) }
    }
}

#[test]
fn d19_what_is_sent_while_a_guard_is_asked_waits_for_it() {
    matrix(|path| async move {
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
        let rig = Rig::watched(path, App::new().gateway("/ws", echo()).gateway("/gated", gateway)).await;
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
        let (mut peer, ()) =
            tokio::join!(Peer::early(rig.stream().await, "/gated?ticket", &behind, usize::MAX), let_go());
        for n in 0..20 {
            peer.expect(&message(n)).await;
        }
        assert_eq!(runs.load(Ordering::SeqCst), 20);
        drop(peer);
        rig.expect_empty().await;
    });
}

/// Lets in who has the token in the header.
struct Tokens;

impl ConnectGuard for Tokens {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
        match upgrade.bearer() {
            Some("right") => Ok(()),
            _ => Err(Error::unauthenticated("Log in first")),
        }
    }
}

#[test]
fn a21_a_token_in_the_url_is_not_looked_at_and_never_logged() {
    const URL: &str = "/guarded?token=right-s3cr3t&access_token=right&bearer=right";
    paths(|path| async move {
        // All lines of this thread, of every level.
        let listening = TestApp::new(App::new());
        let guarded = echo().guard(GuardDef::of(Fails).connect()).guard(GuardDef::of(Tokens).connect());
        let typed = Gateway::functions().on_fn("n", |n: Query<Typed>| async move { n.token });
        let app = App::new().gateway("/ws", echo()).gateway("/guarded", guarded).gateway("/typed", typed);
        let rig = Rig::watched(path, app).await;
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
        let mut peer = Peer::asking(rig.stream().await, &right).await;
        assert_eq!(peer.request(WELL).await, WELL);
        assert!(peer.request("{").await.contains("bad_request"));
        peer.send_bytes(b"\x01\x01x").await;
        assert_eq!(peer.closed().await.0, 1002);
        drop(peer);
        rig.expect_empty().await;
        let logs = listening.logs();
        for told in ["reason=unauthenticated", "reason=dup_header", "reason=unmasked_frame", "canary"] {
            assert!(logs.contains(told), "{told} is not in {logs:?}");
        }
        assert!(!logs.contains("s3cr3t"), "{logs:?}");
    });
}

#[derive(Clone, serde::Deserialize)]
struct Typed {
    token: u32,
}

/// Says that it was asked.
struct Noted(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl ConnectGuard for Noted {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
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
    matrix(|path| async move {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = |name| GuardDef::of(Noted(name, seen.clone())).connect();
        let shared = Arc::new(Noted("shared", seen.clone()));
        let gateway = Gateway::functions()
            .on_fn("last", |last: Ext<&'static str>| async move { last.0.to_owned() })
            .guard(noted("gateway"))
            .guard(GuardDef::shared(shared.clone()).connect())
            .origins(Origins::same());
        let app = App::new().guard(noted("app")).gateway("/ws", gateway).guard(GuardDef::shared(shared).connect());
        let rig = Rig::start(path, app).await;
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

#[derive(Debug)]
struct Account {
    tenant: u32,
}

/// Takes `Bearer ada` and the cookie `sid=ada`; everybody else is a guest.
struct LogIn;

impl ConnectGuard for LogIn {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
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
        assert_eq!(cx.user_with::<Account>().ok().map(|user| user.tenant), cx.client().user_with().ok().map(tenant));
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
    matrix(|path| async move {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let raw = Gateway::functions().guard(GuardDef::of(LogIn).connect()).raw_fn(
            |user: User<Account>, mut socket: Socket| async move {
                socket.send(format!("{} of {}", user.id(), user.tenant)).await
            },
        );
        let rig = Rig::start(path, App::new().gateway("/ws", members(&seen)).gateway("/raw", raw)).await;
        let connect =
            async |path: &str, headers: &[(&str, &str)]| Peer::asking(rig.stream().await, &ask(path, headers)).await;
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
        assert_eq!(raw.expect_close().await, 1000);
        let mut nobody = connect("/raw", &[]).await;
        assert_eq!(nobody.expect_close().await, 4501);
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
    paths(|path| async move {
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
        let rig = Rig::start(path, App::new().gateway("/ws", gateway).gateway("/inside", inside)).await;
        for (bearer, allowed) in [
            (Some("ada"), vec!["free", "any", "one", "all", "everybody", "some"]),
            (Some("bob"), vec!["free", "everybody", "some"]),
            (None, vec!["free"]),
        ] {
            let header = bearer.map(|name| ("Authorization", format!("Bearer {name}")));
            let headers: Vec<(&str, &str)> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let mut peer = Peer::asking(rig.stream().await, &ask("/ws", &headers)).await;
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

/// A handler of a gateway of functions, to put a guard on.
fn handler<Fut>(function: fn() -> Fut) -> switchboard::HandlerDef<()>
where
    Fut: Future<Output = &'static str> + Send + 'static,
{
    switchboard::HandlerDef::function(function)
}

/// Waits for ever, and says when it is dropped.
struct Waits {
    asked: AtomicUsize,
    dropped: Arc<AtomicUsize>,
}

struct Dropped(Arc<AtomicUsize>, bool);
impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert!(!self.1, "a drop that panics");
    }
}

impl ConnectGuard for Waits {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
        if upgrade.headers().contains_key("x-pass") {
            return Ok(());
        }
        let _dropped = Dropped(self.dropped.clone(), upgrade.headers().contains_key("x-panic"));
        self.asked.fetch_add(1, Ordering::SeqCst);
        pending().await
    }
}

fn waiting(limits: Limits) -> (App, Arc<Waits>) {
    let waits = Arc::new(Waits { asked: AtomicUsize::new(0), dropped: Arc::default() });
    let app = App::new().limits(limits).gateway("/ws", echo().guard(GuardDef::shared(waits.clone()).connect()));
    (app, waits)
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..1000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never");
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    matrix(|path| async move {
        let (app, waits) = waiting(Limits::default().max_connections(Some(1)));
        let rig = Rig::start(path, app).await;
        let mut stream = rig.stream().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &ask("/ws", &[("x-panic", "1")])).await.unwrap();
        until(|| waits.asked.load(Ordering::SeqCst) == 1).await;
        // It has the only place.
        assert_eq!(answer(&rig, "/ws", &[("x-pass", "1")]).await.status, 503);
        assert_eq!(waits.dropped.load(Ordering::SeqCst), 0);
        drop(stream);
        until(|| waits.dropped.load(Ordering::SeqCst) == 1).await;
        // Its place is free again.
        let mut peer = Peer::asking(rig.stream().await, &ask("/ws", &[("x-pass", "1")])).await;
        assert_eq!(peer.request(WELL).await, WELL);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn all_of_them_have_the_time_of_a_handshake() {
    paths(|path| async move {
        let (app, waits) = waiting(Limits::default().handshake_timeout(Duration::from_millis(300)));
        let rig = Rig::start(path, app).await;
        let watch = Stopwatch::start();
        let late = answer(&rig, "/ws", &[]).await;
        assert_eq!((problem(&late).0, problem(&late).1.as_str()), (503, "timeout"));
        assert!(late.header("retry-after").is_some());
        assert!(watch.elapsed() >= Duration::from_millis(250), "{:?}", watch.elapsed());
        watch.within(Duration::from_secs(3));
        assert_eq!(waits.dropped.load(Ordering::SeqCst), 1);
        assert_eq!(rig.handle.stats().rejected, 1);
        assert_eq!(answer(&rig, "/ws", &[("x-pass", "1")]).await.status, 101);
        rig.expect_empty().await;
    });
}

#[test]
fn a_shutdown_does_not_wait_for_them() {
    paths(|path| async move {
        let (app, waits) = waiting(Limits::default());
        let rig = Rig::start(path, app).await;
        let mut stream = rig.stream().await;
        let request = ask("/ws", &[]);
        let asked = tokio::spawn(async move { http(&mut stream, &request).await });
        until(|| waits.asked.load(Ordering::SeqCst) == 1).await;
        let watch = Stopwatch::start();
        assert_eq!(rig.handle.shutdown().await.aborted, 0);
        watch.within(Duration::from_secs(5));
        let answer = asked.await.unwrap().expect("an answer");
        assert_eq!((problem(&answer).0, problem(&answer).1.as_str()), (503, "draining"));
        assert_eq!(waits.dropped.load(Ordering::SeqCst), 1);
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
    paths(|path| async move {
        let gateway = echo().guard(GuardDef::of(Fails).connect());
        let rig = Rig::start(path, App::new().filter(PaymentRequired).gateway("/ws", gateway)).await;
        let refused = answer(&rig, "/ws", &[("x-fail", "no_money")]).await;
        assert_eq!(problem(&refused), (429, "rate_limited".into(), "Pay first".into()));
        assert_eq!(problem(&answer(&rig, "/ws", &[("x-fail", "conflict")]).await).0, 500);
        assert_eq!(problem(&answer(&rig, "/ws", &[("x-fail", "forbidden")]).await).0, 403);
    });
}

/// Everything that a guard can see.
struct Looks(Arc<Mutex<String>>);
impl ConnectGuard for Looks {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
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
    on(Stream::Listen, |path| async move {
        let seen = Arc::new(Mutex::new(String::new()));
        let gateway = echo().guard(GuardDef::of(Looks(seen.clone())).connect());
        let app = App::new().trust_proxies(["127.0.0.0/8"]).unwrap().gateway("/{project}/{channel}", gateway);
        let rig = Rig::start(path, app).await;
        let response = answer(&rig, "/7/a%20b?x=1&token=secret", &[("X-Forwarded-For", "198.51.100.9")]).await;
        assert_eq!(response.status, 101);
        let line = r#"GET /7/a%20b 7/a b [("x", "1"), ("token", "secret")] Some(198.51.100.9) None"#;
        assert_eq!(*seen.lock().unwrap(), line);
        let refused = answer(&rig, "/canary/b", &[]).await;
        assert_eq!(problem(&refused).0, 400);
        assert!(!refused.body.contains("canary"), "{}", refused.body);
    });
}
