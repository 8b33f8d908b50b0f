//! The gateways of a namespace as one, as the application puts them together.
use super::{Served, own_path};
use crate::close::CloseCode;
use crate::gateway::{CompiledGateway, NoSeat, Unions};
use crate::handler::{Attempt, Caller, MessageContext, Parts};
use crate::hub::{Hub, Lease};
use crate::outbound::DisconnectReason;
use crate::pipeline::{Call, ConnectGuard, Filter, GuardDef, Interceptor, Next};
use crate::{App, Client, Dynamic, Error, EventName, Gateway, Handshake, Namespace, Reply, Server, SocketIo};
use crate::{di::MessageScope, extract, pipeline, testing};
use http::Request;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

type Journal = Arc<Mutex<Vec<String>>>;

/// A gateway that writes down what runs.
#[derive(Clone)]
struct Part {
    name: &'static str,
    journal: Journal,
    fails: Option<&'static str>,
}

impl Part {
    fn note(&self, what: &str) {
        self.journal.lock().push(format!("{} {what}", self.name));
    }

    async fn came(&self) -> Result<(), Error> {
        self.note("came");
        self.end()
    }

    async fn left(&self, reason: DisconnectReason) -> Result<(), Error> {
        self.note(&format!("left {reason:?}"));
        self.end()
    }

    fn end(&self) -> Result<(), Error> {
        match self.fails {
            Some("panic") => panic!("as asked"),
            Some("later") => Err(Error::new("later", "as asked").closing(CloseCode::RATE_LIMITED)),
            Some(code) => Err(Error::new(code, "as asked")),
            None => Ok(()),
        }
    }

    async fn handle(&self) {}
    async fn other(&self, _event: EventName) {}
    async fn draw(&self, _project: extract::Path<u64>, _server: Server<Dynamic>) {}
}

/// A guard and an interceptor of this name.
struct Noting(&'static str, Journal);

impl ConnectGuard for Noting {
    async fn connect(&self, handshake: &mut Handshake) -> Result<(), Error> {
        self.1.lock().push(format!("guard {}", self.0));
        match handshake.auth::<Option<String>>()?.as_deref() == Some(self.0) {
            true => Err(Error::forbidden("Not you")),
            false => Ok(()),
        }
    }
}

impl Interceptor for Noting {
    async fn intercept(&self, _call: &Call, next: Next<'_>) -> Result<Reply, Error> {
        self.1.lock().push(format!("before {}", self.0));
        let reply = next.run().await;
        self.1.lock().push(format!("after {}", self.0));
        reply
    }
}

/// A filter that tells every error as this one.
struct Telling(&'static str);

impl Filter for Telling {
    type Error = Error;

    fn catch(&self, _error: Error, _caught: &pipeline::Caught<'_>) -> Error {
        Error::forbidden(self.0)
    }
}

fn part(name: &'static str, journal: &Journal) -> Part {
    Part { name, journal: journal.clone(), fails: None }
}

fn gateway(part: Part) -> Gateway<Part> {
    let event = part.name;
    Gateway::new(part).on(event, Part::handle).on_connect(Part::came).on_disconnect(Part::left)
}

fn served(app: App) -> (App, Served) {
    let mut app = app;
    app.settle();
    let served = app.unite();
    assert!(app.problems.is_empty(), "{:?}", app.problems);
    (app, served.expect("it is asked for"))
}

fn unions(app: App) -> (App, Arc<Unions>) {
    let (app, served) = served(app.socketio(SocketIo::default()));
    (app, served.unions)
}

fn handshake(auth: Option<&str>) -> Handshake {
    let parts = Request::builder().uri("/socket.io/?EIO=4").body(()).unwrap().into_parts().0;
    let auth = auth.map(|auth| serde_json::value::to_raw_value(auth).unwrap());
    Handshake::new(parts).for_namespace(auth)
}

fn find<'a>(unions: &'a Unions, name: &str) -> Option<&'a Arc<CompiledGateway>> {
    unions.find(name, &mut handshake(None))
}

