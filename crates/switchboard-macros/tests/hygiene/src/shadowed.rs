//! Attributes where every name of the prelude is taken.
#[expect(unused_imports, reason = "nor any of its methods")]
use crate::hostile::everywhere::Everywhere as _;
#[expect(unused_imports, reason = "what is expanded means none of these")]
use crate::hostile::*;
use crate::payload::Text;
use ::sb::{Client as Peer, GatewayLimits, Namespace, Origins, Server as Everyone, Socket};
use ::sb::{
    WireError as the_error, gateway as the_gateway, injectable, messages as the_messages, module as the_module,
};
use ::serde_json::Value as Json;
use ::std::string::String as Words;
use ::std::sync::Arc as Shared;
use ::std::sync::atomic::{AtomicUsize, Ordering};

/// The namespace of the gateways.
#[derive(Debug)]
pub enum Lobby {}

impl Namespace for Lobby {
    const NAME: &'static ::core::primitive::str = "/lobby";
}

/// What has happened so far.
#[derive(Debug)]
#[injectable(crate = sb, on_init = open, on_shutdown = Self::close)]
pub struct Journal {
    #[inject]
    everyone: Everyone<Lobby>,
    #[inject]
    greeting: ::core::option::Option<Shared<Greeting>>,
    opened: AtomicUsize,
    guarded: AtomicUsize,
}

impl Journal {
    #[expect(clippy::unused_async, reason = "a hook")]
    async fn open(&self) {
        _ = self.opened.fetch_add(1, Ordering::Relaxed);
    }

    async fn close(&self) -> ::core::result::Result<(), ::sb::Error> {
        ::std::future::ready(::core::result::Result::Ok(())).await
    }

    /// How many messages were guarded.
    #[must_use]
    pub fn guarded(&self) -> ::core::primitive::usize {
        self.guarded.load(Ordering::Relaxed)
    }

    /// How often it was opened, who is there, and how many words of greeting there are.
    #[must_use]
    pub fn state(&self) -> [::core::primitive::usize; 3] {
        let words = self.greeting.iter().count();
        [self.opened.load(Ordering::Relaxed), self.everyone.local().client_count(), words]
    }
}

/// A value.
#[derive(Debug)]
pub struct Greeting(pub &'static ::core::primitive::str);

/// Made by a factory of each kind.
#[derive(Debug)]
pub struct Made<const N: ::core::primitive::usize>;

/// A trait object.
pub trait Repository: ::core::marker::Send + ::core::marker::Sync {
    /// How many there are.
    fn count(&self) -> ::core::primitive::usize;
}

impl Repository for Made<0> {
    fn count(&self) -> ::core::primitive::usize {
        7
    }
}

fn one(_: Shared<Greeting>) -> Made<1> {
    Made
}

#[expect(clippy::unnecessary_wraps, reason = "it stands for one that may fail")]
const fn two() -> ::core::result::Result<Made<2>, ::sb::Error> {
    ::core::result::Result::Ok(Made)
}

async fn three() -> Made<3> {
    Made
}

async fn four() -> ::core::result::Result<Made<4>, ::sb::Error> {
    ::core::result::Result::Ok(Made)
}

fn repository() -> Shared<dyn Repository> {
    Shared::new(Made::<0>)
}

/// A module that others import.
#[derive(Debug)]
#[the_module(
    providers(
        value(Greeting("hello")), factory(one), try_factory(two), async_factory(three), try_async_factory(four),
        shared(repository)
    ),
    exports(Greeting, dyn Repository),
    global,
    on_init = started,
    on_shutdown = stopped,
    crate = sb
)]
pub struct Foundation;

async fn started(given: ::sb::di::Container) -> ::core::result::Result<(), ::sb::Error> {
    drop_it(given.resolve::<Made<4>>()?);
    ::core::result::Result::Ok(())
}

fn drop_it<T>(_: T) {}

async fn stopped(_: ::sb::di::Container) {}

/// Every stage at once, and the guard of connections.
#[derive(Debug)]
#[injectable(crate = sb)]
pub struct Everything {
    #[inject]
    journal: Shared<Journal>,
}

impl ::sb::pipeline::ConnectGuard for Everything {
    async fn connect(&self, _: &mut ::sb::Handshake) -> ::core::result::Result<(), ::sb::Error> {
        ::std::future::ready(::core::result::Result::Ok(())).await
    }
}

