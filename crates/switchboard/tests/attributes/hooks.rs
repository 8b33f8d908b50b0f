//! Hooks and raw loops, over the attributes, over `Gateway::of`, and over the builder.
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use switchboard::di::Container;
use switchboard::extract::Headers;
use switchboard::raw::Message;
use switchboard::testing::TestApp;
use switchboard::{
    App, Client, ConnState, DisconnectReason, Error, Gateway, Handle, Inject, Namespace, Server, Socket, gateway,
    injectable, messages, module,
};

#[gateway]
struct Door {
    seen: Mutex<Vec<String>>,
}

#[messages]
impl Door {
    #[on_connect]
    async fn came(&self, headers: Headers, client: &Client, name: ConnState<String>) -> Result<(), Error> {
        let Some(who) = headers.get("x-name").and_then(|name| name.to_str().ok()) else {
            return Err(Error::unauthenticated("Who are you?"));
        };
        name.set(who.to_owned());
        client.join("hall").await?;
        client.emit("welcome", who);
        self.seen.lock().push(format!("{who} came"));
        Ok(())
    }

    #[on_disconnect]
    async fn went(&self, name: ConnState<String>, reason: DisconnectReason, client: &Client) {
        let how = match reason {
            DisconnectReason::Client { code, .. } => format!("closed {code:?}"),
            DisconnectReason::Lost => "lost".to_owned(),
            other => format!("{other:?}"),
        };
        self.seen.lock().push(format!("{} went: {how}, in {:?}", name.get(), client.rooms()));
    }

    #[subscribe_message("seen")]
    async fn seen(&self) -> Vec<String> {
        self.seen.lock().clone()
    }
}

#[module(gateways(Door))]
struct DoorModule;

#[tokio::test(start_paused = true)]
async fn coming_and_going() {
    let by_hand = Gateway::new(Door { seen: Mutex::default() })
        .on_connect(Door::came)
        .on_disconnect(Door::went)
        .on("seen", Door::seen);
    let forms = [
        TestApp::of::<DoorModule>().start().await,
        TestApp::new(App::new().gateway("ws", Gateway::of(Door { seen: Mutex::default() }))),
        TestApp::new(App::new().gateway("ws", by_hand)),
    ];
    for app in forms {
        let mut nobody = app.connect("/ws").await;
        nobody.expect_exception("unauthenticated").await;
        nobody.expect_close(4501).await;

        let mut ada = app.connecting("/ws").header("x-name", "ada").connect().await;
        assert_eq!(ada.expect::<String>("welcome").await, "ada");
        for name in ["bob", "eve"] {
            let mut client = app.connecting("/ws").header("x-name", name).connect().await;
            client.expect::<String>("welcome").await;
            match name {
                "bob" => client.close_with(4321).await,
                _ => drop(client),
            }
            app.advance(Duration::from_millis(1)).await;
        }
        let seen: Vec<String> = ada.request("seen", ()).await;
        assert_eq!(
            seen,
            [
                "ada came",
                "bob came",
                r#"bob went: closed Some(4321), in ["hall"]"#,
                "eve came",
                r#"eve went: lost, in ["hall"]"#
            ],
            "nothing of the one that was refused"
        );
    }
}

#[injectable]
struct Clock {
    ticks: Mutex<u32>,
}

enum Side {}
impl Namespace for Side {
    const NAME: &'static str = "/side";
}

/// What the after-init hook was given.
#[gateway(namespace = Side)]
struct Early {
    given: Mutex<Vec<String>>,
}

#[messages]
impl Early {
    #[after_init]
    #[allow(clippy::too_many_arguments)]
    async fn ready(
        &self,
        server: Server,
        side: &Server<Side>,
        clock: Arc<Clock>,
        shared: Arc<Server<Side>>,
        nobody: Option<Arc<String>>,
        handle: Handle,
        container: Container,
    ) -> Result<(), Error> {
        *clock.ticks.lock() += 1;
        let same = Arc::ptr_eq(&clock, &container.resolve()?);
        let clients = server.local().client_count() + side.local().client_count() + shared.local().client_count();
        self.given.lock().push(format!("{same} {clients} {} {}", nobody.is_none(), handle.stats().connections));
        Ok(())
    }