fn cx<T>(client: &Client, reason: Option<&DisconnectReason>, work: impl FnOnce(&MessageContext<'_>) -> T) -> T {
    work(&MessageContext {
        caller: Caller::Client(client),
        event: "",
        parts: Parts::NONE,
        reason,
        attempt: &Attempt::hook(),
        container: None,
        scope: &MessageScope::default(),
    })
}

async fn guarded(union: &CompiledGateway, handshake: &mut Handshake) -> Result<(), Error> {
    for guard in &union.connect_guards {
        guard.connect(handshake).await?;
    }
    Ok(())
}

async fn connected(union: &CompiledGateway) -> Result<(), Error> {
    let ada = testing::client();
    let hook = union.on_connect.as_ref().expect("there is one");
    cx(&ada, None, |cx| hook(cx))?.await
}

async fn disconnected(union: &CompiledGateway) -> Result<(), Error> {
    let (ada, reason) = (testing::client(), DisconnectReason::Lost);
    let hook = union.on_disconnect.as_ref().expect("there is one");
    cx(&ada, Some(&reason), |cx| hook(cx))?.await
}

#[tokio::test]
async fn the_guards_of_all_run_in_the_order_of_mounting_and_each_instance_once() {
    let journal = Journal::default();
    let guard = |name| GuardDef::of(Noting(name, journal.clone())).connect();
    let (_app, unions) = unions(
        App::new()
            .gateway("/a", gateway(part("a", &journal)).guard(guard("of a")).filter(Telling("by a")))
            .gateway("/admin", gateway(part("x", &journal)).guard(guard("of x")).namespace::<Admin>())
            .gateway("/b", gateway(part("b", &journal)).guard(guard("of b")))
            .guard(guard("of all")),
    );
    let union = find(&unions, "/").unwrap();
    guarded(union, &mut handshake(None)).await.unwrap();
    assert_eq!(*journal.lock(), ["guard of all", "guard of a", "guard of b"]);
    journal.lock().clear();
    // A refusal is told by the filters of the gateway whose guard it is.
    let refused = guarded(union, &mut handshake(Some("of a"))).await.unwrap_err();
    assert_eq!((refused.message(), journal.lock().len()), ("by a", 2));
    let refused = guarded(union, &mut handshake(Some("of b"))).await.unwrap_err();
    assert_eq!(refused.message(), "Not you");
    assert_eq!(find(&unions, "/admin").unwrap().connect_guards.len(), 2);
}

#[tokio::test]
async fn the_hooks_of_all_run_in_order_each_within_its_own_gateways_stages() {
    let journal = Journal::default();
    let (_app, unions) = unions(
        App::new()
            .gateway("/a", gateway(part("a", &journal)).interceptor(Noting("of a", journal.clone())))
            .gateway("/none", Gateway::functions().on_fn("none", || async {}))
            .gateway("/b", gateway(part("b", &journal)).interceptor(Noting("of b", journal.clone()))),
    );
    let union = find(&unions, "/").unwrap();
    connected(union).await.unwrap();
    let seen = std::mem::take(&mut *journal.lock());
    assert_eq!(seen, ["before of a", "a came", "after of a", "before of b", "b came", "after of b"]);
    disconnected(union).await.unwrap();
    assert_eq!(*journal.lock(), ["a left Lost", "b left Lost"]);
}

#[tokio::test]
async fn the_first_refusal_ends_connecting_and_the_gateways_before_see_the_client_leave() {
    let server = |code| DisconnectReason::Server { code };
    for (fails, reason) in [
        ("forbidden", server(CloseCode::FORBIDDEN)),
        ("later", server(CloseCode::RATE_LIMITED)),
        ("panic", DisconnectReason::Fault),
    ] {
        let journal = Journal::default();
        let (_app, unions) = unions(
            App::new()
                .gateway("/a", gateway(part("a", &journal)))
                .gateway("/b", gateway(Part { fails: Some(fails), ..part("b", &journal) }))
                .gateway("/c", gateway(part("c", &journal))),
        );
        let refused = connected(find(&unions, "/").unwrap()).await.unwrap_err();
        assert_eq!(refused.code().as_str(), if fails == "panic" { "internal" } else { fails });
        assert_eq!(*journal.lock(), ["a came".to_owned(), "b came".to_owned(), format!("a left {reason:?}")]);
    }
}

#[tokio::test]
async fn every_on_disconnect_hook_runs_whatever_the_others_do() {
    for fails in ["forbidden", "panic", "internal"] {
        let journal = Journal::default();
        let (_app, unions) = unions(
            App::new()
                .gateway("/a", gateway(Part { fails: Some(fails), ..part("a", &journal) }))
                .gateway("/b", gateway(part("b", &journal))),
        );
        disconnected(find(&unions, "/").unwrap()).await.unwrap();
        assert_eq!(*journal.lock(), ["a left Lost", "b left Lost"], "{fails}");
    }
}

#[tokio::test]
async fn every_join_hook_has_to_agree() {
    let journal = Journal::default();
    let gate = |refused: &'static str| {
        move |part: &Part, _: &Client, room: &str| {
            part.note("asked");
            if room == refused { Err(Error::forbidden(part.name)) } else { Ok(()) }
        }
    };
    let (_app, unions) = unions(
        App::new()
            .gateway("/a", gateway(part("a", &journal)).on_join(gate("x")))
            .gateway("/b", gateway(part("b", &journal)).on_join(gate("y"))),
    );
    let (ada, union) = (testing::client(), find(&unions, "/").unwrap());
    let joins = union.profile.on_join.as_ref().unwrap();
    let told = |room| joins(&ada, room).map_err(|error| error.message().to_owned());
    assert_eq!((told("x"), told("y"), told("z")), (Err("a".to_owned()), Err("b".to_owned()), Ok(())));
    assert_eq!(journal.lock().len(), 5);
}

