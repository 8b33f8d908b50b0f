//! Clients in rooms: what each of them receives, and what the routes and the background task push.
use axum::http::{Method, Request, StatusCode, header::CONTENT_TYPE};
use chat::ChatModule;
use chat::rooms::RoomService;
use chat::routes::routes;
use serde_json::{Value, json};
use std::time::Duration;
use switchboard::testing::{TestApp, TestClient};

async fn chat() -> TestApp {
    let routed = TestApp::of::<ChatModule>().with(|app| {
        let rooms = app.resolve::<RoomService>().unwrap();
        app.mount(routes(rooms))
    });
    routed.start().await
}

/// A client that has received `welcome`.
async fn arrive(app: &TestApp) -> TestClient {
    let mut person = app.connect("/ws").await;
    person.expect::<Value>("welcome").await;
    person
}

#[tokio::test(start_paused = true)]
async fn a_room_is_told_who_comes_is_renamed_and_goes() {
    let app = chat().await;
    let mut ada = arrive(&app).await;
    ada.request::<()>("join", json!({ "room": "garden", "author": "ada" })).await;
    let people = json!({ "room": "garden", "count": 1, "names": ["ada"] });
    assert_eq!(ada.expect::<Value>("people").await, people);

    let mut bob = arrive(&app).await;
    ada.expect::<Value>("people").await; // the lobby has one more
    bob.request::<()>("join", "garden").await;
    assert_eq!(ada.expect::<Value>("people").await, json!({ "room": "garden", "count": 2, "names": ["ada"] }));
    bob.request::<()>("message", json!({ "author": "bob", "text": "hi", "room": "garden" })).await;
    let told = [ada.expect::<Value>("people").await, ada.expect::<Value>("people").await];
    for room in ["garden", "lobby"] {
        let joined = json!({ "room": room, "count": 2, "names": ["ada", "bob"], "change": "joined", "author": "bob" });
        assert!(told.contains(&joined), "{told:?}");
    }
    assert_eq!(ada.expect::<Value>("message").await["text"], "hi");

    bob.close().await;
    let left = ada.expect::<Value>("people").await;
    assert_eq!((&left["change"], &left["reason"]), (&json!("left"), &json!("closed")));
}

#[tokio::test(start_paused = true)]
async fn only_members_speak_and_what_is_said_is_valid() {
    let app = chat().await;
    let mut ada = arrive(&app).await;
    let outside = json!({ "author": "ada", "text": "hi", "room": "garden" });
    for event in ["message", "typing", "say"] {
        assert_eq!(ada.request_error(event, &outside).await.code, "forbidden");
    }
    for (event, data) in [
        ("message", json!({ "author": "ada", "text": "" })),
        ("say", json!({ "author": "", "text": "hi" })),
        ("typing", json!({ "author": "ada", "text": "x".repeat(501) })),
        ("join", json!("")),
        ("history", json!("x".repeat(65))),
    ] {
        assert_eq!(ada.request_error(event, data).await.code, "validation_failed", "{event}");
    }
    assert_eq!(ada.request::<Value>("history", ()).await, json!([]));
}

#[tokio::test]
async fn a_route_pushes_to_the_lobby_alone() {
    let app = chat().await;
    let (mut ada, mut bob) = (arrive(&app).await, arrive(&app).await);
    ada.expect::<Value>("people").await;
    bob.request::<()>("leave", ()).await;
    ada.expect::<Value>("people").await;

    let announce = |text: &str| {
        let request = Request::builder().method(Method::POST).uri("/announce").header(CONTENT_TYPE, "application/json");
        request.body(json!({ "text": text }).to_string().into()).unwrap()
    };
    let answer = app.request(announce("soup")).await;
    assert_eq!((answer.status(), answer.body().as_str()), (StatusCode::OK, r#"{"sent":1}"#));
    assert_eq!(ada.expect::<String>("announce").await, "soup");
    bob.expect_silence(Duration::from_millis(20)).await;
    assert_eq!(app.request(announce("")).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.get("/rooms").await.body(), r#"[{"room":"lobby","count":1}]"#);
}

#[tokio::test(start_paused = true)]
async fn the_lobby_hears_that_the_server_is_there() {
    let app = chat().await;
    let mut ada = arrive(&app).await;
    let rooms = app.resolve::<RoomService>();
    let ticking = tokio::spawn(async move { rooms.tick().await });
    app.advance(Duration::from_secs(30)).await;
    assert_eq!(ada.expect::<Value>("tick").await, json!({ "uptime_s": 30, "clients": 1 }));
    ticking.abort();
}
