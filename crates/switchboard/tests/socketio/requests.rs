//! Requests that are refused: what is wrong is in their line and their query (LIMITS.md, E01 to E04 and E29).
use crate::beside::Beside;
use crate::client::{
    BAD_REQUEST, EngineIo, HANDSHAKE_METHOD, POLLING, UNKNOWN_SID, UNKNOWN_TRANSPORT, VERSION, Via, get, refused_socket,
};
use switchboard::{Limits, Origins, SocketIo};
use switchboard_rig::{Stack, each_stack, http, on};

/// The same wrong query without a session, and for sessions over each transport before and after CONNECT; as a request of
/// polling, and as one for a WebSocket. The sessions live on.
async fn refused(beside: &Beside, queries: &[&str], body: &str) {
    let mut sessions = Vec::new();
    for via in Via::BOTH {
        sessions.push(beside.open(via).await);
        sessions.push(beside.join(via, &["/"]).await);
    }
    for query in queries {
        for sid in std::iter::once(String::new()).chain(sessions.iter().map(|session| format!("&sid={}", session.sid)))
        {
            let query = format!("{query}{sid}");
            let answer = get(&beside.rig, &query).await;
            assert_eq!((answer.status, &*answer.body), (400, body), "{query}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let answer = refused_socket(&beside.rig, &query).await;
            assert_eq!((answer.status, &*answer.body), (400, body), "{query} as a WebSocket");
        }
        beside.unnoticed().await;
    }
    for (at, mut session) in sessions.into_iter().enumerate() {
        if at % 2 == 0 {
            session.enter("/").await;
        }
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
    }
}

#[test]
fn e01_another_version() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let queries = [
            "transport=polling",
            "transport=polling&EIO=",
            "transport=polling&EIO=2",
            "transport=polling&EIO=3",
            "transport=polling&EIO=5",
            "transport=polling&EIO=04",
            "transport=polling&EIO=4.0",
            "transport=polling&EIO=abc",
            "transport=polling&EIO=4&EIO=4",
            "transport=polling&EIO=3&EIO=4",
            "transport=polling&EIO[]=4",
            "transport=websocket&EIO=3",
            "transport=websocket",
        ];
        refused(&beside, &queries, VERSION).await;
        beside.over().await;
    });
}

#[test]
fn e02_another_transport() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let queries = [
            "EIO=4",
            "",
            "EIO=4&transport=",
            "EIO=4&transport=foo",
            "EIO=4&transport=webtransport",
            "EIO=4&transport=Polling",
            "EIO=4&transport[]=polling",
            "EIO=4&transport=polling&transport=polling",
            "EIO=4&transport=polling&transport=websocket",
            "EIO=4&transport=__proto__",
            "EIO=4&transport=constructor",
        ];
        refused(&beside, &queries, UNKNOWN_TRANSPORT).await;
        beside.over().await;
    });
}

#[test]
fn e02_a_transport_that_is_not_served() {
    on(Stack::Listen, |stack| async move {
        let options = SocketIo::default().transports(true, false);
        let seen = std::sync::Arc::default();
        let rig = std::sync::Arc::new(switchboard_rig::Rig::start(stack, crate::app::app(&seen, options)).await);
        let mut session = EngineIo::join(&rig, Via::Polling, &["/"]).await;
        for query in [crate::client::WEBSOCKET.to_owned(), format!("{}&sid={}", crate::client::WEBSOCKET, session.sid)]
        {
            let answer = refused_socket(&rig, &query).await;
            assert_eq!((answer.status, &*answer.body), (400, UNKNOWN_TRANSPORT));
        }
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        session.leave().await;
        rig.expect_empty().await;
    });
}

