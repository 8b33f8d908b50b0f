//! `switchboard::prelude` beside what an axum application and a WebSocket client import.

/// Everything is used, so that a name of another meaning does not compile.
mod beside_imports {
    use axum::extract::{Path, Query, Request, State};
    use axum::middleware::{Next, from_fn};
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use axum::{Extension, Router};
    use serde::{Deserialize, Serialize};
    use std::sync::Arc;
    use switchboard::prelude::*;
    use switchboard::testing::TestApp;
    use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, frame::coding::CloseCode};

    #[derive(Deserialize)]
    struct Wanted {
        loud: bool,
    }

    #[derive(Debug, WireError)]
    #[wire(code = "full", message = "The room is full")]
    struct Full;

    #[injectable]
    struct Rooms;

    #[gateway(path = "/rooms/{room}/ws")]
    struct Chat {
        #[inject]
        rooms: Arc<Rooms>,
    }

    #[messages]
    impl Chat {
        #[on_connect]
        async fn joined(&self, switchboard::extract::Path(room): switchboard::extract::Path<String>, client: &Client) {
            let _ = client.join(&room).await;
        }

        #[subscribe_message("say")]
        async fn say(&self, text: String, rooms: Inject<Rooms>) -> Result<Reply, Error> {
            assert!(std::ptr::eq(&*self.rooms, &*rooms));
            if text.is_empty() { Err(Full.into()) } else { Ok(Reply::value(text)) }
        }
    }

    #[module(providers(Rooms), gateways(Chat))]
    struct ChatModule;

    #[derive(Serialize)]
    struct Announced(String);

    async fn announce(
        State(server): State<Server>,
        Path(room): Path<String>,
        Query(wanted): Query<Wanted>,
        Extension(by): Extension<&'static str>,
    ) -> Response {
        let text = if wanted.loud { room.to_uppercase() } else { room.clone() };
        let delivery = server.to(&room).emit("announced", Announced(text));
        format!("{} by {by}", delivery.queued).into_response()
    }

    async fn signed(mut request: Request, next: Next) -> Response {
        request.extensions_mut().insert("ada");
        next.run(request).await
    }

    #[tokio::test]
    async fn a_file_imports_the_prelude_and_axum() {
        let app = App::create::<ChatModule>().await.unwrap();
        let routes = Router::new()
            .route("/rooms/{room}/announce", get(announce))
            .layer(from_fn(signed))
            .with_state(app.server());
        let app = TestApp::new(app.mount(routes));
        let mut client = app.connect("/rooms/lobby/ws").await;
        assert_eq!(client.request::<String>("say", "hi").await, "hi");
        assert_eq!(client.request_error("say", "").await.code, "full");
        assert_eq!(app.get("/rooms/lobby/announce?loud=true").await.body(), "1 by ada");
        assert_eq!(client.expect::<String>("announced").await, "LOBBY");
        let frame = CloseFrame { code: CloseCode::Away, reason: "".into() };
        assert!(matches!(Message::Close(Some(frame)), Message::Close(Some(_))));
    }
}

/// A name that both globs have would be ambiguous where it is used.
mod beside_globs {
    #![allow(unused_imports, reason = "the names beside which those of the prelude are used")]
    use axum::body::*;
    use axum::extract::*;
    use axum::middleware::*;
    use axum::response::*;
    use axum::routing::*;
    use switchboard::prelude::*;
    use tokio_tungstenite::tungstenite::client::*;
    use tokio_tungstenite::tungstenite::handshake::*;
    use tokio_tungstenite::tungstenite::protocol::*;

    type Types = (
        (Ack<u8>, App, Client, ConnState<u8>, DisconnectReason, Error, Gateway<Chat>, HandlerDef<Chat>),
        (GatewayLimits, Handshake, Inject<Chat>, Limits, Roles, Server, User<()>),
    );

    #[derive(Debug, WireError)]
    #[wire(internal, message = "broken")]
    struct Broken;

    #[derive(serde::Deserialize, garde::Validate)]
    struct Said {
        #[garde(ascii)]
        text: String,
    }

    #[injectable]
    struct Rooms;

    #[gateway]
    struct Chat;

    #[messages]
    impl Chat {
        #[subscribe_message("say")]
        async fn say(&self, said: Valid<Said>) -> Reply {
            Reply::value(said.text.len())
        }
    }

    #[module(providers(Rooms), gateways(Chat))]
    struct ChatModule;

    #[test]
    fn no_name_of_the_prelude_is_one_of_axum() {
        fn named<T>() {}
        named::<Types>();
        let failed: Result<u8, std::fmt::Error> = Err(std::fmt::Error);
        assert!(failed.or_internal().is_err(), "`OrInternal` is in scope");
        let _: Error = Broken.into();
        named::<(Rooms, ChatModule)>();
    }
}
