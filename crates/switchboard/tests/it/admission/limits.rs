//! Limits of connections and of the rate of upgrades.
use super::{admitted, ask, ask_with, refusal, refused, upgrade};
use crate::plain::plain;
use futures_util::future::join_all;
use std::time::Duration;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{Error, Handshake, Limits, Rate, User};
use switchboard_rig::{Rig, Stack, matrix, on, paused};

#[test]
fn a23_an_address_has_so_many_connections() {
    for stack in [Stack::Listen, Stack::AxumWithPeer] {
        on(stack, |stack| async move {
            let rig = Rig::watched(stack, plain(Limits::default().address_connections(Some(3)))).await;
            let mut held = Vec::new();
            for _ in 0..3 {
                held.push(upgrade(&rig, rig.stream().await, None).await.ok().unwrap());
            }
            let full = (429, "address_connections".to_owned());
            assert_eq!(refused(&rig, rig.stream().await, None).await, full);
            // A24: nobody asked this peer.
            let thousand = ["9.9.9.9"; 1000].join(",");
            for forwarded in ["9.9.9.9", &thousand, "9.9.9", "for=9.9.9.9", ", ,", "canary"] {
                assert_eq!(refused(&rig, rig.stream().await, Some(forwarded)).await, full, "{forwarded}");
            }
            let other = upgrade(&rig, rig.stream_from("127.0.0.2").await, None).await;
            assert!(other.is_ok(), "another address has its own");
            assert_eq!(rig.handle.stats().refused_connections, 7);
            drop(held.pop());
            held.push(admitted(&rig, "127.0.0.1").await);
            assert_eq!(refused(&rig, rig.stream().await, None).await, full);
            // A handshake that fails gives its place back.
            held.pop();
            rig.until(|stats| stats.connections == 4).await;
            for _ in 0..5 {
                let mut stream = rig.stream().await;
                let bad = String::from_utf8(ask(None)).unwrap().replace("Upgrade: websocket", "Upgrade: no");
                assert_eq!(rig.http_on(&mut stream, bad.as_bytes()).await.unwrap().status, 426);
            }
            held.push(admitted(&rig, "127.0.0.1").await);
            drop((held, other));
            rig.expect_empty().await;
        });
    }
}

