//! Every place in which code of the application runs: each makes all calls.
use super::Itself;
use super::world::{WORLD, World, touch};
use futures_util::{Stream, stream};
use serde_json::Value;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use switchboard::handler::{Context as InContext, FromMessage, MessageContext};
use switchboard::pipeline::{AsyncGuard, Call, Caught, ConnectGuard, Filter, Guard, GuardDef, Interceptor, Next, Pipe};
use switchboard::{Ack, App, Client, ConnState, DisconnectReason, Error, Gateway, HandlerDef, Handshake, Reply};
use switchboard_rig::{ChattyCodec, CodecStep};

/// Touches as it is dropped.
struct Dropped(&'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        touch(self.0);
    }
}

#[derive(Default)]
struct State(Option<Dropped>);

struct Extracted;

impl FromMessage for Extracted {
    type Kind = InContext;

    fn from_message(_: &MessageContext<'_>) -> Result<Extracted, Error> {
        touch("extractor");
        Ok(Extracted)
    }
}

#[derive(Debug)]
struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        touch("display");
        f.write_str("failure")
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        touch("source");
        None
    }
}

struct Own;

impl From<Own> for Error {
    fn from(_: Own) -> Error {
        touch("convert");
        Error::internal(Failure)
    }
}

/// A waker of the application's, around the one that it was given.
struct Rings(Waker);

impl Wake for Rings {
    fn wake(self: Arc<Self>) {
        touch("wake");
        self.0.wake_by_ref();
    }
}

impl Drop for Rings {
    fn drop(&mut self) {
        touch("waker dropped");
    }
}

struct Everywhere;

impl Everywhere {
    async fn came(&self, client: &Client, state: ConnState<State>) {
        WORLD.lock().unwrap().clone().unwrap().know(client);
        state.with(|state| state.0 = Some(Dropped("state dropped")));
        touch("on_connect");
    }
    async fn left(&self, _: &Client, _: DisconnectReason) {
        touch("on_disconnect");
        tokio::task::yield_now().await;
        touch("on_disconnect later");
    }
    fn may_join(&self, _: &Client, _: &str) -> Result<(), Error> {
        touch("on_join");
        Ok(())
    }
    async fn plain(&self, value: Itself, _: Extracted) -> Itself {
        touch("handler");
        let _dropped = Dropped("future dropped");
        tokio::task::yield_now().await;
        touch("handler later");
        value
    }
    async fn fails(&self) -> Result<(), Own> {
        Err(Own)
    }
    async fn streams(&self) -> impl Stream<Item = Itself> + use<> {
        let dropped = Dropped("stream dropped");
        stream::iter(0..3).map_with(move |n| {
            let _ = &dropped;
            touch("stream");
            Itself(n)
        })
    }
    async fn acks(&self, ack: Ack<Itself>) -> Result<(), Error> {
        touch("ack");
        ack.send(Itself(1))
    }
    async fn asks(&self, client: &Client) -> u8 {
        // Polled with a waker of the application's, once, and then with its own.
        let mut answer = Box::pin(client.emit_with_ack::<u8>("question", (), Duration::from_secs(5)));
        std::future::poll_fn(|cx| {
            let waker = Waker::from(Arc::new(Rings(cx.waker().clone())));
            answer.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
        .unwrap()
    }
    async fn waits(&self) {
        let _dropped = Dropped("future cut off");
        std::future::pending().await
    }
    async fn joins(&self, client: &Client) -> Result<(), Error> {
        client.leave("a");
        client.join("a").await
    }
}

trait MapWith: Stream + Sized {
    fn map_with<T>(self, work: impl FnMut(Self::Item) -> T) -> impl Stream<Item = T> {
        futures_util::StreamExt::map(self, work)
    }
}

impl<S: Stream> MapWith for S {}

struct Stage;

impl ConnectGuard for Stage {
    async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
        touch("connect guard");
        Ok(())
    }
}

impl Guard for Stage {
    fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
        touch("guard");
        Ok(())
    }
}

struct Waits;

impl AsyncGuard for Waits {
    async fn message(&self, call: &Call) -> Result<(), Error> {
        touch("async guard");
        call.with(|_| touch("call with"));
        Ok(())
    }
}

impl Interceptor for Stage {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        touch("interceptor before");
        let reply = next.run().await;
        touch("interceptor after");
        reply
    }
}

impl Pipe<Value> for Stage {
    type From = Value;
    fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        touch("pipe");
        Ok(value)
    }
}

impl Filter for Stage {
    type Error = Error;
    fn catch(&self, error: Error, _: &Caught<'_>) -> Error {
        touch("filter");
        error
    }
}

fn codec() -> ChattyCodec<impl Fn(CodecStep) + Send + Sync + 'static> {
    ChattyCodec::new(|step| {
        touch(match step {
            CodecStep::Decode => "codec decodes",
            CodecStep::Read => "codec reads",
            CodecStep::Encode => "codec encodes",
        })
    })
}

pub(super) const PLACES: [&str; 32] = [
    "ack",
    "async guard",
    "call with",
    "codec decodes",
    "codec encodes",
    "codec reads",
    "connect guard",
    "convert",
    "deserialize",
    "display",
    "extractor",
    "filter",
    "future cut off",
    "future dropped",
    "guard",
    "handler",
    "handler later",
    "interceptor after",
    "interceptor before",
    "namespace",
    "on_connect",
    "on_disconnect",
    "on_disconnect later",
    "on_join",
    "pipe",
    "serialize",
    "source",
    "state dropped",
    "stream",
    "stream dropped",
    "wake",
    "waker dropped",
];

/// All of it, with stages around it and without them.
pub(super) fn app() -> App {
    let app = App::new();
    let world = World {
        server: app.server(),
        namespaces: app.namespaces(),
        handle: app.handle(),
        clients: Mutex::default(),
        seen: Mutex::default(),
        panics_at: Mutex::default(),
    };
    *WORLD.lock().unwrap() = Some(Arc::new(world));
    let gateway = || {
        Gateway::new(Everywhere)
            .on("plain", Everywhere::plain)
            .on("fails", Everywhere::fails)
            .on("streams", Everywhere::streams)
            .on("acks", Everywhere::acks)
            .on("asks", Everywhere::asks)
            .on("joins", Everywhere::joins)
            .on_join(Everywhere::may_join)
            .on_connect(Everywhere::came)
            .on_disconnect(Everywhere::left)
            .cancel_on_disconnect(true)
            .handler("waits", HandlerDef::new(Everywhere::waits).concurrency(2))
    };
    let staged = gateway()
        .guard(GuardDef::of(Stage).connect().message())
        .guard(GuardDef::of(Waits).message_async())
        .interceptor(Stage)
        .pipe(Stage)
        .filter(Stage);
    let named = gateway().namespace_by(|_| {
        touch("namespace");
        Ok::<_, Error>("/x".to_owned())
    });
    app.codec(codec()).gateway("/ws", gateway()).gateway("/staged", staged).gateway("/named", named)
}
