//! The sessions that the README shows, replayed byte for byte.
use socketio_chat::ChatModule;
use std::time::Duration;
use switchboard::testing::{TestApp, TestClient};

#[tokio::test]
async fn the_sessions_of_the_readme() {
    let app = TestApp::of::<ChatModule>().listen().await;
    let mut session: Option<TestClient> = None;
    let (mut typed, mut received) = (0, 0);
    for line in transcript().lines().filter(|line| !line.is_empty()) {
        if let Some(path) = session_path(line) {
            session = Some(app.connect(path).await);
        } else if let Some(message) = line.strip_prefix("> ") {
            session.as_mut().expect("a session").send_text(message).await;
            typed += 1;
        } else {
            assert_eq!(session.as_mut().expect("a session").expect_text().await, line);
            received += 1;
        }
    }
    assert!(typed >= 4 && received >= 6, "{typed} lines typed, {received} received: are those the sessions?");

    let mut session = session.expect("a session");
    session.expect_silence(Duration::from_millis(50)).await;
    session.close().await;
    assert_eq!(app.shutdown().await.aborted, 0);
}

/// The path of `$ websocat "ws://localhost:3009/path"`.
fn session_path(line: &str) -> Option<&str> {
    line.strip_prefix("$ websocat \"ws://localhost:3009")?.strip_suffix('"')
}

/// The `text` block between the markers.
fn transcript() -> &'static str {
    let page = include_str!("../README.md");
    let block = page.split_once("<!-- transcript -->").and_then(|(_, after)| after.split_once("```text\n"));
    let (_, block) = block.expect("the README has <!-- transcript --> and a ```text block");
    block.split_once("\n```").expect("the block ends").0
}
