//! The A rows of the limits, as far as they show after an HTTP library has parsed the head.
mod client;
mod lists;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri, Version};
use switchboard_core::ws::handshake::{HeadLimits, Refusal, Upgrade, check_head, check_request};

/// A request that is valid until something is changed.
struct Head {
    method: Method,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
}

fn valid() -> Head {
    let head = Head {
        method: Method::GET,
        uri: Uri::from_static("/ws?room=1"),
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
    };
    head.add("host", "a.example:3005")
        .add("upgrade", "websocket")
        .add("connection", "Upgrade")
        .add("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .add("sec-websocket-version", "13")
}

impl Head {
    fn add(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Head {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    fn set(self, name: &'static str, value: impl AsRef<[u8]>) -> Head {
        self.without(name).add(name, value)
    }

    fn without(mut self, name: &'static str) -> Head {
        self.headers.remove(name);
        self
    }

    fn target(mut self, uri: &str) -> Head {
        self.uri = uri.parse().unwrap();
        self
    }

    fn check(&self) -> Result<Upgrade<'_>, Refusal> {
        check_request(&self.method, &self.uri, self.version, &self.headers, &HeadLimits::default())
    }

    #[track_caller]
    fn refused(&self, refusal: Refusal, status: u16, reason: &str) {
        let found = self.check().expect_err("the request is refused");
        assert_eq!(found, refusal);
        assert_eq!((found.status.as_u16(), found.reason), (status, reason));
    }

    #[track_caller]
    fn accepted(&self) {
        if let Err(refusal) = self.check() {
            panic!("{refusal}");
        }
    }
}

fn header(refusal: Refusal, name: &str) -> Option<String> {
    let found = refusal.headers().into_iter().find(|(found, _)| found.as_str() == name);
    found.map(|(_, value)| value.to_str().unwrap().to_owned())
}

#[test]
fn a_valid_request_is_accepted() {
    let head = valid().add("origin", "https://a.example");
    let upgrade = head.check().unwrap();
    // The example of RFC 6455 §1.3.
    assert_eq!(upgrade.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(upgrade.accept_value(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!((upgrade.host(), upgrade.origin()), ("a.example:3005", Some("https://a.example")));
    assert_eq!(valid().check().unwrap().origin(), None);
}

#[test]
fn a01_another_method_is_405() {
    for method in [Method::POST, Method::PUT, Method::HEAD, Method::OPTIONS, Method::from_bytes(b"get").unwrap()] {
        let head = Head { method, ..valid() };
        head.refused(Refusal::METHOD, 405, "method");
    }
    assert_eq!(header(Refusal::METHOD, "allow").as_deref(), Some("GET"));
}

#[test]
fn a02_another_http_version_is_426() {
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
        Head { version, ..valid() }.refused(Refusal::HTTP_VERSION, 426, "http_version");
    }
    let h2 = Head { version: Version::HTTP_2, ..valid() }.target("https://a.example/ws");
    h2.refused(Refusal::HTTP_VERSION, 426, "http_version");
}

#[test]
fn a03_no_websocket_in_upgrade_is_426() {
    valid().without("upgrade").refused(Refusal::NO_UPGRADE, 426, "no_upgrade");
    for value in ["foo", "", "web socket", "websocket2", "websocket/13", "h2c"] {
        valid().set("upgrade", value).refused(Refusal::NO_UPGRADE, 426, "no_upgrade");
    }
    valid().set("upgrade", b"websocket\xFF").refused(Refusal::NO_UPGRADE, 426, "no_upgrade");
    assert_eq!(header(Refusal::NO_UPGRADE, "upgrade").as_deref(), Some("websocket"));
    for value in ["WebSocket", "h2c, websocket", "websocket ,h2c"] {
        valid().set("upgrade", value).accepted();
    }
}

#[test]
fn a04_no_upgrade_in_connection_is_400() {
    valid().without("connection").refused(Refusal::NO_CONNECTION_UPGRADE, 400, "no_upgrade");
    for value in ["keep-alive", "", "upgraded", "close"] {
        valid().set("connection", value).refused(Refusal::NO_CONNECTION_UPGRADE, 400, "no_upgrade");
    }
    for value in ["keep-alive, Upgrade", "UPGRADE", "keep-alive,upgrade", ",\tupgrade\t,"] {
        valid().set("connection", value).accepted();
    }
    valid().set("connection", "keep-alive").add("connection", "Upgrade").accepted();
}

#[test]
fn a05_another_websocket_version_is_426() {
    valid().without("sec-websocket-version").refused(Refusal::WS_VERSION, 426, "ws_version");
    for value in ["8", "14", "13, 8", "013", "", "13.0"] {
        valid().set("sec-websocket-version", value).refused(Refusal::WS_VERSION, 426, "ws_version");
    }
    assert_eq!(header(Refusal::WS_VERSION, "sec-websocket-version").as_deref(), Some("13"));
}

#[test]
fn a06_a_bad_key_is_400() {
    valid().without("sec-websocket-key").refused(Refusal::WS_KEY, 400, "ws_key");
    for value in [
        "",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZSE=",
        "dGhlIHNhbXBsZSBub25jZSEh",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25j-_==",
        "dGhlIHNhbXBs SBub25jZQ==",
        "========================",
    ] {
        valid().set("sec-websocket-key", value).refused(Refusal::WS_KEY, 400, "ws_key");
    }
    valid().set("sec-websocket-key", [0xFF; 24]).refused(Refusal::WS_KEY, 400, "ws_key");
    valid().set("sec-websocket-key", "AQIDBAUGBwgJCgsMDQ4PED==").accepted();
}

#[test]
fn a07_a_header_twice_is_400() {
    for (name, value) in [
        ("host", "a.example"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("origin", "https://a.example"),
    ] {
        valid().set(name, value).add(name, value).refused(Refusal::DUP_HEADER, 400, "dup_header");
    }
}

#[test]
fn a08_a_bad_host_is_400() {
    valid().without("host").refused(Refusal::HOST, 400, "host");
    for value in ["", ":", "a b", "a/b", "user@a.example", "a:99999", "a.example::", "a\tb", "[::1", "a,b"] {
        valid().set("host", value).refused(Refusal::HOST, 400, "host");
    }
    valid().set("host", b"a\xC3\xA9").refused(Refusal::HOST, 400, "host");
    for value in ["127.0.0.1", "[::1]:3005", "LOCALHOST", "my_service.internal.:80", "localhost:", "[::1]:"] {
        valid().set("host", value).accepted();
    }
}

#[test]
fn a08_a_host_that_is_not_allowed_is_421() {
    let check = |host: &str, allowed: &[&str]| valid().set("host", host).check().unwrap().check_host(allowed);
    for host in ["a.example", "A.EXAMPLE", "a.example:3005", "a.example:", "b.example:80", "[::1]:9", "[::1]:"] {
        check(host, &["a.example", "b.example:80", "[::1]"]).unwrap();
    }
    for host in [
        "evil.example",
        "evil.example:",
        "a.example.",
        "x.a.example",
        "b.example",
        "b.example:",
        "b.example:81",
        "127.0.0.1",
    ] {
        let refusal = check(host, &["a.example", "b.example:80", "[::1]"]).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.reason), (421, "host"), "{host}");
    }
    check("a.example", &[]).unwrap_err();
}

#[test]
fn a09_a_body_is_400_and_the_end_of_the_connection() {
    for value in ["5", "00", "+0", "-0", "0, 0", "0,", "", "0x0", "0 0"] {
        valid().add("content-length", value).refused(Refusal::SMUGGLING, 400, "smuggling");
    }
    valid().add("content-length", "0").add("content-length", "0").refused(Refusal::SMUGGLING, 400, "smuggling");
    let empty = valid().add("content-length", "0").add("transfer-encoding", "chunked");
    empty.refused(Refusal::SMUGGLING, 400, "smuggling");
    valid().add("transfer-encoding", "chunked").refused(Refusal::SMUGGLING, 400, "smuggling");
    let both = valid().add("content-length", "5").add("transfer-encoding", "chunked");
    both.refused(Refusal::SMUGGLING, 400, "smuggling");
    assert!(Refusal::SMUGGLING.must_close());
    assert_eq!(header(Refusal::SMUGGLING, "connection").as_deref(), Some("close"));
}

#[test]
fn a09_a_body_that_says_that_it_is_empty_is_none() {
    valid().add("content-length", "0").accepted();
}

#[test]
fn a10_a_large_head_is_431() {
    let mut many = valid();
    while many.headers.len() < 64 {
        many = many.add("x", "");
    }
    many.accepted();
    many.add("x", "").refused(Refusal::HEADER_SIZE, 431, "header_size");

    valid().add("x", "y".repeat(8191)).accepted();
    valid().add("x", "y".repeat(8192)).refused(Refusal::HEADER_SIZE, 431, "header_size");

    let large = valid().add("x", "y".repeat(8000)).add("x", "y".repeat(8000));
    large.accepted();
    large.add("x", "y".repeat(400)).refused(Refusal::HEADER_SIZE, 431, "header_size");
}

#[test]
fn a10_the_limits_are_settings() {
    let head = valid();
    let check = |limits: HeadLimits| {
        check_request(&head.method, &head.uri, head.version, &head.headers, &limits).map(|_| ()).map_err(|it| it.status)
    };
    let limits = HeadLimits::default();
    assert_eq!(check(limits), Ok(()));
    let too_large = Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(check(HeadLimits { max_headers: 4, ..limits }), too_large);
    assert_eq!(check(HeadLimits { max_header: 20, ..limits }), too_large);
    assert_eq!(check(HeadLimits { max_head: 100, ..limits }), too_large);
    assert_eq!(check(HeadLimits { max_uri: 9, ..limits }), Err(StatusCode::URI_TOO_LONG));
    assert_eq!(check(HeadLimits { max_uri: 10, ..limits }), Ok(()));
}

#[test]
fn a12_a_long_target_is_414() {
    let target = |len: usize| format!("/{}", "a".repeat(len - 1));
    valid().target(&target(4096)).accepted();
    valid().target(&target(4097)).refused(Refusal::URI_TOO_LONG, 414, "uri");
    valid().target(&format!("/?{}", "a".repeat(4095))).refused(Refusal::URI_TOO_LONG, 414, "uri");
}

#[test]
fn a12_a_target_that_is_no_plain_path_is_400() {
    for target in [
        "http://a.example/ws",
        "http://b.example:3005/ws",
        "ftp://a.example:3005/ws",
        "http://user@a.example:3005/ws",
        "a.example:3005",
        "a.example:443",
        "*",
        "/a%00b",
        "/ws?x=%00",
        "/../ws",
        "/ws/..",
        "/a/%2e%2E/ws",
        "/a/.%2e/ws",
        "/a%0ab/ws",
        "/a%0D/ws",
        "/%1f/ws",
        "/a%7f",
        "/%C2%85/ws",
        "/a%c2%9Fb",
        "/%C2%C2%80",
        "/a//ws",
        "//ws",
        "/ws/",
        "//",
    ] {
        valid().target(target).refused(Refusal::URI, 400, "uri");
    }
    Head { method: Method::CONNECT, ..valid() }.target("a.example:443").refused(Refusal::URI, 400, "uri");
    for target in [
        "/",
        "/a..b",
        "/...",
        "/.well-known/ws",
        "/ws?back=/../",
        "/%2e",
        "/%2e%2e%2e",
        "/%20%41",
        "/%C3%85",
        "/%C2%A0",
        "/%C2x%80",
        "/%0",
        "/%+a",
        "/ws?text=a%0Ab&back=//x//",
    ] {
        valid().target(target).accepted();
    }
}

#[test]
fn a12_an_absolute_target_at_the_host_is_as_its_path() {
    for (target, host) in [
        ("http://a.example/ws", "a.example"),
        ("http://a.example/ws", "a.example:80"),
        ("http://a.example:/ws", "A.example"),
        ("HTTP://A.EXAMPLE:80/ws", "a.example:"),
        ("https://a.example:443/ws?x", "a.example"),
        ("ws://a.example:3005/ws", "a.example:3005"),
        ("wss://[::1]/ws", "[::1]:443"),
        ("http://a.example", "a.example"),
    ] {
        let head = valid().target(target).set("host", host);
        head.accepted();
        let checked = check_head(&head.method, &head.uri, &head.headers, &HeadLimits::default());
        assert_eq!(checked, Ok(()), "{target} at {host}");
    }
    for (target, host) in [
        ("http://a.example/ws", "a.example:443"),
        ("https://a.example/ws", "a.example:80"),
        ("http://a.example.evil.com/ws", "a.example"),
        ("http://a.example./ws", "a.example"),
        ("http://a.example/../ws", "a.example"),
        ("http://a.example/a%00", "a.example"),
    ] {
        valid().target(target).set("host", host).refused(Refusal::URI, 400, "uri");
    }
    let two = valid().target("http://a.example/ws").set("host", "a.example").add("host", "a.example");
    two.refused(Refusal::URI, 400, "uri");
}

#[test]
fn a_refusal_tells_what_to_do_and_echoes_nothing() {
    for refusal in Refusal::ALL {
        assert!(refusal.status.is_client_error());
        assert!(refusal.message.ends_with('.') && refusal.message.len() > 20, "{refusal}");
        if refusal.status == StatusCode::UPGRADE_REQUIRED {
            assert_eq!(header(*refusal, "sec-websocket-version").as_deref(), Some("13"), "{refusal}");
        }
    }
}
