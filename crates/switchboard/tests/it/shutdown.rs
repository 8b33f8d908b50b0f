//! The end of an application, and what must not keep it.
use std::convert::Infallible;
use std::time::{Duration, Instant};
use switchboard::axum::body::{Body, Bytes};
use switchboard::axum::extract::Request;
use switchboard::axum::middleware::{self, Next};
use switchboard::axum::{self, Router, routing::get};
use switchboard::{App, Client, Gateway, Handle};
use switchboard_rig::{Got, RawClient, Rig, Stack, each_stack, on, read_to_end};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

const SLOW: Duration = Duration::from_millis(600);
const PATIENCE: Duration = Duration::from_secs(8);

struct Echo;

impl Echo {
    async fn joined(&self, client: &Client) {
        client.join("all");
    }
    async fn echo(&self, text: String) -> String {
        text
    }
}

fn gateway() -> Gateway<Echo> {
    Gateway::new(Echo).on_connect(Echo::joined).on("echo", Echo::echo)
}

/// An answer that has no end.
async fn endless() -> Body {
    let events = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"data: 1\n\n")), ()))
    });
    Body::from_stream(events)
}

fn routes() -> Router {
    let slow = async || {
        tokio::time::sleep(SLOW).await;
        "slow"
    };
    let hung = async || std::future::pending::<()>().await;
    Router::new()
        .route("/quick", get(async || "quick"))
        .route("/slow", get(slow))
        .route("/hung", get(hung))
        .route("/endless", get(endless))
}

async fn asking(rig: &Rig, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(rig.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

#[test]
fn heads_that_are_not_whole_are_cut_at_once() {
    for threads in [0, 2] {
        on(Stack::Listen, |stack| async move {
            let rig = Rig::start(stack, App::new().gateway("/ws", gateway()).mount(routes()).threads(threads)).await;
            let mut half = asking(&rig, b"GET /quick HTTP/1.1\r\nHost: a\r\nX-").await;
            let mut second = asking(&rig, b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let mut answer = vec![0; 1024];
            let read = second.read(&mut answer).await.unwrap();
            assert!(answer[..read].starts_with(b"HTTP/1.1 200") && answer[..read].ends_with(b"quick"));
            second.write_all(b"GET /quick HTT").await.unwrap();
            // These have come whole.
            let mut slow = asking(&rig, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let mut large = asking(&rig, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /qui").await;
            tokio::time::sleep(SLOW / 4).await;
            let (began, handle) = (Instant::now(), rig.handle.clone());
            let ended = tokio::spawn(async move { handle.shutdown_within(PATIENCE).await });
            for stream in [&mut half, &mut second] {
                assert_eq!(stream.read(&mut answer).await.unwrap_or(0), 0, "it is cut");
            }
            assert!(began.elapsed() < SLOW / 2, "{threads} threads: {:?}", began.elapsed());
            for stream in [&mut slow, &mut large] {
                let mut text = String::new();
                stream.read_to_string(&mut text).await.unwrap();
                assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("slow"), "{text}");
            }
            assert_eq!(ended.await.unwrap().aborted, 0);
            assert!(began.elapsed() < PATIENCE / 2, "{threads} threads: {:?}", began.elapsed());
        });
    }
}

/// What the guide says for `axum::serve`.
async fn serve(
    routes: Router,
    app: App,
    signal: oneshot::Receiver<()>,
    patience: Duration,
) -> (Rig, tokio::task::JoinHandle<()>) {
    let handle = app.handle();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::elsewhere(listener.local_addr().unwrap());
    let stopping = handle.clone();
    let stop = async move {
        signal.await.unwrap();
        stopping.shutdown_within(patience).await;
    };
    let serving = tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, routes.merge(app)).with_graceful_shutdown(stop) => served.unwrap(),
            _ = handle.finished() => {}
        }
    });
    (rig, serving)
}

#[test]
fn under_axum_serve_nothing_keeps_the_end_longer_than_the_patience() {
    on(Stack::Axum, |_| async {
        for asked in
            ["GET /hung HTTP/1.1\r\nHost: a\r\n\r\n", "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", "GET /quick HT"]
        {
            let patience = Duration::from_millis(700);
            let (signal, signalled) = oneshot::channel();
            let (rig, serving) = serve(routes(), App::new().gateway("/ws", gateway()), signalled, patience).await;
            let mut peer = rig.connect().await;
            let _held = asking(&rig, asked.as_bytes()).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let began = Instant::now();
            signal.send(()).unwrap();
            peer.skip_until_close().await;
            drop(peer);
            serving.await.unwrap();
            let took = began.elapsed();
            assert!(took < patience + Duration::from_secs(2), "{asked:?}: {took:?}");
            assert!(took >= patience, "{asked:?}: {took:?}, before its time was over");
        }
        // Where nothing holds it up it does not wait for the patience, and what runs is answered.
        let (signal, signalled) = oneshot::channel();
        let (rig, serving) = serve(routes(), App::new().gateway("/ws", gateway()), signalled, PATIENCE).await;
        let mut slow = asking(&rig, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
        tokio::time::sleep(SLOW / 4).await;
        let began = Instant::now();
        signal.send(()).unwrap();
        let mut text = String::new();
        slow.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("slow"), "{text}");
        serving.await.unwrap();
        assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    });
}

