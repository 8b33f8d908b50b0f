//! Panics of the application, wherever it is called: they end nothing but what they are in.
use crate::beside::Beside;
use crate::client::Via;
use serde::ser::{Serialize, Serializer};
use std::time::Duration;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{Ack, Client, Error, Gateway, Handshake, Limits, Namespace, Reply, SocketIo};
use switchboard_rig::{each_stack, untraced};

enum Door {}
impl Namespace for Door {
    const NAME: &'static str = "/door";
}
enum Bomb {}
impl Namespace for Bomb {
    const NAME: &'static str = "/bomb";
}
enum Bomb2 {}
impl Namespace for Bomb2 {
    const NAME: &'static str = "/bomb2";
}
enum Other {}
impl Namespace for Other {
    const NAME: &'static str = "/other";
}
enum Entrance {}
impl Namespace for Entrance {
    const NAME: &'static str = "/entrance";
}
enum Exit {}
impl Namespace for Exit {
    const NAME: &'static str = "/exit";
}

/// Panics when it is serialized.
struct Fuse;
impl Serialize for Fuse {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("canary: in Serialize")
    }
}

/// Panics when it is dropped.
struct Falls;
impl Drop for Falls {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("canary: in Drop");
        }
    }
}

struct Panics;
impl ConnectGuard for Panics {
    async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
        panic!("canary: in a guard")
    }
}

/// Never answers, and panics when it is not asked any more.
struct HoldsABomb;
impl ConnectGuard for HoldsABomb {
    async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
        let _bomb = Falls;
        std::future::pending().await
    }
}

fn gateway<N: Namespace>() -> Gateway<Stage> {
    Gateway::new(Stage).namespace::<N>().on("echo", Stage::echo)
}

struct Stage;
impl Stage {
    async fn hook(&self) {
        panic!("canary: in a hook");
    }
    async fn handler(&self) -> u32 {
        panic!("canary: in a handler")
    }
    async fn reply(&self) -> Reply {
        Reply::event("reply", Fuse)
    }
    async fn late(&self, ack: Ack<u32>) {
        tokio::spawn(async move {
            let _ack = ack;
            panic!("canary: in a task");
        });
    }
    async fn emits(&self, client: &Client) {
        client.emit("fuse", Fuse);
    }
    async fn holds(&self) {
        let _bomb = Falls;
        std::future::pending().await
    }
    async fn echo(&self, text: String) -> String {
        text
    }
}

fn internal(packet: &str) -> bool {
    packet.contains(r#""code":"internal""#) && !packet.contains("canary") && !untraced(packet).is_empty()
}

async fn start(stack: switchboard_rig::Stack) -> Beside {
    Beside::of(stack, SocketIo::default(), |app| {
        let stage = gateway::<Other>()
            .on("handler", Stage::handler)
            .on("reply", Stage::reply)
            .on("late", Stage::late)
            .on("emits", Stage::emits)
            .on("holds", Stage::holds);
        let limits = Limits::default().handler_timeout(Duration::from_millis(500));
        app.limits(limits)
            .gateway("/other/ws", stage)
            .gateway("/door/ws", gateway::<Door>().guard(GuardDef::of(Panics).connect()))
            .gateway("/bomb/ws", gateway::<Bomb>().guard(GuardDef::of(HoldsABomb).connect()))
            .gateway("/bomb2/ws", gateway::<Bomb2>().guard(GuardDef::of(HoldsABomb).connect()))
            .gateway("/entrance/ws", gateway::<Entrance>().on_connect(Stage::hook))
            .gateway("/exit/ws", gateway::<Exit>().on_disconnect(Stage::hook))
    })
    .await
}

#[test]
fn in_handlers_and_in_what_they_send() {
    each_stack(|stack| async move {
        let beside = start(stack).await;
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/", "/other"]).await;
            for event in ["handler", "reply", "late", "emits"] {
                let packet = if event == "emits" {
                    r#"42/other,["emits"]"#.to_owned()
                } else {
                    format!(r#"42/other,5["{event}"]"#)
                };
                session.send(&packet).await;
                let answer = session.recv().await;
                let start = if event == "emits" { r#"42/other,["exception","# } else { r#"43/other,5[{"error":"# };
                assert!(answer.starts_with(start) && internal(&answer), "{via:?} {event}: {answer}");
                beside.unnoticed().await;
            }
            session.expect_request(r#"42/other,6["echo","x"]"#, r#"43/other,6["x"]"#).await;
            session.expect_request(r#"427["echo","x"]"#, r#"437["x"]"#).await;
            session.leave().await;
        }
        beside.over().await;
    });
}

#[test]
fn in_guards_and_hooks() {
    each_stack(|stack| async move {
        let beside = start(stack).await;
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/"]).await;
            session.send("40/door,").await;
            let refused = session.recv().await;
            assert!(refused.starts_with("44/door,") && internal(&refused), "{refused}");
            // CONNECT is answered before the hook runs.
            session.enter("/entrance").await;
            let told = session.recv().await;
            assert!(told.starts_with(r#"42/entrance,["exception","#) && internal(&told), "{told}");
            // This code means that the client may come back, so that its transport is closed.
            let rest = session.expect_end().await;
            assert!(rest.iter().all(|packet| packet == "41/entrance,"), "{rest:?}");
            let mut session = beside.join(via, &["/", "/exit"]).await;
            session.send("41/exit,").await;
            session.expect_request(r#"427["echo","x"]"#, r#"437["x"]"#).await;
            session.leave().await;
            beside.unnoticed().await;
        }
        beside.over().await;
    });
}

/// What guards and handlers hold is dropped when the client leaves: by all ways of leaving, and of several at once.
#[test]
fn in_what_is_dropped() {
    each_stack(|stack| async move {
        let beside = start(stack).await;
        for via in Via::BOTH {
            for how in 0..5 {
                let mut session = beside.join(via, &["/", "/other"]).await;
                session.throw(&["40/bomb,", "40/bomb2,"]).await;
                session.throw(&[r#"42/other,["holds"]"#]).await;
                match how {
                    // It leaves that namespace alone.
                    0 => {
                        session.throw(&["41/bomb,", "41/bomb2,", "41/other,"]).await;
                        session.expect_request(r#"427["echo","x"]"#, r#"437["x"]"#).await;
                        session.leave().await;
                    }
                    1 => session.leave().await,
                    2 => session.throw(&["1"]).await,
                    3 => {
                        session.throw(&["4x"]).await;
                        session.expect_end().await;
                    }
                    _ => match via {
                        Via::Polling => {
                            let poll = session.park().await;
                            beside.unnoticed().await;
                            drop(poll);
                        }
                        Via::WebSocket => drop(session),
                    },
                }
                beside.unnoticed().await;
            }
        }
        beside.over().await;
    });
}
