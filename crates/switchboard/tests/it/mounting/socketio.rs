//! What is refused at boot of Socket.IO's namespaces and path, and what the log says of them.
use super::Named;
use switchboard::axum::{Router, routing::get};
use switchboard::testing::TestApp;
use switchboard::{App, BootError, Error, EventName, Gateway, HandlerDef, Handshake, Namespace, SocketIo};

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

enum Odd {}
impl Namespace for Odd {
    const NAME: &'static str = "/a,b";
}

impl Named {
    async fn other(&self, _event: EventName) {}
}

fn named() -> Gateway<Named> {
    Gateway::new(Named("one"))
}

fn by_path(request: &Handshake) -> Result<String, Error> {
    request.path_params::<u64>().map(|id| format!("/project-{id}"))
}

fn refused(app: App) -> BootError {
    app.into_router().expect_err("it must not start")
}

/// Asserts that these are the problems, each with these lines of this file.
#[track_caller]
fn assert_problems(error: &BootError, expected: &[(&str, &[u32])]) {
    let text = format!("{error:?}");
    assert_eq!(error.problems().len(), expected.len(), "{text}");
    for ((part, lines), problem) in expected.iter().zip(error.problems()) {
        assert!(problem.message().contains(part), "{part:?} is not in:\n{problem}");
        let places: Vec<String> = lines.iter().map(|line| format!("at {}:{line}", file!())).collect();
        let told = problem.to_string();
        assert_eq!(told.matches("\n     at ").count(), places.len(), "{told}");
        assert!(places.iter().all(|place| told.contains(place)), "{places:?} in:\n{told}");
    }
}

#[test]
fn an_event_has_one_handler_in_a_namespace() {
    let line = line!();
    let a = named().on("name", Named::name).catch_all(HandlerDef::new(Named::other));
    let b = named().on("name", Named::name);
    let c = named().catch_all(HandlerDef::new(Named::other));
    let elsewhere = named().on("name", Named::name).namespace::<Admin>();
    let app = App::new().gateway("/a", a).gateway("/b", b).gateway("/c", c).gateway("/admin", elsewhere);
    assert_problems(
        &refused(app.socketio(SocketIo::default())),
        &[
            ("Named and Named both handle the event \"name\" in the namespace /,", &[line + 1, line + 2]),
            ("Named and Named both handle all other events in the namespace /,", &[line + 1, line + 3]),
        ],
    );
}

#[test]
fn gateways_that_are_left_out_may_handle_the_same() {
    let gateway = || named().on("name", Named::name);
    let app = || App::new().gateway("/a", gateway()).gateway("/b", gateway().socketio(false));
    assert!(app().socketio(SocketIo::default()).into_router().is_ok());
    // Without Socket.IO, each gateway is for itself.
    assert!(App::new().gateway("/a", gateway()).gateway("/b", gateway()).into_router().is_ok());
}

#[test]
fn a_pattern_has_to_fit_its_gateway() {
    let line = line!();
    let no_function = named().socketio_namespace("/project-{id}");
    let malformed = named().namespace_by(by_path).socketio_namespace("/{id}-project");
    let other = named().namespace_by(by_path).socketio_namespace("/project-{name}");
    let first = named().namespace_by(by_path).socketio_namespace("/project-{id}");
    let same = named().namespace_by(by_path).socketio_namespace("/project-{it}");
    let odd = named().namespace::<Odd>();
    let app = App::new()
        .gateway("/a/{id}", no_function)
        .gateway("/b/{id}", malformed)
        .gateway("/c/{id}", other)
        .gateway("/d/{id}", first)
        .gateway("/e/{it}", same)
        .gateway("/f", odd);
    assert_problems(
        &refused(app.socketio(SocketIo::default())),
        &[
            ("\"/project-{id}\" of Named stands without `namespace_by`", &[line + 1]),
            ("\"/{id}-project\" of Named has a parameter that is not the end of a segment", &[line + 2]),
            ("has other parameters than its path, /c/{id}, in this order; write {id}", &[line + 3, line + 10]),
            ("the namespace /a,b has a comma", &[line + 13]),
            ("\"/project-{it}\" of Named has the same names as /project-{id}", &[line + 5]),
        ],
    );
}