impl ::sb::pipeline::Guard for Everything {
    fn message(&self, _: &::sb::handler::MessageContext<'_>) -> ::core::result::Result<(), ::sb::Error> {
        _ = self.journal.guarded.fetch_add(1, Ordering::Relaxed);
        ::core::result::Result::Ok(())
    }
}

impl ::sb::pipeline::Interceptor for Everything {
    async fn intercept(
        &self,
        _: &::sb::pipeline::Call,
        next: ::sb::pipeline::Next<'_>,
    ) -> ::core::result::Result<::sb::Reply, ::sb::Error> {
        next.run().await
    }
}

impl ::sb::pipeline::Pipe<Json> for Everything {
    type From = Json;

    fn transform(
        &self,
        json: Json,
        _: &::sb::handler::MessageContext<'_>,
    ) -> ::core::result::Result<Json, ::sb::Error> {
        ::core::result::Result::Ok(json)
    }
}

impl ::sb::pipeline::Filter for Everything {
    type Error = ::sb::Error;

    fn catch(&self, told: ::sb::Error, _: &::sb::pipeline::Caught<'_>) -> ::sb::Error {
        told
    }
}

/// As a value, and for another payload.
#[derive(Debug)]
pub struct Given(pub ::core::primitive::usize);

impl ::sb::pipeline::AsyncGuard for Given {
    async fn message(&self, _: &::sb::pipeline::Call) -> ::core::result::Result<(), ::sb::Error> {
        ::std::future::ready(::core::result::Result::Ok(())).await
    }
}

impl ::sb::pipeline::Pipe<::core::primitive::usize> for Given {
    type From = ::core::primitive::usize;

    fn transform(
        &self,
        number: ::core::primitive::usize,
        _: &::sb::handler::MessageContext<'_>,
    ) -> ::core::result::Result<::core::primitive::usize, ::sb::Error> {
        ::core::result::Result::Ok(number.wrapping_add(self.0))
    }
}

/// One for each client.
#[derive(Debug)]
#[injectable(scope = "connection", crate = sb)]
pub struct OfAClient {
    seen: AtomicUsize,
}

/// One for each message.
#[derive(Debug)]
#[injectable(scope = "message", crate = sb)]
pub struct OfAMessage {
    seen: AtomicUsize,
}

/// Handlers of another provider.
#[derive(Debug)]
#[injectable(crate = sb)]
pub struct Votes;

#[the_messages(crate = sb)]
impl Votes {
    #[subscribe_message("vote")]
    #[public]
    async fn vote(&self, #[key("yes")] yes: ::core::primitive::bool) -> ::core::primitive::bool {
        yes
    }
}

/// The name of an event.
pub const COUNT: &::core::primitive::str = "count";

/// A gateway with every key.
#[derive(Debug)]
#[the_gateway(
    path = "/every",
    version = "1",
    namespace = Lobby,
    handlers(Votes),
    concurrency = 2,
    public,
    patterns,
    default_format = "switchboard.v1.msgpack",
    socketio = false,
    limits = GatewayLimits::default(),
    origins = Origins::any(),
    cancel_on_disconnect,
    on_init = Self::begin,
    on_shutdown = end,
    crate = ::sb
)]
#[use_guards(Everything, Given(0))]
#[use_interceptors(Everything)]
#[use_pipes(Everything)]
#[use_filters(Everything)]
#[rustfmt::skip]
pub struct Every {
    #[inject]
    journal: Shared<Journal>,
    gateway: AtomicUsize,
}

impl Every {
    async fn begin(&self) -> ::core::result::Result<(), ::sb::Error> {
        ::std::future::ready(::core::result::Result::Ok(())).await
    }

    async fn end(&self) {
        ::std::future::ready(()).await;
    }
}

#[the_messages(crate = sb)]
impl Every {
    #[after_init]
    async fn ready(&self, everyone: Everyone<Lobby>, journal: Shared<Journal>) {
        drop_it((everyone, journal));
    }

    #[on_connect]
    async fn came(&self, peer: &Peer) {
        drop_it(peer.join("room"));
    }

    #[on_disconnect]
    async fn left(&self, reason: ::sb::DisconnectReason) {
        drop_it(reason);
    }

    #[subscribe_message("say")]
    async fn say(&self, peer: &Peer, said: Text) -> ::core::result::Result<Words, ::sb::Error> {
        _ = peer.broadcast("said", &said);
        ::core::result::Result::Ok(said.text)
    }

    #[subscribe_message(COUNT)]
    async fn count(
        &self,
        repository: ::sb::Inject<dyn Repository>,
    ) -> ::core::option::Option<::core::primitive::usize> {
        ::core::option::Option::Some(repository.count())
    }

