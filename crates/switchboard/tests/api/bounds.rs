//! What may cross threads, be kept, and be copied; and that the futures may be spawned.
use crate::params::Count;
use std::error::Error as StdError;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::extract::Headers;
use switchboard::handler::{Calls, Handler, IntoError, IntoReply, Shape};
use switchboard::raw::Message;
use switchboard::{
    App, BootError, Bound, Broadcast, Client, ClientId, Close, Code, ConnState, Delivery, Detail, DisconnectReason,
    Error, EventName, Ext, Gateway, Handle, HandlerDef, Joined, Limits, Origins, Problem, Reply, Server,
    ShutdownReport, Socket, Stats, Valid,
};

fn send<T: Send + 'static>() {}
fn sync<T: Send + Sync + 'static>() {}
fn shared<T: Clone + Send + Sync + 'static>() {}
fn error<T: StdError + Send + Sync + 'static>() {}
fn shown<T: Debug>() {}

#[test]
fn types() {
    shared::<Client>();
    shared::<Server>();
    shared::<Handle>();
    shared::<Broadcast>();
    shared::<Limits>();
    shared::<Origins>();
    shared::<ConnState<Count>>();
    shared::<Headers>();
    shared::<Ext<String>>();
    shared::<EventName>();
    shared::<DisconnectReason>();
    shared::<Message>();
    shared::<Close>();
    shared::<Code>();
    shared::<Detail>();
    shared::<Problem>();
    shared::<Valid<String>>();
    // Kept in maps and sets, copied at will.
    fn key<T: Copy + Eq + std::hash::Hash + Debug + Display + Send + Sync + serde::Serialize + 'static>() {}
    key::<ClientId>();
    fn copied<T: Copy + Eq + Debug + Send + Sync + 'static>() {}
    copied::<CloseCode>();
    shared::<Delivery>();
    copied::<ShutdownReport>();
    shared::<Stats>();

    // Moved to the thread or task that serves; its state is any `Send + Sync` type.
    send::<Gateway<Count>>();
    send::<HandlerDef<Count>>();
    send::<App>();
    send::<Bound>();
    send::<Joined>();
    send::<Reply>();
    // Kept in a struct that others look at.
    sync::<Socket>();

    error::<Error>();
    error::<BootError>();
    error::<switchboard::SendError>();
    error::<switchboard::InvalidOrigin>();
    error::<switchboard::InvalidNetwork>();

    shown::<Client>();
    shown::<Server>();
    shown::<DisconnectReason>();
    shown::<Delivery>();
    shown::<Stats>();
    shown::<Limits>();
}

/// In a service that knows nothing of the gateway, over awaits.
async fn service<F: Future + Send>(server: Server, handle: Handle, client: Option<Client>, work: F) -> F::Output {
    let output = work.await;
    let room = server.to("lobby").except("muted").volatile();
    if let Some(client) = client {
        let _joined: Result<(), Error> = client.join("lobby").await;
        let answer: Result<u8, Error> = client.emit_with_ack("ask", 1, Duration::from_millis(1)).await;
        client.broadcast("heard", answer.ok());
        room.emit("heard", client.id());
    }
    tokio::task::yield_now().await;
    server.broadcast("stats", handle.stats().connections);
    handle.shutdown_within(Duration::ZERO).await;
    output
}

#[tokio::test]
async fn futures_of_the_api_can_be_spawned() {
    let app = App::new();
    let (server, handle) = (app.server(), app.handle());
    let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
    let serving = tokio::spawn(bound.serve());
    assert_eq!(tokio::spawn(service(server, handle.clone(), None, async { 5 })).await.unwrap(), 5);
    serving.await.unwrap();
    handle.drained().await;

    // Not run, but made: each must be `Send`.
    fn spawnable<F: Future + Send + 'static>(_: impl FnOnce() -> F) {}
    spawnable(|| App::new().listen(0u16));
    spawnable(|| App::new().listen("127.0.0.1:0"));
    spawnable(|| async { App::new().listen(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await });
    async fn over(mut socket: Socket) -> Option<Message> {
        socket.send("text").await.ok()?;
        socket.send(vec![1u8]).await.ok()?;
        socket.recv().await
    }
    fn given<A, F: Future + Send + 'static>(_: fn(A) -> F) {}
    given(over);
}

struct Plain;

impl Plain {
    async fn handler(&self, text: String, client: &Client) -> Result<String, Error> {
        client.join(&text).await?;
        Ok(text)
    }
}

/// The future of every handler is `Send + 'static`, and generic code can tell.
#[test]
fn futures_of_handlers_are_send() {
    fn spawnable<S, H, Args>(handler: H) -> impl FnOnce(std::sync::Arc<S>, Client, <H::Shape as Shape>::Values)
    where
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        S: Send + Sync + 'static,
        H::Reply: Send,
    {
        move |state, client, args| drop(tokio::spawn(H::Call::call(&handler, state, client, args)))
    }
    let _ = spawnable(Plain::handler);
    // Generic code that registers what it is given.
    fn register<S, H, Args, Via: 'static>(gateway: Gateway<S>, handler: H) -> Gateway<S>
    where
        S: Send + Sync + 'static,
        H: Handler<S, Args>,
        H::Call: Calls<H, S, H::Shape, H::Reply>,
        H::Reply: IntoReply<Via>,
        <H::Reply as IntoReply<Via>>::Err: IntoError,
        <H::Shape as Shape>::Kinds: switchboard::handler::EachAllowedIn<switchboard::handler::Handlers>
            + switchboard::handler::AtMostOnePayload
            + switchboard::handler::EachBeside<H::Reply>,
        Args: 'static,
    {
        gateway.on("generic", handler)
    }
    let _ = register(Gateway::new(Plain), Plain::handler);
}
