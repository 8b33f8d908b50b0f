//! A tree of modules in which nearly everything is wrong. The lines of this file are in `boot.txt`.
use crate::mistakes::chat::ChatModule;
use std::sync::Arc;
use switchboard::{GatewayLimits, Inject, Namespace, Server, gateway, injectable, messages, module};

pub(crate) struct Config;
pub(crate) struct Pool;
pub(crate) struct Cache;
struct Nobody;

#[injectable]
pub(crate) struct Mailer {
    #[inject]
    _pool: Arc<Pool>,
}

mod data {
    use super::{Cache, Config, Pool};
    use switchboard::module;

    // `Pool` is not exported; `String` is not there.
    #[module(providers(value(Pool), value(Cache)), exports(Cache, String))]
    pub(crate) struct DataModule;

    #[module(providers(value(Config), value(Cache)), exports(Config))]
    pub(crate) struct ConfigModule;
}

mod chat {
    use super::data::DataModule;
    use super::*;

    enum Lobby {}
    impl Namespace for Lobby {
        const NAME: &'static str = "lobby";
    }
    pub(super) enum Nowhere {}
    impl Namespace for Nowhere {
        const NAME: &'static str = "/nowhere";
    }

    // A cycle.
    #[injectable]
    struct Users {
        #[inject]
        _rooms: Arc<Rooms>,
    }
    #[injectable]
    struct Rooms {
        #[inject]
        _history: Arc<History>,
        #[inject]
        _history_again: Arc<History>,
    }
    #[injectable]
    #[derive(Default)]
    struct History {
        #[inject]
        _users: Option<Arc<Users>>,
        // Forgotten.
        _clock: Arc<Clock>,
        _maybe: Option<Arc<Clock>>,
    }

    #[injectable]
    #[derive(Default)]
    struct Clock;

    const SAY: &str = "say";

    #[gateway(path = "/ws", limits = GatewayLimits::default().max_message(0))]
    struct Chat {
        #[inject]
        _config: Arc<Config>,
    }

    #[messages]
    impl Chat {
        #[subscribe_message(SAY)]
        async fn say(&self) {}
        #[subscribe_message("say")]
        async fn say_again(&self, _nobody: Inject<Nobody>) {}
        #[subscribe_message(concat!("sys.", "ping"))]
        async fn ping(&self) {}
        #[after_init]
        async fn ready(&self, _nobody: Arc<Nobody>) {}
    }

    #[gateway(path = "ws", namespace = Lobby)]
    struct Other;
    #[messages]
    impl Other {}

    #[gateway]
    struct Unmounted;
    #[messages]
    impl Unmounted {}

    #[gateway(path = "/a b")]
    struct Spaced {
        #[inject]
        _server: Arc<Server<Nowhere>>,
    }
    #[messages]
    impl Spaced {}

    #[module(
        imports(DataModule),
        providers(Users, Rooms, History, Clock, Clock, Unmounted, Mailer),
        gateways(Chat, Other, Spaced),
        exports(Users, Missing)
    )]
    pub(super) struct ChatModule;

    struct Missing;
}

#[module(imports(ChatModule, data::ConfigModule))]
pub(crate) struct RootModule;

/// Modules that import each other.
#[module(imports(Hen), providers(value(Config)), exports(Config))]
pub(crate) struct Egg;
#[module(imports(Egg), providers(factory(hatched)), exports(Hen, Egg))]
pub(crate) struct Hen;

fn hatched(_: Arc<Config>) -> Cache {
    Cache
}
