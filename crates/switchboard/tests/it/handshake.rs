//! The handshake as bytes: docs/limits.md group A, admission.
use crate::control::Stopwatch;
use crate::frames::{HEALTHY, Plain, plain};
use crate::rig::{Answer, Got, Path, Peer, Rig, Stream, http, masked, on, paths, read_to_end};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{App, Error, Gateway, Limits, Origins, Path as Params, Socket, Upgrade};
use tokio::io::AsyncWriteExt;

/// A request that can be bent.
#[derive(Clone)]
struct Ask {
    line: String,
    headers: Vec<(String, String)>,
}

impl Ask {
    fn good() -> Ask {
        let headers = [
            ("Host", "test.example"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "13"),
            // No answer may hold this.
            ("X-Canary", "canary"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Ask { line: "GET /ws HTTP/1.1".to_owned(), headers }
    }

    fn line(mut self, line: impl Into<String>) -> Ask {
        self.line = line.into();
        self
    }

    fn without(mut self, name: &str) -> Ask {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn add(mut self, name: impl Into<String>, value: impl Into<String>) -> Ask {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn set(self, name: &str, value: impl Into<String>) -> Ask {
        self.without(name).add(name, value)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        (text + "\r\n").into_bytes()
    }
}

/// The refusal is a problem (RFC 9457) with a code: a word of the fixed list, and a sentence that holds nothing of the request.
async fn refused(rig: &Rig, ask: Ask, status: u16, reason: &str) -> Answer {
    let answer = rig.http(&ask.bytes()).await.unwrap_or_else(|| panic!("no answer to {}", ask.line));
    assert_eq!(answer.status, status, "{} {:?}", ask.line, ask.headers);
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(body["code"], reason, "{} {:?}", ask.line, ask.headers);
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()));
    assert_eq!((&body["type"], &body["status"]), (&"about:blank".into(), &status.into()));
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(5));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.body.len() < 300 && !answer.body.contains("canary"), "{}", answer.body);
    answer
}

/// Refused by the HTTP library, which has no words for it: the status, and the end of the connection.
async fn refused_below(rig: &Rig, bytes: &[u8], status: u16) {
    let mut stream = rig.stream().await;
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
    let answer = rig.http_on(&mut stream, bytes).await.unwrap_or_else(|| panic!("no answer to {shown:?}"));
    assert_eq!(answer.status, status, "{shown:?}");
    assert!(!answer.body.contains("canary"));
    read_to_end(&mut stream, Duration::from_secs(2)).await;
    rig.unnoticed().await;
}

async fn accepted(rig: &Rig, ask: Ask) -> Answer {
    let answer = rig.http(&ask.bytes()).await.unwrap_or_else(|| panic!("no answer to {}", ask.line));
    assert_eq!(answer.status, 101, "{} {:?} {}", ask.line, ask.headers, answer.body);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("sec-websocket-extensions"), None);
    answer
}

#[test]
fn a01_to_a08_what_is_no_upgrade() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        let good = Ask::good;
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let answer = refused(&rig, good().line(format!("{method} /ws?canary HTTP/1.1")), 405, "method").await;
            assert_eq!(answer.header("allow"), Some("GET"), "A01 {method}");
        }
        let needs_upgrade = |answer: Answer| {
            assert_eq!(answer.header("upgrade"), Some("websocket"));
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
            assert_eq!(answer.header("connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
        };
        // A02: over HTTP/1.0 there is no upgrade, and hyper lets no Connection header through but its own.
        let answer = refused(&rig, good().line("GET /ws HTTP/1.0"), 426, "http_version").await;
        assert_eq!(answer.header("sec-websocket-version"), Some("13"), "A02");
        needs_upgrade(refused(&rig, good().without("Upgrade"), 426, "no_upgrade").await);
        needs_upgrade(refused(&rig, good().set("Upgrade", "foo"), 426, "no_upgrade").await);
        refused(&rig, good().without("Connection"), 400, "no_upgrade").await;
        refused(&rig, good().set("Connection", "keep-alive"), 400, "no_upgrade").await;
        accepted(&rig, good().set("Connection", "keep-alive, Upgrade")).await;
        accepted(&rig, good().set("Connection", "keep-alive").add("Connection", "uPGRADE")).await;
        needs_upgrade(refused(&rig, good().without("Sec-WebSocket-Version"), 426, "ws_version").await);
        for version in ["8", "14", "13, 8", "", "013", "canary"] {
            needs_upgrade(refused(&rig, good().set("Sec-WebSocket-Version", version), 426, "ws_version").await);
        }
        refused(&rig, good().without("Sec-WebSocket-Key"), 400, "ws_key").await;
        let keys = ["", "canary", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZTE=", "dGhlIHNhbXBsZSBub25jZ!==", "????"];
        for key in keys {
            refused(&rig, good().set("Sec-WebSocket-Key", key), 400, "ws_key").await;
        }
        refused(&rig, good().add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), 400, "dup_header").await;
        refused(&rig, good().add("Sec-WebSocket-Version", "13"), 400, "dup_header").await;
        refused(&rig, good().add("Host", "test.example"), 400, "dup_header").await;
        let origins = good().add("Origin", "http://test.example").add("Origin", "http://test.example");
        refused(&rig, origins, 400, "dup_header").await;
        refused(&rig, good().without("Host"), 400, "host").await;
        for host in ["", ":", "a b", "a\tb", "user@test.example", "test.example/canary", "a::", "\u{e9}.example"] {
            refused(&rig, good().set("Host", host), 400, "host").await;
        }
        accepted(&rig, good().set("Host", "localhost:")).await;
        accepted(&rig, good().set("Host", "localhost:").add("Origin", "http://localhost")).await;
        // An element of a list that is no text hides none of the others.
        accepted(&rig, good().set("Connection", "caf\u{e9}, Upgrade")).await;
        rig.expect_empty().await;
    });
}