    #[subscribe_message("given")]
    async fn given(&self, clock: Inject<Clock>) -> (Vec<String>, u32) {
        (self.given.lock().clone(), *clock.ticks.lock())
    }
}

#[module(providers(Clock), gateways(Early))]
struct EarlyModule;

#[tokio::test(start_paused = true)]
async fn after_init_takes_what_the_container_gives() {
    let app = TestApp::of::<EarlyModule>().start().await;
    let mut ada = app.connect("/ws").await;
    assert_eq!(ada.request::<Value>("given", ()).await, json!([["true 0 true 0"], 1]));
}

#[gateway(path = "/ready")]
struct Ready {
    server: Mutex<Option<Server>>,
    refuse: Mutex<bool>,
}

#[messages]
impl Ready {
    #[after_init]
    async fn ready(&self, server: &Server) -> Result<(), Error> {
        if *self.refuse.lock() {
            return Err(Error::internal("the disk is full"));
        }
        *self.server.lock() = Some(server.clone());
        Ok(())
    }

    #[subscribe_message("all")]
    async fn all(&self) -> usize {
        self.server.lock().as_ref().map_or(0, |server| server.broadcast("to all", ()).queued)
    }
}

fn ready(refuse: bool) -> Ready {
    Ready { server: Mutex::default(), refuse: Mutex::new(refuse) }
}

#[tokio::test(start_paused = true)]
async fn after_init_of_gateways_that_are_made_by_hand() {
    let by_hand = Gateway::new(ready(false))
        .on("all", Ready::all)
        .after_init(|this: Arc<Ready>, container: Container| async move { this.ready(&container.server()).await });
    for gateway in [Gateway::of(ready(false)), by_hand] {
        let mut app = App::new().gateway("/ready", gateway);
        app.init().await.unwrap();
        let app = TestApp::new(app);
        let mut ada = app.connect("/ready").await;
        assert_eq!(ada.request::<usize>("all", ()).await, 1);
    }

    let error = App::new().gateway("/ready", Gateway::of(ready(false))).into_router().unwrap_err().to_string();
    assert!(error.contains("Ready has an after-init hook, which is async: await `App::init`"), "{error}");
    let error = App::new().gateway("/ready", Gateway::of(ready(true))).init().await.unwrap_err().to_string();
    assert!(error.contains("the after-init hook of Ready failed: the disk is full"), "{error}");
    assert!(error.contains("tests/attributes/hooks.rs:"), "{error}");
}

#[gateway(path = "/raw")]
struct Echo;

#[messages]
impl Echo {
    #[on_connect]
    async fn greet(&self, client: &Client, state: ConnState<u8>) {
        let _ = client;
        state.set(7);
    }

    #[raw]
    async fn run(&self, mut socket: Socket, state: ConnState<u8>, client: &Client) -> Result<(), Error> {
        socket.send(Message::Text(format!("{} {}", state.get(), client.id() == socket.client().id()))).await?;
        while let Some(message) = socket.recv().await {
            socket.send(message).await?;
        }
        Ok(())
    }
}

#[module(gateways(Echo))]
struct EchoModule;

#[tokio::test(start_paused = true)]
async fn raw_loops() {
    let forms = [
        TestApp::of::<EchoModule>().start().await,
        TestApp::new(App::new().gateway("/raw", Gateway::of(Echo))),
        TestApp::new(App::new().gateway("/raw", Gateway::new(Echo).on_connect(Echo::greet).raw(Echo::run))),
    ];
    for app in forms {
        let mut ada = app.connect("/raw").await;
        assert_eq!(ada.expect_text().await, "7 true");
        ada.send_binary([1, 2]).await;
        assert_eq!(ada.expect_binary().await, [1, 2]);
    }
}
