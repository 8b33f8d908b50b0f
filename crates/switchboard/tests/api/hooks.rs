//! Hooks and raw loops: none to four parameters of the connection, in every order; what they return.
use crate::params::{Trace, serve_with_tenant};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::{App, Client, DisconnectReason, Error, Gateway, Socket};
use switchboard_rig::{Got, Offer, Rig, Stack};
use tokio::sync::mpsc;

type Made = fn(Arc<Trace>) -> Gateway<Trace>;

macro_rules! hook {
    ($all:ident, $method:ident, $($kind:ident)*) => {
        {
            const NAME: &str = concat!(stringify!($method), $("/", stringify!($kind)),*);
            traced!(hook, [$($kind)*] -> (), |trace, said| {
                // The words are what the test expects, as far as it still listens.
                let _ = trace.hooks.try_send(said);
            });
            fn made(trace: Arc<Trace>) -> Gateway<Trace> {
                Gateway::shared(trace).$method(hook)
            }
            $all.push((NAME, made));
        }
    };
}
macro_rules! on_connect {
    ($all:ident, $($kind:ident)*) => { hook!($all, on_connect, $($kind)*) };
}
macro_rules! on_disconnect {
    ($all:ident, $($kind:ident)*) => { hook!($all, on_disconnect, $($kind)*) };
}
macro_rules! raw {
    ($all:ident, $($kind:ident)*) => { hook!($all, raw, $($kind)*) };
}

fn every_order() -> Vec<(&'static str, Made)> {
    let mut all: Vec<(&'static str, Made)> = Vec::new();
    orders!(on_connect, all, [] [client state ext headers event] [1 2 3 4]);
    orders!(on_disconnect, all, [] [client reason state ext headers] [1 2 3 4]);
    orders!(raw, all, [] [client socket state ext headers] [1 2 3 4]);
    all
}

async fn next(seen: &mut mpsc::Receiver<String>) -> String {
    tokio::time::timeout(Duration::from_secs(10), seen.recv()).await.expect("in time").expect("a hook")
}

#[tokio::test]
async fn every_order_of_none_to_four_parameters() {
    let all = every_order();
    // None; 5, 20, 60 and 120 of one to four; three times.
    assert_eq!(all.len(), 3 * (1 + 5 + 20 + 60 + 120));
    let (trace, mut seen) = Trace::new();
    let trace = Arc::new(trace);
    let app = all.iter().fold(App::new(), |app, (name, made)| app.gateway(name, made(trace.clone())));
    let (rig, _) = serve_with_tenant(app).await;
    for (name, _) in all {
        let peer = rig.connect_with(Offer::to(&format!("/{name}")).header("x-test", "yes")).await;
        peer.leave().await;
        let said = name.split('/').skip(1).collect::<Vec<_>>().join(" ");
        assert_eq!(next(&mut seen).await, said, "{name}");
    }
}

struct Hooks(mpsc::Sender<String>);

type Aliased = Result<(), Error>;

enum Refused {
    Full,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        match refused {
            Refused::Full => Error::overloaded("Full").closing(CloseCode::TRY_AGAIN_LATER),
        }
    }
}

impl Hooks {
    async fn joins(&self, client: &Client) -> Result<(), Error> {
        client.join("lobby").await
    }
    async fn aliased(&self, client: &Client) -> Aliased {
        client.join("lobby").await
    }
    async fn io(&self) -> io::Result<()> {
        tokio::task::yield_now().await;
        Ok(())
    }
    async fn refuses(&self) -> Result<(), Refused> {
        Err(Refused::Full)
    }
    async fn forbids(&self) -> Result<(), Error> {
        Err(Error::forbidden("Members only"))
    }
    async fn left(&self, reason: DisconnectReason, client: &Client) -> Result<(), Error> {
        let rooms = client.rooms().join(",");
        self.0.try_send(format!("{reason:?} {rooms}")).map_err(|_| Error::internal("nobody listens"))
    }
    async fn echo(&self, mut socket: Socket, client: &Client) {
        while let Some(message) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
            client.join("spoke");
        }
    }
    async fn hangs_up(&self, socket: Socket) -> Result<(), Refused> {
        drop(socket);
        Err(Refused::Full)
    }
    /// `?` on what a socket says.
    async fn greets(&self, mut socket: Socket) -> Result<(), Error> {
        socket.send("hello").await?;
        socket.send(vec![1u8, 2]).await?;
        Ok(())
    }
}

async fn refusal(rig: &Rig, path: &str) -> (String, u16) {
    let mut peer = rig.connect_with(Offer::to(path).header("x-test", "yes")).await;
    (peer.recv_text().await, peer.skip_until_close().await)
}

#[tokio::test]
async fn what_hooks_return() {
    let (sender, mut seen) = mpsc::channel(1 << 12);
    let hooks = Arc::new(Hooks(sender));
    let gateway = || Gateway::shared(hooks.clone());
    let app = App::new()
        .gateway("joins", gateway().on_connect(Hooks::joins).on_disconnect(Hooks::left))
        .gateway("aliased", gateway().on_connect(Hooks::aliased).on_disconnect(Hooks::left))
        .gateway("io", gateway().on_connect(Hooks::io).on_disconnect(Hooks::left))
        .gateway("refuses", gateway().on_connect(Hooks::refuses).on_disconnect(Hooks::left))
        .gateway("forbids", gateway().on_connect(Hooks::forbids).on_disconnect(Hooks::left))
        .gateway("echo", gateway().raw(Hooks::echo).on_connect(Hooks::joins).on_disconnect(Hooks::left))
        .gateway("greets", gateway().raw(Hooks::greets))
        .gateway("hangs-up", gateway().raw(Hooks::hangs_up));
    let rig = Rig::start(Stack::Listen, app).await;

    for (path, rooms) in [("/joins", "lobby"), ("/aliased", "lobby"), ("/io", "")] {
        rig.connect_with(Offer::to(path).header("x-test", "yes")).await.leave().await;
        assert_eq!(next(&mut seen).await, format!(r#"Client {{ code: Some(1000), reason: "" }} {rooms}"#), "{path}");
    }

    let full =
        r#"{"event":"exception","data":{"status":"error","code":"overloaded","message":"Full","retryable":true}}"#;
    assert_eq!(refusal(&rig, "/refuses").await, (full.to_owned(), 4008));
    let members = r#"{"event":"exception","data":{"status":"error","code":"forbidden","message":"Members only","retryable":false}}"#;
    assert_eq!(refusal(&rig, "/forbids").await, (members.to_owned(), 4505));

    let mut peer = rig.connect_with(Offer::to("/echo").header("x-test", "yes")).await;
    peer.expect_request("hi", "hi").await;
    peer.send_binary(&[0, 255]).await;
    assert_eq!(peer.recv().await, Got::Binary(vec![0, 255]));
    peer.leave().await;
    // The refused ones had no on-disconnect.
    assert_eq!(next(&mut seen).await, r#"Client { code: Some(1000), reason: "" } lobby,spoke"#);

    let mut peer = rig.connect_with(Offer::to("/greets").header("x-test", "yes")).await;
    assert_eq!(peer.recv().await, Got::Text("hello".into()));
    assert_eq!(peer.recv().await, Got::Binary(vec![1, 2]));
    assert_eq!(peer.skip_until_close().await, 1000);
    let mut peer = rig.connect_with(Offer::to("/hangs-up").header("x-test", "yes")).await;
    assert_eq!(peer.skip_until_close().await, 4008);
}
