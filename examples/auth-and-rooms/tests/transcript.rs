//! The sessions that the README shows, replayed byte for byte.
use auth_and_rooms::RoomModule;
use std::time::Duration;
use switchboard::testing::{TestApp, TestClient};

#[tokio::test]
async fn the_sessions_of_the_readme() {
    let app = TestApp::of::<RoomModule>().listen().await;
    let mut sessions: Vec<TestClient> = Vec::new();
    let mut refused = None;
    let (mut typed, mut received) = (0, 0);
    for line in transcript().lines().filter(|line| !line.is_empty()) {
        if line.starts_with("$ curl") {
            refused = app.try_connect("/ws").await.err();
        } else if let Some(command) = line.strip_prefix("$ websocat") {
            let (_, token) = command.split_once("Bearer ").expect("a token");
            let (token, _) = token.split_once('\'').expect("the end of the token");
            sessions.push(app.connecting("/ws").bearer(token).connect().await);
        } else if let Some(message) = line.strip_prefix("> ") {
            sessions.last_mut().expect("a session").send_text(message).await;
            typed += 1;
        } else if let Some(refused) = refused.take() {
            assert_eq!(refused.headers["content-type"], "application/problem+json");
            assert_eq!(refused.body, line);
        } else {
            assert_eq!(sessions.last_mut().expect("a session").expect_text().await, line);
            received += 1;
        }
    }
    assert!(typed >= 6 && received >= 6, "{typed} lines typed, {received} received: are those the sessions?");

    let mut ada = sessions.pop().expect("a session");
    ada.expect_silence(Duration::from_millis(50)).await;
    ada.close().await;
    assert_eq!(app.shutdown().await.aborted, 0);
}

/// The `text` block between the markers.
fn transcript() -> &'static str {
    let page = include_str!("../README.md");
    let block = page.split_once("<!-- transcript -->").and_then(|(_, after)| after.split_once("```text\n"));
    let (_, block) = block.expect("the README has <!-- transcript --> and a ```text block");
    block.split_once("\n```").expect("the block ends").0
}
