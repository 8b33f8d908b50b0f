//! The Host header, and which hosts are allowed.
use super::{Ask, accepted, refused};
use crate::plain::{Plain, plain};
use switchboard::{Gateway, Limits};
use switchboard_rig::{Rig, Stack, each_stack, on};

#[test]
fn a08_a_host_that_is_not_allowed_is_421() {
    each_stack(|stack| async move {
        let own = Gateway::new(Plain).allowed_hosts(["own.example", "[::1]"]);
        let app = plain(Limits::default()).gateway("/own", own).allowed_hosts(["test.example", "port.example:8443"]);
        let rig = Rig::watched(stack, app).await;
        for host in ["test.example", "TEST.example", "test.example:3005", "test.example:", "port.example:8443"] {
            accepted(&rig, Ask::good().set("Host", host)).await;
        }
        let foreign =
            ["evil.example", "test.example.", "a.test.example", "port.example", "port.example:1", "own.example"];
        for host in foreign {
            refused(&rig, Ask::good().set("Host", host), 421, "host").await;
        }
        // A page whose name was made to point here says so itself, by both.
        let rebound = Ask::good().set("Host", "evil.example").add("Origin", "http://evil.example");
        refused(&rig, rebound, 421, "host").await;
        accepted(&rig, Ask::good().line("GET /own HTTP/1.1").set("Host", "[::1]:3005")).await;
        refused(&rig, Ask::good().line("GET /own HTTP/1.1"), 421, "host").await;
        rig.expect_empty().await;
    });
    on(Stack::Listen, |stack| async move {
        let app = || plain(Limits::default()).allowed_hosts(["app.example", "test.example"]);
        let ask = || Ask::good().set("Host", "10.0.0.7").add("X-Forwarded-Host", "app.example");
        let trusting = Rig::watched(stack, app().trust_proxies(["127.0.0.1"]).unwrap()).await;
        accepted(&trusting, ask()).await;
        trusting.expect_empty().await;
        let rig = Rig::watched(stack, app()).await;
        refused(&rig, ask(), 421, "host").await;
        rig.expect_empty().await;
    });
}

#[test]
fn hosts_that_are_none_do_not_boot() {
    let app = plain(Limits::default()).allowed_hosts(["https://test.example"]);
    let text = app.gateway("/own", Gateway::new(Plain).allowed_hosts([""; 0])).into_router().unwrap_err().to_string();
    assert!(text.contains("2 problems") && text.contains(r#""https://test.example", which is no host"#), "{text}");
}
