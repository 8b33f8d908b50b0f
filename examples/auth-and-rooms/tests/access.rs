//! Permissions: over HTTP before the connection, and on it.
use auth_and_rooms::auth::SESSION;
use auth_and_rooms::gateway::BAR;
use auth_and_rooms::tickets::{GOOD_FOR, Tickets};
use auth_and_rooms::{RoomModule, accounts::Accounts, login};
use axum::body::Body;
use axum::http::{Request, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::time::Duration;
use switchboard::testing::{TestApp, TestClient};

async fn rooms() -> TestApp {
    let app = TestApp::of::<RoomModule>().with(|app| {
        let login = login::routes(app.resolve::<Accounts>().unwrap(), app.resolve::<Tickets>().unwrap());
        app.require_posture(true).mount(login)
    });
    app.start().await
}

/// A client that has received `welcome`.
async fn arrive(app: &TestApp, token: &str) -> TestClient {
    let mut person = app.connecting("/ws").bearer(token).connect().await;
    person.expect::<Value>("welcome").await;
    person
}

/// A client in a room that has received `people`.
async fn enter(app: &TestApp, token: &str, room: &str) -> TestClient {
    let mut person = arrive(app, token).await;
    person.request::<()>("enter", room).await;
    person.expect::<Value>("people").await;
    person
}

async fn log_in(app: &TestApp, body: Value) -> axum::http::Response<String> {
    let request = Request::post("/login").header(CONTENT_TYPE, "application/json");
    app.request(request.body(Body::from(body.to_string())).unwrap()).await
}

/// The cookie of a login, as a browser sends it back.
async fn cookie(app: &TestApp, token: &str) -> String {
    let answer = log_in(app, json!({ "token": token })).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn who_is_unknown_gets_no_socket() {
    let app = rooms().await;
    for connecting in [
        app.connecting("/ws"),
        app.connecting("/ws").bearer("ada-toke"),
        app.connecting("/ws").bearer("ada-tokem"),
        app.connecting("/ws").header("cookie", "ticket=0123"),
        app.connecting("/ws").header("cookie", "ticket="),
    ] {
        let refused = connecting.try_connect().await.unwrap_err();
        assert_eq!(
            (refused.status, &refused.headers["www-authenticate"]),
            (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap())
        );
        let problem: Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!(problem["code"], "unauthenticated");
    }
    assert!(app.logs().contains("refused"), "the audit has it");
    assert_eq!(log_in(&app, json!({ "token": "x" })).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(log_in(&app, json!({ "tokens": 1 })).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(log_in(&app, json!({ "token": "x".repeat(2000) })).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_ticket_is_good_once_and_soon() {
    let app = rooms().await;
    let ticket = cookie(&app, "grace-token").await;
    let mut grace = app.connecting("/ws").header("cookie", &ticket).connect().await;
    assert_eq!(grace.expect::<Value>("welcome").await["you"], json!({ "id": "grace", "name": "Grace Hopper" }));
    assert_eq!(app.connecting("/ws").header("cookie", &ticket).try_connect().await.unwrap_err().status, 401);

    let late = cookie(&app, "grace-token").await;
    app.advance(GOOD_FOR).await;
    assert_eq!(app.connecting("/ws").header("cookie", &late).try_connect().await.unwrap_err().status, 401);
}

#[tokio::test]
async fn a_private_room_is_for_its_members() {
    let app = rooms().await;
    let mut grace = enter(&app, "grace-token", "garden").await;
    let mut linus = arrive(&app, "linus-token").await;
    let refused = linus.request_error("enter", "garden").await;
    assert_eq!(
        (&*refused.code, &*refused.message),
        ("not_a_member", "There is no room `garden`, or you are not a member of it")
    );
    let unknown = linus.request_error("enter", "vault").await;
    assert_eq!((&*unknown.code, unknown.message), ("not_a_member", refused.message.replace("garden", "vault")));
    assert_eq!(linus.request_error("say", json!({ "room": "garden", "text": "hi" })).await.code, "not_in_room");
    assert_eq!(linus.request_error("invite", json!({ "room": "garden", "user": "linus" })).await.code, "not_a_member");
    assert_eq!(grace.request_error("invite", json!({ "room": "garden", "user": "bob" })).await.code, "not_found");
    assert_eq!(grace.request_error("invite", json!({ "room": "lobby", "user": "linus" })).await.code, "not_private");

    grace.request::<()>("invite", json!({ "room": "garden", "user": "linus" })).await;
    let invited = linus.expect::<Value>("invited").await;
    assert_eq!(invited, json!({ "room": "garden", "by": { "id": "grace", "name": "Grace Hopper" } }));
    linus.request::<()>("enter", "garden").await;
    let both = json!([{ "id": "grace", "name": "Grace Hopper" }, { "id": "linus", "name": "Linus Torvalds" }]);
    assert_eq!(grace.expect::<Value>("people").await, json!({ "room": "garden", "people": both }));
    linus.expect::<Value>("people").await;
    linus.request::<()>("say", json!({ "room": "garden", "text": " hello " })).await;
    assert_eq!(grace.expect::<Value>("said").await["text"], "hello");
    linus.close().await;
    assert_eq!(grace.expect::<Value>("people").await["people"][1], Value::Null);
}

#[tokio::test]
async fn what_is_said_is_valid() {
    let app = rooms().await;
    let mut grace = enter(&app, "grace-token", "lobby").await;
    let error = grace.request_error("say", json!({ "room": "lobby!", "text": "  " })).await;
    assert_eq!(error.code, "validation_failed");
    let broken: Vec<_> = error.details.iter().map(|detail| (&*detail.path, &*detail.code)).collect();
    assert_eq!(broken, [("/room", "alphanumeric"), ("/text", "length")]);
    for room in ["@ada", "", &"x".repeat(33)] {
        assert_eq!(grace.request_error("enter", room).await.code, "validation_failed", "{room}");
    }
}

#[tokio::test(start_paused = true)]
async fn moderators_mute_and_kick() {
    let app = rooms().await;
    let mut ada = enter(&app, "ada-token", "lobby").await;
    let mut linus = enter(&app, "linus-token", "lobby").await;
    ada.expect::<Value>("people").await;
    let hi = json!({ "room": "lobby", "text": "hi" });

    assert_eq!(linus.request_error("mute", json!({ "user": "ada", "minutes": 1 })).await.code, "forbidden");
    assert_eq!(linus.request_error("kick", json!({ "user": "ada" })).await.code, "forbidden");
    assert_eq!(ada.request_error("mute", json!({ "user": "linus", "minutes": 61 })).await.details[0].code, "range");
    assert_eq!(ada.request_error("kick", json!({ "user": "bob" })).await.code, "not_found");
    assert_eq!(ada.request_error("kick", json!({})).await.details[0].path, "/user");

    ada.request::<()>("mute", json!({ "user": "linus", "minutes": 1 })).await;
    assert_eq!(linus.expect::<Value>("muted").await["minutes"], 1);
    let muted = linus.request_error("say", &hi).await;
    assert_eq!(muted.code, "muted");
    assert!(muted.retry_after_ms.is_some_and(|wait| wait > 59_000), "{muted:?}");
    app.advance(Duration::from_secs(60)).await;
    linus.request::<()>("say", &hi).await;
    ada.expect::<Value>("said").await;

    let mut other_tab = arrive(&app, "linus-token").await;
    assert_eq!(ada.request::<usize>("kick", json!({ "user": "linus" })).await, 2);
    linus.expect::<Value>("said").await;
    linus.expect_close(4503).await;
    other_tab.expect_close(4503).await;
    assert_eq!(ada.expect::<Value>("people").await["people"][1], Value::Null);
    let barred = app.connecting("/ws").bearer("linus-token").try_connect().await.unwrap_err();
    assert_eq!(barred.status, StatusCode::FORBIDDEN);
    assert!(barred.body.contains(r#""code":"barred""#), "{}", barred.body);
    app.advance(BAR).await;
    arrive(&app, "linus-token").await;
}

#[tokio::test(start_paused = true)]
async fn a_session_ends() {
    let app = rooms().await;
    let mut grace = enter(&app, "grace-token", "lobby").await;
    app.advance(SESSION).await;
    assert_eq!(grace.request_error("leave", "lobby").await.code, "unauthenticated");
    grace.expect_close(4005).await;
}

#[tokio::test]
async fn the_log_has_a_line_for_each_message_and_not_what_was_said() {
    let app = rooms().await;
    let mut grace = enter(&app, "grace-token", "lobby").await;
    grace.request::<()>("say", json!({ "room": "lobby", "text": "a secret" })).await;
    grace.request_error("kick", json!({ "user": "ada" })).await;
    let lines = app.logs().lines();
    let handled = |event: &str| {
        let line = lines.iter().find(|line| line.message == "handled" && line.field("event") == Some(event));
        line.map(|line| line.field("user").unwrap_or_default().to_owned())
    };
    assert_eq!((handled("(connect)"), handled("say")), (Some("grace".into()), Some("grace".into())));
    assert!(lines.iter().any(|line| line.message == "refused" && line.field("event") == Some("kick")));
    assert!(!app.logs().contains("a secret") && !app.logs().contains("grace-token"));
}
