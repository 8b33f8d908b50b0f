//! Handlers that return a stream.
use super::{Full, Journal, Missing};
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};
use std::sync::Arc;
use switchboard::testing::{TestApp, TestClient};
use switchboard::{gateway, messages, module};

/// Says when it is dropped.
struct Dropped(Arc<Journal>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.write("dropped");
    }
}

/// Streams that borrow the gateway, and one that may fail before it begins.
#[gateway(path = "/streams")]
struct Streams {
    #[inject]
    journal: Arc<Journal>,
}

#[messages]
impl Streams {
    #[subscribe_message("count")]
    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        self.journal.write("count");
        stream::iter(0..to).inspect(|number| self.journal.write(number.to_string()))
    }

    #[subscribe_message("for ever")]
    async fn for_ever(&self) -> impl Stream<Item = u8> {
        let dropped = Dropped(self.journal.clone());
        stream::iter([1]).chain(stream::pending()).inspect(move |_| dropped.0.write("item"))
    }

    #[subscribe_message("lines")]
    async fn lines(&self, fine: bool) -> Result<impl Stream<Item = Result<&'static str, Full>>, Missing> {
        if fine { Ok(stream::iter([Ok("one"), Err(Full), Ok("three")])) } else { Err(Missing("none")) }
    }
}

#[module(providers(Journal), gateways(Streams))]
struct StreamsModule;

#[tokio::test]
async fn a_stream_is_a_frame_an_item() {
    let app = TestApp::of::<StreamsModule>().listen().await;
    let mut ada = app.connect("/streams").await;
    let frame = async |ada: &mut TestClient| -> Value { serde_json::from_str(&ada.expect_text().await).unwrap() };
    ada.send_text(r#"{"event":"count","data":2,"id":"c"}"#).await;
    assert_eq!(frame(&mut ada).await, json!({ "event": "count", "id": "c", "data": 0, "more": true }));
    assert_eq!(frame(&mut ada).await, json!({ "event": "count", "id": "c", "data": 1, "more": true }));
    assert_eq!(frame(&mut ada).await, json!({ "event": "count", "id": "c", "done": true }));
    assert_eq!(app.resolve::<Journal>().take(), ["count", "0", "1"]);

    ada.send_text(r#"{"event":"lines","data":true,"id":"l"}"#).await;
    assert_eq!(frame(&mut ada).await, json!({ "event": "lines", "id": "l", "data": "one", "more": true }));
    assert_eq!(frame(&mut ada).await["data"]["code"], "full", "an item that fails is the end");
    assert_eq!(ada.request_error("lines", false).await.code, "missing");
}

#[tokio::test]
async fn a_stream_ends_where_its_client_cancels_it() {
    let app = TestApp::of::<StreamsModule>().listen().await;
    let journal = app.resolve::<Journal>();
    let mut ada = app.connect("/streams").await;
    ada.send_text(r#"{"event":"for ever","id":"f"}"#).await;
    let first: Value = serde_json::from_str(&ada.expect_text().await).unwrap();
    assert_eq!(first, json!({ "event": "for ever", "id": "f", "data": 1, "more": true }));
    ada.send_text(r#"{"cancel":"f"}"#).await;
    let end: Value = serde_json::from_str(&ada.expect_text().await).unwrap();
    assert_eq!((&end["id"], end.get("more")), (&json!("f"), None), "{end}");
    assert_eq!(journal.take(), ["item", "dropped"]);
    assert_eq!(ada.request_error("lines", false).await.code, "missing", "the connection goes on");

    ada.send_text(r#"{"event":"for ever","id":"g"}"#).await;
    ada.expect_text().await;
    ada.close().await;
    app.expect_empty().await;
    assert_eq!(journal.take(), ["item", "dropped"], "and where it leaves");
}
