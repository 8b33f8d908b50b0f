//! Group H of the limits: what clients may do to rooms.
use crate::child::Server;
use crate::seed::Rng;
use crate::witness::Witness;
use crate::{ms, run, turn, victim};
use std::time::Duration;
use switchboard::App;
use switchboard_rig::{Got, RawClient, Rig, Stack};

const PATIENCE: Duration = Duration::from_secs(60);

fn join(rooms: &[&str], id: u64) -> String {
    format!(r#"{{"event":"join","data":{},"id":{id}}}"#, serde_json::to_string(rooms).unwrap())
}

const JOINED: &str = r#"{"event":"join","data":null}"#;

#[test]
fn h01_names_that_no_room_may_have() {
    let _turn = turn();
    run(PATIENCE, async || {
        let rig = Rig::start(Stack::Memory, victim::app(victim::limits("default"))).await;
        let mut peer = rig.connect().await;
        let long = "r".repeat(256);
        let bad = ["", long.as_str(), "*", ">", "a.>", "{x}", "}", "a\nb", "\r\n", "\0", "\u{7f}", "\u{85}", "a\tb"];
        for (id, name) in (1..).zip(bad) {
            let answer = peer.request(&join(&[name], id)).await;
            let expected = format!(r#""id":{id},"data":{{"status":"error","code":"validation_failed""#);
            assert!(answer.contains(&expected), "{name:?}: {answer}");
        }
        let longest = "r".repeat(255);
        let fine = [longest.as_str(), "a.b", "a b", "größe", "../..", "%00", "'; --", "__proto__", "$", "日本"];
        for (id, name) in (100..).zip(fine) {
            peer.send(&join(&[name], id)).await;
            peer.expect(JOINED).await;
            peer.expect(&format!(r#"{{"event":"join","data":null,"id":{id}}}"#)).await;
            assert_eq!(rig.handle.server().local().count_in(name), 1, "{name:?}");
        }
        assert_eq!(rig.handle.stats().rooms, fine.len());
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn h04_ten_thousand_joins_and_leaves() {
    let _turn = turn();
    run(PATIENCE, async || {
        let mut server = Server::start("default");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let mut peer = server.connect("/ws").await;
        let mut memory = 0;
        for from in (0..10_000).step_by(100) {
            let name = |at: usize| format!("room {}", at % 7);
            let both = |at: usize| {
                let name = name(at);
                [format!(r#"{{"event":"join","data":["{name}"]}}"#), format!(r#"{{"event":"leave","data":"{name}"}}"#)]
            };
            peer.send_all((from..from + 100).flat_map(both)).await;
            for _ in from..from + 100 {
                peer.expect(JOINED).await;
                peer.expect(r#"{"event":"leave","data":true}"#).await;
            }
            if from == 2000 {
                memory = server.memory();
            }
        }
        let numbers = server.numbers();
        assert_eq!((numbers.rooms, numbers.memberships), (1, 1), "the witness's alone");
        assert!(server.memory() - memory <= 1 << 20, "{} bytes more", server.memory() - memory);
        witness.beside().await.not_much_worse_than(&before, 10);
        drop(peer);
        witness.end();
        server.until(Duration::from_secs(5), |numbers| numbers.left() == [0; 6]).await;
        server.expect_well();
    });
}

/// A member that leaves, is kicked, or breaks off in the middle of its joins, or of a shutdown, is nobody's member.
#[test]
fn h06_joins_in_the_middle_of_an_end() {
    let _turn = turn();
    let mut rng = Rng::new();
    run(PATIENCE, async || {
        let app = App::new().limits(victim::limits("hasty"));
        let gateway = victim::gateway(app.server());
        let rig = Rig::start(Stack::Listen, app.gateway("/ws", gateway)).await;
        let server = rig.handle.server();
        let rooms: Vec<String> = (0..40).map(|at| format!("room {at}")).collect();
        let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
        for round in 0..60 {
            let mut peers: Vec<RawClient> = Vec::new();
            for id in 0..8 {
                let mut peer = rig.connect().await;
                peer.flood(&switchboard_rig::masked(0x81, join(&rooms, id).as_bytes(), [1, 2, 3, 4]), ms(100)).await;
                for _ in 0..rng.below(6) {
                    tokio::task::yield_now().await;
                }
                match rng.below(4) {
                    0 => drop(peer),
                    1 => {
                        peer.close(1000).await;
                        peers.push(peer);
                    }
                    2 => {
                        server.disconnect(rng.pick(&rooms));
                        peers.push(peer);
                    }
                    _ => {
                        for client in server.local().clients() {
                            client.disconnect();
                        }
                        peers.push(peer);
                    }
                }
            }
            if round % 20 == 19 {
                drop(peers);
                rig.expect_empty().await;
            }
        }
        // And of a shutdown.
        let mut peers = Vec::new();
        for id in 0..40 {
            let mut peer = rig.connect().await;
            peer.send(&join(&rooms, id)).await;
            peers.push(peer);
        }
        assert_eq!(rig.handle.shutdown().await.aborted, 0);
        for peer in &mut peers {
            assert_eq!(peer.skip_until_close().await, 1001);
        }
        drop(peers);
        rig.expect_empty().await;
    });
}

/// A long message to many is there once.
#[test]
fn h10_a_long_message_to_many_is_one_copy() {
    let _turn = turn();
    run(PATIENCE, async || {
        const MEMBERS: usize = 400;
        const SIZE: usize = 256 << 10;
        let mut server = Server::start("default");
        let witness = Witness::new(&server);
        let mut publisher = server.connect("/ws").await;
        let mut peers = Vec::new();
        for id in 0..MEMBERS as u64 {
            let mut peer = server.connect_narrow("/ws").await;
            peer.send(&join(&["all"], id)).await;
            peer.expect(JOINED).await;
            peers.push(peer);
        }
        let memory = server.memory();
        // Nobody reads yet: it stands in every outbox.
        publisher
            .send(&format!(r#"{{"event":"pour","data":{{"room":"all","count":1,"every_us":1,"size":{SIZE}}}}}"#))
            .await;
        server.until(Duration::from_secs(5), |numbers| numbers.queued_bytes > 1 << 20).await;
        tokio::time::sleep(ms(300)).await;
        let waiting = server.numbers();
        let grown = server.most_memory() - memory;
        eprintln!("    {} KiB wait in all, {} KiB more", waiting.queued_bytes >> 10, grown >> 10);
        assert!(grown <= (SIZE * 4) as i64 + (2 << 20), "{grown} bytes more");
        for peer in &mut peers {
            loop {
                match peer.recv().await {
                    Got::Text(text) if text.len() > SIZE => break,
                    Got::Text(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        drop((peers, publisher));
        witness.end();
        server.until(Duration::from_secs(5), |numbers| numbers.left() == [0; 6]).await;
        server.expect_well();
    });
}
