//! The application before and after: both serve their routes, the second its gateway too, for at most ten changed
//! lines.
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

#[allow(dead_code, reason = "main is not called here")]
#[path = "../src/main.rs"]
mod after;
#[allow(dead_code, reason = "main is not called here")]
#[path = "../src/before.rs"]
mod before;

#[tokio::test]
async fn before_it_serves_its_routes() {
    let (listener, address) = free_port().await;
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(before::serve(listener, async { stopped.await.unwrap_or_default() }));
    its_routes(address).await;
    end(stop, serving).await;
}

#[tokio::test]
async fn after_it_serves_its_gateway_too() {
    let (listener, address) = free_port().await;
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(after::serve(listener, async { stopped.await.unwrap_or_default() }));
    its_routes(address).await;

    let (mut screen, upgrade) = connect_async(format!("ws://{address}/ws")).await.unwrap();
    assert_eq!(upgrade.headers()["cache-control"], "no-store", "the layer sees the upgrade");
    screen.send(r#"{"event":"orders","id":1}"#.into()).await.unwrap();
    let orders = r#"[{"dish":"soup","ready":true},{"dish":"pie","ready":false}]"#;
    assert_eq!(text(&mut screen).await, format!(r#"{{"event":"orders","data":{orders},"id":1}}"#));

    assert!(http(address, "POST", "/orders/1/ready", "").await.starts_with("HTTP/1.1 204"));
    assert_eq!(text(&mut screen).await, r#"{"event":"ready","data":{"dish":"pie","ready":true}}"#);

    stop.send(()).unwrap();
    assert!(text(&mut screen).await.starts_with(r#"{"event":"sys.goaway""#));
    let Some(Ok(Message::Close(Some(frame)))) = screen.next().await else { panic!("no close frame") };
    assert_eq!(u16::from(frame.code), 1001);
    drop(screen);
    serving.await.unwrap().unwrap();
}

#[test]
fn at_most_ten_lines_are_changed_and_the_readme_shows_them() {
    let changes = changed(include_str!("../src/before.rs"), include_str!("../src/main.rs"));
    assert!(changes.len() <= 10, "{changes:#?}");
    let (_, block) = include_str!("../README.md").split_once("```diff\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let shown: Vec<&str> = block.lines().filter(|line| line.starts_with(['+', '-'])).collect();
    assert_eq!(shown, changes, "the README shows the difference of main.rs from before.rs");
}

/// The lines that are only in one of two texts, with `-` or `+` before them, as `diff` shows them.
fn changed(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // The length of the longest common subsequence after each pair of positions.
    let mut common = vec![vec![0; after.len() + 1]; before.len() + 1];
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in after.iter().enumerate().rev() {
            common[i][j] = if old == new { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut changes) = (0, 0, Vec::new());
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == after.len() || i < before.len() && common[i + 1][j] >= common[i][j + 1] {
            changes.push(format!("-{}", before[i]));
            i += 1;
        } else {
            changes.push(format!("+{}", after[j]));
            j += 1;
        }
    }
    changes
}

async fn free_port() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn its_routes(address: SocketAddr) {
    for dish in ["soup", "pie"] {
        let taken = http(address, "POST", "/orders", &format!(r#"{{"dish":"{dish}"}}"#)).await;
        assert!(taken.starts_with("HTTP/1.1 201"), "{taken}");
    }
    assert!(http(address, "POST", "/orders/0/ready", "").await.starts_with("HTTP/1.1 204"));
    assert!(http(address, "POST", "/orders/7/ready", "").await.starts_with("HTTP/1.1 404"));
    let orders = http(address, "GET", "/orders", "").await;
    assert!(orders.ends_with(r#"[{"dish":"soup","ready":true},{"dish":"pie","ready":false}]"#), "{orders}");
    assert!(orders.contains("cache-control: no-store"), "{orders}");
}

async fn end(stop: oneshot::Sender<()>, serving: JoinHandle<std::io::Result<()>>) {
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

/// A request on a connection of its own; the whole response, as it is.
async fn http(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json");
    stream.write_all(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

/// The next text message.
async fn text<S>(socket: &mut S) -> String
where
    S: futures_util::Stream<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        match socket.next().await.expect("the connection is open").unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) => {}
            other => panic!("no text: {other:?}"),
        }
    }
}
