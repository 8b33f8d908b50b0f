//! Both kinds of clients in one room. Socket.IO's is spoken here by hand, over polling; `e2e` has the official library.
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use socketio_chat::{ChatModule, socketio};
use switchboard::testing::{TestApp, TestClient};

/// The beginning of every PNG.
const PNG: &str = "iVBORw0KGgo=";

async fn app() -> TestApp {
    TestApp::of::<ChatModule>().with(|app| app.socketio(socketio())).start().await
}

async fn raw(app: &TestApp, name: &str) -> TestClient {
    let mut client = app.connecting("/ws").query("name", name).connect().await;
    client.request::<()>("join", "garden").await;
    client
}

/// A client of Socket.IO that polls.
struct Polling<'a> {
    app: &'a TestApp,
    path: String,
}

impl<'a> Polling<'a> {
    async fn open(app: &'a TestApp) -> Polling<'a> {
        let path = "/socket.io/?EIO=4&transport=polling".to_owned();
        let opened = app.get(&path).await;
        let open: Value = serde_json::from_str(opened.body().strip_prefix('0').expect("an open packet")).unwrap();
        Polling { app, path: format!("{path}&sid={}", open["sid"].as_str().unwrap()) }
    }

    async fn join(app: &'a TestApp, name: &str) -> Polling<'a> {
        let client = Polling::open(app).await;
        client.post(&format!("40{}", json!({ "name": name }))).await;
        client.post(r#"420["join","garden"]"#).await;
        let mut packets = String::new();
        while !packets.contains("430[]") {
            packets += &client.poll().await;
        }
        assert!(packets.starts_with(r#"40{"sid":""#), "{packets}");
        client
    }

    async fn post(&self, packets: &str) {
        let request = Request::post(&self.path).body(Body::from(packets.to_owned())).unwrap();
        let answer = self.app.request(request).await;
        assert_eq!((answer.status(), answer.body().as_str()), (StatusCode::OK, "ok"));
    }

    /// The packets that wait.
    async fn poll(&self) -> String {
        self.app.get(&self.path).await.into_body()
    }
}

#[tokio::test]
async fn two_kinds_of_clients_in_one_room() {
    let app = app().await;
    let mut ada = raw(&app, "ada").await;
    let bob = Polling::join(&app, "bob").await;
    let people = ada.skip_until::<Value>("people").await;
    let people = if people["news"] == "bob joined" { people } else { ada.skip_until::<Value>("people").await };
    let ada_is = json!({ "name": "ada", "over": "websocket", "socketio": false });
    let bob_is = json!({ "name": "bob", "over": "polling", "socketio": true });
    assert_eq!(people, json!({ "room": "garden", "people": [ada_is, bob_is], "news": "bob joined" }));

    assert_eq!(ada.request::<usize>("say", ("garden", "hi")).await, 1);
    assert_eq!(bob.poll().await, r#"42["said",{"room":"garden","name":"ada","text":"hi"}]"#);
    bob.post(r#"421["say","garden","hello"]"#).await;
    assert_eq!(bob.poll().await, "431[1]");
    assert_eq!(ada.expect::<Value>("said").await, json!({ "room": "garden", "name": "bob", "text": "hello" }));

    // Bytes are an attachment for one, base64 for the other.
    assert_eq!(ada.request::<usize>("draw", json!({ "room": "garden", "picture": PNG })).await, 1);
    let header = r#"451-["drawn",{"room":"garden","name":"ada","picture":{"_placeholder":true,"num":0}}]"#;
    assert_eq!(bob.poll().await, format!("{header}\u{1e}b{PNG}"));
    let header = r#"451-2["draw",{"room":"garden","picture":{"_placeholder":true,"num":0}}]"#;
    bob.post(&format!("{header}\u{1e}b{PNG}")).await;
    assert_eq!(bob.poll().await, "432[1]");
    assert_eq!(ada.expect::<Value>("drawn").await, json!({ "room": "garden", "name": "bob", "picture": PNG }));

    bob.post(r#"42["typing","garden"]"#).await;
    assert_eq!(ada.expect::<Value>("typing").await, json!({ "room": "garden", "name": "bob" }));
    bob.post(r#"423["transport"]"#).await;
    assert!(bob.poll().await.ends_with(r#"433["polling"]"#));
}

#[tokio::test]
async fn who_is_removed_is_told_and_stays_away() {
    let app = app().await;
    let mut ada = raw(&app, "ada").await;
    let bob = Polling::join(&app, "bob").await;
    assert_eq!(ada.request_error("kick", ("kitchen", "bob")).await.code, "forbidden");
    assert_eq!(ada.request::<usize>("kick", ("garden", "nobody")).await, 0);
    assert_eq!(ada.request::<usize>("kick", ("garden", "bob")).await, 1);
    // A DISCONNECT: after the mere end of its transport the library would come back.
    assert_eq!(bob.poll().await, "42[\"kicked\",\"ada\"]\u{1e}41");

    let mut cy = raw(&app, "cy").await;
    assert_eq!(ada.request::<usize>("kick", ("garden", "cy")).await, 1);
    assert_eq!(cy.skip_until::<String>("kicked").await, "ada");
    cy.expect_close(4503).await;
}

#[tokio::test]
async fn whoever_has_no_name_is_refused() {
    let app = app().await;
    assert_eq!(app.try_connect("/ws").await.unwrap_err().status, 401);
    assert_eq!(app.connecting("/ws").query("name", "").refused().await.status, 400);
    for (auth, message) in [("{}", "Say your name"), (r#"{"name":""}"#, "A name has 1 to 24 characters")] {
        let nobody = Polling::open(&app).await;
        nobody.post(&format!("40{auth}")).await;
        let refused = nobody.poll().await;
        let refused: Value = serde_json::from_str(refused.strip_prefix("44").expect("CONNECT_ERROR")).unwrap();
        assert_eq!(refused["message"], message);
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let app = app().await;
    let mut ada = raw(&app, "ada").await;
    let long = "x".repeat(501);
    for data in [json!(["garden", long]), json!(["garden", ""]), json!(["garden"]), json!("hi"), json!(null)] {
        assert_eq!(ada.request_error("say", &data).await.code, "validation_failed", "{data}");
    }
    for picture in ["AAAA", "%"] {
        let data = json!({ "room": "garden", "picture": picture });
        assert_eq!(ada.request_error("draw", &data).await.code, "validation_failed", "{data}");
    }
    assert_eq!(ada.request_error("say", ("kitchen", "hi")).await.code, "forbidden");
    assert_eq!(app.get("/socket.io/socket.io.js").await.status(), StatusCode::OK);
}
