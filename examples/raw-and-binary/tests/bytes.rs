//! Bytes, on a raw socket and as the payload of events.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raw_and_binary::BytesModule;
use raw_and_binary::board::Drawing;
use serde_json::{Value, json};
use switchboard::Binary;
use switchboard::testing::{TestApp, TestClient};

/// A red line between two points.
const LINE: [u8; 11] = [255, 0, 0, 0, 10, 0, 10, 1, 0, 1, 0];

async fn app() -> TestApp {
    TestApp::of::<BytesModule>().start().await
}

async fn summary(client: &mut TestClient) -> Value {
    client.send_text("end").await;
    serde_json::from_str(&client.expect_text().await).unwrap()
}

#[tokio::test]
async fn a_file_is_summed_piece_by_piece() {
    let app = app().await;
    let mut ada = app.connect("/sum").await;
    for (piece, bytes) in [("a", 1_u64), ("bc", 3)] {
        ada.send_binary(piece).await;
        assert_eq!(ada.expect_binary().await, bytes.to_be_bytes());
    }
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(summary(&mut ada).await, json!({ "bytes": 3, "pieces": 2, "sha256": abc, "file": 1 }));

    // The next file starts anew, even if it is empty; for any other text the answer says what to send.
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(summary(&mut ada).await, json!({ "bytes": 0, "pieces": 0, "sha256": nothing, "file": 2 }));
    ada.send_text("End").await;
    assert!(ada.expect_text().await.contains("error"));
}

#[tokio::test]
async fn a_file_that_is_too_long_ends_the_connection() {
    let app = app().await;
    let mut ada = app.connect("/sum").await;
    let piece = vec![7; 64 << 10];
    for _ in 0..256 {
        ada.send_binary(&piece).await;
        ada.expect_binary().await;
    }
    ada.send_binary([7]).await;
    assert_eq!(ada.expect_close(1009).await, "a file is at most 16 MiB");
    // A piece that is longer than a message may be.
    let mut bob = app.connect("/sum").await;
    bob.send_binary(vec![7; (64 << 10) + 1]).await;
    bob.expect_close(1009).await;
}

#[tokio::test]
async fn both_formats_share_the_board() {
    let app = app().await;
    let mut text = app.connect("/board").await;
    let mut packed = app.connecting("/board").message_pack().connect().await;
    assert_eq!(packed.protocol(), Some("switchboard.v1.msgpack"));
    for client in [&mut text, &mut packed] {
        assert_eq!(client.expect::<Value>("drawing").await, json!({ "strokes": [] }));
    }

    // A stroke that one client sends as base64, the other receives as `bin`.
    text.request::<()>("stroke", STANDARD.encode(LINE)).await;
    assert_eq!(*packed.expect::<Binary>("stroke").await, LINE);
    packed.request::<()>("stroke", Binary::from(LINE.to_vec())).await;
    assert_eq!(text.expect::<String>("stroke").await, STANDARD.encode(LINE));

    let mut late = app.connect("/board").await;
    let line = STANDARD.encode(LINE);
    assert_eq!(late.expect::<Value>("drawing").await, json!({ "strokes": [line, line] }));
    late.request::<()>("clear", ()).await;
    for client in [&mut text, &mut packed] {
        client.expect::<()>("cleared").await;
    }
    assert_eq!(app.resolve::<Drawing>().strokes(), []);
}

#[tokio::test]
async fn only_strokes_reach_the_board_and_it_is_bounded() {
    let app = app().await;
    let mut ada = app.connect("/board").await;
    ada.expect::<Value>("drawing").await;
    for wrong in [
        json!(""),
        json!("no base64"),
        json!(STANDARD.encode(&LINE[..3])),
        json!(STANDARD.encode(&LINE[..10])),
        json!(STANDARD.encode(vec![0; 3 + 4 * 501])),
        json!([255, 0, 0, 0, 10, 0, 10]),
        json!(null),
    ] {
        assert_eq!(ada.request_error("stroke", &wrong).await.code, "validation_failed", "{wrong}");
    }
    for _ in 0..105 {
        ada.request::<()>("stroke", STANDARD.encode(vec![0; 3 + 4 * 500])).await;
    }
    assert_eq!(app.resolve::<Drawing>().strokes().len(), 100);
    let mut late = app.connect("/board").await;
    assert_eq!(late.expect::<Value>("drawing").await["strokes"].as_array().unwrap().len(), 100);
}
