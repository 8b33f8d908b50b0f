//! What the log says at boot.
use super::{Lines, Named, named};
use switchboard::axum::Router;
use switchboard::{App, Namespace};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
