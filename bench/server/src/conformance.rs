//! The application that the suites of Socket.IO's protocol expect: the namespaces `/` and `/custom`, with the same events.

use std::time::Duration;

use rmpv::Value;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{App, Args, Client, Error, Ext, Gateway, Handshake, Namespace, Origins, Root, SocketIo};

enum Custom {}

impl Namespace for Custom {
    const NAME: &'static str = "/custom";
}

/// What a client sent as the `auth` of its handshake; an empty object if it sent none.
#[derive(Clone)]
struct Auth(Value);

/// Keeps the `auth` for the hook.
struct KeepAuth;

impl ConnectGuard for KeepAuth {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        let auth = upgrade.auth::<Option<Value>>()?.unwrap_or(Value::Map(Vec::new()));
        upgrade.insert(Auth(auth));
        Ok(())
    }
}

/// The gateway of each of the namespaces.
struct Conformance;

impl Conformance {
    async fn arrived(&self, client: &Client, Ext(Auth(auth)): Ext<Auth>) {
        client.emit("auth", auth);
    }

    async fn message(&self, Args(values): Args<Vec<Value>>, client: &Client) {
        client.emit("message-back", Args(values));
    }

    async fn message_with_ack(&self, Args(values): Args<Vec<Value>>) -> Args<Vec<Value>> {
        Args(values)
    }

    fn gateway<N: Namespace>() -> Gateway<Conformance> {
        Gateway::new(Conformance)
            .namespace::<N>()
            .guard(GuardDef::of(KeepAuth).connect())
            .on_connect(Conformance::arrived)
            .on("message", Conformance::message)
            .on("message-with-ack", Conformance::message_with_ack)
    }
}

/// The application, with the settings that the suites' waits are made for.
pub(crate) fn app() -> App {
    let settings = SocketIo::default()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(200))
        .max_http_buffer_size(1_000_000)
        .connect_timeout(Duration::from_millis(1000))
        .cors(Origins::any());
    App::new()
        .gateway("/ws", Conformance::gateway::<Root>())
        .gateway("/custom/ws", Conformance::gateway::<Custom>())
        .socketio(settings)
}
