//! Into an axum application, beside it, and under it; and what goes wrong at boot.
use crate::rig::{Path, Rig, matrix, on};
use std::io::Write;
use std::sync::{Arc, Mutex};
use switchboard::axum::extract::Request;
use switchboard::axum::middleware::{self, Next};
use switchboard::axum::response::{IntoResponse, Response};
use switchboard::axum::{Router, body::Body, routing::get};
use switchboard::di::{Injectable, ModuleDef, Provider};
use switchboard::gateway::{Messages, Mount};
use switchboard::{
    App, Client, ConnState, Ctx, DisconnectReason, Error, EventName, Gateway, Namespace, SendError, Server, Socket,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Service, ServiceExt};

struct Named(&'static str);

impl Named {
    async fn name(&self) -> &'static str {
        self.0
    }
    async fn joined(&self, client: &Client) {
        client.join(self.0);
    }
}

fn named(name: &'static str) -> Gateway<Named> {
    Gateway::new(Named(name)).on("name", Named::name).on_connect(Named::joined)
}

#[test]
fn a4_many_gateways_on_different_paths() {
    matrix(|path| async move {
        let app = App::new().gateway("/one", named("one")).gateway("two", named("two")).gateway("", named("three"));
        let rig = Rig::start(path, app).await;
        for (path, name) in [("/one", "one"), ("/two", "two"), ("/ws", "three")] {
            let mut peer = rig.connect_to(path).await;
            let reply = peer.request(r#"{"event":"name"}"#).await;
            assert_eq!(reply, format!(r#"{{"event":"name","data":"{name}"}}"#));
            assert_eq!(rig.handle.server().count_in(name), 1, "one registry for all gateways of a namespace");
        }
    });
}

async fn announce(server: Server) -> String {
    format!("reached {}", server.broadcast("news", 1).queued)
}

async fn get_text(router: &mut Router, path: &str) -> (u16, String) {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let response = router.as_service().ready().await.unwrap().call(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a10_merged_mounted_and_as_a_service() {
    // Merged into a router that has a state of its own, the server used by one of its handlers.
    let app = App::new().gateway("/ws", named("merged"));
    let (server, handle) = (app.server(), app.handle());
    let mut router: Router = Router::new()
        .route("/announce", get(|state: axum::extract::State<Server>| announce(state.0)))
        .merge(app)
        .with_state(server);
    assert_eq!(get_text(&mut router, "/announce").await, (200, "reached 0".into()));
    assert_eq!(get_text(&mut router, "/ws").await.0, 400, "a request without Host is no upgrade");
    assert_eq!(get_text(&mut router, "/other").await.0, 404, "A20");
    assert_eq!(handle.stats().connections, 0);
    // Routes mounted beside the gateways, by our own listener.
    let app = App::new().gateway("/ws", named("mounted")).mount(Router::new().route("/", get(|| async { "hello" })));
    let rig = Rig::start(Path::Listen, app).await;
    let mut stream = rig.stream().await;
    AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    AsyncReadExt::read_to_string(&mut stream, &mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("hello"), "{text}");
    let mut peer = rig.connect().await;
    assert!(peer.request(r#"{"event":"name"}"#).await.contains("mounted"));
    // A tower service, of a router that is not axum's or under a path of one that is.
    let mut service = App::new().gateway("/ws", named("service"));
    let request = Request::builder().uri("/nowhere").body(Body::empty()).unwrap();
    assert_eq!(service.ready().await.unwrap().call(request).await.unwrap().status(), 404);
    let nested: Router = Router::new().nest("/api/v1", Router::from(App::new().gateway("/ws", named("nested"))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, nested).await });
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut peer = crate::rig::Peer::handshake(Box::new(stream), "/api/v1/ws").await;
    assert!(peer.request(r#"{"event":"name"}"#).await.contains("nested"));
}

#[tokio::test]
async fn a12_layers_run_on_the_upgrade() {
    async fn door(request: Request, next: Next) -> Response {
        if request.headers().contains_key("x-ticket") {
            next.run(request).await
        } else {
            (http::StatusCode::UNAUTHORIZED, "no ticket").into_response()
        }
    }
    let router = Router::new().merge(App::new().gateway("/ws", named("inside"))).layer(middleware::from_fn(door));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("ws://{address}/ws");
    let refused = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    assert!(matches!(refused, tokio_tungstenite::tungstenite::Error::Http(response) if response.status() == 401));
    let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(&url).unwrap();
    request.headers_mut().insert("x-ticket", http::HeaderValue::from_static("1"));
    tokio_tungstenite::connect_async(request).await.unwrap();
}

#[tokio::test]
async fn a5_boot_problems_are_reported_at_once() {
    let line = line!();
    let app = App::new()
        .gateway("/ws", named("one"))
        .gateway("ws", named("two").on("name", Named::name))
        .gateway("/a b", Gateway::new(Named("bad")).on("exception", Named::name).on("", Named::name))
        .gateway("/raw", Gateway::new(Named("raw")).raw(Named::joined).on("event", Named::name));
    let error = app.bind("127.0.0.1:0").await.err().unwrap();
    assert_eq!(error.problems().len(), 6);
    let file = file!();
    let text = format!("{error:?}");
    for (part, lines) in [
        ("1. the event \"name\" of Named has two handlers; remove one", vec![line + 3]),
        ("2. Named and Named are both mounted on /ws; move one", vec![line + 2, line + 3]),
        ("3. the event name \"exception\" of Named belongs to the server; choose another", vec![line + 4]),
        ("4. the event name \"\" of Named", vec![line + 4]),
        ("5. the path \"/a b\" of Named has a character that no path has", vec![line + 4]),
        ("6. the gateway Named has a raw loop and events; a raw gateway owns its socket alone", vec![line + 5]),
    ] {
        let at = text.find(part).unwrap_or_else(|| panic!("{part:?} is not in:\n{text}"));
        for line in lines {
            assert!(
                text[at..].contains(&format!("at {file}:{line}")),
                "{file}:{line} is not behind {part:?} in:\n{text}"
            );
        }
    }
    assert!(text.starts_with("the application cannot start: 6 problems\n"), "{text}");
}

#[tokio::test]
async fn an_address_that_is_taken_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = App::new().gateway("/ws", named("late")).listen(address).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("another program has it"), "{text}");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

#[test]
fn p1_the_startup_log() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = App::new()
                .signals(false)
                .gateway("/ws", named("log").on("more", Named::name))
                .gateway("/admin/ws", named("admin").namespace::<Admin>());
            let bound = app.bind("127.0.0.1:0").await.unwrap();
            let (address, handle) = (bound.local_addr(), bound.handle());
            let serving = tokio::spawn(bound.serve());
            tokio::task::yield_now().await;
            handle.shutdown().await;
            serving.await.unwrap();
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("GET /ws → Named (2 messages, 1 hook)\n"), "{text}");
            assert!(text.contains("GET /admin/ws → Named (1 message, 1 hook, namespace /admin)\n"), "{text}");
            assert!(text.contains(&format!("listening on {address}")), "{text}");
        });
    });
}

/// axum tells who connects only where it is asked to: what needs that says so in the log, and works once it is.
#[test]
fn without_connect_info_the_log_says_what_has_no_effect() {
    let app = || {
        let app = App::new().limits(switchboard::Limits::default().address_connections(Some(1)));
        Router::new().merge(app.trust_proxies(["127.0.0.1"]).unwrap().gateway("/ws", named("behind")))
    };
    let upgrade = "GET /ws HTTP/1.1\r\nhost: upstream\r\norigin: http://shop.example\r\nx-forwarded-host: shop.example\r\n\
                   x-forwarded-for: 9.9.9.9\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let fix = "give axum::serve the router's into_make_service_with_connect_info::<SocketAddr>()";
    // Of each line there is one in a second: what has no effect is told by one of the first two.
    for (known, requests) in [(false, [(true, 403), (false, 101)]), (true, [(true, 101), (false, 429)])] {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let (address, router) = (listener.local_addr().unwrap(), app());
                match known {
                    true => {
                        let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
                        tokio::spawn(async { axum::serve(listener, service).await })
                    }
                    false => tokio::spawn(async { axum::serve(listener, router).await }),
                };
                let mut streams = Vec::new();
                for (origin, status) in requests {
                    let sent = if origin {
                        upgrade.to_owned()
                    } else {
                        upgrade.replace("origin: http://shop.example\r\n", "")
                    };
                    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
                    stream.write_all(sent.as_bytes()).await.unwrap();
                    let mut head = [0; 12];
                    stream.read_exact(&mut head).await.unwrap();
                    assert_eq!(String::from_utf8_lossy(&head), format!("HTTP/1.1 {status}"));
                    streams.push(stream);
                }
            });
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        for told in ["trust_proxies has no effect", "limits of addresses have no effect"] {
            assert_eq!(text.contains(told), !known, "{text}");
        }
        assert_eq!(text.matches(fix).count(), if known { 0 } else { 2 }, "{text}");
    }
}

