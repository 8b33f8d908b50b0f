//! Stages, extractors and clients by themselves: no application, and where nothing waits no runtime.
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::extract::{Headers, Path, Query};
use switchboard::handler::MessageContext;
use switchboard::pipeline::{
    AsyncGuard, Call, Caught, ConnectGuard, DefaultValue, Filter, Guard, Interceptor, Next, Parse, Trim,
};
use switchboard::testing::{client, message, upgrade};
use switchboard::{
    Ack, Client, Close, ConnState, Error, EventName, Ext, Handshake, MaybeUser, Reply, Roles, User, Valid,
};

/// Lets members of the room that the message names pass, and tells those who are not.
struct Members;

impl Guard for Members {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        let room: String = cx.key("room")?;
        let Some(client) = cx.client() else { return Err(Error::forbidden("Members are clients")) };
        if client.is_in(&room) {
            return Ok(());
        }
        client.emit("not_a_member", &room);
        Err(Error::forbidden("Join it first"))
    }
}

struct Slow;

impl AsyncGuard for Slow {
    async fn message(&self, call: &Call) -> Result<(), Error> {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        match call.payload::<u8>()? {
            0 => Err(Error::forbidden("Not zero")),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_guard() {
    let ada = client();
    let join = |room: &str| ada.join(room).is_new();
    let said = message("say").data(json!({ "room": "lobby" })).sent_by(&ada);
    let error = said.check(&Members).unwrap_err();
    assert_eq!((error.code().as_str(), error.message()), ("forbidden", "Join it first"));
    assert_eq!(ada.expect::<String>("not_a_member"), "lobby");
    assert!(join("lobby"));
    said.check(&Members).unwrap();
    ada.expect_nothing();
    assert!(message("say").data(7).check(&Members).unwrap_err().is_validation());
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_waits() {
    message("say").data(1).check_async(&Slow).await.unwrap();
    assert_eq!(message("say").data(0).check_async(&Slow).await.unwrap_err().message(), "Not zero");
    assert!(message("say").check_async(&Slow).await.unwrap_err().is_validation());
}

#[test]
fn parameters_of_handlers() {
    #[derive(Clone, Debug, PartialEq)]
    struct Tenant(u32);
    let ada = client().header("x-version", "7").bearer("t0k3n").cookie("a", "1").cookie("b", "2").extension(Tenant(3));
    let said = message("say").data(json!([1, 2])).sent_by(&ada);
    assert_eq!(&*said.extract::<EventName>().unwrap(), "say");
    assert_eq!(said.extract::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!(said.extract::<String>().unwrap_err().code().as_str(), "validation_failed");
    assert_eq!(said.extract::<Ext<Tenant>>().unwrap().0, Tenant(3));
    assert!(said.extract::<Ext<u8>>().unwrap_err().is_internal());
    let headers = said.extract::<Headers>().unwrap();
    for (name, value) in [("x-version", "7"), ("authorization", "Bearer t0k3n"), ("cookie", "a=1; b=2")] {
        assert_eq!(headers[name], value);
    }
    said.extract::<ConnState<Vec<u8>>>().unwrap().with(|seen| seen.push(1));
    message("other").sent_by(&ada).extract::<ConnState<Vec<u8>>>().unwrap().with(|seen| seen.push(2));
    assert_eq!(ada.state::<Vec<u8>>().get(), [1, 2]);
    assert_eq!(message("say").extract::<Option<u8>>().unwrap(), None);
    assert_eq!(message("say").data(()).extract::<Option<u8>>().unwrap(), None);
    assert!(message("say").client().peer_addr().is_none());
    let address = "192.0.2.1:80".parse().unwrap();
    assert_eq!(client().peer(address).peer_addr(), Some(address));
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct Place {
    project: u32,
    channel: String,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct Wanted {
    room: String,
}

#[test]
fn parameters_of_the_request() {
    let at = |path: &str| client().path(path).route("/{project}/{channel}/ws");
    let ada = at("/7/general/ws?room=a%20b");
    assert_eq!(message("say").sent_by(&ada).extract::<Path<Place>>().unwrap().channel, "general");
    // What nobody has declared is not kept, as in an application.
    assert!(message("say").sent_by(&ada).extract::<Query<Wanted>>().unwrap_err().is_internal());
    let bob = at("/7/general/ws").query("room", "a b").reads::<Path<(u32, String)>>().reads::<Query<Wanted>>();
    assert_eq!(message("say").sent_by(&bob).extract::<Path<(u32, String)>>().unwrap().0.0, 7);
    assert_eq!(message("say").sent_by(&bob).extract::<Query<Wanted>>().unwrap().room, "a b");
    let eve = at("/seven/general/ws");
    assert_eq!(message("say").sent_by(&eve).extract::<Path<Place>>().unwrap_err().code().as_str(), "bad_request");
}

#[test]
fn users() {
    struct Account {
        tenant: u32,
    }
    let ada = || User::new("ada").roles(["admin"]).with(Account { tenant: 7 });
    let said = message("say").user(ada());
    said.check(&Roles::any(["admin"])).unwrap();
    assert_eq!(said.check(&Roles::any(["owner"])).unwrap_err().code().as_str(), "forbidden");
    assert_eq!(said.extract::<User<Account>>().unwrap().tenant, 7);
    assert_eq!(said.extract::<User>().unwrap().id(), "ada");
    let ada = client().user(ada());
    assert_eq!(message("say").sent_by(&ada).extract::<User<Account>>().unwrap().tenant, 7);
    assert_eq!(ada.client().user().unwrap().id(), "ada");
    assert_eq!(message("say").check(&Roles::any(["admin"])).unwrap_err().code().as_str(), "unauthenticated");
    assert!(message("say").extract::<MaybeUser>().unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_guard_before_the_upgrade() {
    #[derive(Clone, Debug, PartialEq)]
    struct Seen(String);
    struct Auth;
    impl ConnectGuard for Auth {
        async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
            tokio::time::sleep(Duration::from_secs(60)).await;
            let token = upgrade.bearer().or_else(|| upgrade.cookie("sid"));
            let Some(id) = token.map(str::to_owned) else { return Err(Error::unauthenticated("Log in first")) };
            let (place, wanted): (Place, Wanted) = (upgrade.path_params()?, upgrade.query()?);
            upgrade.insert(Seen(format!("{} {} {}", place.project, place.channel, wanted.room)));
            upgrade.set_user(User::new(id));
            Ok(())
        }
    }
    let asked = || upgrade("/7/general/ws?room=1").route("/{project}/{channel}/ws");
    let passed = asked().bearer("ada").check(&Auth).await.unwrap();
    assert_eq!(passed.user().unwrap().id(), "ada");
    assert_eq!(passed.extension(), Some(&Seen("7 general 1".into())));
    assert_eq!(asked().cookie("sid", "bob").check(&Auth).await.unwrap().user().unwrap().id(), "bob");
    let refused = asked().check(&Auth).await.unwrap_err();
    assert_eq!((refused.code().as_str(), refused.message()), ("unauthenticated", "Log in first"));
    let unrouted = upgrade("/7/general/ws").bearer("ada").check(&Auth).await.unwrap_err();
    assert!(unrouted.is_internal());
    // One behind the other.
    let mut both = asked().bearer("ada").peer("192.0.2.1:80".parse().unwrap()).into_upgrade();
    Auth.connect(&mut both).await.unwrap();
    assert!(both.peer_addr().is_some());
    assert_eq!(Roles::any(["admin"]).connect(&mut both).await.unwrap_err().code().as_str(), "forbidden");
    upgrade("/ws").user(User::new("ada").roles(["admin"])).check(&Roles::all(["admin"])).await.unwrap();
}

#[test]
#[should_panic(expected = r#"the path "/7/ws" is not "/{project}/{channel}/ws""#)]
fn a_path_that_is_not_the_gateways() {
    drop(upgrade("/7/ws").route("/{project}/{channel}/ws").into_upgrade());
}

#[test]
#[should_panic(expected = "this request would be refused: bad_request, ")]
fn a_request_that_would_be_refused() {
    client().reads::<Query<Wanted>>().emit("said", 1);
}

#[test]
fn a_validated_payload() {
    #[derive(Debug, serde::Deserialize, garde::Validate)]
    struct Say {
        #[garde(length(min = 1))]
        text: String,
    }
    assert_eq!(message("say").data(json!({ "text": "hi" })).extract::<Valid<Say>>().unwrap().text, "hi");
    let error = message("say").data(json!({ "text": "" })).extract::<Valid<Say>>().unwrap_err();
    assert_eq!(error.details()[0].path, "/text");
}

#[test]
fn an_ack_that_is_kept() {
    let ada = client();
    let ack: Ack<u8> = message("later").id(7).sent_by(&ada).extract().unwrap();
    ada.expect_nothing();
    ack.send(1).unwrap();
    assert_eq!(ada.emitted(), [("later", json!(1))]);
}

#[test]
fn pipes() {
    assert_eq!(message("say").data("  hi ").pipe::<String>(&Trim).unwrap(), "hi");
    assert_eq!(message("say").data([" a"]).pipe::<Value>(&Trim).unwrap(), json!(["a"]));
    assert_eq!(message("say").data("17").pipe::<u32>(&Parse).unwrap(), 17);
    assert!(message("say").data("many").pipe::<u32>(&Parse).unwrap_err().is_validation());
    assert_eq!(message("say").pipe::<u32>(&DefaultValue(5u32)).unwrap(), 5);
    assert!(message("say").data(1).pipe::<String>(&Trim).unwrap_err().is_validation());
}

#[test]
fn a_filter() {
    struct Db(&'static str);
    struct Told;
    impl Filter for Told {
        type Error = Db;
        fn catch(&self, error: Db, caught: &Caught<'_>) -> Error {
            let seen = caught.client().is_some_and(Client::is_connected);
            Error::overloaded(format!("{} of {}: {seen}", error.0, caught.event()))
        }
    }
    let told = message("save").catch(&Told, Db("users"));
    assert_eq!((told.code().as_str(), told.message()), ("overloaded", "users of save: true"));
}

/// Passes on what is no even number.
#[derive(Default)]
struct Cached {
    asked: AtomicUsize,
}

impl Interceptor for Cached {
    async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let number: u64 = call.payload()?;
        if number.is_multiple_of(2) {
            return Ok(Reply::value(number));
        }
        match next.run().await {
            Err(error) if error.is_internal() => Err(Error::overloaded("Again")),
            reply => reply?.map(|value| json!({ "passed": value })),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_interceptor() {
    let cached = Cached::default();
    let ran = AtomicUsize::new(0);
    let handler = || async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        ran.fetch_add(1, Ordering::Relaxed);
        Ok(Reply::value("fresh"))
    };
    let even = message("get").data(2).intercept(&cached, handler).await.unwrap();
    assert_eq!((even.data().unwrap(), ran.load(Ordering::Relaxed)), (Some(json!(2)), 0));
    let odd = message("get").data(3).intercept(&cached, handler).await.unwrap();
    assert_eq!((odd.data().unwrap(), ran.load(Ordering::Relaxed)), (Some(json!({ "passed": "fresh" })), 1));
    let fails = || async { Err(Error::internal("the disk is full")) };
    assert_eq!(message("get").data(1).intercept(&cached, fails).await.err().unwrap().message(), "Again");
    assert!(message("get").data("x").intercept(&cached, handler).await.err().unwrap().is_validation());
    assert_eq!(cached.asked.load(Ordering::Relaxed), 4);
}

#[test]
fn what_a_client_was_told() {
    let ada = client();
    ada.emit("one", 1);
    assert_eq!(ada.emit_volatile("two", json!({ "n": 2 })).queued, 1);
    assert_eq!(ada.expect::<u8>("one"), 1);
    ada.emit("three", ());
    assert_eq!(ada.emitted(), [("two", json!({ "n": 2 })), ("three", Value::Null)]);
    assert_eq!(ada.emitted(), []);
    drop(ada.join("no*"));
    let told = ada.emitted();
    assert_eq!((told[0].event.as_str(), &told[0].data["code"]), ("exception", &json!("validation_failed")));
    ada.emit("long", "x".repeat(100_000));
    assert_eq!(ada.expect::<String>("long").len(), 100_000);
    ada.expect_nothing();
}

#[test]
fn how_a_client_was_closed() {
    let ada = client();
    assert_eq!(ada.closed(), None);
    ada.emit("bye", ());
    ada.disconnect();
    let closed = ada.closed().unwrap();
    assert_eq!((closed.code, closed.reason()), (CloseCode::KICKED, "kicked"));
    assert!(!ada.is_connected());
    assert_eq!(ada.emit("more", ()).queued, 0);
    assert_eq!(ada.emitted(), [("bye", Value::Null)]);
    let bob = client();
    bob.close(Close::new(CloseCode::FORBIDDEN, "out"));
    bob.disconnect();
    assert_eq!(bob.closed().unwrap().reason(), "out");
}

#[test]
fn a_client_that_is_told_too_much() {
    let ada = client();
    let mut sent = 0;
    while ada.emit("flood", "x".repeat(10_000)).queued == 1 {
        sent += 1;
        assert!(sent < 100_000, "it is bounded");
    }
    assert_eq!(ada.closed().unwrap().code, CloseCode::SLOW_CONSUMER);
    // One that takes what it is told is told more.
    let bob = client();
    for _ in 0..2 * sent {
        assert_eq!(bob.emit("flood", "x".repeat(10_000)).queued, 1);
        assert_eq!(bob.emitted().len(), 1);
    }
}

/// State that holds its own client does not keep it alive.
#[test]
fn a_dropped_client_has_left() {
    struct Counted(std::sync::Arc<()>);
    #[derive(Default)]
    struct State(Option<(Client, Counted)>);
    let alive = std::sync::Arc::new(());
    let ada = client();
    let copy = ada.client().clone();
    ada.join("lobby");
    copy.emit("never", "taken");
    ada.state::<State>().with(|state| state.0 = Some((copy.clone(), Counted(alive.clone()))));
    drop(ada);
    assert!(!copy.is_connected());
    assert_eq!(copy.emit("more", 1).queued, 0);
    assert!(copy.rooms().is_empty());
    assert_eq!(std::sync::Arc::strong_count(&alive), 1);
    let _ = |counted: Counted| counted.0;
}

/// Nobody answers.
#[tokio::test(start_paused = true)]
async fn a_request_to_a_client_that_nobody_is_behind() {
    let ada = client();
    let answer = ada.emit_with_ack::<u8>("how many?", (), Duration::from_secs(5));
    ada.expect::<()>("how many?");
    assert_eq!(answer.await.unwrap_err().code().as_str(), "timeout");
}

#[test]
#[should_panic(expected = r#"expected "said" to be emitted, but nothing was"#)]
fn expect_says_that_nothing_came() {
    client().expect::<u8>("said");
}

#[test]
#[should_panic(expected = r#"expected "said" to be emitted, but nothing was, and it was closed with 4503 (kicked)"#)]
fn expect_says_how_it_was_closed() {
    let ada = client();
    ada.disconnect();
    ada.expect::<u8>("said");
}

#[test]
#[should_panic(expected = r#"expected "said" to be emitted, but there came the push {"event":"heard","data":1}"#)]
fn expect_shows_what_came() {
    let ada = client();
    ada.emit("heard", 1);
    ada.expect::<u8>("said");
}

#[test]
#[should_panic(expected = r#"the data of the push {"event":"said","data":"x"} is no u8: invalid type: string "x""#)]
fn expect_shows_what_is_no_t() {
    let ada = client();
    ada.emit("said", "x");
    ada.expect::<u8>("said");
}

#[test]
#[should_panic(
    expected = "but there came the push {\"event\":\"said\",\"data\":1}\n  at crates/switchboard/tests/testing/alone.rs:"
)]
fn expect_nothing_shows_what_came() {
    let ada = client();
    ada.emit("said", 1);
    ada.expect_nothing();
}

#[test]
#[should_panic(expected = "expected nothing, but it was closed with 4503 (kicked)")]
fn expect_nothing_is_no_close() {
    let ada = client();
    ada.disconnect();
    ada.expect_nothing();
}

#[test]
#[should_panic(expected = "the request of a client is said before its first use")]
fn a_header_behind_the_first_use() {
    let ada = client();
    ada.emit("said", 1);
    drop(ada.header("a", "b"));
}

#[test]
#[should_panic(expected = "the data of the message cannot be serialised: key must be a string")]
fn data_that_cannot_be_serialised() {
    drop(message("say").data(std::collections::BTreeMap::from([((), ())])));
}

#[test]
#[should_panic(expected = "in the guard")]
fn a_panic_is_the_tests() {
    struct Panics;
    impl Guard for Panics {
        fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
            panic!("in the guard")
        }
    }
    let _ = message("say").check(&Panics);
}
