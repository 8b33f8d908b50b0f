//! Subprotocols, extensions and versions.
use super::{Ask, accepted, refused};
use crate::plain::plain;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{App, Error, Gateway, Handshake, Limits, Socket};
use switchboard_rig::Stopwatch;
use switchboard_rig::{Offer, RawClient, Rig, each_stack, masked};

#[test]
fn a18_a19_subprotocols_and_extensions() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        let offer = |value: &str| Ask::good().add("Sec-WebSocket-Protocol", value);
        for (value, chosen) in [
            ("switchboard.v1.json", Some("switchboard.v1.json")),
            ("canary, switchboard.v1.json , b", Some("switchboard.v1.json")),
            ("graphql-ws", None),
            ("", None),
            (", ,", None),
            (",,switchboard.v1.json,", Some("switchboard.v1.json")),
            ("SWITCHBOARD.v1.json", None),
        ] {
            let answer = accepted(&rig, offer(value)).await;
            assert_eq!(answer.header("sec-websocket-protocol"), chosen, "{value}");
        }
        assert_eq!(accepted(&rig, Ask::good()).await.header("sec-websocket-protocol"), None);
        let hundred = (0..100).map(|i| format!("p{i}")).collect::<Vec<_>>().join(",");
        for value in [&hundred, "a b", "a;b", "canary, canary", "\"quoted\"", "\u{e9}"] {
            refused(&rig, offer(value), 400, "subprotocol").await;
        }
        for value in ["permessage-deflate", "permessage-deflate; server_max_window_bits=7", "x; y=\"z\"", "??"] {
            accepted(&rig, Ask::good().add("Sec-WebSocket-Extensions", value)).await;
        }
        let offers = ["permessage-deflate"; 9].join(", ");
        refused(&rig, Ask::good().add("Sec-WebSocket-Extensions", offers), 400, "extension").await;
        rig.expect_empty().await;
    });
}

/// Counts how often any of it is run.
fn counting(runs: &Arc<AtomicUsize>) -> Gateway<()> {
    struct Counts(Arc<AtomicUsize>);
    impl ConnectGuard for Counts {
        async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }
    let hook = |runs: &Arc<AtomicUsize>| {
        let runs = runs.clone();
        move || {
            let runs = runs.clone();
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    Gateway::functions()
        .on_fn("echo", |text: String| async move { text })
        .on_connect_fn(hook(runs))
        .on_disconnect_fn(hook(runs))
        .guard(GuardDef::of(Counts(runs.clone())).connect())
}

fn chosen(peer: &RawClient) -> Option<&str> {
    let headers = peer.head.lines().filter_map(|line| line.split_once(": "));
    let mut values = headers.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
    values.next().map(|(_, value)| value)
}

#[test]
fn d22_a_version_that_is_not_spoken_is_closed_4506() {
    const WELL: &str = r#"{"event":"echo","data":"well"}"#;
    const LINGER: Duration = Duration::from_millis(300);
    each_stack(|stack| async move {
        let runs = Arc::new(AtomicUsize::new(0));
        let raw = Gateway::functions().raw_fn(|mut socket: Socket| async move {
            while let Some(message) = socket.recv().await {
                let _ = socket.send(message).await;
            }
        });
        let app =
            App::new().gateway("/ws", counting(&runs)).gateway("/raw", raw).limits(Limits::default().linger(LINGER));
        let rig = Rig::watched(stack, app).await;
        rig.unnoticed().await;
        let before = runs.load(Ordering::SeqCst);
        let unknown: [(&[&str], &str); _] = [
            (&["switchboard.v2.json"], "switchboard.v2.json"),
            (&["other", "switchboard.v1.other", "switchboard.v0.a", "switchboard.v3.b"], "switchboard.v0.a"),
            (&["switchboard.v18446744073709551617.json"], "switchboard.v18446744073709551617.json"),
            (&["switchboard.v01.json"], "switchboard.v01.json"),
        ];
        for (rejected, (offered, named)) in (1..).zip(unknown) {
            let mut peer =
                rig.connect_with(Offer::to("/ws").protocols(offered).extensions(Some("permessage-deflate"))).await;
            assert_eq!(chosen(&peer), Some(named));
            assert!(!peer.head.to_lowercase().contains("sec-websocket-extensions"), "{}", peer.head);
            peer.send(WELL).await;
            assert_eq!(peer.recv_close().await, (4506, "unsupported_version".into()), "{offered:?}");
            peer.expect_end().await;
            let stats = rig.handle.stats();
            assert_eq!((stats.connections, stats.rejected, stats.refused_connections), (1, rejected, 0));
            rig.unnoticed().await;
        }
        assert_eq!(runs.load(Ordering::SeqCst), before, "neither a guard nor a hook is asked");
        let known: [(&str, &[&str], Option<&str>); _] = [
            ("/ws", &["switchboard.v2.json", "switchboard.v1.json"], Some("switchboard.v1.json")),
            ("/ws", &["switchboard.v1.other"], None),
            ("/ws", &["switchboard.v2"], None),
            ("/ws", &["switchboard.v2."], None),
            ("/ws", &["switchboard.v.json"], None),
            ("/ws", &["switchboard.vx.json"], None),
            ("/ws", &["switchboard.2.json"], None),
            ("/raw", &["switchboard.v2.json"], None),
        ];
        for (gateway, offered, named) in known {
            let mut peer = rig.connect_with(Offer::to(gateway).protocols(offered)).await;
            assert_eq!(chosen(&peer), named, "{offered:?}");
            assert_eq!(peer.request(WELL).await, WELL, "{offered:?}");
        }
        // A list that is malformed is refused as ever.
        let twice = Ask::good().add("Sec-WebSocket-Protocol", "switchboard.v2.json, switchboard.v2.json");
        refused(&rig, twice, 400, "subprotocol").await;
        rig.expect_empty().await;
    });
    // Whoever stays, and goes on sending, has a place until `linger` is over, and no longer.
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default().linger(LINGER).max_connections(Some(2)))).await;
        let mut stays = rig.connect_with(Offer::to("/ws").protocols(&["switchboard.v2.json"])).await;
        let (began, watch) = (Instant::now(), Stopwatch::start());
        refused(&rig, Ask::good(), 503, "admission").await;
        let mut held = rig.stream().await;
        while rig.http_on(&mut held, &Ask::good().bytes()).await.unwrap().status != 101 {
            watch.within(LINGER * 10);
            stays.flood(&masked(0x82, &[0; 1000], [0; 4]), Duration::from_millis(5)).await;
        }
        assert!(began.elapsed() > LINGER / 2, "{:?}", began.elapsed());
        assert_eq!(stays.recv_close().await.0, 4506);
        drop((held, stays));
        rig.until(|stats| stats.connections == 1).await;
        // Nor does a shutdown wait for longer.
        let _stays = rig.connect_with(Offer::to("/ws").protocols(&["switchboard.v2.json"])).await;
        let watch = Stopwatch::start();
        assert_eq!(rig.handle.shutdown().await.aborted, 0);
        watch.within(LINGER * 10);
    });
}
