//! Other people's clients.
use futures_util::{SinkExt, StreamExt};
use switchboard::{App, Gateway};
use switchboard_rig::{Rig, Stack};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

struct Echo;

impl Echo {
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[tokio::test]
async fn tokio_tungstenite() {
    for stack in [Stack::Listen, Stack::Axum] {
        let rig = Rig::start(stack, App::new().gateway("/ws", Gateway::new(Echo).on("echo", Echo::echo))).await;
        let url = format!("ws://{}/ws", rig.address());
        let no_ping = |message: &Result<Message, _>| std::future::ready(!matches!(message, Ok(Message::Ping(_))));
        let (socket, response) = tokio_tungstenite::connect_async(&url).await.unwrap();
        let mut socket = socket.filter(no_ping);
        assert_eq!(response.status(), 101);
        for n in 0..200 {
            let text = "é".repeat(n * n / 4);
            socket.send(Message::text(format!(r#"{{"event":"echo","data":"{text}","id":{n}}}"#))).await.unwrap();
            let reply = socket.next().await.unwrap().unwrap();
            assert_eq!(reply.to_text().unwrap(), format!(r#"{{"event":"echo","data":"{text}","id":{n}}}"#));
        }
        socket.send(Message::Ping("p".into())).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("p".into()));
        socket.get_mut().close(Some(CloseFrame { code: 1000.into(), reason: "bye".into() })).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(Some(frame)))) if frame.code == 1000.into()));
        assert!(socket.next().await.is_none());
        rig.expect_empty().await;
    }
}