#[test]
fn the_path_belongs_to_socket_io_alone() {
    for (path, options) in [
        ("/socket.io", SocketIo::default()),
        ("/io/x", SocketIo::default().path("/api/io/x")),
        ("/", SocketIo::default().path("/api")),
    ] {
        let line = line!();
        let app = App::new().prefix(if path == "/socket.io" { "" } else { "/api" });
        let app = app.gateway(path, named());
        let error = refused(app.socketio(options));
        assert_problems(&error, &[("Named and Socket.IO are both on ", &[line + 2, line + 3])]);
    }
    // The prefix is not Socket.IO's, and neither is another port.
    let app = App::new().prefix("/api").gateway("/socket.io", named()).socketio(SocketIo::default());
    assert!(app.into_router().is_ok());
    let route = |path| Router::new().route(path, get(|| async { "mounted" }));
    for path in ["/socket.io", "/socket.io/"] {
        let app = App::new().mount(route(path));
        let line = line!();
        let error = refused(app.socketio(SocketIo::default()));
        assert_problems(&error, &[("a mounted route has the path /socket.io", &[line + 1])]);
    }
    // A route around it is another one.
    assert!(App::new().mount(route("/{any}")).socketio(SocketIo::default()).into_router().is_ok());
}

#[test]
fn settings_that_make_no_sense_are_told_and_the_last_call_counts() {
    let line = line!();
    let app = App::new().socketio(SocketIo::default().transports(false, false).path("/a b").max_namespaces(0));
    assert_problems(
        &refused(app),
        &[
            ("neither transport is served", &[line + 1]),
            ("`max_namespaces` must be at least 1", &[line + 1]),
            ("the path \"/a b\" has a character that no path has", &[line + 1]),
        ],
    );
    let app = App::new().socketio(SocketIo::default().transports(false, false)).socketio(SocketIo::default());
    assert!(app.into_router().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_log_says_what_its_clients_reach() {
    let gateway = || named().on("name", Named::name).on_connect(Named::joined);
    let app = App::new()
        .gateway("/ws", gateway())
        .gateway("/more", named().on("disconnect", Named::name))
        .gateway("/admin", gateway().namespace::<Admin>())
        .gateway("/projects/{id}", gateway().namespace_by(by_path).socketio_namespace("/project-{id}"))
        .gateway("/rooms/{id}", gateway())
        .gateway("/by/{id}", gateway().namespace_by(by_path))
        .gateway("/out", gateway().socketio(false));
    let app = TestApp::new(app.socketio(SocketIo::default()));
    let lines = app.logs().lines().into_iter().map(|line| format!("{} {}", line.level, line.message));
    let lines: Vec<String> = lines.skip_while(|line| !line.contains("Socket.IO")).collect();
    assert_eq!(
        lines,
        [
            "INFO Socket.IO /socket.io/ in / → Named + Named (2 messages, 1 hook)",
            "INFO     name",
            "INFO     (on connect)",
            "INFO     disconnect",
            "WARN Socket.IO reserves the name \"disconnect\": its clients cannot send it to Named + Named",
            "INFO Socket.IO /socket.io/ in /admin → Named (1 message, 1 hook, namespace /admin)",
            "INFO     name",
            "INFO     (on connect)",
            "INFO Socket.IO /socket.io/ in /project-{id} → Named (1 message, 1 hook, a namespace by the request)",
            "INFO     name",
            "INFO     (on connect)",
            "WARN Socket.IO's clients do not reach Named (/rooms/{id}): its path has parameters, which they do not send; choose its \
             namespace by `namespace_by`, with `socketio_namespace`",
            "WARN Socket.IO's clients do not reach Named (/by/{id}): its namespace is chosen by the request; name the namespaces by \
             `socketio_namespace`",
            "INFO     guards, and a gateway's own origins and hosts, hold for Socket.IO's clients too; tower layers around its path do not",
        ]
    );
    // Nothing is said where it is not asked for.
    let app = TestApp::new(App::new().gateway("/ws", gateway()));
    assert!(app.logs().lines().iter().all(|line| !line.message.contains("Socket.IO")));
}
