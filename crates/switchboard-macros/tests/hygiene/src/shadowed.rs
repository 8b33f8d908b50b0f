//! Attributes where every name of the prelude is taken.
#[expect(unused_imports, reason = "nor any of its methods")]
use crate::hostile::everywhere::Everywhere as _;
#[expect(unused_imports, reason = "what is expanded means none of these")]
use crate::hostile::*;
use crate::payload::Text;
use ::sb::{Client as Peer, Limits, Namespace, Origins, Server as Everyone, Socket};
use ::sb::{
    WireError as the_error, gateway as the_gateway, injectable, messages as the_messages, module as the_module,
};
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
}

impl Journal {
    #[expect(clippy::unused_async, reason = "a hook")]
    async fn open(&self) {
        _ = self.opened.fetch_add(1, Ordering::Relaxed);
    }

    async fn close(&self) -> ::core::result::Result<(), ::sb::Error> {
        ::std::future::ready(::core::result::Result::Ok(())).await
    }

    /// How often it was opened, who is there, and how many words of greeting there are.
    #[must_use]
    pub fn state(&self) -> [::core::primitive::usize; 3] {
        let words = self.greeting.iter().count();
        [self.opened.load(Ordering::Relaxed), self.everyone.client_count(), words]
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

/// The name of an event.
pub const COUNT: &::core::primitive::str = "count";

/// A gateway with every key.
#[derive(Debug)]
#[the_gateway(
    path = "/every",
    namespace = Lobby,
    limits = Limits::default(),
    origins = Origins::any(),
    cancel_on_disconnect,
    on_init = Self::begin,
    on_shutdown = end,
    crate = ::sb
)]
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

    #[subscribe_message("state")]
    async fn state(&self) -> [::core::primitive::usize; 3] {
        self.journal.state()
    }
}

/// A gateway that owns its socket, of a generic struct.
#[derive(Debug)]
#[the_gateway(path = "/echo", cancel_on_disconnect = false, crate = sb)]
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
        code = "too_low", message = "Bid {least} at {error:?}", status = 409, retryable, retry_after_ms = error, close = 4001
    )]
    TooLow {
        /// In the message.
        least: ::core::primitive::u64,
        /// A name that the expansion might have chosen.
        error: ::core::primitive::u32,
    },
    /// With a code and a close of the library's.
    #[wire(code = ::sb::Code::Conflict, message = "Taken", retryable = false, close = ::sb::CloseCode::KICKED)]
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
#[the_module(imports(Foundation), providers(Journal), gateways(Every, Echo<Greeting>), crate = sb)]
pub struct Shadowed;