#[test]
fn a23_behind_a_trusted_proxy_the_clients_address_counts_and_an_ipv6_one_by_its_64() {
    for stack in [Stack::Listen, Stack::AxumWithPeer] {
        on(stack, |stack| async move {
            let app = plain(Limits::default().address_connections(Some(2))).trust_proxies(["127.0.0.0/8"]).unwrap();
            let rig = Rig::watched(stack, app).await;
            let mut held = Vec::new();
            for (address, other) in [("198.51.100.1", "198.51.100.1"), ("2001:db8::1", "2001:db8::ffff:1:2:3")] {
                held.push(upgrade(&rig, rig.stream().await, Some(address)).await.ok().unwrap());
                held.push(upgrade(&rig, rig.stream().await, Some(other)).await.ok().unwrap());
                assert_eq!(refused(&rig, rig.stream().await, Some(address)).await.0, 429, "{address}");
            }
            assert_eq!(refused(&rig, rig.stream().await, Some("2001:db8:0:0:9::9")).await.0, 429, "the same /64");
            held.push(upgrade(&rig, rig.stream().await, Some("2001:db8:0:1::1")).await.ok().unwrap());
            held.push(upgrade(&rig, rig.stream().await, Some("198.51.100.2")).await.ok().unwrap());
            // What is in front of the proxy's own word is anybody's.
            assert_eq!(refused(&rig, rig.stream().await, Some("6.6.6.6, 198.51.100.1")).await.0, 429);
            drop(held);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn a23_where_every_hop_is_trusted_the_farthest_is_the_client() {
    for stack in [Stack::Listen, Stack::AxumWithPeer] {
        on(stack, |stack| async move {
            let app = plain(Limits::default().address_connections(Some(1)))
                .trust_proxies(["127.0.0.0/8", "10.0.0.0/8"])
                .unwrap();
            let rig = Rig::watched(stack, app).await;
            let come = async |name: &str, value: &str| {
                let mut stream = rig.stream().await;
                let answer = rig.http_on(&mut stream, &ask_with(name, Some(value))).await.unwrap();
                (answer.status, stream)
            };
            let mut held = Vec::new();
            for (name, value, same) in [
                ("X-Forwarded-For", "10.0.0.7, 10.0.0.1", "10.0.0.7"),
                ("X-Forwarded-For", "10.0.0.8, 10.0.0.1", ", 10.0.0.8 ,, 10.0.0.2,"),
                ("X-Forwarded-For", "[2001:db8::1]", "2001:db8::1"),
                ("X-Forwarded-For", "198.51.100.1:4711", "6.6.6.6, 198.51.100.1"),
                ("Forwarded", "for=10.0.0.9, for=10.0.0.1", "for=10.0.0.9;proto=https"),
                ("Forwarded", "for=6.6.6.6, for=\"[2001:db8:1::7]:4711\";by=10.0.0.1", "FOR=\"[2001:db8:1::7]\""),
            ] {
                let (status, stream) = come(name, value).await;
                assert_eq!(status, 101, "{name}: {value}");
                held.push(stream);
                assert_eq!(come(name, same).await.0, 429, "{name}: {same} is {value}");
            }
            drop(held);
            rig.expect_empty().await;
        });
    }
}

/// Takes their word for who they are, and refuses whom they say to be refused.
struct Believes;

impl ConnectGuard for Believes {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        let Some(user) = upgrade.headers().get("x-user") else { return Ok(()) };
        let user = user.to_str().unwrap().to_owned();
        // All of them are in the middle of it at once.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let refused = user == "mallory";
        upgrade.set_user(User::new(user));
        if refused { Err(Error::forbidden("Not you")) } else { Ok(()) }
    }
}

#[test]
fn a23_a_user_has_so_many_connections() {
    const MOST: usize = 5;
    matrix(|stack| async move {
        let app = plain(Limits::default().user_connections(Some(MOST))).guard(GuardDef::of(Believes).connect());
        let rig = &Rig::watched(stack, app).await;
        let come = async |user: Option<&str>| {
            let mut stream = rig.stream().await;
            let answer = rig.http_on(&mut stream, &ask_with("X-User", user)).await.expect("an answer");
            if answer.status == 101 { Ok(stream) } else { Err(answer) }
        };
        let all = |user: Option<&'static str>| join_all((0..30).map(move |_| come(user)));
        let (ada, bob, nobody, mallory) =
            tokio::join!(all(Some("ada")), all(Some("bob")), all(None), all(Some("mallory")));
        let mut held = Vec::new();
        for users in [ada, bob] {
            let (admitted, refused): (Vec<_>, Vec<_>) = users.into_iter().partition(Result::is_ok);
            assert_eq!((admitted.len(), refused.len()), (MOST, 30 - MOST));
            for answer in refused.into_iter().filter_map(Result::err) {
                assert_eq!(refusal(answer), (429, "user_connections".to_owned()));
            }
            held.push(admitted);
        }
        assert!(nobody.iter().all(Result::is_ok), "who is nobody's is not counted");
        assert!(mallory.iter().all(|outcome| outcome.as_ref().is_err_and(|answer| answer.status == 403)));
        assert_eq!(rig.handle.stats().refused_connections, 2 * (30 - MOST) as u64);
        rig.until(|stats| stats.connections == 1 + 2 * MOST + 30).await;
        // The place of one who leaves is free, for that user.
        for _ in 0..3 {
            held[0].pop();
            rig.until(|stats| stats.connections == 2 * MOST + 30).await;
            assert!(come(Some("bob")).await.is_err());
            held[0].push(come(Some("ada")).await);
            assert!(held[0].last().is_some_and(Result::is_ok));
            assert!(come(Some("ada")).await.is_err());
        }
        drop((held, nobody));
        rig.expect_empty().await;
    });
}

#[test]
fn a23_rates_of_upgrades_are_exact() {
    use switchboard::testing::TestApp;
    let rate = Some(Rate::new(2, 5));
    const HOUR: Duration = Duration::from_secs(3600);
    for (limits, status, reason) in [
        (Limits::default().address_rate(rate), 429, "address_rate"),
        (Limits::default().accept_rate(rate), 503, "accept_rate"),
    ] {
        paused(async {
            let app = TestApp::new(plain(limits));
            let mut healthy = app.connect("/ws").await;
            tokio::time::sleep(HOUR).await;
            for (milliseconds, free) in [(0, 5), (499, 0), (1, 1), (1000, 2), (3_600_000, 5)] {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                assert_eq!(healthy.request::<String>("echo", "well").await, "well");
                for _ in 0..free {
                    drop(app.try_connect("/ws").await.expect("within the rate"));
                }
                let refused = app.try_connect("/ws").await.expect_err("above the rate");
                assert_eq!(refused.status, status);
                assert!(refused.body.contains(reason), "{}", refused.body);
                assert!(refused.headers.contains_key("retry-after"));
                assert_eq!(healthy.request::<String>("echo", "well").await, "well");
            }
            assert_eq!(app.handle().stats().refused_connections, 5);
        });
    }
}

#[test]
fn public_admits_what_it_says() {
    use switchboard::testing::TestApp;
    let app = || TestApp::new(plain(Limits::public()).trust_proxies(["127.0.0.1"]).unwrap());
    paused(async {
        // One address: 20 a second, and 64 that stay.
        let app = app();
        let mut staying = Vec::new();
        for free in [20, 20, 20, 4] {
            for _ in 0..free {
                staying.push(app.connect("/ws").await);
            }
            let refused = app.try_connect("/ws").await.expect_err("one too many");
            let reason = if staying.len() < 64 { "address_rate" } else { "address_connections" };
            assert_eq!(refused.status, 429);
            assert!(refused.body.contains(reason), "{}", refused.body);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    paused(async {
        // All addresses: 4,000 at once, and 2,000 a second.
        let app = app();
        let mut visitors = 0..;
        for free in [4000, 2000] {
            let mut connect = || {
                let [_, _, high, low] = u32::to_be_bytes(visitors.next().unwrap());
                app.connecting("/ws").header("x-forwarded-for", &format!("203.0.{high}.{low}"))
            };
            for _ in 0..free {
                drop(connect().connect().await);
            }
            let refused = connect().refused().await;
            assert_eq!(refused.status, 503);
            assert!(refused.body.contains("accept_rate"), "{}", refused.body);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}
