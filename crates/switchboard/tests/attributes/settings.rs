//! The keys of `#[gateway]`, and what the builder has for them.
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use switchboard::raw::Message;
use switchboard::testing::TestApp;
use switchboard::{
    App, Dynamic, Error, Gateway, GatewayLimits, Handshake, Inject, Limits, Namespace, Namespaces, Origins, Server,
    Socket, SocketIo, gateway, injectable, messages, module,
};

const PATH: &str = "set";

enum Side {}
impl Namespace for Side {
    const NAME: &'static str = "/side";
}

fn limits() -> GatewayLimits {
    GatewayLimits::default().max_message(64)
}

#[gateway(
    path = PATH,
    namespace = Side,
    limits = limits(),
    origins = Origins::list(["https://app.example"]).unwrap_or_default(),
    cancel_on_disconnect,
)]
struct Set {
    ended: Arc<Mutex<Vec<&'static str>>>,
}

struct Guard(Arc<Mutex<Vec<&'static str>>>, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.lock().push(self.1);
    }
}

#[messages]
impl Set {
    #[subscribe_message("echo")]
    async fn echo(&self, text: String) -> String {
        text
    }

    #[subscribe_message("slow")]
    async fn slow(&self) {
        let mut guard = Guard(self.ended.clone(), "dropped");
        tokio::time::sleep(Duration::from_secs(5)).await;
        guard.1 = "finished";
    }

    #[subscribe_message("ended")]
    async fn ended(&self) -> Vec<&'static str> {
        self.ended.lock().clone()
    }
}

#[module(gateways(Set))]
struct SetModule;

fn by_hand() -> Gateway<Set> {
    Gateway::new(Set { ended: Arc::default() })
        .on("echo", Set::echo)
        .on("slow", Set::slow)
        .on("ended", Set::ended)
        .namespace::<Side>()
        .limits(limits())
        .origins(Origins::list(["https://app.example"]).unwrap())
        .cancel_on_disconnect(true)
}

#[tokio::test(start_paused = true)]
async fn every_key() {
    let forms = [TestApp::of::<SetModule>().start().await, TestApp::new(App::new().gateway(PATH, by_hand()))];
    for app in forms {
        assert_eq!(
            app.connecting("/set").origin("https://evil.example").try_connect().await.err().unwrap().status,
            403
        );
        let mut ada = app.connecting("/set").origin("https://app.example").connect().await;
        let (side, root): (Server<Side>, Server) = (app.server_of(), app.server());
        assert_eq!((side.local().client_count(), root.local().client_count()), (1, 0));

        let mut bob = app.connect("/set").await;
        bob.send("slow", ()).await;
        app.advance(Duration::from_secs(1)).await;
        drop(bob);
        app.advance(Duration::from_secs(1)).await;
        assert_eq!(ada.request::<Vec<String>>("ended", ()).await, ["dropped"]);

        ada.send("echo", "x".repeat(64)).await;
        ada.expect_close(1009).await;
    }
}

fn by_query(upgrade: &Handshake) -> Result<String, Error> {
    upgrade.uri().query().map(str::to_owned).ok_or_else(|| Error::bad_request("Which project?"))
}

#[gateway(namespace_by = by_query)]
struct Board {
    #[inject]
    namespaces: Namespaces,
}

#[messages]
impl Board {
    #[subscribe_message("draw")]
    async fn draw(&self, line: String, own: Server<Dynamic>) -> usize {
        own.to("watchers").emit("drawn", &line);
        own.broadcast("drawn", line).queued
    }

    #[subscribe_message("projects")]
    async fn projects(&self) -> Vec<String> {
        self.namespaces.names().iter().map(|name| name.to_string()).collect()
    }
}

#[module(gateways(Board))]
struct BoardModule;

#[tokio::test(start_paused = true)]
async fn a_namespace_by_the_request() {
    let by_hand = Gateway::new(Board { namespaces: App::new().namespaces() }).on("draw", Board::draw);
    let by_hand = TestApp::new(App::new().gateway("/ws", by_hand.namespace_by(by_query)));
    let attributes = TestApp::of::<BoardModule>().start().await;
    for app in [&by_hand, &attributes] {
        let (mut ada, mut bob) = (app.connect("/ws?a").await, app.connect("/ws?b").await);
        assert_eq!(ada.request::<usize>("draw", "a line").await, 1);
        bob.expect_silence(Duration::from_secs(1)).await;
        assert_eq!(app.namespaces().get("a").unwrap().local().client_count(), 1);
        assert_eq!(app.try_connect("/ws").await.err().unwrap().status, 400);
    }
    let mut ada = attributes.connect("/ws?a").await;
    assert_eq!(ada.request::<Vec<String>>("projects", ()).await, ["/a"]);
}

/// The negative of every key.
#[gateway(cancel_on_disconnect = false)]
struct Plain {
    ended: Arc<Mutex<Vec<&'static str>>>,
}

#[messages]
impl Plain {
    #[subscribe_message("slow")]
    async fn slow(&self) {
        let mut guard = Guard(self.ended.clone(), "dropped");
        tokio::time::sleep(Duration::from_secs(5)).await;
        guard.1 = "finished";
    }
}

