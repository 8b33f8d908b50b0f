//! The request target.
use super::{Ask, accepted, refused, refused_below};
use crate::plain::{Plain, plain};
use switchboard::extract::Path as Params;
use switchboard::{App, Gateway, Limits};
use switchboard_rig::{Rig, Stack, each_stack};

#[test]
fn a12_the_target() {
    each_stack(|stack| async move {
        let gateway = || Gateway::new(Plain).on("echo", Plain::echo);
        let app = App::new().gateway("/ws", gateway()).gateway("/p/{id}/ws", gateway()).gateway("/q/{id}", gateway());
        let rig = Rig::watched(stack, app).await;
        let get = |target: &str| Ask::good().line(format!("GET {target} HTTP/1.1"));
        refused(&rig, get(&format!("/ws?{}", "c".repeat(5 << 10))), 414, "uri").await;
        accepted(&rig, get(&format!("/ws?{}", "c".repeat(4000)))).await;
        for target in [
            "http://canary/ws",
            "http://test.example:8080/ws",
            "http://user@test.example/ws",
            "ftp://test.example/ws",
            "/p/a%0ab/ws",
            "/p/%0D/ws",
            "/p/a%7F/ws",
            "/p/a%C2%85/ws",
            "/q/%0a",
            "/ws?a=%00",
            "/p/../ws",
            "/p/%2e%2E/ws",
            "/p/.%2e/ws",
            "/p/a%00/ws",
        ] {
            refused(&rig, get(target), 400, "uri").await;
        }
        for target in
            ["http://test.example/ws", "HTTP://TEST.example:80/ws", "https://test.example/ws?x", "/p/a%20b/ws?t=a%0Ab"]
        {
            accepted(&rig, get(target)).await;
        }
        // Where a router takes an empty segment for a parameter, the gateway does not.
        for target in ["/p//ws", "/q/", "/q//", "//p/a/ws"] {
            let answer = rig.http(&get(target).bytes()).await.unwrap();
            assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        }
        if stack == Stack::Listen {
            for target in ["/../ws", "/ws%00", "/ws/../ws"] {
                refused(&rig, get(target), 400, "uri").await;
            }
        }
        // The path of no gateway: a router of others says so before we look.
        for target in ["/../ws", "/ws%00", "/ws/../ws", "//ws", "/WS", "/ws/", "ws"] {
            let answer = rig.http(&get(target).bytes()).await.unwrap();
            assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        }
        for line in ["CONNECT test.example:80 HTTP/1.1", "CONNECT /ws HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1"]
        {
            let answer = rig.http(&Ask::good().line(line).bytes()).await.unwrap();
            assert!(matches!(answer.status, 400 | 404 | 405), "{line}: {}", answer.status);
        }
        for target in ["/w\0s", "/w s", ""] {
            refused_below(&rig, &get(target).bytes(), 400).await;
        }
        rig.expect_empty().await;
    });
}

/// What a router around ours has taken off the path, with its parameters.
#[test]
fn a12_a_parameter_of_a_router_around_is_held_to_the_same() {
    each_stack(|stack| async move {
        struct Tenants;
        impl Tenants {
            async fn which(&self, Params((tenant, id)): Params<(String, String)>) -> String {
                format!("{tenant}/{id}")
            }
        }
        let inner = App::new().gateway("/{id}/ws", Gateway::new(Tenants).on("which", Tenants::which));
        let outer = axum::Router::new().nest("/t/{tenant}", axum::Router::new().merge(inner));
        let app = plain(Limits::default()).mount(outer);
        let rig = Rig::watched(stack, app).await;
        let get = |target: &str| Ask::good().line(format!("GET {target} HTTP/1.1"));
        accepted(&rig, get("/t/a%20b/7/ws")).await;
        let mut peer = rig.connect_to("/t/a%20b/7/ws").await;
        assert_eq!(peer.request(r#"{"event":"which","id":1}"#).await, r#"{"event":"which","data":"a b/7","id":1}"#);
        drop(peer);
        for target in ["/t/%0a/7/ws", "/t/a%00/7/ws", "/t/%2e%2e/7/ws", "/t/a/%0a/ws", "/t/a%C2%85/7/ws"] {
            refused(&rig, get(target), 400, "uri").await;
        }
        for target in ["/t//7/ws", "/t/a//ws"] {
            let answer = rig.http(&get(target).bytes()).await.unwrap();
            assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        }
        rig.expect_empty().await;
    });
}

#[test]
fn a_path_that_nobody_can_ask_for_does_not_boot() {
    let gateway = || Gateway::new(Plain).on("echo", Plain::echo);
    let app = App::new().prefix("/ü").gateway("/café", gateway()).gateway("/a<b", gateway());
    let text = app.into_router().unwrap_err().to_string();
    for part in
        ["3 problems", "the path \"/café\" of Plain has a segment that no request can have", "caf%C3%A9", "target.rs:"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    each_stack(|stack| async move {
        let app = plain(Limits::default()).gateway("/caf%C3%A9/{größe}", gateway());
        let rig = Rig::watched(stack, app).await;
        accepted(&rig, Ask::good().line("GET /caf%C3%A9/7 HTTP/1.1")).await;
        rig.expect_empty().await;
    });
}
