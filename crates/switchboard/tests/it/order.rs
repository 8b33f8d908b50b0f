//! One connection sees replies, broadcasts and direct emits in the order in which they were emitted.
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use switchboard::{App, Client, Gateway, Server};
use switchboard_rig::{Rig, Stack, matrix};

struct Mixer {
    server: Server,
    /// Whoever holds it emits, so that there is one order of all emissions.
    turn: Arc<Mutex<u64>>,
    calls: AtomicU64,
}

fn padding(seq: u64) -> String {
    // Some are copied, some shared; some longer than a 16-bit frame length's first step.
    "x".repeat([0, 90, 700, 130][(seq % 4) as usize])
}

impl Mixer {
    fn emit(&self, client: &Client) {
        let mut turn = self.turn.lock().unwrap();
        *turn += 1;
        let data = (*turn, padding(*turn));
        match *turn % 3 {
            0 => client.emit("n", &data),
            1 => self.server.broadcast_to("all", "n", &data),
            _ => self.server.broadcast("n", &data),
        };
    }

    async fn joined(&self, client: &Client) {
        client.join("all");
    }

    /// Emits, replies; sometimes waits in between.
    async fn mix(&self, wait: bool, client: &Client) -> u64 {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        self.emit(client);
        if wait {
            tokio::task::yield_now().await;
        }
        self.emit(client);
        client.emit("call", call);
        call
    }
}

#[derive(Deserialize)]
struct Frame {
    event: String,
    data: serde_json::Value,
}

#[test]
fn everything_arrives_in_emission_order() {
    matrix(|stack| async move {
        let app = App::new();
        let turn = Arc::new(Mutex::new(0));
        let mixer = Mixer { server: app.server(), turn: turn.clone(), calls: AtomicU64::new(0) };
        let server = app.server();
        let gateway = Gateway::new(mixer).on("mix", Mixer::mix).on_connect(Mixer::joined);
        let rig = Rig::start(stack, app.gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        let background = tokio::spawn(async move {
            for _ in 0..300 {
                {
                    let mut turn = turn.lock().unwrap();
                    *turn += 1;
                    server.broadcast_to("all", "n", (*turn, padding(*turn)));
                }
                tokio::task::yield_now().await;
            }
        });
        let (mut seen, mut replies, mut calls) = (0, 0, 0);
        for _ in 0..20 {
            peer.send_all((0..16).map(|at| format!(r#"{{"event":"mix","data":{}}}"#, at % 3 == 0))).await;
            let until = replies + 16;
            while replies < until {
                let frame: Frame = serde_json::from_str(&peer.recv_text().await).unwrap();
                match frame.event.as_str() {
                    "n" => {
                        let seq = frame.data[0].as_u64().unwrap();
                        assert!(seq > seen, "{stack:?}: {seq} after {seen}");
                        seen = seq;
                    }
                    "call" => {
                        assert_eq!(frame.data.as_u64(), Some(calls), "{stack:?}");
                        calls += 1;
                    }
                    "mix" => {
                        assert_eq!(frame.data.as_u64(), Some(replies), "{stack:?}");
                        replies += 1;
                        assert_eq!(calls, replies, "{stack:?}: a reply comes after what its handler emitted");
                    }
                    other => panic!("{other}"),
                }
            }
        }
        background.await.unwrap();
        assert_eq!(rig.handle.stats().dropped, 0);
        drop(peer);
        rig.expect_empty().await;
    });
}

/// Every member of a room gets all messages of each sender, in order, once.
#[test]
fn members_see_each_senders_order() {
    struct Room;
    impl Room {
        async fn join(&self, client: &Client) {
            client.join("room");
        }
        async fn say(&self, message: (u8, u32), client: &Client) {
            client.broadcast("said", message);
        }
    }
    matrix(|stack| async move {
        let gateway = Gateway::new(Room).on_connect(Room::join).on("say", Room::say);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peers = Vec::new();
        for _ in 0..6 {
            peers.push(rig.connect().await);
        }
        while rig.handle.stats().memberships < 6 {
            tokio::task::yield_now().await;
        }
        let senders = if stack == Stack::Memory { 2 } else { 3 };
        let mut tasks = Vec::new();
        for (at, mut peer) in peers.into_iter().enumerate() {
            tasks.push(tokio::spawn(async move {
                let mut expected = senders * 200;
                if at < senders {
                    expected -= 200;
                    for chunk in 0..20 {
                        let texts = (0..10).map(|n| format!(r#"{{"event":"say","data":[{at},{}]}}"#, chunk * 10 + n));
                        peer.send_all(texts).await;
                    }
                }
                let mut next = vec![0; senders];
                for _ in 0..expected {
                    let frame: Frame = serde_json::from_str(&peer.recv_text().await).unwrap();
                    let sender = frame.data[0].as_u64().unwrap() as usize;
                    assert_ne!(sender, at, "the sender does not hear itself");
                    assert_eq!(frame.data[1].as_u64(), Some(next[sender]));
                    next[sender] += 1;
                }
                peer
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}
