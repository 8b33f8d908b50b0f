//! Payloads that a pipe or an interceptor changes in part.
use super::{Bytes, Lab, lossy};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Debug;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{Call, Interceptor, Next, Pipe};
use switchboard::testing::TestApp;
use switchboard::{App, Error, Gateway, HandlerDef, Reply};
use switchboard_core::codec::msgpack;

/// Cuts white space off texts, and counts.
struct Changes;

impl Pipe<Value> for Changes {
    type From = Value;

    fn transform(&self, mut value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        value["note"] = "changed".into();
        value.as_object_mut().unwrap().remove("secret");
        Ok(value)
    }
}

impl Interceptor for Changes {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        next.run().await?.map(|mut value| {
            value["note"] = "told".into();
            value
        })
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Changed {
    wei: u128,
    note: String,
    bytes: Bytes,
    secret: Option<bool>,
}

/// What is not touched stays as it came, though what is beside it changes.
#[tokio::test]
async fn what_a_pipe_or_an_interceptor_leaves_stays_as_it_came() {
    let changes = HandlerDef::new(Lab::shows::<Changed>).pipe(Changes);
    let tells = HandlerDef::new(Lab::gives::<Changed>).pipe(Changes).interceptor(Changes);
    let gateway = Gateway::new(Lab).handler("change", changes).handler("tell", tells);
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    let shown = r#"Changed { wei: 340282366920938463463374607431768211455, note: \"changed\", bytes: Bytes([1, 2, 255]), secret: None }"#;
    let data = r#"{"note":" a ","wei":340282366920938463463374607431768211455,"secret":true,"bytes":[1,2,255]}"#;

    let mut json = app.connect("/ws").await;
    json.send_text(format!(r#"{{"event":"change","data":{data},"id":7}}"#)).await;
    assert_eq!(json.expect_text().await, format!(r#"{{"event":"change","data":"{shown}","id":7}}"#));
    json.send_text(format!(r#"{{"event":"tell","data":{data},"id":7}}"#)).await;
    let told = json.expect_text().await;
    assert!(told.contains(r#""wei":340282366920938463463374607431768211455"#), "{told}");
    assert!(told.contains(r#""note":"told""#) && told.contains(r#""bytes":[1,2,255]"#), "{told}");

    let mut packed = app.connecting("/ws").message_pack().connect().await;
    let data = |event: &[u8]| {
        let mut frame = [b"\x83\xa2id\x07\xa5event", event, b"\xa4data\x84\xa3wei"].concat();
        msgpack::encode_data(&mut frame, &u128::MAX).unwrap();
        frame.extend_from_slice(b"\xa4note\xa3 a \xa6secret\xc3\xa5bytes\xc4\x03\x01\x02\xff");
        frame
    };
    packed.send_binary(data(b"\xa6change")).await;
    let told = packed.expect_binary().await;
    let shown = shown.replace('\\', "");
    assert!(told.windows(shown.len()).any(|part| part == shown.as_bytes()), "{}", lossy(&told));
    packed.send_binary(data(b"\xa4tell")).await;
    let told = packed.expect_binary().await;
    for part in [&b"\xa5bytes\xc4\x03\x01\x02\xff"[..], b"\xa4note\xa4told", b"340282366920938463463374607431768211455"]
    {
        assert!(told.windows(part.len()).any(|bytes| bytes == part), "{}", lossy(&told));
    }
}
