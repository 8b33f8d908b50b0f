//! The application that is attacked.
use crate::child::PROFILE;
use crate::ms;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use switchboard::handler::{Context, FromMessage, MessageContext};
use switchboard::{App, Client, ConnState, DisconnectReason, Error, Gateway, GatewayLimits, Limits, Server, Socket};

/// What is answered with itself.
pub(crate) const WELL: &str = r#"{"event":"echo","data":"well"}"#;

/// What every panic on purpose says: it is counted and not printed.
const ON_PURPOSE: &str = "on purpose";
static PANICS: AtomicU64 = AtomicU64::new(0);
static SLOW_CONSUMERS: AtomicU64 = AtomicU64::new(0);

/// The limits of a test, by name. Pings are for tests that are about them.
pub(crate) fn limits(profile: &str) -> Limits {
    let quiet = Limits::default().ping_interval(Duration::from_secs(300 * 24 * 3600));
    match profile {
        "default" => quiet,
        // So that whoever is unfinished is soon told.
        "hasty" => quiet.partial_timeout(ms(300)).handshake_timeout(ms(300)).linger(ms(300)),
        // The same, for clients that may be kept from asking by a busy machine.
        "brisk" => quiet.partial_timeout(ms(300)).handshake_timeout(ms(1000)).linger(ms(300)),
        "patient" => quiet
            .max_fragments(u32::MAX)
            .max_message(512 << 20)
            .pings_per_second(u32::MAX)
            .malformed_per_10s(u32::MAX)
            .write_timeout(ms(1500))
            .linger(ms(300)),
        "slow" => quiet.write_timeout(ms(1000)).outbound_soft_time(ms(1500)).linger(ms(300)),
        "thousand" => quiet.max_connections(Some(1000)).linger(ms(300)),
        // The memory that two floods were seen to pass.
        "held-128" => quiet.memory(Some(128 << 20)).handler_timeout(ms(4000)).linger(ms(300)),
        "held-200" => quiet.memory(Some(200 << 20)).handler_timeout(ms(4000)).linger(ms(300)),
        "few" => quiet.handlers(72).linger(ms(300)),
        "cut" => quiet.handler_timeout(ms(600)).linger(ms(300)),
        other => panic!("no profile {other}"),
    }
}

/// Does nothing when it is run as a test; [`Server::start`](crate::child::Server::start) runs it as a server.
#[test]
fn a_server_of_its_own() {
    let Ok(profile) = std::env::var(PROFILE) else { return };
    // Whoever started it is gone when this ends.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
    let printing = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str().is_some_and(|text| text.contains(ON_PURPOSE)) {
            PANICS.fetch_add(1, Ordering::Relaxed);
        } else {
            printing(panic);
        }
    }));
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let app = app(limits(&profile));
        let handle = app.handle();
        let ticking = handle.server();
        tokio::spawn(async move {
            for n in 0u64.. {
                ticking.broadcast_to("ticks", "tick", n);
                tokio::time::sleep(ms(5)).await;
            }
        });
        let numbers = move || {
            let handle = handle.clone();
            async move {
                let stats = handle.stats();
                format!(
                    "{} {} {} {} {} {} {} {} {}",
                    stats.connections,
                    stats.rooms,
                    stats.memberships,
                    stats.queued_bytes,
                    stats.in_flight,
                    stats.pending_acks,
                    stats.dropped,
                    PANICS.load(Ordering::Relaxed),
                    SLOW_CONSUMERS.load(Ordering::Relaxed),
                )
            }
        };
        let routes = axum::Router::new().route("/numbers", axum::routing::get(numbers));
        let bound = app.mount(routes).bind("127.0.0.1:0").await.unwrap();
        println!("address {}", bound.local_addr());
        bound.serve().await;
    });
    // A handler that blocks must not keep the process.
    runtime.shutdown_background();
}

/// `/ws`, `/raw`, and gateways whose hooks panic.
pub(crate) fn app(limits: Limits) -> App {
    let app = App::new().limits(limits.clone());
    let (open, limited) = (gateway(app.server()), gateway(app.server()));
    let public = GatewayLimits::public();
    let short = limits.gateway.max_message(public.max_message);
    let rates = short.message_rate(public.websocket.message_rate).byte_rate(public.websocket.byte_rate);
    app.gateway("/ws", open)
        .gateway("/limited", limited.limits(rates))
        .gateway("/raw", Gateway::new(Raw).raw(Raw::echo))
        .gateway("/raw-deaf", Gateway::new(Raw).raw(Raw::deaf))
        .gateway("/raw-panics", Gateway::new(Raw).raw(Raw::panics))
        .gateway("/joining-panics", Gateway::new(Hooks).on_connect(Hooks::panics).on("echo", Hooks::echo))
        .gateway("/joining-waits", Gateway::new(Hooks).on_connect(Hooks::waits).on("echo", Hooks::echo))
        .gateway("/leaving-panics", Gateway::new(Hooks).on_disconnect(Hooks::panics).on("echo", Hooks::echo))
}

