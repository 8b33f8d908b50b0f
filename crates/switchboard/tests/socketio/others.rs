//! What clients that others have written rely on, and public reports of other servers.
use crate::app::{Seen, app};
use crate::beside::Beside;
use crate::client::{EngineIo, POLLING, Via, WEBSOCKET, get_request};
use axum::body::Body;
use http::{Request, StatusCode, Version};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchboard::{Limits, SocketIo};
use switchboard_rig::{Offer, Rig, Stack, each_stack, http as ask, on};
use tower::ServiceExt;

/// Parked polls are connections of the node, and not HTTP connections that stay: more of them than `http_connections` live on,
/// and keep nobody out.
#[test]
fn parked_polls_use_up_no_http_connections() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().http_connections(Some(4)).handshake_timeout(Duration::from_millis(300));
        let beside = Beside::with(stack, SocketIo::default(), limits).await;
        let mut parked = Vec::new();
        for _ in 0..16 {
            let session = beside.join(Via::Polling, &["/"]).await;
            parked.push((session.park().await, session));
        }
        // Longer than a connection that may not stay has after its request.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        beside.unnoticed().await;
        for (mut poll, session) in parked {
            assert_eq!(session.post(r#"427["echo","x"]"#).await.body, "ok");
            assert_eq!(ask(&mut poll, b"").await.expect("an answer").body, r#"437["x"]"#);
            session.leave().await;
        }
        beside.expect_sessions(0).await;
        beside.over().await;
    });
}

/// A shutdown while the guards are asked: the client is not refused, after which it would not come back.
#[test]
fn a_shutdown_refuses_no_connect() {
    each_stack(|stack| async move {
        for via in Via::BOTH {
            let seen = Arc::new(Seen::default());
            let rig = Arc::new(Rig::start(stack, app(&seen, SocketIo::default())).await);
            let mut session = EngineIo::open(&rig, via).await;
            session.send("40/hung,").await;
            rig.until(|_| seen.guards.load(Ordering::SeqCst) == 1).await;
            let mut poll = match via {
                Via::Polling => Some(session.park().await),
                Via::WebSocket => None,
            };
            let handle = rig.handle.clone();
            let ended = tokio::spawn(async move { handle.shutdown_within(Duration::from_secs(5)).await });
            match &mut poll {
                Some(poll) => assert_eq!(ask(poll, b"").await.expect("an answer").body, "1"),
                None => assert_eq!(session.expect_end().await, [""; 0]),
            }
            ended.await.unwrap();
        }
    });
}

/// A browser that offers subprotocols gives up if the server chooses none.
#[test]
fn the_first_subprotocol_is_chosen() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let offer = Offer::to(&format!("/socket.io/?{WEBSOCKET}")).protocols(&["mine", "other"]);
        let mut socket = beside.rig.connect_with(offer).await;
        assert!(socket.recv_text().await.starts_with("0{"));
        assert!(socket.head.to_ascii_lowercase().contains("sec-websocket-protocol: mine\r\n"), "{}", socket.head);
        drop(socket);
        beside.over().await;
    });
}

/// HTTP clients ask for `h2c` beside what they want (RFC 9110 §7.8 lets a server ignore that).
#[test]
fn a_poll_that_offers_http_2() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let request = String::from_utf8(get_request(POLLING)).unwrap();
        let more =
            "\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
        let request = request.trim_end().to_owned() + more;
        let answer = ask(&mut beside.rig.stream().await, request.as_bytes()).await.expect("an answer");
        assert_eq!((answer.status, &answer.body[..2]), (200, "0{"));
        beside.over().await;
    });
}

/// HTTP/2 has the host in the target, and no header `Host`.
#[tokio::test]
async fn requests_of_http_2() {
    let seen = Arc::new(Seen::default());
    let router = app(&seen, SocketIo::default()).into_router().unwrap();
    for (origin, status) in [(None, 200), (Some("https://test.example"), 200), (Some("https://evil.example"), 403)] {
        let mut request = Request::get(format!("https://test.example/socket.io/?{POLLING}")).version(Version::HTTP_2);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap(), "{origin:?}");
    }
}
