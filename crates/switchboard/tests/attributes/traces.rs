//! What a client is told of an internal error leads to its line in the log, wherever it came from.
use futures_util::{Stream, stream};
use serde::Serialize;
use switchboard::extract::Query;
use switchboard::pipeline::ConnectGuard;
use switchboard::testing::{LogLine, TestApp, WireError};
use switchboard::{Ack, Client, Error, Handshake, OrInternal, Socket, gateway, injectable, messages, module};

struct Panics;
impl Serialize for Panics {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in a reply")
    }
}

struct Reads;
impl<'de> serde::Deserialize<'de> for Reads {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Reads, D::Error> {
        panic!("in a payload")
    }
}

#[gateway(path = "/ws")]
struct Faulty;

#[messages]
impl Faulty {
    #[subscribe_message("fails")]
    async fn fails(&self) -> Result<(), Error> {
        Err("the cause").or_internal()
    }
    #[subscribe_message("fails_later")]
    async fn fails_later(&self) -> Result<(), Error> {
        tokio::task::yield_now().await;
        Err("the later cause").or_internal()
    }
    #[subscribe_message("panics")]
    async fn panics(&self) {
        panic!("in a handler")
    }
    #[subscribe_message("panics_later")]
    async fn panics_later(&self) {
        tokio::task::yield_now().await;
        panic!("in a later handler")
    }
    #[subscribe_message("replies")]
    async fn replies(&self) -> Panics {
        Panics
    }
    #[subscribe_message("reads")]
    async fn reads(&self, _reads: Reads) {}
    #[subscribe_message("drops_its_ack")]
    async fn drops_its_ack(&self, _ack: Ack<u8>) {}
    #[subscribe_message("streams")]
    async fn streams(&self) -> impl Stream<Item = u8> + use<> {
        stream::poll_fn(|_| panic!("in a stream"))
    }
    #[subscribe_message("own")]
    async fn own(&self) -> Result<(), Error> {
        Err(Error::internal("a cause with an id").trace_id(0x4bf9))
    }
    #[subscribe_message("says_panicked")]
    async fn says_panicked(&self) -> Result<(), Error> {
        Err(Error::internal("panicked"))
    }
    #[subscribe_message("forbidden")]
    async fn forbidden(&self) -> Result<(), Error> {
        Err(Error::forbidden("No").with_source("the cause"))
    }
}

#[gateway(path = "/door")]
struct Door;

#[messages]
impl Door {
    #[on_connect]
    async fn came(&self, client: &Client) -> Result<(), Error> {
        if client.id().to_string().is_empty() {
            return Ok(());
        }
        Err(Error::internal("at the door"))
    }
}

#[gateway(path = "/panicking-door")]
struct PanickingDoor;

#[messages]
impl PanickingDoor {
    #[on_connect]
    async fn came(&self) {
        panic!("at the other door")
    }
}

#[gateway(path = "/raw")]
struct Loop;

#[messages]
impl Loop {
    #[raw]
    async fn run(&self, mut socket: Socket) -> Result<(), Error> {
        socket.recv().await;
        Err(Error::internal("in a loop"))
    }
}

/// Panics before the upgrade.
#[injectable]
struct Falls;

impl ConnectGuard for Falls {
    async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
        panic!("before the door")
    }
}

#[gateway(path = "/guarded")]
#[use_guards(Falls)]
struct Guarded;

#[messages]
impl Guarded {}

/// Panics when it is read before the upgrade.
#[derive(Clone)]
struct Falling;

impl<'de> serde::Deserialize<'de> for Falling {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Falling, D::Error> {
        panic!("in a query")
    }
}

#[gateway(path = "/queried")]
struct Queried;

#[messages]
impl Queried {
    #[subscribe_message("query")]
    async fn query(&self, _: Query<Falling>) {}
}

#[module(gateways(Faulty, Door, PanickingDoor, Loop, Guarded, Queried))]
struct All;

/// The one line with this trace id.
fn line(app: &TestApp, trace: &str) -> LogLine {
    assert!(trace.len() == 32 && trace.bytes().all(|digit| digit.is_ascii_hexdigit()), "{trace}");
    let mut lines = app.logs().errors();
    lines.retain(|line| line.field("trace_id") == Some(trace));
    assert_eq!(lines.len(), 1, "{trace}: {lines:?}");
    lines.remove(0)
}

fn cause(app: &TestApp, error: &WireError) -> String {
    let line = line(app, error.trace_id.as_deref().expect("a trace id"));
    line.field("cause").or(line.field("panic")).expect("a cause").to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_answer_leads_to_its_line_in_the_log() {
    let app = TestApp::of::<All>().start().await;
    let mut peer = app.connect("/ws").await;
    for (event, expected) in [
        ("fails", "the cause"),
        ("fails_later", "the later cause"),
        ("panics", "in a handler"),
        ("panics_later", "in a later handler"),
        ("replies", "in a reply"),
        ("reads", "in a payload"),
        ("streams", "in a stream"),
        ("own", "a cause with an id"),
        ("says_panicked", "panicked"),
    ] {
        let error = peer.request_error(event, ()).await;
        assert_eq!((&*error.code, &*error.message), ("internal", "Internal error"));
        assert_eq!(cause(&app, &error), expected, "{event}");
        if event == "own" {
            assert_eq!(error.trace_id.unwrap(), "00000000000000000000000000004bf9");
        }
    }
    let dropped = peer.request_error("drops_its_ack", ()).await;
    assert!(cause(&app, &dropped).contains("Ack"), "{:?}", cause(&app, &dropped));
    let (one, other) = (peer.request_error("fails", ()).await, peer.request_error("fails", ()).await);
    assert_ne!(one.trace_id, other.trace_id);
    assert_eq!(peer.request_error("forbidden", ()).await.trace_id, None);
    assert_eq!(peer.request_error("nobody", ()).await.trace_id, None);
}

#[tokio::test(start_paused = true)]
async fn hooks_and_loops_too() {
    let app = TestApp::of::<All>().start().await;
    for (path, expected) in [("/door", "at the door"), ("/panicking-door", "at the other door")] {
        let mut peer = app.connect(path).await;
        let error = peer.expect_refused(1011).await;
        assert_eq!(cause(&app, &error), expected, "{path}");
    }
    let mut raw = app.connect("/raw").await;
    raw.send_text("on").await;
    let reason = raw.expect_close(1011).await;
    let line = line(&app, reason.strip_prefix("internal trace_id=").expect("a trace id"));
    assert_eq!(line.field("cause"), Some("in a loop"));
}

#[tokio::test(start_paused = true)]
async fn panics_before_the_upgrade_too() {
    let app = TestApp::of::<All>().start().await;
    for (path, expected) in [("/guarded", "before the door"), ("/queried", "in a query")] {
        let refused = app.connecting(path).refused().await;
        assert_eq!((refused.status.as_u16(), &*refused.code, &*refused.message), (500, "internal", "Internal error"));
        let body: serde_json::Value = refused.json();
        let line = line(&app, body["trace_id"].as_str().expect("a trace id"));
        assert_eq!(line.field("panic"), Some(expected), "{path}");
    }
}