#[test]
fn a08_a_host_that_is_not_allowed_is_421() {
    paths(|path| async move {
        let own = Gateway::new(Plain).allowed_hosts(["own.example", "[::1]"]);
        let app = plain(Limits::default()).gateway("/own", own).allowed_hosts(["test.example", "port.example:8443"]);
        let rig = Rig::watched(path, app).await;
        for host in ["test.example", "TEST.example", "test.example:3005", "test.example:", "port.example:8443"] {
            accepted(&rig, Ask::good().set("Host", host)).await;
        }
        let foreign =
            ["evil.example", "test.example.", "a.test.example", "port.example", "port.example:1", "own.example"];
        for host in foreign {
            refused(&rig, Ask::good().set("Host", host), 421, "host").await;
        }
        // A page whose name was made to point here says so itself, by both.
        let rebound = Ask::good().set("Host", "evil.example").add("Origin", "http://evil.example");
        refused(&rig, rebound, 421, "host").await;
        accepted(&rig, Ask::good().line("GET /own HTTP/1.1").set("Host", "[::1]:3005")).await;
        refused(&rig, Ask::good().line("GET /own HTTP/1.1"), 421, "host").await;
        rig.expect_empty().await;
    });
    on(Path::Listen, |path| async move {
        let app = || plain(Limits::default()).allowed_hosts(["app.example", "test.example"]);
        let ask = || Ask::good().set("Host", "10.0.0.7").add("X-Forwarded-Host", "app.example");
        let trusting = Rig::watched(path, app().trust_proxies(["127.0.0.1"]).unwrap()).await;
        accepted(&trusting, ask()).await;
        trusting.expect_empty().await;
        let rig = Rig::watched(path, app()).await;
        refused(&rig, ask(), 421, "host").await;
        rig.expect_empty().await;
    });
}

#[test]
fn hosts_that_are_none_do_not_boot() {
    let app = plain(Limits::default()).allowed_hosts(["https://test.example"]);
    let text = app.gateway("/own", Gateway::new(Plain).allowed_hosts([""; 0])).into_router().unwrap_err().to_string();
    assert!(text.contains("2 problems") && text.contains(r#""https://test.example", which is no host"#), "{text}");
}

#[test]
fn a09_a_body_is_smuggling() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        let hidden = "GET /ws?hidden HTTP/1.1\r\n\r\n";
        for (name, value) in [("Content-Length", "28"), ("Content-Length", "00"), ("Transfer-Encoding", "chunked")] {
            let mut bytes = Ask::good().add(name, value).bytes();
            bytes.extend_from_slice(hidden.as_bytes());
            let mut stream = rig.stream().await;
            let answer = rig.http_on(&mut stream, &bytes).await.unwrap();
            assert_eq!(answer.status, 400, "{name}");
            assert!(answer.body.contains(r#""smuggling""#), "{}", answer.body);
            assert_eq!(answer.header("connection"), Some("close"), "{name}");
            // What is hidden behind it is never answered.
            assert_eq!(read_to_end(&mut stream, Duration::from_secs(2)).await, b"", "{name}");
            rig.unnoticed().await;
        }
        let both = Ask::good().add("Content-Length", "5").add("Transfer-Encoding", "chunked");
        let answer = rig.http(&both.bytes()).await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
        let both = Ask::good().add("Content-Length", "0").add("Transfer-Encoding", "chunked");
        let answer = rig.http(&both.bytes()).await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
        rig.expect_empty().await;
    });
}

#[test]
fn a09_a_length_of_0_is_no_body() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        let ask = Ask::good().add("Content-Length", "0");
        accepted(&rig, ask.clone()).await;
        // What follows is frames.
        let message = masked(0x81, HEALTHY.as_bytes(), [1, 2, 3, 4]);
        let mut peer = Peer::asking(rig.stream().await, &[ask.bytes(), message].concat()).await;
        peer.expect(HEALTHY).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a04_close_beside_upgrade_does_not_end_what_begins() {
    on(Path::Listen, |path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        for connection in ["close, Upgrade", "Upgrade, close", "close,upgrade,keep-alive", "keep-alive, Upgrade"] {
            let ask = Ask::good().set("Connection", connection);
            let answer = accepted(&rig, ask.clone()).await;
            assert_eq!(answer.header("connection"), Some("Upgrade"), "{connection}");
            let mut peer = Peer::asking(rig.stream().await, &ask.bytes()).await;
            for _ in 0..3 {
                assert_eq!(peer.request(HEALTHY).await, HEALTHY, "{connection}");
            }
        }
        // What is no upgrade ends as it was asked to.
        let answer = refused(&rig, Ask::good().set("Connection", "close"), 400, "no_upgrade").await;
        assert_eq!(answer.header("connection"), Some("close"));
        rig.expect_empty().await;
    });
}

