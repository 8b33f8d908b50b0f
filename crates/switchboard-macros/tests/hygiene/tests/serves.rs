//! What is expanded among hostile names serves as anywhere.
use hygiene::bare::{Bare, Closed};
use hygiene::payload::Text;
use hygiene::shadowed::{Fault, Journal, Lobby, Shadowed};
use sb::testing::TestApp;
use std::time::Duration;

#[derive(serde::Serialize)]
struct Keys {
    plain: usize,
    piped: usize,
}

fn text(text: &str) -> Text {
    Text { text: text.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn among_hostile_names() {
    let app = TestApp::of::<Shadowed>().start().await;
    assert_eq!(app.resolve::<Journal>().state(), [1, 0, 1], "its init hook has run");
    // Its default format is MessagePack, and these clients offer no subprotocol.
    let connect = || app.connecting("/v1/every").message_pack_unasked().connect();
    let (mut ada, mut bob) = (connect().await, connect().await);
    assert_eq!(ada.request::<String>("say", text("hi")).await, "hi");
    assert_eq!(bob.expect::<Text>("said").await.text, "hi");
    assert_eq!(ada.request_error("say", text("")).await.code, "validation_failed");
    assert_eq!(ada.request::<usize>("count", ()).await, 7);
    ada.request::<()>("gateway", "x").await;
    assert_eq!(ada.request::<[usize; 3]>("state", ()).await, [1, 2, 1]);
    let guarded = app.resolve::<Journal>().guarded();
    let keys = Keys { plain: 1, piped: 1 };
    assert_eq!(ada.request::<[usize; 2]>("stages", keys).await, [1, 12]);
    assert_eq!(app.resolve::<Journal>().guarded(), guarded + 1, "the same guard at three places runs once");
    assert_eq!(ada.request::<usize>("piped", 1).await, 2);
    assert_eq!(app.resolve::<Journal>().guarded(), guarded + 1);
    assert_eq!(ada.request::<[usize; 2]>("scopes", ()).await, [0, 0]);
    assert_eq!(ada.request::<[usize; 2]>("scopes", ()).await, [1, 0]);
    assert_eq!(ada.request::<String>("unheard of", ()).await, "unheard of");
    assert_eq!(app.server_of::<Lobby>().local().client_count(), 2);

    let mut raw = app.connect("/echo").await;
    raw.send_text("as it is").await;
    assert_eq!(raw.expect_text().await, "as it is");
    assert_eq!(app.shutdown().await.aborted, 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_prelude() {
    let app = TestApp::of::<Bare>().start().await;
    let mut ada = app.connect("/bare").await;
    assert_eq!(ada.request::<(String, usize)>("greet", text("hi")).await, ("hi".to_owned(), 0));
    assert_eq!(ada.request::<(String, usize)>("greet", text("hi")).await, ("hi".to_owned(), 1));
    let both = ada.request::<(String, usize)>("both", (text("hi"), text("you"))).await;
    assert_eq!(both, ("hi".to_owned(), 2));
    assert_eq!(ada.request_error("both", (text("hi"), text(""))).await.details[0].path, "/1/text");
}

#[test]
fn errors() {
    let low = sb::Error::from(Fault::TooLow { least: 5, error: Duration::from_millis(70) });
    assert_eq!(
        (low.code().as_str(), low.message(), low.retry_delay()),
        ("too_low", "Bid 5 at 70ms", Some(Duration::from_millis(70)))
    );
    assert_eq!(sb::Error::from(Fault::Taken).code(), &sb::Code::Conflict);
    assert_eq!(sb::Error::from(Fault::Hidden(1)).source_chain(), "the cause is 1");
    assert_eq!(sb::Error::from(Fault::Inner(sb::Error::forbidden("No"))).message(), "No");
    assert_eq!(sb::Error::from(Closed { hour: 5 }).message(), "Closed at 5");
}