#[test]
fn events_and_groups_stay_apart() {
    let journal = Journal::default();
    let own = crate::HandlerDef::<Part>::new(Part::handle).concurrency(3);
    let (_app, unions) = unions(
        App::new()
            .gateway("/a", gateway(part("a", &journal)).concurrency(2).handler("a2", own))
            .gateway("/b", gateway(part("b", &journal)).concurrency(4))
            .gateway("/c", gateway(part("c", &journal)).catch_all(crate::HandlerDef::new(Part::other)))
            .gateway("/d", gateway(part("d", &journal)).concurrency(5)),
    );
    let union = find(&unions, "/").unwrap();
    let group = |event: &str| union.find(event).unwrap().group.map(|group| (group.index, group.most));
    assert_eq!([group("a"), group("a2"), group("b")], [Some((0, 2)), Some((1, 3)), Some((2, 4))]);
    assert_eq!((group("c"), group("d"), group("unheard of")), (None, Some((3, 5)), None));
    assert!(union.is_concurrent && union.find("unheard of").unwrap().is_catch_all);
    let events: Vec<&str> = union.profile.events.iter().map(|event| &**event).collect();
    assert_eq!((events, &*union.name), (vec!["a", "a2", "b", "c", "d"], "Part + Part + Part + Part"));
}

#[test]
fn the_profile_has_the_limits_of_socket_io() {
    let limits = crate::Limits::default();
    let own = crate::GatewayLimits::default().max_message(64);
    let journal = Journal::default();
    let options = SocketIo::default().max_http_buffer_size(2048).ping_interval(Duration::from_secs(7));
    let options = options.ping_timeout(Duration::from_secs(3));
    let (_app, served) = served(
        App::new()
            .gateway("/a", gateway(part("a", &journal)).limits(own).binary_only().patterns())
            .gateway("/b", gateway(part("b", &journal)).cancel_on_disconnect(true))
            .socketio(options),
    );
    let profile = &find(&served.unions, "/").unwrap().profile;
    let websocket = &profile.limits.websocket;
    assert_eq!(profile.limits.max_message, 2048);
    assert_eq!(profile.limits.handler_timeout, limits.gateway.handler_timeout);
    assert_eq!((websocket.ping_interval, websocket.ping_timeout), (Duration::from_secs(7), Duration::from_secs(3)));
    assert!(profile.cancel_on_disconnect && !profile.patterns && !profile.raw && profile.compression.is_none());
    assert_eq!(profile.frames, crate::codec::Frames::Any);
}

