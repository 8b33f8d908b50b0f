//! What a client says in its handshake, and how it is refused.
use crate::memory;
use serde_json::{Value, json};
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::testing::{self, TestApp};
use switchboard::{App, Error, Gateway, Handshake};

#[tokio::test]
async fn cookies_and_queries() {
    let app = memory();
    let locked = app.connecting("/locked?x=1").query("room", "a b&c=ü").query("empty", "").cookie("sid", "s3cr3t");
    let refused = locked.cookie("theme", "dark").origin("http://localhost").refused().await;
    let said: Value = refused.json();
    assert_eq!(said["query"], "x=1&room=a%20b%26c%3D%C3%BC&empty=");
    assert_eq!(said["cookie"], "sid=s3cr3t; theme=dark");

    let mut ada = app.connecting("/ws").query("a", "b").cookie("a", "1").cookie("b", "2").connect().await;
    assert_eq!(ada.request::<String>("header", "cookie").await, "a=1; b=2");
    let mut bob = app.connect("/ws").await;
    assert_eq!(bob.request::<Option<String>>("header", "cookie").await, None);
}

/// As browsers send what a script wrote into `document.cookie`.
#[tokio::test]
async fn cookies_that_are_not_ascii() {
    let asked = testing::upgrade("/ws").header("cookie", "theme=café; sid=ada").into_upgrade();
    assert_eq!((asked.cookie("theme"), asked.cookie("sid")), (Some("café"), Some("ada")));
    let asked = testing::upgrade("/ws").cookie("theme", "café").cookie("sid", "ada").into_upgrade();
    assert_eq!((asked.cookie("theme"), asked.cookie("sid")), (Some("café"), Some("ada")));
    struct Sid;
    impl ConnectGuard for Sid {
        async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
            match upgrade.cookie("sid") {
                Some("ada") => Ok(()),
                _ => Err(Error::unauthenticated("Log in first")),
            }
        }
    }
    let gateway = Gateway::functions().on_fn("ping", || async { "pong" }).guard(GuardDef::of(Sid).connect());
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    app.connecting("/ws").cookie("theme", "café").cookie("sid", "ada").connect().await;
    app.connecting("/ws").header("x-name", "café").header("cookie", "theme=café; sid=ada").connect().await;
    assert_eq!(app.connecting("/ws").cookie("theme", "café").refused().await.status, 401);
}

#[tokio::test]
async fn a_refusal_that_says_why() {
    let app = memory();
    let refused = app.connecting("/locked").refused().await;
    assert_eq!((refused.status.as_u16(), refused.code.as_str()), (401, "unauthenticated"));
    assert_eq!(refused.message, "Log in first");
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.header("nothing"), None);
    assert_eq!(refused.json::<Value>()["code"], json!("unauthenticated"));
    assert_eq!(refused.to_string(), "the server refused: 401 unauthenticated, Log in first");

    let plain = app.connecting("/health").refused().await;
    assert_eq!((plain.status.as_u16(), plain.code.as_str(), plain.message.as_str()), (200, "", ""));
    assert_eq!(plain.to_string(), "the server refused: 200 OK, well");
    assert_eq!(app.connecting("/nowhere").refused().await.to_string(), "the server refused: 404 Not Found");
    app.expect_empty().await;
}
