//! Prefixes, versions, ports, and what is refused at boot.
use super::{Named, named};
use switchboard::axum::{Router, routing::get};
use switchboard::{App, Gateway};
use switchboard_rig::{Rig, Stack, matrix, on};

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

#[test]
fn a6_the_prefix_and_versions_reach_the_gateway() {
    matrix(|stack| async move {
        // In whatever order they are said.
        let app = App::new()
            .gateway("/ws", named("both").versions(["1", "2"]))
            .prefix("/api/")
            .gateway("plain", named("plain"))
            .gateway("/ws", named("third").version("3.1-beta"))
            .mount(Router::new().route("/health", get(|| async { "well" })));
        let rig = Rig::start(stack, app).await;
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

#[test]
fn a2_a_slash_is_the_root_and_no_path_is_the_default() {
    matrix(|stack| async move {
        let app = App::new()
            .gateway("/", named("root"))
            .gateway("", named("default"))
            .mount(Router::new().route("/health", get(|| async { "well" })).fallback(|| async { "elsewhere" }));
        let rig = Rig::start(stack, app).await;
        for (path, name) in [("/", "root"), ("/ws", "default"), ("/?a=1", "root")] {
            let mut peer = rig.connect_to(path).await;
            let reply = peer.request(r#"{"event":"name"}"#).await;
            assert_eq!(reply, format!(r#"{{"event":"name","data":"{name}"}}"#), "{path}");
        }
        assert_eq!(rig.http(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap().status, 426, "no upgrade");
        assert_eq!(rig.http(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap().status, 200);
        rig.expect_empty().await;
    });
}

#[test]
fn a6_the_root_behind_a_prefix_and_a_version_is_these_alone() {
    matrix(|stack| async move {
        let app = App::new()
            .prefix("/api")
            .gateway("/", named("root"))
            .gateway("/", named("versions").versions(["1", "2"]))
            .gateway("", named("default"));
        let rig = Rig::start(stack, app).await;
        for (path, name) in [("/api", "root"), ("/api/v1", "versions"), ("/api/v2", "versions"), ("/api/ws", "default")]
        {
            let mut peer = rig.connect_to(path).await;
            let reply = peer.request(r#"{"event":"name"}"#).await;
            assert_eq!(reply, format!(r#"{{"event":"name","data":"{name}"}}"#), "{path}");
        }
        for path in ["/", "/ws", "/api/", "/api/v1/", "/v1", "/api/v1/ws"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
            assert_eq!(rig.http(request.as_bytes()).await.unwrap().status, 404, "{path}");
        }
        rig.expect_empty().await;
    });
}

#[tokio::test]
async fn a5_the_root_belongs_to_one_gateway_or_route() {
    let line = line!();
    let app = App::new()
        .gateway("/", named("one"))
        .gateway("/", named("two"))
        .gateway("/", named("three").version("1"))
        .gateway("/v1", named("four"))
        .gateway("//", named("five"));
    expect_problems(
        &app.into_router().unwrap_err().to_string(),
        &[
            ("Named and Named are both mounted on /; move one", &[line + 2, line + 3]),
            ("Named and Named are both mounted on /v1; move one", &[line + 4, line + 5]),
            ("the path \"//\" of Named has an empty, '.' or '..' segment; remove it", &[line + 6]),
        ],
    );
    let app = App::new().mount(Router::new().route("/", get(|| async { "a page" }))).gateway("/", named("page"));
    let text = app.into_router().unwrap_err().to_string();
    assert!(text.contains("a mounted route has the path / of Named, or overlaps it; move one"), "{text}");
}

#[test]
fn a3_the_root_of_a_port_of_its_own() {
    on(Stack::Listen, |_| async {
        let app = App::new().signals(false).gateway("/", named("main")).gateway("/", named("other").port(0));
        let handle = app.handle();
        let bound = app.bind("127.0.0.1:0").await.unwrap();
        let main = bound.local_addr();
        assert_eq!(bound.address_of("/"), Some(main));
        let serving = tokio::spawn(bound.serve());
        let mut peer = Rig::elsewhere(main).connect_to("/").await;
        assert_eq!(peer.request(r#"{"event":"name"}"#).await, r#"{"event":"name","data":"main"}"#);
        drop(peer);
        handle.shutdown().await;
        serving.await.unwrap();
    });
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
    expect_problems(
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
    on(Stack::Listen, |_| async {
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
            assert_eq!(peer.skip_until_close().await, 1001);
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
    expect_problems(&text, &[("Named asks for the port", &[line])]);
    assert!(text.contains("which is the application's own; leave the port out"), "{text}");
    // Only our own listener can have one.
    let text = app().into_router().unwrap_err().to_string();
    expect_problems(&text, &[("Named asks for the port", &[line])]);
    assert!(text.contains("use `App::listen`"), "{text}");
}

/// `text` has each part, followed by these lines of this file, and no other problem.
#[track_caller]
fn expect_problems(text: &str, problems: &[(&str, &[u32])]) {
    for (part, lines) in problems {
        let at = text.find(part).unwrap_or_else(|| panic!("{part:?} is not in:\n{text}"));
        for line in *lines {
            let place = format!("at {}:{line}", file!());
            assert!(text[at..].contains(&place), "{place} does not follow {part:?} in:\n{text}");
        }
    }
    assert!(text.contains(&format!("{} problem", problems.len())), "{text}");
}