    #[subscribe_message("gateway")]
    async fn gateway(&self, words: Words, given: ::sb::di::Container) {
        drop_it((words, given, self.gateway.fetch_add(1, Ordering::Relaxed)));
    }

    #[subscribe_message("stages")]
    #[rustfmt::skip]
    #[use_guards(Everything, Given(1))]
    #[use_interceptors(Everything)]
    #[use_pipes(Everything)]
    #[use_filters(Everything)]
    #[concurrency(2)]
    async fn stages(
        &self,
        #[key("plain")] plain: ::core::primitive::usize,
        #[key("piped")]
        #[pipe(Given(1), Given(10))]
        piped: ::core::primitive::usize,
    ) -> [::core::primitive::usize; 2] {
        [plain, piped]
    }

    #[subscribe_message("scopes")]
    async fn scopes(
        &self,
        of_a_client: ::sb::Inject<OfAClient>,
        of_a_message: ::sb::Inject<OfAMessage>,
    ) -> [::core::primitive::usize; 2] {
        let seen = |by: &AtomicUsize| by.fetch_add(1, Ordering::Relaxed);
        [seen(&of_a_client.seen), seen(&of_a_message.seen)]
    }

    #[subscribe_message("piped")]
    #[skip(Everything)]
    #[public]
    async fn piped(&self, #[pipe(Given(1))] piped: ::core::primitive::usize) -> ::core::primitive::usize {
        piped
    }

    #[catch_all]
    async fn other(&self, event: ::sb::EventName) -> Words {
        ::std::string::ToString::to_string(&*event)
    }

    #[on_join]
    #[expect(clippy::unnecessary_wraps, reason = "it stands for one that may refuse")]
    fn may_join(&self, peer: &Peer, hall: &::core::primitive::str) -> ::core::result::Result<(), ::sb::Error> {
        drop_it((self, peer, hall));
        ::core::result::Result::Ok(())
    }

    #[subscribe_message("state")]
    async fn state(&self) -> [::core::primitive::usize; 3] {
        self.journal.state()
    }
}

/// Names a namespace.
#[expect(clippy::unnecessary_wraps, reason = "it stands for one that may refuse")]
fn by_path(upgrade: &::sb::Handshake) -> ::core::result::Result<::std::string::String, ::sb::Error> {
    ::core::result::Result::Ok(::std::string::ToString::to_string(upgrade.uri().path()))
}

/// A gateway that owns its socket, of a generic struct.
#[derive(Debug)]
#[the_gateway(path = "/echo", namespace_by = by_path, socketio_namespace = "/{path}", cancel_on_disconnect = false, crate = sb)]
#[skip(Given)]
pub struct Echo<T: ::core::marker::Send + ::core::marker::Sync + 'static> {
    #[inject]
    of: Shared<T>,
}

#[the_messages(crate = sb)]
impl<T: ::core::marker::Send + ::core::marker::Sync + 'static> Echo<T> {
    #[raw]
    async fn echo(&self, mut socket: Socket) {
        _ = &self.of;
        while let ::core::option::Option::Some(received) = socket.recv().await {
            _ = socket.send(received).await;
        }
    }
}

/// What goes wrong, with every key.
#[derive(Debug, the_error)]
#[wire(crate = sb)]
pub enum Fault {
    /// By every key.
    #[wire(
        code = "too_low", message = "Bid {least} at {error:?}", status = 409, retryable, retry_after = error, close = 4001
    )]
    TooLow {
        /// In the message.
        least: ::core::primitive::u64,
        /// A name that the expansion might have chosen.
        error: ::core::time::Duration,
    },
    /// With a code and a close of the library's.
    #[wire(code = ::sb::Code::Conflict, message = "Taken", retryable = false, close = ::sb::close::CloseCode::KICKED)]
    Taken,
    /// In the log alone.
    #[wire(internal, message = "the cause is {0}")]
    Hidden(::core::primitive::u8),
    /// As it is.
    #[wire(transparent)]
    Inner(::sb::Error),
}

/// All of it.
#[derive(Debug)]
#[the_module(
    imports(Foundation),
    providers(Journal, Votes, OfAClient, OfAMessage),
    gateways(Every, Echo<Greeting>),
    app_guards(Everything, Given(0)),
    app_interceptors(Everything),
    app_pipes(Everything),
    app_filters(Everything),
    crate = sb
)]
pub struct Shadowed;
