//! A server on a free port, and a WebSocket client.
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::time::Duration;
use switchboard::App;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(10);

/// An application that listens.
pub(crate) struct Served(SocketAddr);

impl Served {
    /// As `App::listen` does.
    pub(crate) async fn app(app: App) -> Served {
        let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
        let address = bound.local_addr();
        tokio::spawn(bound.serve());
        Served(address)
    }

    /// As `axum::serve` does.
    pub(crate) async fn router(router: axum::Router) -> Served {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Served(address)
    }

    pub(crate) async fn connect(&self, path: &str) -> Peer {
        let mut request = format!("ws://{}{path}", self.0).into_client_request().unwrap();
        request.headers_mut().insert("x-test", "yes".parse().unwrap());
        Peer(connect_async(request).await.unwrap().0)
    }
}

/// A client.
pub(crate) struct Peer(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Peer {
    pub(crate) async fn send(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).await.unwrap();
    }

    pub(crate) async fn recv(&mut self) -> Message {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time");
            // The server pings when it wants.
            match message.expect("a message").unwrap() {
                Message::Ping(_) => {}
                message => return message,
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.recv().await {
            Message::Text(text) => text.to_string(),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    pub(crate) async fn request(&mut self, frame: &str) -> String {
        self.send(frame).await;
        self.text().await
    }

    /// The very bytes of the next frame, but for the trace id, which internal errors have, and nothing else.
    pub(crate) async fn answers(&mut self, frame: &str, answer: &str) {
        let mut came = self.request(frame).await;
        if let Some(at) = came.find(r#","trace_id":""#) {
            assert!(came.contains(r#""code":"internal""#), "{came}");
            came.replace_range(at..at + r#","trace_id":"""#.len() + 32, "");
        } else {
            assert!(!came.contains(r#""code":"internal""#), "{came}");
        }
        assert_eq!(came, answer, "to {frame}");
    }

    /// Closes with 1000, and waits for the end.
    pub(crate) async fn close(mut self) {
        let normal = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        // The server may have closed already.
        let _ = self.0.close(Some(normal)).await;
        while let Ok(Some(Ok(_))) = tokio::time::timeout(PATIENCE, self.0.next()).await {}
    }

    /// The code of the close frame that comes next, or after its announcement.
    pub(crate) async fn closed(&mut self) -> u16 {
        let mut message = self.recv().await;
        if matches!(&message, Message::Text(text) if text.starts_with(r#"{"event":"sys.goaway""#)) {
            message = self.recv().await;
        }
        match message {
            Message::Close(Some(close)) => close.code.into(),
            other => panic!("expected a close frame, got {other:?}"),
        }
    }
}
