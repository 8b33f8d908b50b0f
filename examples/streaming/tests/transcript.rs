//! The sessions that the README shows, replayed byte for byte.
use std::time::Duration;
use streaming::JobModule;
use streaming::jobs::Pace;
use switchboard::testing::{TestApp, TestClient};

#[tokio::test]
async fn the_sessions_of_the_readme() {
    let app = TestApp::of::<JobModule>().override_value(Pace(Duration::from_millis(20))).listen().await;
    let mut session: Option<TestClient> = None;
    let (mut typed, mut received) = (0, 0);
    for line in transcript().lines().filter(|line| !line.is_empty()) {
        if let Some((_, path)) = line.strip_prefix("$ ").and_then(|command| command.rsplit_once("localhost:3007")) {
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

/// The `text` block between the markers.
fn transcript() -> &'static str {
    let page = include_str!("../README.md");
    let block = page.split_once("<!-- transcript -->").and_then(|(_, after)| after.split_once("```text\n"));
    let (_, block) = block.expect("the README has <!-- transcript --> and a ```text block");
    block.split_once("\n```").expect("the block ends").0
}
