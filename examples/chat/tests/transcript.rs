//! The session that the README shows, replayed byte for byte.

use chat::{app, clock::Clock};
use futures_util::{SinkExt, StreamExt};
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_session_of_the_readme() {
    let time = humantime::parse_rfc3339("2026-06-03T10:23:14Z").unwrap();
    let bound = app(Clock::fixed(time)).signals(false).bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", bound.local_addr());
    let handle = bound.handle();
    let serving = tokio::spawn(bound.serve());

    let (mut socket, _) = connect_async(url).await.unwrap();
    let (mut typed, mut received) = (0, 0);
    for line in transcript().lines().filter(|line| !line.is_empty() && !line.starts_with("$ ")) {
        if let Some(message) = line.strip_prefix("> ") {
            socket.send(Message::text(message)).await.unwrap();
            typed += 1;
        } else {
            let next = timeout(LIMIT, heard(&mut socket)).await;
            assert_eq!(next.unwrap_or_else(|_| panic!("nothing came, but\n{line}")), Message::text(line));
            received += 1;
        }
    }
    assert!(typed >= 6 && received >= 6, "{typed} lines typed, {received} received: is that the session?");

    socket.close(None).await.unwrap();
    let last = timeout(LIMIT, heard(&mut socket)).await.unwrap();
    assert!(matches!(last, Message::Close(_)), "the session does not show {last:?}");
    drop(socket);
    assert_eq!(handle.shutdown().await.aborted, 0);
    serving.await.unwrap();
}

/// The next frame but pings, which come when they want.
async fn heard<S>(socket: &mut S) -> Message
where
    S: futures_util::Stream<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        match socket.next().await.expect("the connection is open").unwrap() {
            Message::Ping(_) => {}
            frame => return frame,
        }
    }
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