#[test]
fn e03_ids_of_no_session() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let ended = beside.open(Via::Polling).await;
        let expired = ended.sid.clone();
        ended.leave().await;
        let foreign = "A".repeat(26);
        let long = "x".repeat(3000);
        let sids = [
            "x",
            "__proto__",
            "constructor",
            "toString",
            "0",
            "..%2F..%2Fetc",
            "%F0%9F%92%A5",
            "null",
            &expired,
            &foreign,
            &long,
            "a&sid=b",
        ];
        for sid in sids {
            for transport in ["polling", "websocket"] {
                let query = format!("EIO=4&transport={transport}&sid={sid}");
                let answer = get(&beside.rig, &query).await;
                assert_eq!((answer.status, &*answer.body), (400, UNKNOWN_SID), "{sid}");
                let answer = refused_socket(&beside.rig, &query).await;
                assert_eq!((answer.status, &*answer.body), (400, UNKNOWN_SID), "{sid} as a WebSocket");
            }
            let query = format!("{POLLING}&sid={sid}");
            let post = crate::client::post_request(&query, b"40");
            let answer = http(&mut beside.rig.stream().await, &post).await.unwrap();
            assert_eq!((answer.status, &*answer.body), (400, UNKNOWN_SID), "a POST for {sid}");
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

#[test]
fn e04_other_methods() {
    each_stack(|stack| async move {
        let beside = Beside::of(stack, SocketIo::default(), |app| {
            let limits = Limits::default().ping_interval(std::time::Duration::from_secs(3600));
            app.limits(limits).origins(Origins::list(["https://good.example"]).unwrap())
        });
        let beside = beside.await;
        let mut sessions = Vec::new();
        for via in Via::BOTH {
            sessions.push(beside.open(via).await);
            sessions.push(beside.join(via, &["/"]).await);
        }
        let ask = async |method: &str, query: &str, more: &str| {
            let head = format!(
                "{method} /socket.io/?{query} HTTP/1.1\r\nHost: test.example\r\n{more}Content-Length: 0\r\n\r\n"
            );
            http(&mut beside.rig.stream().await, head.as_bytes()).await.expect("an answer")
        };
        for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            let answer = ask(method, POLLING, "").await;
            assert_eq!((answer.status, &*answer.body), (400, HANDSHAKE_METHOD), "{method}");
            for session in &sessions {
                if method != "POST" {
                    let answer = ask(method, &session.polling_path(), "").await;
                    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST")), "{method}");
                }
            }
            beside.unnoticed().await;
        }
        for query in [POLLING.to_owned(), sessions[0].polling_path(), "EIO=3".to_owned()] {
            let asks = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-a\r\n";
            let bad = ask("OPTIONS", &query, &format!("Origin: https://evil.example\r\n{asks}")).await;
            assert_eq!(bad.status, 403);
            assert_eq!(bad.header("access-control-allow-origin"), None);
            let good = ask("OPTIONS", &query, &format!("Origin: https://good.example\r\n{asks}")).await;
            assert_eq!(good.status, 204);
            assert_eq!(good.header("access-control-allow-origin"), Some("https://good.example"));
            assert_eq!(good.header("access-control-allow-credentials"), Some("true"));
            let none = ask("OPTIONS", &query, "").await;
            assert_eq!((none.status, none.header("access-control-allow-origin")), (204, None));
            beside.unnoticed().await;
        }
        for (at, mut session) in sessions.into_iter().enumerate() {
            if at % 2 == 0 {
                session.enter("/").await;
            }
            session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
            session.leave().await;
        }
        beside.over().await;
    });
}

#[test]
fn e04_a_websocket_by_halves() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let mut session = beside.join(Via::Polling, &["/"]).await;
        let sid = format!("&sid={}", session.sid);
        for sid in ["", &*sid] {
            // The transport and the request do not agree.
            let answer = get(&beside.rig, &format!("{}{sid}", crate::client::WEBSOCKET)).await;
            assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
            let answer = refused_socket(&beside.rig, &format!("{POLLING}{sid}")).await;
            assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
            // No WebSocket of this version, and no key.
            let query = format!("{}{sid}", crate::client::WEBSOCKET);
            for headers in [
                "Upgrade: websocket\r\n",
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
                "Upgrade: h2c\r\nConnection: Upgrade\r\n",
            ] {
                let head = format!("GET /socket.io/?{query} HTTP/1.1\r\nHost: test.example\r\n{headers}\r\n");
                let answer = http(&mut beside.rig.stream().await, head.as_bytes()).await.unwrap();
                assert!((400..=426).contains(&answer.status), "{headers}: {}", answer.status);
                beside.unnoticed().await;
            }
        }
        session.expect_request(r#"421["echo","x"]"#, r#"431["x"]"#).await;
        // None of these attempts counts as the upgrade.
        let mut socket = crate::client::socket(&beside.rig, &format!("{}{sid}", crate::client::WEBSOCKET)).await;
        assert_eq!(socket.request("2probe").await, "3probe");
        socket.leave().await;
        session.leave().await;
        beside.over().await;
    });
}

#[test]
fn e29_jsonp_is_off() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let digits = "1".repeat(3000);
        let values = [
            "0",
            "1",
            "",
            "../../alert",
            "alert(1)//",
            "-1",
            "1.5",
            "%27%2Balert(1)%2B%27",
            &digits,
            "4294967296",
            "0&j=1",
        ];
        let queries: Vec<String> = values.iter().map(|value| format!("{POLLING}&j={value}")).collect();
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        refused(&beside, &queries, BAD_REQUEST).await;
        beside.over().await;
    });
}

#[test]
fn e29_a_million_digits_do_not_fit_into_a_head() {
    on(Stack::Listen, |stack| async move {
        let beside = Beside::start(stack).await;
        let query = format!("{POLLING}&j={}", "7".repeat(1_000_000));
        let answer = http(&mut beside.rig.stream().await, &crate::client::get_request(&query)).await;
        // What is not read is reset, so that the answer may be lost.
        assert!(answer.is_none_or(|answer| [400, 414, 431].contains(&answer.status)));
        beside.over().await;
    });
}