fn project(handshake: &Handshake) -> Result<String, Error> {
    let id: u64 = handshake.path_params()?;
    Ok(if id == 13 { "another".to_owned() } else { format!("project-{id}") })
}

fn leased(union: &CompiledGateway, hub: &Hub, handshake: &Handshake, asked: &str) -> Result<String, String> {
    match union.lease(hub, handshake, Some(asked)) {
        Ok(lease) => Ok(Lease::space(&lease).name().to_owned()),
        Err(NoSeat::Told(error)) => Err(error.code().as_str().to_owned()),
        Err(NoSeat::Full(_)) => Err("full".to_owned()),
    }
}

#[test]
fn a_name_leads_to_its_gateways_and_their_namespace() {
    let journal = Journal::default();
    let board = |name| {
        let gateway = Gateway::new(part(name, &journal)).on(name, Part::draw).namespace_by(project);
        gateway.socketio_namespace("/project-{id}")
    };
    let (app, unions) = unions(
        App::new()
            .gateway("/ws", gateway(part("a", &journal)))
            .gateway("/admin", gateway(part("x", &journal)).namespace::<Admin>())
            .gateway("/projects/{id}/ws", board("draw"))
            .gateway("/projects/{id}/erase", board("erase"))
            // None of these is reached.
            .gateway("/out", gateway(part("a", &journal)).socketio(false))
            .gateway("/port", gateway(part("a", &journal)).port(4000))
            .gateway("/rooms/{id}", gateway(part("a", &journal)))
            .gateway("/by", gateway(part("a", &journal)).namespace_by(project)),
    );
    for (name, event) in [("/", "a"), ("/admin", "x")] {
        let union = find(&unions, name).unwrap();
        assert!(union.find(event).is_some() && union.profile.events.len() == 1, "{name}");
        assert_eq!(leased(union, &app.hub, &handshake(None), name).as_deref(), Ok(name));
    }
    for name in ["", "/b", "/project-", "/admin/", "admin", "/Admin"] {
        assert!(find(&unions, name).is_none(), "{name:?}");
    }
    let mut request = handshake(None);
    let union = unions.find("/project-7", &mut request).unwrap();
    assert_eq!(union.profile.events.len(), 2);
    assert_eq!(leased(union, &app.hub, &request, "/project-7").as_deref(), Ok("/project-7"));
    let kept = union.keep(&request).unwrap().unwrap();
    assert!(!kept.extensions.is_empty(), "the parameter is kept for the handlers");
    for (name, code) in [("/project-13", "forbidden"), ("/project-007", "forbidden"), ("/project-x", "bad_request")] {
        let mut request = handshake(None);
        let union = unions.find(name, &mut request).unwrap();
        assert_eq!(leased(union, &app.hub, &request, name), Err(code.to_owned()), "{name}");
    }
    assert_eq!(app.namespaces().names().len(), 0, "nobody is left there");
}

#[test]
fn the_path_has_no_slash_at_its_end() {
    for (path, own) in [("/socket.io/", "/socket.io"), ("socket.io", "/socket.io"), ("/a/b/", "/a/b"), ("/", "")] {
        assert_eq!(own_path(path).as_deref(), Ok(own), "{path}");
    }
    for path in ["", "/{id}/", "/a b", "/a//b", "/a?b"] {
        assert!(own_path(path).is_err(), "{path:?}");
    }
}