#[test]
#[should_panic(expected = "Overlapping method route")]
fn a_route_that_is_mounted_twice() {
    let routes = || Router::new().route("/same", get(|| async {}));
    let _ = App::new().mount(routes()).mount(routes());
}

#[test]
fn a6_the_prefix_and_versions_reach_the_gateway() {
    matrix(|path| async move {
        // In whatever order they are said.
        let app = App::new()
            .gateway("/ws", named("both").versions(["1", "2"]))
            .prefix("/api/")
            .gateway("plain", named("plain"))
            .gateway("/ws", named("third").version("3.1-beta"))
            .mount(Router::new().route("/health", get(|| async { "well" })));
        let rig = Rig::start(path, app).await;
        for (path, name) in
            [("/api/v1/ws", "both"), ("/api/v2/ws", "both"), ("/api/plain", "plain"), ("/api/v3.1-beta/ws", "third")]
        {
            let mut peer = rig.connect_to(path).await;
            let reply = peer.request(r#"{"event":"name"}"#).await;
            assert_eq!(reply, format!(r#"{{"event":"name","data":"{name}"}}"#), "{path}");
        }
        for path in ["/ws", "/api/ws", "/v1/ws", "/api/v3/ws", "/plain", "/api/health"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
            assert_eq!(rig.http(request.as_bytes()).await.unwrap().status, 404, "{path}");
        }
        assert_eq!(rig.http(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap().status, 200);
        rig.expect_empty().await;
    });
}

/// Every part, and the lines of this file behind it.
#[track_caller]
fn told(text: &str, problems: &[(&str, &[u32])]) {
    for (part, lines) in problems {
        let at = text.find(part).unwrap_or_else(|| panic!("{part:?} is not in:\n{text}"));
        for line in *lines {
            let place = format!("at {}:{line}", file!());
            assert!(text[at..].contains(&place), "{place} is not behind {part:?} in:\n{text}");
        }
    }
    assert!(text.contains(&format!("{} problem", problems.len())), "{text}");
}

#[tokio::test]
async fn a5_a_path_and_version_belong_to_one_gateway() {
    let line = line!();
    let app = App::new()
        .gateway("/ws", named("one").versions(["1", "2"]))
        .gateway("/ws", named("two").version("2"))
        .gateway("/v1/ws", named("three"))
        .gateway("/other", named("four").version("1").version("1"))
        .gateway("/ws", named("five").version("3"))
        .gateway("/v", named("six").version("v1"))
        .gateway("/slash", named("seven").version("1/2"))
        .gateway("/none", named("eight").versions([""; 0]))
        .prefix("/a b");
    told(
        &app.into_router().unwrap_err().to_string(),
        &[
            ("Named and Named are both mounted on /v2/ws; move one", &[line + 2, line + 3]),
            ("Named and Named are both mounted on /v1/ws; move one", &[line + 2, line + 4]),
            ("Named and Named are both mounted on /v1/other; move one", &[line + 5]),
            ("the version \"v1\" of Named begins with a 'v', which is put in front of it; write \"1\"", &[line + 7]),
            ("the version \"1/2\" of Named is no segment of a path", &[line + 8]),
            ("Named has an empty list of versions", &[line + 9]),
            ("the prefix \"/a b\" has a character that no path has", &[line + 10]),
        ],
    );
}

#[test]
fn a3_a_port_of_its_own() {
    on(Path::Listen, |_| async {
        let app = App::new()
            .signals(false)
            .prefix("/api")
            .mount(Router::new().route("/health", get(|| async { "well" })))
            .gateway("/ws", named("main"))
            .gateway("/ws", named("metrics").port(0))
            .gateway("/more/{id}", named("more").version("1").port(0));
        let handle = app.handle();
        let bound = app.bind("127.0.0.1:0").await.unwrap();
        let main = bound.local_addr();
        assert_eq!(bound.address_of("/api/ws"), Some(main));
        let other = bound.address_of("/api/v1/more/{id}").unwrap();
        assert_eq!((other.ip(), other.port() == main.port()), (main.ip(), false));
        assert_eq!(bound.address_of("/ws"), None, "without the prefix");
        let serving = tokio::spawn(bound.serve());
        let (main, other) = (Rig::elsewhere(main), Rig::elsewhere(other));
        let mut peers = Vec::new();
        for (rig, path, name) in
            [(&main, "/api/ws", "main"), (&other, "/api/ws", "metrics"), (&other, "/api/v1/more/3", "more")]
        {
            let mut peer = rig.connect_to(path).await;
            let reply = peer.request(r#"{"event":"name"}"#).await;
            assert_eq!(reply, format!(r#"{{"event":"name","data":"{name}"}}"#), "{path}");
            peers.push(peer);
        }
        assert_eq!(handle.stats().connections, 3, "one node");
        for (rig, path, status) in [(&main, "/api/v1/more/3", 404), (&main, "/health", 200), (&other, "/health", 404)] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
            assert_eq!(rig.http(request.as_bytes()).await.unwrap().status, status, "{path}");
        }
        let shutdown = tokio::spawn(async move { handle.shutdown().await });
        for mut peer in peers {
            assert_eq!(peer.expect_close().await, 1001);
        }
        assert_eq!(shutdown.await.unwrap().aborted, 0);
        serving.await.unwrap();
        for rig in [main, other] {
            assert!(tokio::net::TcpStream::connect(rig.address()).await.is_err(), "nobody listens any more");
        }
    });
}

#[tokio::test]
async fn a3_ports_that_cannot_be_had() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let app = || App::new().signals(false);
    let text = app().gateway("/ws", named("a").port(port)).bind("127.0.0.1:0").await.err().unwrap().to_string();
    assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("another program has it"), "{text}");
    drop(taken);
    let line = line!() + 1;
    let app = || App::new().signals(false).gateway("/ws", named("a").port(port)).gateway("/two", named("b"));
    let text = app().bind(("127.0.0.1:".to_owned() + &port.to_string()).as_str()).await.err().unwrap().to_string();
    told(&text, &[("Named asks for the port", &[line])]);
    assert!(text.contains("which is the application's own; leave the port out"), "{text}");
    // Only our own listener can have one.
    let text = app().into_router().unwrap_err().to_string();
    told(&text, &[("Named asks for the port", &[line])]);
    assert!(text.contains("use `App::listen`"), "{text}");
}

#[test]
fn a8_a_gateway_of_functions() {
    async fn double(n: u32) -> Result<u32, Error> {
        n.checked_mul(2).ok_or_else(|| Error::bad_request("Too much"))
    }
    async fn four(a: Ctx, b: Client, c: EventName, d: ConnState<u32>) -> (bool, String, u32) {
        (
            a.client().id() == b.id(),
            c.to_string(),
            d.with(|count| {
                *count += 1;
                *count
            }),
        )
    }
    matrix(|path| async move {
        let captured = Arc::new(Mutex::new(Vec::new()));
        let (joins, leaves) = (captured.clone(), captured.clone());
        let functions = Gateway::functions()
            .on_connect_fn(move |client: Client| {
                let joins = joins.clone();
                async move {
                    joins.lock().unwrap().push("joined".to_owned());
                    client.join("lobby").await
                }
            })
            .on_disconnect_fn(move |reason: DisconnectReason| {
                let leaves = leaves.clone();
                async move { leaves.lock().unwrap().push(format!("{reason:?}")) }
            })
            .on_fn("double", double)
            .on_fn("four", four)
            .on_fn("ping", || async { "pong" })
            .on_fn("say", |text: String, client: Client| async move { client.to("lobby").emit("said", text).queued });
        let raw = Gateway::functions().raw_fn(|ctx: Ctx, mut socket: Socket| async move {
            socket.send(ctx.client().id().to_string()).await?;
            while let Some(message) = socket.recv().await {
                socket.send(message).await?;
            }
            Ok::<(), SendError>(())
        });
        let rig = Rig::start(path, App::new().gateway("/ws", functions).gateway("/raw", raw)).await;
        let (mut ada, mut bob) = (rig.connect().await, rig.connect().await);
        assert_eq!(ada.request(r#"{"event":"double","data":21}"#).await, r#"{"event":"double","data":42}"#);
        assert!(ada.request(r#"{"event":"double","data":3000000000}"#).await.contains("bad_request"));
        for client in [&mut ada, &mut bob] {
            // What is answered is answered behind the hook.
            assert_eq!(client.request(r#"{"event":"ping"}"#).await, r#"{"event":"ping","data":"pong"}"#);
        }
        for count in 1..3 {
            let reply = ada.request(r#"{"event":"four"}"#).await;
            assert_eq!(reply, format!(r#"{{"event":"four","data":[true,"four",{count}]}}"#));
        }
        assert_eq!(ada.request(r#"{"event":"say","data":"hi"}"#).await, r#"{"event":"say","data":1}"#);
        bob.expect(r#"{"event":"said","data":"hi"}"#).await;
        let mut peer = rig.connect_to("/raw").await;
        assert!(!peer.text().await.is_empty());
        assert_eq!(peer.request("echo").await, "echo");
        drop((ada, bob, peer));
        rig.expect_empty().await;
        let seen = captured.lock().unwrap();
        assert_eq!((seen.len(), seen.iter().filter(|what| *what == "joined").count()), (4, 2), "{seen:?}");
    });
}

/// A gateway of a module, which says itself where it stands.
macro_rules! standing {
    ($name:ident, $path:literal, |$gateway:ident| $settings:expr) => {
        struct $name;
        impl Injectable for $name {
            fn provider() -> Provider<$name> {
                Provider::factory(|| $name)
            }
        }
        impl Messages for $name {
            fn messages(gateway: Gateway<$name>) -> Gateway<$name> {
                gateway.on_fn("name", || async { stringify!($name) })
            }
        }
        impl Mount for $name {
            const PATH: &'static str = $path;
            fn settings($gateway: Gateway<$name>) -> Gateway<$name> {
                $settings
            }
        }
    };
}
standing!(Versioned, "/ws", |gateway| gateway.versions(["1", "2"]));
standing!(Apart, "/ws", |gateway| gateway.version("1").port(0));
standing!(Second, "ws", |gateway| gateway.version("2"));

#[tokio::test]
async fn a5_a6_gateways_of_modules_have_versions_and_ports_too() {
    let module = || ModuleDef::new("Site").gateway::<Versioned>().gateway::<Apart>();
    let app = App::boot_def(module()).create().await.unwrap();
    assert!(app.graph().to_string().contains("Versioned (gateway on /v1/ws and /v2/ws)"), "{}", app.graph());
    let bound = app.signals(false).prefix("api").bind("127.0.0.1:0").await.unwrap();
    let (main, handle) = (bound.local_addr(), bound.handle());
    // The same path twice, on two ports: the application's own is told.
    assert_eq!(bound.address_of("/api/v1/ws"), Some(main));
    let apart = bound.listeners().find(|address| *address != main).unwrap();
    let serving = tokio::spawn(bound.serve());
    for (address, path, name) in
        [(main, "/api/v1/ws", "Versioned"), (main, "/api/v2/ws", "Versioned"), (apart, "/api/v1/ws", "Apart")]
    {
        let mut peer = Rig::elsewhere(address).connect_to(path).await;
        assert_eq!(peer.request(r#"{"event":"name"}"#).await, format!(r#"{{"event":"name","data":"{name}"}}"#));
    }
    handle.shutdown().await;
    serving.await.unwrap();
    let error = App::boot_def(module().gateway::<Second>()).create().await.err().unwrap().to_string();
    assert!(error.contains("Versioned and Second are both mounted on /v2/ws; move one"), "{error}");
    assert_eq!(error.matches(file!()).count(), 2, "{error}");
}