pub(crate) fn gateway(server: Server) -> Gateway<Victim> {
    Gateway::new(Victim { server })
        .on("echo", Victim::echo)
        .on("join", Victim::join)
        .on("leave", Victim::leave)
        .on("pour", Victim::pour)
        .on("wait", Victim::wait)
        .on("forever", Victim::forever)
        .on("keep", Victim::keep)
        .on("ignore", Victim::ignore)
        .on("spin", Victim::spin)
        .on("deaf", Victim::deaf)
        .on("ask", Victim::ask)
        .on("ask_panics", Victim::ask_panics)
        .on("panics", Victim::panics)
        .on("panics_later", Victim::panics_later)
        .on("panics_in_serialize", Victim::panics_in_serialize)
        .on("panics_in_deserialize", Victim::panics_in_deserialize)
        .on("panics_in_extractor", Victim::panics_in_extractor)
        .on("arm", Victim::arm)
        .on_disconnect(Victim::left)
}

pub(crate) struct Victim {
    server: Server,
}

/// What to send to a room.
#[derive(Deserialize)]
struct Pour {
    room: String,
    count: u64,
    every_us: u64,
    size: usize,
}

/// One of them: its number, and when it was sent.
#[derive(Serialize)]
struct Poured {
    n: u64,
    at_us: u64,
    text: String,
}

pub(crate) fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

impl Victim {
    async fn echo(&self, data: Value) -> Value {
        data
    }
    async fn join(&self, rooms: Vec<String>, client: &Client) -> Result<(), Error> {
        for room in &rooms {
            client.join(room).await?;
        }
        client.emit("join", ());
        Ok(())
    }
    async fn leave(&self, room: String, client: &Client) -> bool {
        client.leave(&room)
    }
    async fn pour(&self, pour: Pour) {
        let server = self.server.clone();
        tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_micros(pour.every_us));
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
            for n in 0..pour.count {
                every.tick().await;
                let text = "x".repeat(pour.size);
                server.broadcast_to(&pour.room, "drop", Poured { n, at_us: now_us(), text });
            }
        });
    }
    /// Sooner than a mutation's sender takes it for unanswered, whatever it makes of the number.
    async fn wait(&self, time: u64) -> u64 {
        let time = time.min(300);
        tokio::time::sleep(ms(time)).await;
        time
    }
    async fn forever(&self) {
        std::future::pending().await
    }
    async fn ignore(&self) {}
    /// Has its payload for as long as it waits.
    async fn keep(&self, data: Value) {
        std::future::pending::<()>().await;
        drop(data);
    }
    /// What no handler may do.
    async fn spin(&self, time: u64) -> u64 {
        let began = Instant::now();
        while began.elapsed() < ms(time) {
            std::hint::spin_loop();
        }
        time
    }
    /// Busy for ever, though not in one turn; and slow to go.
    async fn deaf(&self) {
        struct Slow;
        impl Drop for Slow {
            fn drop(&mut self) {
                std::thread::sleep(ms(20));
            }
        }
        let _slow = Slow;
        loop {
            tokio::task::yield_now().await;
        }
    }
    async fn ask(&self, client: &Client) -> Result<Value, Error> {
        client.emit_with_ack("question", (), ms(5000)).await
    }
    async fn ask_panics(&self, client: &Client) -> Result<(), Error> {
        let _: Panics = client.emit_with_ack("question", (), ms(5000)).await?;
        Ok(())
    }
    async fn panics(&self) {
        panic!("{ON_PURPOSE}")
    }
    async fn panics_later(&self) {
        tokio::time::sleep(ms(1)).await;
        panic!("{ON_PURPOSE}")
    }
    async fn panics_in_serialize(&self) -> Panics {
        Panics
    }
    async fn panics_in_deserialize(&self, _: Panics) {}
    async fn panics_in_extractor(&self, _: Extractor) {}
    async fn arm(&self, bomb: ConnState<Bomb>) {
        bomb.set(Bomb(true));
    }
    async fn left(&self, reason: DisconnectReason) {
        if matches!(reason, DisconnectReason::SlowConsumer) {
            SLOW_CONSUMERS.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Panics;
impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("{ON_PURPOSE}")
    }
}
impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Panics, D::Error> {
        panic!("{ON_PURPOSE}")
    }
}

struct Extractor;
impl FromMessage for Extractor {
    type Kind = Context;
    fn from_message(_: &MessageContext<'_>) -> Result<Extractor, Error> {
        panic!("{ON_PURPOSE}")
    }
}

/// The state of a connection that does not go quietly.
#[derive(Default)]
struct Bomb(bool);
impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "{ON_PURPOSE}");
    }
}

struct Hooks;
impl Hooks {
    async fn waits(&self) {
        tokio::time::sleep(ms(3000)).await;
    }
    async fn panics(&self) {
        panic!("{ON_PURPOSE}")
    }
    async fn echo(&self, data: Value) -> Value {
        data
    }
}

struct Raw;
impl Raw {
    async fn echo(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
    /// Asks for no message for a while.
    async fn deaf(&self, mut socket: Socket) {
        tokio::time::sleep(ms(8000)).await;
        while socket.recv().await.is_some() {}
    }
    async fn panics(&self, mut socket: Socket) {
        socket.recv().await;
        panic!("{ON_PURPOSE}")
    }
}