#[test]
fn a10_the_size_of_a_head() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        let mut many = Ask::good();
        while many.headers.len() < 64 {
            let name = format!("X-{}", many.headers.len());
            many = many.add(name, "canary");
        }
        accepted(&rig, many.clone()).await;
        let long = Ask::good().add("X-Long", "c".repeat(8 << 10));
        let fits = Ask::good().add("X-Long", "c".repeat((8 << 10) - 6));
        accepted(&rig, fits).await;
        let head = Ask::good().add("X-A", "a".repeat(6000)).add("X-B", "b".repeat(6000)).add("X-C", "c".repeat(5000));
        let late = Ask::good().without("Upgrade").add("X-A", "a".repeat(8100)).add("X-B", "b".repeat(8100));
        let late = late.add("Upgrade", "websocket");
        for ask in [many.add("X-65", "canary"), long, head, late] {
            let answer = rig.http(&ask.bytes()).await.unwrap();
            assert_eq!(answer.status, 431, "{path:?}");
            assert!(!answer.body.contains("canary"));
        }
        rig.expect_empty().await;
    });
}

#[test]
fn a10_an_endless_head_is_cut_off() {
    on(Path::Listen, |path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        for endless in [b"GET /ws HTTP/1.1\r\nX: ".as_slice(), b"GET /", b"\r\n"] {
            let mut bytes = endless.to_vec();
            bytes.resize(40 << 10, b'x');
            refused_or_cut(&rig, &bytes).await;
        }
        rig.expect_empty().await;
    });
}

/// 400, 414 or 431, or no answer, and the end.
async fn refused_or_cut(rig: &Rig, bytes: &[u8]) {
    let mut stream = rig.stream().await;
    if let Some(answer) = rig.http_on(&mut stream, bytes).await {
        assert!(matches!(answer.status, 400 | 414 | 431), "{}", answer.status);
    }
    read_to_end(&mut stream, Duration::from_secs(2)).await;
    rig.unnoticed().await;
}

#[test]
fn a11_the_syntax_of_a_header() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        let good = String::from_utf8(Ask::good().bytes()).unwrap();
        let headers: [&[u8]; 10] = [
            b"X-A: b\0c\r\n",
            b"X-A\0: b\r\n",
            b"X-A: b\rX-B: c\r\n",
            b"X-A: b\r\n folded\r\n",
            b"X-A: b\r\n\tfolded\r\n",
            b"X A: b\r\n",
            b"X-A : b\r\n",
            b": b\r\n",
            b"X-A\r\n",
            b"X-A: \x01\r\n",
        ];
        for header in headers {
            let mut bytes = good.as_bytes()[..good.len() - 2].to_vec();
            bytes.extend_from_slice(header);
            bytes.extend_from_slice(b"\r\n");
            refused_below(&rig, &bytes, 400).await;
        }
        rig.expect_empty().await;
    });
}

#[test]
fn a12_the_target() {
    paths(|path| async move {
        let gateway = || Gateway::new(Plain).on("echo", Plain::echo);
        let app = App::new().gateway("/ws", gateway()).gateway("/p/{id}/ws", gateway()).gateway("/q/{id}", gateway());
        let rig = Rig::watched(path, app).await;
        let get = |target: &str| Ask::good().line(format!("GET {target} HTTP/1.1"));
        refused(&rig, get(&format!("/ws?{}", "c".repeat(5 << 10))), 414, "uri").await;
        accepted(&rig, get(&format!("/ws?{}", "c".repeat(4000)))).await;
        for target in [
            "http://canary/ws",
            "http://test.example:8080/ws",
            "http://user@test.example/ws",
            "ftp://test.example/ws",
            "/p/a%0ab/ws",
            "/p/%0D/ws",
            "/p/a%7F/ws",
            "/p/a%C2%85/ws",
            "/q/%0a",
            "/ws?a=%00",
            "/p/../ws",
            "/p/%2e%2E/ws",
            "/p/.%2e/ws",
            "/p/a%00/ws",
        ] {
            refused(&rig, get(target), 400, "uri").await;
        }
        for target in
            ["http://test.example/ws", "HTTP://TEST.example:80/ws", "https://test.example/ws?x", "/p/a%20b/ws?t=a%0Ab"]
        {
            accepted(&rig, get(target)).await;
        }
        // Where a router takes an empty segment for a parameter, the gateway does not.
        for target in ["/p//ws", "/q/", "/q//", "//p/a/ws"] {
            let answer = rig.http(&get(target).bytes()).await.unwrap();
            assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        }
        if path == Path::Listen {
            for target in ["/../ws", "/ws%00", "/ws/../ws"] {
                refused(&rig, get(target), 400, "uri").await;
            }
        }
        // The path of no gateway: a router of others says so before we look.
        for target in ["/../ws", "/ws%00", "/ws/../ws", "//ws", "/WS", "/ws/", "ws"] {
            let answer = rig.http(&get(target).bytes()).await.unwrap();
            assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        }
        for line in ["CONNECT test.example:80 HTTP/1.1", "CONNECT /ws HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1"]
        {
            let answer = rig.http(&Ask::good().line(line).bytes()).await.unwrap();
            assert!(matches!(answer.status, 400 | 404 | 405), "{line}: {}", answer.status);
        }
        for target in ["/w\0s", "/w s", ""] {
            refused_below(&rig, &get(target).bytes(), 400).await;
        }
        rig.expect_empty().await;
    });
}

