//! Gateways of functions and of modules.
use std::sync::{Arc, Mutex};
use switchboard::di::{Injectable, ModuleDef, Provider};
use switchboard::gateway::{Messages, Mount};
use switchboard::{App, Client, ConnState, Ctx, DisconnectReason, Error, EventName, Gateway, SendError, Socket};
use switchboard_rig::{Rig, matrix};

#[test]
fn a8_a_gateway_of_functions() {
    async fn double(n: u32) -> Result<u32, Error> {
        n.checked_mul(2).ok_or_else(|| Error::bad_request("Too much"))
    }
    async fn four(a: Ctx, b: Client, c: EventName, d: ConnState<u32>) -> (bool, String, u32) {
        (
            a.client().id() == b.id(),
            c.to_string(),
            d.with(|count| {
                *count += 1;
                *count
            }),
        )
    }
    matrix(|stack| async move {
        let captured = Arc::new(Mutex::new(Vec::new()));
        let (joins, leaves) = (captured.clone(), captured.clone());
        let functions = Gateway::functions()
            .on_connect_fn(move |client: Client| {
                let joins = joins.clone();
                async move {
                    joins.lock().unwrap().push("joined".to_owned());
                    client.join("lobby").await
                }
            })
            .on_disconnect_fn(move |reason: DisconnectReason| {
                let leaves = leaves.clone();
                async move { leaves.lock().unwrap().push(format!("{reason:?}")) }
            })
            .on_fn("double", double)
            .on_fn("four", four)
            .on_fn("ping", || async { "pong" })
            .on_fn("say", |text: String, client: Client| async move { client.to("lobby").emit("said", text).queued });
        let raw = Gateway::functions().raw_fn(|ctx: Ctx, mut socket: Socket| async move {
            socket.send(ctx.client().id().to_string()).await?;
            while let Some(message) = socket.recv().await {
                socket.send(message).await?;
            }
            Ok::<(), SendError>(())
        });
        let rig = Rig::start(stack, App::new().gateway("/ws", functions).gateway("/raw", raw)).await;
        let (mut ada, mut bob) = (rig.connect().await, rig.connect().await);
        assert_eq!(ada.request(r#"{"event":"double","data":21}"#).await, r#"{"event":"double","data":42}"#);
        assert!(ada.request(r#"{"event":"double","data":3000000000}"#).await.contains("bad_request"));
        for client in [&mut ada, &mut bob] {
            // What is answered is answered behind the hook.
            assert_eq!(client.request(r#"{"event":"ping"}"#).await, r#"{"event":"ping","data":"pong"}"#);
        }
        for count in 1..3 {
            let reply = ada.request(r#"{"event":"four"}"#).await;
            assert_eq!(reply, format!(r#"{{"event":"four","data":[true,"four",{count}]}}"#));
        }
        assert_eq!(ada.request(r#"{"event":"say","data":"hi"}"#).await, r#"{"event":"say","data":1}"#);
        bob.expect(r#"{"event":"said","data":"hi"}"#).await;
        let mut peer = rig.connect_to("/raw").await;
        assert!(!peer.recv_text().await.is_empty());
        assert_eq!(peer.request("echo").await, "echo");
        drop((ada, bob, peer));
        rig.expect_empty().await;
        let seen = captured.lock().unwrap();
        assert_eq!((seen.len(), seen.iter().filter(|what| *what == "joined").count()), (4, 2), "{seen:?}");
    });
}

/// A gateway of a module, which says itself where it stands.
macro_rules! standing {
    ($name:ident, $path:literal, |$gateway:ident| $settings:expr) => {
        struct $name;
        impl Injectable for $name {
            fn provider() -> Provider<$name> {
                Provider::factory(|| $name)
            }
        }
        impl Messages for $name {
            fn messages(gateway: Gateway<$name>) -> Gateway<$name> {
                gateway.on_fn("name", || async { stringify!($name) })
            }
        }
        impl Mount for $name {
            const PATH: &'static str = $path;
            fn settings($gateway: Gateway<$name>) -> Gateway<$name> {
                $settings
            }
        }
    };
}

standing!(Versioned, "/ws", |gateway| gateway.versions(["1", "2"]));

standing!(Apart, "/ws", |gateway| gateway.version("1").port(0));

standing!(Second, "ws", |gateway| gateway.version("2"));

#[tokio::test]
async fn a5_a6_gateways_of_modules_have_versions_and_ports_too() {
    let module = || ModuleDef::new("Site").gateway::<Versioned>().gateway::<Apart>();
    let app = App::boot_def(module()).create().await.unwrap();
    assert!(app.graph().to_string().contains("Versioned (gateway on /v1/ws and /v2/ws)"), "{}", app.graph());
    let bound = app.signals(false).prefix("api").bind("127.0.0.1:0").await.unwrap();
    let (main, handle) = (bound.local_addr(), bound.handle());
    // The same path twice, on two ports: the application's own is told.
    assert_eq!(bound.address_of("/api/v1/ws"), Some(main));
    let apart = bound.listeners().find(|address| *address != main).unwrap();
    let serving = tokio::spawn(bound.serve());
    for (address, path, name) in
        [(main, "/api/v1/ws", "Versioned"), (main, "/api/v2/ws", "Versioned"), (apart, "/api/v1/ws", "Apart")]
    {
        let mut peer = Rig::elsewhere(address).connect_to(path).await;
        assert_eq!(peer.request(r#"{"event":"name"}"#).await, format!(r#"{{"event":"name","data":"{name}"}}"#));
    }
    handle.shutdown().await;
    serving.await.unwrap();
    let error = App::boot_def(module().gateway::<Second>()).create().await.err().unwrap().to_string();
    assert!(error.contains("Versioned and Second are both mounted on /v2/ws; move one"), "{error}");
    assert_eq!(error.matches(file!()).count(), 2, "{error}");
}
