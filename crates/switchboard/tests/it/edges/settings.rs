//! Limits and routes that are refused at boot, and limits that are set late.
use super::{ECHO, Edges, gateway, ms};
use std::time::Duration;
use switchboard::{App, Limits, Rate};
use switchboard_rig::{Rig, matrix};

#[test]
fn limits_hold_though_the_server_was_used_before_the_mounting() {
    matrix(|stack| async move {
        let app =
            App::new().limits(Limits::default().max_connections(Some(1))).gateway("/ws", gateway(Edges::default()));
        app.server().broadcast("boot", 1);
        let rig = Rig::start(stack, app).await;
        let mut one = rig.connect().await;
        assert_eq!(one.request(ECHO).await, ECHO);
        let mut stream = rig.stream().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &switchboard_rig::upgrade_request("/ws")).await.unwrap();
        let (head, _) = switchboard_rig::read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    });
}

#[test]
fn routes_that_overlap_are_boot_problems() {
    let parameters =
        App::new().gateway("/a/{id}", gateway(Edges::default())).gateway("/a/{name}", gateway(Edges::default()));
    assert!(parameters.into_router().unwrap_err().to_string().contains("both mounted on /a/{name}"));
    let route = axum::Router::new().route("/ws", axum::routing::get(|| async {}));
    let mounted = App::new().gateway("/ws", gateway(Edges::default())).mount(route);
    assert!(mounted.into_router().unwrap_err().to_string().contains("a mounted route has the path /ws of Edges"));
}

#[test]
fn limits_that_make_no_sense_do_not_boot() {
    let limits = Limits::default().inbound_messages(0).outbound_reserved(2000).idle_timeout(Some(Duration::ZERO));
    let app = App::new().limits(limits.clone()).gateway("/ws", gateway(Edges::default()).limits(limits.gateway));
    let text = app.into_router().unwrap_err().to_string();
    assert!(text.contains("6 problems") && text.contains("`inbound_messages` is 0"), "{text}");
}

#[test]
fn limits_that_are_absurd_do_not_boot() {
    const YEAR: u64 = 366 * 24 * 3_600_000;
    type Bend = fn(Limits) -> Limits;
    let rows: [(Bend, &str); 24] = [
        (|limits| limits.message_rate(Some(Rate::new(0, 1))), "`message_rate.per_second` is 0"),
        (|limits| limits.address_rate(Some(Rate::new(1, 0))), "`address_rate.burst` is 0"),
        (|limits| limits.address_connections(Some(0)), "`address_connections` is 0"),
        (|limits| limits.user_connections(Some(0)), "`user_connections` is 0"),
        (|limits| limits.byte_rate(Some(Rate::new(1, 1000))), "`byte_rate.burst` is less than `max_message`"),
        (|limits| limits.memory(Some(64 << 10)), "`memory` is less than 16 MiB"),
        (|limits| limits.max_message(2 << 30), "`max_message` is more than 1 GiB"),
        (|limits| limits.max_message_out(usize::MAX), "`max_message_out` is more than 1 GiB"),
        (|limits| limits.inbound_bytes(2 << 30), "`inbound_bytes` is more than 1 GiB"),
        (|limits| limits.max_head(1000), "is more than `max_head`"),
        (|limits| limits.max_head(2 << 30), "`max_head` is more than 1 GiB"),
        (|limits| limits.ping_timeout(Duration::from_secs(250)), "`ping_timeout` is ten times"),
        (|limits| limits.outbound_bytes(2 << 30), "`outbound_bytes` is more than 1 GiB"),
        (|limits| limits.partial_timeout(Duration::MAX), "`partial_timeout` is more than a year"),
        (|limits| limits.handler_timeout(Duration::MAX), "`handler_timeout` is more than a year"),
        (|limits| limits.outbound_soft_time(Duration::MAX), "`outbound_soft_time` is more than a year"),
        (|limits| limits.write_timeout(Duration::MAX), "`write_timeout` is more than a year"),
        (|limits| limits.ping_interval(Duration::MAX), "`ping_interval` is more than a year"),
        (|limits| limits.ping_interval(ms(YEAR)).ping_timeout(ms(YEAR + 1)), "`ping_timeout` is more than a year"),
        (|limits| limits.idle_timeout(Some(Duration::MAX)), "`idle_timeout` is more than a year"),
        (|limits| limits.max_lifetime(Some(Duration::MAX)), "`max_lifetime` is more than a year"),
        (|limits| limits.linger(Duration::MAX), "`linger` is more than a year"),
        (|limits| limits.handshake_timeout(Duration::MAX), "`handshake_timeout` is more than a year"),
        (|limits| limits.shutdown_timeout(Duration::MAX), "`shutdown_timeout` is more than a year"),
    ];
    for (bend, expected) in rows {
        let app = App::new().limits(bend(Limits::default())).gateway("/ws", gateway(Edges::default()));
        let text = app.into_router().unwrap_err().to_string();
        assert!(text.contains("1 problem") && text.contains(expected), "{text}");
    }
    let patient = Limits::default().write_timeout(ms(YEAR)).linger(ms(YEAR)).handshake_timeout(ms(YEAR));
    assert!(App::new().limits(patient).gateway("/ws", gateway(Edges::default())).into_router().is_ok());
    assert!(App::new().limits(Limits::public()).gateway("/ws", gateway(Edges::default())).into_router().is_ok());
}