#[module(gateways(Plain))]
struct PlainModule;

#[tokio::test(start_paused = true)]
async fn the_defaults() {
    let app = TestApp::of::<PlainModule>().start().await;
    let mut ada = app.connect("/ws").await;
    assert_eq!(app.server().local().client_count(), 1, "the default path and namespace");
    ada.send("slow", ()).await;
    app.advance(Duration::from_secs(1)).await;
    drop(ada);
    app.advance(Duration::from_secs(5)).await;
    assert_eq!(*app.resolve::<Plain>().ended.lock(), ["finished"]);
}

#[tokio::test(start_paused = true)]
async fn an_applications_limits_are_those_of_gateways_without() {
    let small = |app: App| app.limits(Limits::default().max_message(100).handler_timeout(Duration::from_secs(1)));
    let app = TestApp::of::<PlainModule>().with(small).start().await;
    let mut ada = app.connect("/ws").await;
    assert_eq!(ada.request_error("slow", ()).await.code, "timeout");
}

/// Handlers of a provider, and what is made for each client and each message.
#[injectable]
struct Extra;

#[messages]
impl Extra {
    #[subscribe_message("extra")]
    async fn extra(&self, client: Inject<OfClient>, message: Inject<OfMessage>) -> [usize; 2] {
        [client.seen.fetch_add(1, Relaxed), message.seen.fetch_add(1, Relaxed)]
    }
}

#[injectable(scope = "connection")]
struct OfClient {
    seen: AtomicUsize,
}

#[injectable(scope = "message")]
struct OfMessage {
    seen: AtomicUsize,
}

#[gateway(path = "/versions", version = ["1", "2"], handlers(Extra))]
struct Versions;

#[messages]
impl Versions {}

#[gateway(path = "/own", version = "3", port = 0)]
struct OwnPort;

#[messages]
impl OwnPort {}

#[module(providers(Extra, OfClient, OfMessage), gateways(Versions))]
struct VersionsModule;

#[module(gateways(OwnPort))]
struct OwnPortModule;

#[tokio::test]
async fn versions_scopes_and_handlers_of_another() {
    let app = TestApp::of::<VersionsModule>().listen().await;
    assert_eq!(app.try_connect("/versions").await.err().unwrap().status, 404);
    for path in ["/v1/versions", "/v2/versions"] {
        let mut ada = app.connect(path).await;
        assert_eq!(ada.request::<[usize; 2]>("extra", ()).await, [0, 0]);
        assert_eq!(ada.request::<[usize; 2]>("extra", ()).await, [1, 0]);
    }
}

