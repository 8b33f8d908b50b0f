//! A gateway in an axum application: merged, mounted, as a service, and under layers.
use super::named;
use switchboard::axum::extract::Request;
use switchboard::axum::middleware::{self, Next};
use switchboard::axum::response::{IntoResponse, Response};
use switchboard::axum::{Router, body::Body, routing::get};
use switchboard::{App, Server};
use switchboard_rig::{Offer, Rig, Stack, matrix, upgrade_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Service, ServiceExt};

#[test]
fn a4_many_gateways_on_different_paths() {
    matrix(|stack| async move {
        let app = App::new().gateway("/one", named("one")).gateway("two", named("two")).gateway("", named("three"));
        let rig = Rig::start(stack, app).await;
        for (path, name) in [("/one", "one"), ("/two", "two"), ("/ws", "three")] {
            let mut peer = rig.connect_to(path).await;
            let reply = peer.request(r#"{"event":"name"}"#).await;
            assert_eq!(reply, format!(r#"{{"event":"name","data":"{name}"}}"#));
            assert_eq!(rig.handle.server().local().count_in(name), 1, "one registry for all gateways of a namespace");
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
    let rig = Rig::start(Stack::Listen, app).await;
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
    let mut peer = switchboard_rig::RawClient::connect(Box::new(stream), "/api/v1/ws").await;
    assert!(peer.request(r#"{"event":"name"}"#).await.contains("nested"));
}

#[tokio::test]
async fn a10_the_root_of_an_application_that_is_nested_or_merged() {
    let nested = Router::from(App::new().gateway("/", named("nested")));
    let router: Router = Router::new().nest("/chat", nested).merge(App::new().gateway("/", named("merged")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    for (path, name) in [("/", "merged"), ("/chat", "nested")] {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut peer = switchboard_rig::RawClient::connect(Box::new(stream), path).await;
        assert!(peer.request(r#"{"event":"name"}"#).await.contains(name), "{path}");
    }
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
    let app = App::new().gateway("/ws", named("inside"));
    let handle = app.handle();
    let rig = Rig::start_router(Router::new().merge(app).layer(middleware::from_fn(door)), handle).await;
    let refused = rig.http(&upgrade_request("/ws")).await.unwrap();
    assert_eq!(refused.status, 401);
    rig.connect_with(Offer::to("/ws").header("x-ticket", "1")).await;
}

#[test]
#[should_panic(expected = "Overlapping method route")]
fn a_route_that_is_mounted_twice() {
    let routes = || Router::new().route("/same", get(|| async {}));
    let _ = App::new().mount(routes()).mount(routes());
}