#[test]
fn background_tasks_are_told_before_connections_end() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway())).await;
        let mut peer = rig.connect().await;
        let text = r#"{"event":"echo","data":"ready"}"#;
        assert_eq!(peer.request(text).await, text);
        let handle = rig.handle.clone();
        let task = tokio::spawn(async move {
            handle.draining().await;
            handle.server().broadcast_to("all", "last", 1).queued
        });
        // One that is not awaited any more keeps nobody.
        let forgotten = rig.handle.clone();
        drop(tokio::time::timeout(Duration::from_millis(10), forgotten.draining()).await);
        assert!(!task.is_finished());
        let began = Instant::now();
        let shutdown = tokio::spawn({
            let handle = rig.handle.clone();
            async move { handle.shutdown().await }
        });
        peer.expect(r#"{"event":"last","data":1}"#).await;
        peer.skip_until_close().await;
        drop(peer);
        assert_eq!(task.await.unwrap(), 1);
        shutdown.await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        rig.handle.draining().await;
    });
}

async fn passed_on(request: Request, next: Next) -> axum::response::Response {
    next.run(request).await
}

/// An application in a layered router, below another one, in every order that there is.
#[test]
fn an_application_in_a_router_that_is_mounted_ends_with_the_other() {
    type Put = fn(Router, Router) -> Router;
    let orders: [(&str, &str, Put); 5] = [
        ("merged and layered", "/inner/ws", |inner, other| other.merge(inner).layer(middleware::from_fn(passed_on))),
        ("layered and merged", "/inner/ws", |inner, other| other.merge(inner.layer(middleware::from_fn(passed_on)))),
        ("nested", "/below/inner/ws", |inner, other| other.nest("/below", inner).layer(middleware::from_fn(passed_on))),
        ("as a service", "/below/inner/ws", |inner, other| other.nest_service("/below", inner)),
        ("in a third application", "/inner/ws", |inner, other| {
            Router::from(App::new().gateway("/third/ws", gateway()).mount(other.merge(inner)))
        }),
    ];
    for (what, url, put) in orders {
        for listens in [true, false] {
            on(Stack::Listen, |_| async move {
                let inner = App::new().gateway("/inner/ws", gateway());
                let inner_handle = inner.handle();
                let outer = App::new().signals(false).gateway("/ws", gateway());
                let outer = outer.mount(put(Router::from(inner), routes()));
                let handle = outer.handle();
                let (address, serving) = match listens {
                    true => {
                        let bound = outer.bind("127.0.0.1:0").await.unwrap();
                        (bound.local_addr(), tokio::spawn(bound.serve()))
                    }
                    false => {
                        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                        let address = listener.local_addr().unwrap();
                        let stop = until_drained(handle.clone());
                        let router = Router::new().merge(outer).layer(middleware::from_fn(passed_on));
                        let serve = axum::serve(listener, router).with_graceful_shutdown(stop);
                        (address, tokio::spawn(async move { serve.await.unwrap() }))
                    }
                };
                let rig = Rig::elsewhere(address);
                let mut peers: Vec<RawClient> = vec![rig.connect_to("/ws").await, rig.connect_to(url).await];
                for peer in &mut peers {
                    let text = r#"{"event":"echo","data":"ready"}"#;
                    assert_eq!(peer.request(text).await, text);
                }
                assert_eq!(inner_handle.stats().connections, 1);
                let ended = tokio::spawn(async move { handle.shutdown_within(PATIENCE).await });
                for peer in &mut peers {
                    let goaway = peer.recv().await;
                    assert!(matches!(&goaway, Got::Text(text) if text.contains("goaway")), "{what}: {goaway:?}");
                    peer.skip_until_close().await;
                }
                drop(peers);
                ended.await.unwrap();
                assert_eq!(inner_handle.stats().connections, 0, "{what}");
                inner_handle.drained().await;
                serving.await.unwrap();
            });
        }
    }
}

async fn until_drained(handle: Handle) {
    handle.drained().await;
}

/// Requests that come while all of them end.
#[test]
fn an_application_that_is_found_below_during_a_shutdown_ends_too() {
    on(Stack::Listen, |_| async {
        let inner = App::new().gateway("/inner/ws", gateway());
        let inner_handle = inner.handle();
        let outer = App::new().gateway("/ws", gateway()).mount(Router::from(inner));
        let handle = outer.handle();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rig = Rig::elsewhere(listener.local_addr().unwrap());
        let router = Router::from(outer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        handle.shutdown_within(PATIENCE).await;
        let mut stream = rig.stream().await;
        stream.write_all(b"GET /inner/ws HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        tokio::time::timeout(PATIENCE, inner_handle.drained()).await.expect("it ends with the one around it");
        drop(stream);
        let mut stream = rig.stream().await;
        stream.write_all(&switchboard_rig::upgrade_request("/inner/ws")).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_to_end(&mut stream, PATIENCE).await;
        assert!(answer.starts_with(b"HTTP/1.1 503"), "{}", String::from_utf8_lossy(&answer));
    });
}
