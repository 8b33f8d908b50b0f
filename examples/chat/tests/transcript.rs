//! The session that the README shows, replayed byte for byte.
use chat::ChatModule;
use chat::clock::Clock;
use std::path::Path;
use std::time::Duration;
use switchboard::testing::TestApp;

#[tokio::test]
async fn the_session_of_the_readme() {
    let time = humantime::parse_rfc3339("2026-06-03T10:23:14Z").unwrap();
    let app = TestApp::of::<ChatModule>().override_value(Clock::fixed(time)).listen().await;
    let mut ada = app.connect("/ws").await;
    let (mut typed, mut received) = (0, 0);
    for line in transcript().lines().filter(|line| !line.is_empty() && !line.starts_with("$ ")) {
        if let Some(message) = line.strip_prefix("> ") {
            ada.send_text(message).await;
            typed += 1;
        } else {
            assert_eq!(ada.expect_text().await, line);
            received += 1;
        }
    }
    assert!(typed >= 6 && received >= 6, "{typed} lines typed, {received} received: is that the session?");

    ada.expect_silence(Duration::from_millis(50)).await;
    ada.close().await;
    assert_eq!(app.shutdown().await.aborted, 0);
}

/// The `text` block between the markers, which is the same in every file that has them.
fn transcript() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = [here.join("../../README.md"), here.join("README.md")];
    let pages = pages.iter().filter_map(|page| std::fs::read_to_string(page).ok());
    let blocks: Vec<String> = pages.filter_map(|page| block(&page).map(str::to_owned)).collect();
    let first = blocks.first().expect("a README has <!-- transcript -->, a ```text block and <!-- /transcript -->");
    blocks.iter().for_each(|other| assert_eq!(first, other, "the two READMEs show the same session"));
    first.clone()
}

fn block(page: &str) -> Option<&str> {
    let (_, after) = page.split_once("<!-- transcript -->")?;
    let (marked, _) = after.split_once("<!-- /transcript -->")?;
    let (_, block) = marked.split_once("```text\n")?;
    Some(block.split_once("\n```")?.0)
}
