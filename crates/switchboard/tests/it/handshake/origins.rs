//! The Origin header.
use super::{Ask, accepted, refused};
use crate::plain::{Plain, plain};
use switchboard::{App, Gateway, Limits, Origins};
use switchboard_rig::{Rig, Stack, each_stack, on};

#[test]
fn a15_a16_origins() {
    each_stack(|stack| async move {
        let origins = |origins: Origins| plain(Limits::default()).origins(origins);
        let same = Rig::watched(stack, plain(Limits::default())).await;
        let ask = |origin: &str| Ask::good().add("Origin", origin);
        accepted(&same, Ask::good()).await;
        accepted(&same, ask("http://test.example")).await;
        accepted(&same, ask("https://test.example")).await;
        accepted(&same, ask("https://test.example:8443").set("Host", "test.example:8443")).await;
        accepted(&same, ask("ws://test.example")).await;
        accepted(&same, ask("wss://test.example")).await;
        let twins = [
            "capacitor://test.example",
            "null",
            "https://test.example.evil.com",
            "https://eviltest.example",
            "https://xn--tst-bma.example",
            "https://test.example.",
            "https://test.example:8443",
            "https://canary.example",
            "file://",
        ];
        for origin in twins {
            refused(&same, ask(origin), 403, "origin").await;
            // Nobody's word is taken for the host.
            refused(&same, ask(origin).add("X-Forwarded-Host", "canary.example"), 403, "origin").await;
        }
        let demanding = Gateway::new(Plain).origins(Origins::same().required());
        let list = origins(Origins::list(["https://good.example"]).unwrap()).gateway("/demanding", demanding);
        let list = Rig::watched(stack, list).await;
        accepted(&list, ask("https://good.example")).await;
        for origin in [
            "null",
            "https://good.example.evil.com",
            "https://evilgood.example",
            "http://good.example",
            "http://test.example",
        ] {
            refused(&list, ask(origin), 403, "origin").await;
        }
        let demanded = |ask: Ask| ask.line("GET /demanding HTTP/1.1");
        refused(&list, demanded(Ask::good()), 403, "origin_missing").await;
        accepted(&list, demanded(ask("http://test.example"))).await;
        // A gateway's own choice wins over the application's.
        let gateway = Gateway::new(Plain).on("echo", Plain::echo).origins(Origins::any());
        let any = Rig::watched(stack, App::new().gateway("/ws", gateway)).await;
        accepted(&any, ask("https://anywhere.example")).await;
        for rig in [same, list, any] {
            rig.expect_empty().await;
        }
    });
}

#[test]
fn a15_origins_of_apps_and_a_function_of_ones_own() {
    each_stack(|stack| async move {
        let apps = Origins::list(["capacitor://localhost", "chrome-extension://abcdefgh", "null", "file://"]).unwrap();
        let decided = Origins::by(|origin| match origin {
            "https://panics.example" => panic!("canary"),
            origin => origin == "https://pr-7.preview.example",
        });
        let gateway = |origins: Origins| Gateway::new(Plain).on("echo", Plain::echo).origins(origins);
        let app = plain(Limits::default())
            .gateway("/apps", gateway(Origins::same().or(apps)))
            .gateway("/by", gateway(decided));
        let rig = Rig::watched(stack, app).await;
        let ask =
            |gateway: &str, origin: &str| Ask::good().line(format!("GET {gateway} HTTP/1.1")).add("Origin", origin);
        for origin in ["capacitor://localhost", "chrome-extension://abcdefgh", "null", "file://", "http://test.example"]
        {
            accepted(&rig, ask("/apps", origin)).await;
        }
        for origin in
            ["tauri://localhost", "capacitor://localhost.evil.com", "chrome-extension://abcdefg", "https://canary"]
        {
            refused(&rig, ask("/apps", origin), 403, "origin").await;
        }
        accepted(&rig, ask("/by", "https://pr-7.preview.example")).await;
        refused(&rig, ask("/by", "https://pr-8.preview.example"), 403, "origin").await;
        accepted(&rig, Ask::good().line("GET /by HTTP/1.1")).await;
        let answer = rig.http(&ask("/by", "https://panics.example").bytes()).await.unwrap();
        assert_eq!(answer.status, 500, "a panic is contained");
        assert!(answer.body.contains("trace_id") && !answer.body.contains("canary"), "{}", answer.body);
        rig.expect_empty().await;
    });
}

#[test]
fn a15_behind_a_trusted_proxy_the_forwarded_host_counts() {
    on(Stack::Listen, |stack| async move {
        let trusting = Rig::watched(stack, plain(Limits::default()).trust_proxies(["127.0.0.0/8"]).unwrap()).await;
        let ask = |origin: &str, forwarded: &str| {
            Ask::good().set("Host", "10.0.0.7:3005").add("Origin", origin).add("X-Forwarded-Host", forwarded)
        };
        accepted(&trusting, ask("https://app.example", "app.example")).await;
        accepted(&trusting, ask("https://app.example", "evil.example, app.example")).await;
        refused(&trusting, ask("https://app.example", "app.example, evil.example"), 403, "origin").await;
        refused(&trusting, ask("https://evil.example", "app.example"), 403, "origin").await;
        refused(&trusting, ask("https://app.example", ""), 403, "origin").await;
        let strangers = Rig::watched(stack, plain(Limits::default()).trust_proxies(["192.0.2.1"]).unwrap()).await;
        refused(&strangers, ask("https://app.example", "app.example"), 403, "origin").await;
        accepted(&strangers, ask("http://10.0.0.7:3005", "evil.example")).await;
        let said = |value: &str| {
            Ask::good().set("Host", "10.0.0.7:3005").add("Origin", "https://app.example").add("Forwarded", value)
        };
        accepted(&trusting, said("for=6.6.6.6;host=evil.example, for=1.2.3.4;host=app.example")).await;
        refused(&trusting, said("for=1.2.3.4;host=app.example, for=1.2.3.4;host=evil.example"), 403, "origin").await;
        refused(&trusting, said("host=app.example").add("X-Forwarded-For", "1.2.3.4"), 403, "origin").await;
        refused(&strangers, said("host=app.example"), 403, "origin").await;
        trusting.expect_empty().await;
        strangers.expect_empty().await;
    });
}