/// What a router around ours has taken off the path, with its parameters.
#[test]
fn a12_a_parameter_of_a_router_around_is_held_to_the_same() {
    paths(|path| async move {
        struct Tenants;
        impl Tenants {
            async fn which(&self, Params((tenant, id)): Params<(String, String)>) -> String {
                format!("{tenant}/{id}")
            }
        }
        let inner = App::new().gateway("/{id}/ws", Gateway::new(Tenants).on("which", Tenants::which));
        let outer = axum::Router::new().nest("/t/{tenant}", axum::Router::new().merge(inner));
        let app = plain(Limits::default()).mount(outer);
        let rig = Rig::watched(path, app).await;
        let get = |target: &str| Ask::good().line(format!("GET {target} HTTP/1.1"));
        accepted(&rig, get("/t/a%20b/7/ws")).await;
        let mut peer = rig.connect_to("/t/a%20b/7/ws").await;
        assert_eq!(peer.request(r#"{"event":"which","id":1}"#).await, r#"{"event":"which","data":"a b/7","id":1}"#);
        drop(peer);
        for target in ["/t/%0a/7/ws", "/t/a%00/7/ws", "/t/%2e%2e/7/ws", "/t/a/%0a/ws", "/t/a%C2%85/7/ws"] {
            refused(&rig, get(target), 400, "uri").await;
        }
        for target in ["/t//7/ws", "/t/a//ws"] {
            let answer = rig.http(&get(target).bytes()).await.unwrap();
            assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        }
        rig.expect_empty().await;
    });
}

#[test]
fn a_path_that_nobody_can_ask_for_does_not_boot() {
    let gateway = || Gateway::new(Plain).on("echo", Plain::echo);
    let app = App::new().prefix("/ü").gateway("/café", gateway()).gateway("/a<b", gateway());
    let text = app.into_router().unwrap_err().to_string();
    for part in [
        "3 problems",
        "the path \"/café\" of Plain has a segment that no request can have",
        "caf%C3%A9",
        "handshake.rs:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    paths(|path| async move {
        let app = plain(Limits::default()).gateway("/caf%C3%A9/{größe}", gateway());
        let rig = Rig::watched(path, app).await;
        accepted(&rig, Ask::good().line("GET /caf%C3%A9/7 HTTP/1.1")).await;
        rig.expect_empty().await;
    });
}

#[test]
fn a13_a_slow_head_and_silence_are_cut_off() {
    on(Path::Listen, |path| async move {
        const TIMEOUT: Duration = Duration::from_millis(300);
        let rig = Rig::watched(path, plain(Limits::default().handshake_timeout(TIMEOUT))).await;
        let silent = async {
            let mut stream = rig.stream().await;
            ends_in_time(&mut stream, Stopwatch::start(), TIMEOUT).await;
        };
        let dripping = async {
            let mut stream = rig.stream().await;
            let watch = Stopwatch::start();
            for byte in Ask::good().bytes().chunks(1) {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if watch.elapsed() > Duration::from_secs(8) || stream.write_all(byte).await.is_err() {
                    break;
                }
                rig.unnoticed().await;
            }
            watch.within(Duration::from_millis(1200));
            ends_in_time(&mut stream, watch, TIMEOUT).await;
        };
        let all_but_the_end = async {
            let mut stream = rig.stream().await;
            let watch = Stopwatch::start();
            let bytes = Ask::good().bytes();
            assert!(http(&mut stream, &bytes[..bytes.len() - 1]).await.is_none_or(|answer| answer.status == 408));
            ends_in_time(&mut stream, watch, TIMEOUT).await;
        };
        let idle_after_a_request = async {
            let mut stream = rig.stream().await;
            let answer = http(&mut stream, b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            assert_eq!(answer.status, 404);
            ends_in_time(&mut stream, Stopwatch::start(), TIMEOUT).await;
        };
        let body_that_never_comes = async {
            let mut stream = rig.stream().await;
            let ask = Ask::good().line("POST /ws HTTP/1.1").add("Content-Length", "1000");
            assert_eq!(http(&mut stream, &ask.bytes()).await.unwrap().status, 405);
            read_to_end(&mut stream, Duration::from_secs(2)).await;
        };
        tokio::join!(silent, dripping, all_but_the_end, idle_after_a_request, body_that_never_comes);
        // The time is that of the handshake alone: who is connected already does not notice.
        rig.expect_empty().await;
    });
}

/// The time is that of everything up to the head's end, whenever it begins. Whoever has asked once has time again.
#[test]
fn a13_a_head_that_begins_late_has_what_is_left() {
    on(Path::Listen, |path| async move {
        const TIMEOUT: Duration = Duration::from_secs(3);
        let rig = Rig::watched(path, plain(Limits::default().handshake_timeout(TIMEOUT))).await;
        let part = async {
            let mut stream = rig.stream().await;
            let watch = Stopwatch::start();
            tokio::time::sleep(TIMEOUT * 6 / 10).await;
            let bytes = Ask::good().bytes();
            stream.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
            read_to_end(&mut stream, TIMEOUT * 2).await;
            assert!(watch.elapsed() >= TIMEOUT * 9 / 10, "{:?}", watch.elapsed());
            watch.within(TIMEOUT * 14 / 10);
        };
        let whole = async {
            let mut stream = rig.stream().await;
            for _ in 0..2 {
                tokio::time::sleep(TIMEOUT * 6 / 10).await;
                let answer = http(&mut stream, b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
                assert_eq!(answer.status, 404);
            }
        };
        tokio::join!(part, whole);
        rig.expect_empty().await;
    });
}

async fn ends_in_time(stream: &mut Box<dyn Stream>, watch: Stopwatch, timeout: Duration) {
    let rest = read_to_end(stream, Duration::from_secs(10)).await;
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
    assert!(watch.elapsed() > timeout - Duration::from_millis(20), "{:?}", watch.elapsed());
    watch.within(timeout * 4);
}

#[test]
fn a14_frames_behind_the_head_are_handled() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default().linger(Duration::from_millis(100)))).await;
        let mut behind = masked(0x81, br#"{"event":"echo","data":"one"}"#, [1, 2, 3, 4]);
        behind.extend(masked(0x89, b"p", [1, 2, 3, 4]));
        behind.extend(masked(0x01, br#"{"event":"echo","#, [1, 2, 3, 4]));
        behind.extend(masked(0x80, br#""data":"two"}"#, [1, 2, 3, 4]));
        let head = Peer::early(rig.stream().await, "/ws", &[], 0).await;
        drop(head);
        let whole = switchboard_core::ws::handshake::ClientRequest::new("test.example", "/ws", [7; 16]).unwrap();
        let head = whole.encode().len();
        let step = if path == Path::Memory { 1 } else { 9 };
        for cut in (head - 3..head + behind.len() + 1).step_by(step).chain([0, usize::MAX]) {
            let mut peer = Peer::early(rig.stream().await, "/ws", &behind, cut).await;
            let mut got = [peer.recv().await, peer.recv().await, peer.recv().await];
            // A pong goes in front of what waits.
            got.sort_by_key(|got| matches!(got, Got::Text(_)));
            assert_eq!(got[0], Got::Pong(b"p".to_vec()), "cut at {cut}");
            assert_eq!(got[1], Got::Text(r#"{"event":"echo","data":"one"}"#.into()), "cut at {cut}");
            assert_eq!(got[2], Got::Text(r#"{"event":"echo","data":"two"}"#.into()), "cut at {cut}");
            rig.unnoticed().await;
        }
        // Under the same limits as any other data.
        let mut peer = Peer::early(rig.stream().await, "/ws", &[0x81, 0x01, b'x'], usize::MAX).await;
        assert_eq!(peer.closed().await, (1002, "unmasked_frame".into()));
        rig.unnoticed().await;
        let long = masked(0x82, &[0; 65537], [0; 4]);
        let mut peer = Peer::early(rig.stream().await, "/ws", &long[..100], usize::MAX).await;
        assert_eq!(peer.closed().await, (1009, "frame_too_big".into()));
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a15_a16_origins() {
    paths(|path| async move {
        let origins = |origins: Origins| plain(Limits::default()).origins(origins);
        let same = Rig::watched(path, plain(Limits::default())).await;
        let ask = |origin: &str| Ask::good().add("Origin", origin);
        accepted(&same, Ask::good()).await;
        accepted(&same, ask("http://test.example")).await;
        accepted(&same, ask("https://test.example")).await;
        accepted(&same, ask("https://test.example:8443").set("Host", "test.example:8443")).await;
        accepted(&same, ask("ws://test.example")).await;
        accepted(&same, ask("wss://test.example")).await;
        let twins = [
            "capacitor://test.example",
            "null",
            "https://test.example.evil.com",
            "https://eviltest.example",
            "https://xn--tst-bma.example",
            "https://test.example.",
            "https://test.example:8443",
            "https://canary.example",
            "file://",
        ];
        for origin in twins {
            refused(&same, ask(origin), 403, "origin").await;
            // Nobody's word is taken for the host.
            refused(&same, ask(origin).add("X-Forwarded-Host", "canary.example"), 403, "origin").await;
        }
        let demanding = Gateway::new(Plain).origins(Origins::same().required());
        let list = origins(Origins::list(["https://good.example"]).unwrap()).gateway("/demanding", demanding);
        let list = Rig::watched(path, list).await;
        accepted(&list, ask("https://good.example")).await;
        for origin in [
            "null",
            "https://good.example.evil.com",
            "https://evilgood.example",
            "http://good.example",
            "http://test.example",
        ] {
            refused(&list, ask(origin), 403, "origin").await;
        }
        let demanded = |ask: Ask| ask.line("GET /demanding HTTP/1.1");
        refused(&list, demanded(Ask::good()), 403, "origin_missing").await;
        accepted(&list, demanded(ask("http://test.example"))).await;
        // A gateway's own choice wins over the application's.
        let gateway = Gateway::new(Plain).on("echo", Plain::echo).origins(Origins::any());
        let any = Rig::watched(path, App::new().gateway("/ws", gateway)).await;
        accepted(&any, ask("https://anywhere.example")).await;
        for rig in [same, list, any] {
            rig.expect_empty().await;
        }
    });
}

#[test]
fn a15_origins_of_apps_and_a_function_of_ones_own() {
    paths(|path| async move {
        let apps = Origins::list(["capacitor://localhost", "chrome-extension://abcdefgh", "null", "file://"]).unwrap();
        let decided = Origins::by(|origin| match origin {
            "https://panics.example" => panic!("canary"),
            origin => origin == "https://pr-7.preview.example",
        });
        let gateway = |origins: Origins| Gateway::new(Plain).on("echo", Plain::echo).origins(origins);
        let app = plain(Limits::default())
            .gateway("/apps", gateway(Origins::same().or(apps)))
            .gateway("/by", gateway(decided));
        let rig = Rig::watched(path, app).await;
        let ask =
            |gateway: &str, origin: &str| Ask::good().line(format!("GET {gateway} HTTP/1.1")).add("Origin", origin);
        for origin in ["capacitor://localhost", "chrome-extension://abcdefgh", "null", "file://", "http://test.example"]
        {
            accepted(&rig, ask("/apps", origin)).await;
        }
        for origin in
            ["tauri://localhost", "capacitor://localhost.evil.com", "chrome-extension://abcdefg", "https://canary"]
        {
            refused(&rig, ask("/apps", origin), 403, "origin").await;
        }
        accepted(&rig, ask("/by", "https://pr-7.preview.example")).await;
        refused(&rig, ask("/by", "https://pr-8.preview.example"), 403, "origin").await;
        accepted(&rig, Ask::good().line("GET /by HTTP/1.1")).await;
        let answer = rig.http(&ask("/by", "https://panics.example").bytes()).await.unwrap();
        assert_eq!(answer.status, 500, "a panic is contained");
        assert!(answer.body.contains("trace_id") && !answer.body.contains("canary"), "{}", answer.body);
        rig.expect_empty().await;
    });
}

#[test]
fn a15_behind_a_trusted_proxy_the_forwarded_host_counts() {
    on(Path::Listen, |path| async move {
        let trusting = Rig::watched(path, plain(Limits::default()).trust_proxies(["127.0.0.0/8"]).unwrap()).await;
        let ask = |origin: &str, forwarded: &str| {
            Ask::good().set("Host", "10.0.0.7:3005").add("Origin", origin).add("X-Forwarded-Host", forwarded)
        };
        accepted(&trusting, ask("https://app.example", "app.example")).await;
        accepted(&trusting, ask("https://app.example", "evil.example, app.example")).await;
        refused(&trusting, ask("https://app.example", "app.example, evil.example"), 403, "origin").await;
        refused(&trusting, ask("https://evil.example", "app.example"), 403, "origin").await;
        refused(&trusting, ask("https://app.example", ""), 403, "origin").await;
        let strangers = Rig::watched(path, plain(Limits::default()).trust_proxies(["192.0.2.1"]).unwrap()).await;
        refused(&strangers, ask("https://app.example", "app.example"), 403, "origin").await;
        accepted(&strangers, ask("http://10.0.0.7:3005", "evil.example")).await;
        let said = |value: &str| {
            Ask::good().set("Host", "10.0.0.7:3005").add("Origin", "https://app.example").add("Forwarded", value)
        };
        accepted(&trusting, said("for=6.6.6.6;host=evil.example, for=1.2.3.4;host=app.example")).await;
        refused(&trusting, said("for=1.2.3.4;host=app.example, for=1.2.3.4;host=evil.example"), 403, "origin").await;
        refused(&trusting, said("host=app.example").add("X-Forwarded-For", "1.2.3.4"), 403, "origin").await;
        refused(&strangers, said("host=app.example"), 403, "origin").await;
        trusting.expect_empty().await;
        strangers.expect_empty().await;
    });
}

#[test]
fn a18_a19_subprotocols_and_extensions() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        let offer = |value: &str| Ask::good().add("Sec-WebSocket-Protocol", value);
        for (value, chosen) in [
            ("switchboard.v1.json", Some("switchboard.v1.json")),
            ("canary, switchboard.v1.json , b", Some("switchboard.v1.json")),
            ("graphql-ws", None),
            ("", None),
            (", ,", None),
            (",,switchboard.v1.json,", Some("switchboard.v1.json")),
            ("SWITCHBOARD.v1.json", None),
        ] {
            let answer = accepted(&rig, offer(value)).await;
            assert_eq!(answer.header("sec-websocket-protocol"), chosen, "{value}");
        }
        assert_eq!(accepted(&rig, Ask::good()).await.header("sec-websocket-protocol"), None);
        let hundred = (0..100).map(|i| format!("p{i}")).collect::<Vec<_>>().join(",");
        for value in [&hundred, "a b", "a;b", "canary, canary", "\"quoted\"", "\u{e9}"] {
            refused(&rig, offer(value), 400, "subprotocol").await;
        }
        for value in ["permessage-deflate", "permessage-deflate; server_max_window_bits=7", "x; y=\"z\"", "??"] {
            accepted(&rig, Ask::good().add("Sec-WebSocket-Extensions", value)).await;
        }
        let offers = ["permessage-deflate"; 9].join(", ");
        refused(&rig, Ask::good().add("Sec-WebSocket-Extensions", offers), 400, "extension").await;
        rig.expect_empty().await;
    });
}

#[test]
fn a20_a26_another_request_on_the_same_connection() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        let mut stream = rig.stream().await;
        let unknown = Ask::good().line("GET /canary HTTP/1.1").bytes();
        let answer = rig.http_on(&mut stream, &unknown).await.unwrap();
        assert_eq!(answer.status, 404, "A20");
        assert!(!answer.body.contains("canary"));
        // Refused requests leave nothing behind: not in their connection either.
        for ask in
            [Ask::good().without("Upgrade"), Ask::good().set("Connection", "keep-alive").set("Sec-WebSocket-Key", "x")]
        {
            assert_ne!(rig.http_on(&mut stream, &ask.bytes()).await.unwrap().status, 101);
        }
        let mut peer = Peer::handshake(stream, "/ws").await;
        assert!(!peer.head.to_lowercase().contains("content-"), "{}", peer.head);
        peer.send(r#"{"event":"echo","data":1}"#).await;
        peer.send(r#"{"event":"echo","data":"well"}"#).await;
        assert!(peer.text().await.contains("validation_failed"));
        peer.expect(r#"{"event":"echo","data":"well"}"#).await;
        // A second upgrade on an upgraded connection is no request any more, but a frame with reserved bits.
        peer.send_bytes(&Ask::good().bytes()).await;
        assert_eq!(peer.closed().await.0, 1002);
        peer.expect_end().await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a22_tls_on_a_plain_port() {
    // A ClientHello as openssl begins it: a record of 200 bytes, a handshake message of 196.
    let mut hello = vec![0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];
    hello.extend(7..7 + 194);
    paths(|path| {
        let hello = hello.clone();
        async move {
            let rig = Rig::watched(path, plain(Limits::default())).await;
            for len in [1, 5, hello.len()] {
                refused_or_cut(&rig, &hello[..len]).await;
            }
            rig.expect_empty().await;
        }
    });
}

#[test]
fn a27_http2_is_off() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default())).await;
        // With prior knowledge: the preface, SETTINGS, and HEADERS of an extended CONNECT (RFC 8441) with no such `:protocol`.
        let mut preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        let fields = b"\x02\x07CONNECT\x00\x09:protocol\x06canary\x86\x04\x03/ws\x01\x0ctest.example";
        preface.extend([0, 0, fields.len() as u8, 1, 4, 0, 0, 0, 1]);
        preface.extend(fields);
        for len in [18, 24, preface.len()] {
            if len < 24 && path == Path::Axum {
                // `axum::serve` waits for the rest of a preface, as it does for that of any head.
                continue;
            }
            let mut stream = rig.stream().await;
            // It may be closed before all is written.
            let _ = stream.write_all(&preface[..len]).await;
            let answer = read_to_end(&mut stream, Duration::from_secs(2)).await;
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
            rig.unnoticed().await;
        }
        let settings = |upgrade: &str| {
            let ask = Ask::good().set("Connection", "Upgrade, HTTP2-Settings").set("Upgrade", upgrade);
            ask.add("HTTP2-Settings", "AAMAAABkAAQAAP__")
        };
        let answer = refused(&rig, settings("h2c"), 426, "no_upgrade").await;
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        let bare = settings("h2c").without("Sec-WebSocket-Key").without("Sec-WebSocket-Version");
        refused(&rig, bare, 426, "no_upgrade").await;
        let elsewhere = rig.http(&settings("h2c").line("GET /nowhere HTTP/1.1").bytes()).await.unwrap();
        assert_eq!(elsewhere.status, 404);
        assert_eq!(accepted(&rig, settings("h2c, websocket")).await.header("upgrade"), Some("websocket"));
        rig.expect_empty().await;
    });
}

/// Counts how often any of it is run.
fn counting(runs: &Arc<AtomicUsize>) -> Gateway<()> {
    struct Counts(Arc<AtomicUsize>);
    impl ConnectGuard for Counts {
        async fn connect(&self, _: &mut Upgrade) -> Result<(), Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }
    let hook = |runs: &Arc<AtomicUsize>| {
        let runs = runs.clone();
        move || {
            let runs = runs.clone();
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    Gateway::functions()
        .on_fn("echo", |text: String| async move { text })
        .on_connect_fn(hook(runs))
        .on_disconnect_fn(hook(runs))
        .guard(GuardDef::of(Counts(runs.clone())).connect())
}

fn chosen(peer: &Peer) -> Option<&str> {
    let headers = peer.head.lines().filter_map(|line| line.split_once(": "));
    let mut values = headers.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
    values.next().map(|(_, value)| value)
}

#[test]
fn d22_a_version_that_is_not_spoken_is_closed_4506() {
    const WELL: &str = r#"{"event":"echo","data":"well"}"#;
    const LINGER: Duration = Duration::from_millis(300);
    paths(|path| async move {
        let runs = Arc::new(AtomicUsize::new(0));
        let raw = Gateway::functions().raw_fn(|mut socket: Socket| async move {
            while let Some(message) = socket.recv().await {
                let _ = socket.send(message).await;
            }
        });
        let app =
            App::new().gateway("/ws", counting(&runs)).gateway("/raw", raw).limits(Limits::default().linger(LINGER));
        let rig = Rig::watched(path, app).await;
        rig.unnoticed().await;
        let before = runs.load(Ordering::SeqCst);
        let unknown: [(&[&str], &str); _] = [
            (&["switchboard.v2.json"], "switchboard.v2.json"),
            (&["other", "switchboard.v1.other", "switchboard.v0.a", "switchboard.v3.b"], "switchboard.v0.a"),
            (&["switchboard.v18446744073709551617.json"], "switchboard.v18446744073709551617.json"),
            (&["switchboard.v01.json"], "switchboard.v01.json"),
        ];
        for (rejected, (offered, named)) in (1..).zip(unknown) {
            let mut peer = Peer::agreeing(rig.stream().await, "/ws", offered, Some("permessage-deflate")).await;
            assert_eq!(chosen(&peer), Some(named));
            assert!(!peer.head.to_lowercase().contains("sec-websocket-extensions"), "{}", peer.head);
            peer.send(WELL).await;
            assert_eq!(peer.closed().await, (4506, "unsupported_version".into()), "{offered:?}");
            peer.expect_end().await;
            let stats = rig.handle.stats();
            assert_eq!((stats.connections, stats.rejected, stats.refused_connections), (1, rejected, 0));
            rig.unnoticed().await;
        }
        assert_eq!(runs.load(Ordering::SeqCst), before, "neither a guard nor a hook is asked");
        let known: [(&str, &[&str], Option<&str>); _] = [
            ("/ws", &["switchboard.v2.json", "switchboard.v1.json"], Some("switchboard.v1.json")),
            ("/ws", &["switchboard.v1.other"], None),
            ("/ws", &["switchboard.v2"], None),
            ("/ws", &["switchboard.v2."], None),
            ("/ws", &["switchboard.v.json"], None),
            ("/ws", &["switchboard.vx.json"], None),
            ("/ws", &["switchboard.2.json"], None),
            ("/raw", &["switchboard.v2.json"], None),
        ];
        for (gateway, offered, named) in known {
            let mut peer = Peer::speaking(rig.stream().await, gateway, offered).await;
            assert_eq!(chosen(&peer), named, "{offered:?}");
            assert_eq!(peer.request(WELL).await, WELL, "{offered:?}");
        }
        // A list that is malformed is refused as ever.
        let twice = Ask::good().add("Sec-WebSocket-Protocol", "switchboard.v2.json, switchboard.v2.json");
        refused(&rig, twice, 400, "subprotocol").await;
        rig.expect_empty().await;
    });
    // Whoever stays, and goes on sending, has a place until `linger` is over, and no longer.
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default().linger(LINGER).max_connections(Some(2)))).await;
        let mut stays = Peer::speaking(rig.stream().await, "/ws", &["switchboard.v2.json"]).await;
        let (began, watch) = (Instant::now(), Stopwatch::start());
        refused(&rig, Ask::good(), 503, "admission").await;
        let mut held = rig.stream().await;
        while rig.http_on(&mut held, &Ask::good().bytes()).await.unwrap().status != 101 {
            watch.within(LINGER * 10);
            stays.flood(&masked(0x82, &[0; 1000], [0; 4]), Duration::from_millis(5)).await;
        }
        assert!(began.elapsed() > LINGER / 2, "{:?}", began.elapsed());
        assert_eq!(stays.closed().await.0, 4506);
        drop((held, stays));
        rig.until(|stats| stats.connections == 1).await;
        // Nor does a shutdown wait for longer.
        let _stays = Peer::speaking(rig.stream().await, "/ws", &["switchboard.v2.json"]).await;
        let watch = Stopwatch::start();
        assert_eq!(rig.handle.shutdown().await.aborted, 0);
        watch.within(LINGER * 10);
    });
}

#[test]
fn a23_a_full_node_says_when_to_come_back() {
    paths(|path| async move {
        let rig = Rig::watched(path, plain(Limits::default().max_connections(Some(3)))).await;
        let first = rig.connect().await;
        let second = rig.connect().await;
        for _ in 0..3 {
            let answer = refused(&rig, Ask::good(), 503, "admission").await;
            let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=10).contains(&after));
        }
        drop(second);
        rig.until(|stats| stats.connections == 2).await;
        let third = rig.connect().await;
        refused(&rig, Ask::good(), 503, "admission").await;
        // A place that a failed handshake had is free too.
        drop((first, third));
        rig.expect_empty().await;
        let all = [rig.connect().await, rig.connect().await, rig.connect().await];
        drop(all);
        rig.expect_empty().await;
    });
}

#[test]
fn a_draining_node_says_so() {
    for path in [Path::Axum, Path::Memory] {
        on(path, |path| async move {
            let rig = Rig::start(path, plain(Limits::default())).await;
            let mut busy = rig.connect().await;
            busy.send(r#"{"event":"wait","data":400,"id":1}"#).await;
            rig.until(|stats| stats.in_flight == 1).await;
            let handle = rig.handle.clone();
            let shutdown = tokio::spawn(async move { handle.shutdown().await });
            tokio::time::sleep(Duration::from_millis(20)).await;
            let answer = refused(&rig, Ask::good(), 503, "draining").await;
            assert!(answer.header("retry-after").is_some());
            busy.expect(r#"{"event":"wait","data":400,"id":1}"#).await;
            assert_eq!(busy.expect_close().await, 1001);
            drop(busy);
            assert_eq!(shutdown.await.unwrap().aborted, 0);
            rig.expect_empty().await;
        });
    }
}