#[tokio::test]
async fn a_port_of_its_own() {
    let app = App::create::<OwnPortModule>().await.unwrap().signals(false);
    let bound = app.bind("127.0.0.1:0").await.unwrap();
    let own = bound.address_of("/v3/own").unwrap();
    assert_ne!(own.port(), bound.local_addr().port());
    assert!(tokio::net::TcpStream::connect(own).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn j03_a_maximum_that_the_process_cannot_have_is_lowered_with_a_warning() {
    for (most, warnings) in [(10, 0), (1 << 40, 1)] {
        let limits = Limits::default().max_connections(Some(most));
        let app = TestApp::of::<SetModule>().with(|app| app.limits(limits)).start().await;
        let lines = app.logs().warnings();
        assert_eq!(lines.len(), warnings, "{lines:?}");
        for line in lines {
            assert_eq!(line.field("asked"), Some("1099511627776"));
            let possible: usize = line.field("possible").unwrap().parse().unwrap();
            assert!(possible < 1 << 30 && line.message.contains("`max_connections` is lowered"), "{line}");
        }
    }
}

/// Takes frames of message patterns.
#[gateway(patterns)]
struct Patterned;

#[messages]
impl Patterned {
    #[subscribe_message("echo")]
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[module(gateways(Patterned))]
struct PatternedModule;

#[tokio::test(start_paused = true)]
async fn patterns() {
    let by_hand = || Gateway::new(Patterned).on("echo", Patterned::echo);
    let forms = [
        TestApp::of::<PatternedModule>().start().await,
        TestApp::new(App::new().gateway("/ws", by_hand().patterns())),
        TestApp::new(App::new().gateway("/ws", by_hand())),
    ];
    for (app, taken) in forms.into_iter().zip([true, true, false]) {
        let mut ada = app.connect("/ws").await;
        ada.send_text(r#"{"kind":"message","pattern":"echo","payload":"a","id":1}"#).await;
        let answer = ada.expect_text().await;
        assert_eq!(answer == r#"{"pattern":"echo","payload":"a","metadata":{},"id":1}"#, taken, "{answer}");
        assert_eq!(answer.contains("bad_request"), !taken, "{answer}");
    }
}

#[gateway(path = "/hidden", socketio = false)]
struct Hidden;

#[messages]
impl Hidden {
    #[subscribe_message("echo")]
    async fn echo(&self) {}
}

#[gateway(path = "/shown", socketio = true)]
struct Shown;

#[messages]
impl Shown {
    #[subscribe_message("echo")]
    async fn echo(&self) {}
}

const PROJECTS: &str = "/project-{id}";

#[gateway(path = "/projects/{id}/ws", namespace_by = by_query, socketio_namespace = PROJECTS)]
struct Project;

#[messages]
impl Project {
    #[subscribe_message("draw")]
    async fn draw(&self) {}
}

#[module(gateways(Hidden, Shown, Project))]
struct ReachedModule;

#[tokio::test(start_paused = true)]
async fn which_gateways_socket_io_reaches() {
    let by_hand = App::new()
        .gateway("/hidden", Gateway::new(Hidden).on("echo", Hidden::echo).socketio(false))
        .gateway("/shown", Gateway::new(Shown).on("echo", Shown::echo).socketio(true))
        .gateway(
            "/projects/{id}/ws",
            Gateway::new(Project).on("draw", Project::draw).namespace_by(by_query).socketio_namespace(PROJECTS),
        );
    for app in [App::create::<ReachedModule>().await.unwrap(), by_hand] {
        let app = TestApp::new(app.socketio(SocketIo::default()));
        let lines = app.logs().lines().into_iter().map(|line| line.message);
        let lines: Vec<String> = lines.filter(|line| line.starts_with("Socket.IO")).collect();
        assert_eq!(
            lines,
            [
                "Socket.IO /socket.io/ in / → Shown (1 message, 0 hooks)",
                "Socket.IO /socket.io/ in /project-{id} → Project (1 message, 0 hooks, a namespace by the request)",
            ]
        );
    }
}

/// Speaks subprotocols of its own.
#[gateway(path = "/raw", protocols = ["ocpp2.0.1", "ocpp1.6"], require_protocol)]
struct ChargePoints;

#[messages]
impl ChargePoints {
    #[raw]
    async fn run(&self, mut socket: Socket) {
        let protocol = socket.protocol().unwrap_or("none").to_owned();
        while let Some(Message::Text(text)) = socket.recv().await {
            if socket.send(format!("{protocol}: {text}")).await.is_err() {
                return;
            }
        }
    }
}

/// Its clients speak MessagePack, and cannot say so.
#[gateway(default_format = "switchboard.v1.msgpack")]
struct Sensors;

#[messages]
impl Sensors {
    #[subscribe_message("echo")]
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[module(gateways(ChargePoints, Sensors))]
struct ProtocolModule;

#[tokio::test(start_paused = true)]
async fn protocols_and_the_default_format() {
    let by_hand = App::new()
        .gateway("/raw", Gateway::of(ChargePoints))
        .gateway("/ws", Gateway::new(Sensors).on("echo", Sensors::echo).default_format("switchboard.v1.msgpack"));
    for app in [TestApp::of::<ProtocolModule>().start().await, TestApp::new(by_hand)] {
        let mut point = app.connecting("/raw").protocol("ocpp1.6").connect().await;
        assert_eq!(point.protocol(), Some("ocpp1.6"));
        point.send_text("boot").await;
        assert_eq!(point.expect_text().await, "ocpp1.6: boot");
        let refused = app.connecting("/raw").protocol("soap").refused().await;
        assert_eq!((refused.status.as_u16(), refused.code.as_str()), (400, "subprotocol"));

        let mut sensor = app.connecting("/ws").message_pack_unasked().connect().await;
        assert_eq!(sensor.protocol(), None);
        assert_eq!(sensor.request::<String>("echo", "hot").await, "hot");
        let mut page = app.connecting("/ws").protocol("switchboard.v1.json").message_pack_unasked().connect().await;
        page.send("echo", "text").await;
        assert_eq!(page.expect_text().await, r#"{"event":"echo","data":"text"}"#);
    }
}

#[gateway(path = "/")]
struct Top;

#[messages]
impl Top {
    #[subscribe_message("where")]
    async fn place(&self) -> &'static str {
        "the root"
    }
}

#[gateway(path = "/", version = "2")]
struct Second;

#[messages]
impl Second {
    #[subscribe_message("where")]
    async fn place(&self) -> &'static str {
        "the second version"
    }
}

#[gateway]
struct Usual;

#[messages]
impl Usual {
    #[subscribe_message("where")]
    async fn place(&self) -> &'static str {
        "the default"
    }
}

#[module(gateways(Top, Second, Usual))]
struct PlacesModule;

#[tokio::test(start_paused = true)]
async fn a_slash_is_the_root_and_no_path_is_the_default() {
    for prefix in ["", "/", "/api"] {
        let app = TestApp::of::<PlacesModule>().with(move |app| app.prefix(prefix)).start().await;
        let root = if prefix == "/api" { "/api" } else { "/" };
        let prefix = prefix.trim_end_matches('/');
        for (path, place) in [
            (root.to_owned(), "the root"),
            (format!("{prefix}/v2"), "the second version"),
            (format!("{prefix}/ws"), "the default"),
        ] {
            let mut client = app.connect(&path).await;
            assert_eq!(client.request::<String>("where", ()).await, place, "{path}");
        }
    }
}
