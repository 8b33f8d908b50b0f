//! Into an axum application, beside it, and under it; and what goes wrong at boot.
use crate::rig::{Path, Rig, matrix};
use std::io::Write;
use std::sync::{Arc, Mutex};
use switchboard::axum::extract::Request;
use switchboard::axum::middleware::{self, Next};
use switchboard::axum::response::{IntoResponse, Response};
use switchboard::axum::{Router, body::Body, routing::get};
use switchboard::{App, Client, Gateway, Namespace, Server};
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
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await.unwrap();
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

#[test]
#[should_panic(expected = "Overlapping method route")]
fn a_route_that_is_mounted_twice() {
    let routes = || Router::new().route("/same", get(|| async {}));
    let _ = App::new().mount(routes()).mount(routes());
}
