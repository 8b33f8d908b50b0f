//! The application of these tests.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{App, Args, Binary, Client, Close, Error, Gateway, Handshake, Namespace, Root, Server, SocketIo};
use tokio::sync::Notify;

pub(crate) enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

/// A namespace whose guard never answers.
pub(crate) enum Hung {}
impl Namespace for Hung {
    const NAME: &'static str = "/hung";
}

/// A namespace whose guard refuses.
pub(crate) enum Closed {}
impl Namespace for Closed {
    const NAME: &'static str = "/closed";
}

/// What the tests see of the application, and how they steer it.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) entered: AtomicUsize,
    pub(crate) left: AtomicUsize,
    pub(crate) reasons: std::sync::Mutex<Vec<String>>,
    pub(crate) guards: AtomicUsize,
    pub(crate) handled: AtomicUsize,
    /// How often `echo` got the text `never`.
    pub(crate) never: AtomicUsize,
    /// Handlers of `wait` wait while it is closed.
    pub(crate) gate: Gate,
}

/// Opens once.
#[derive(Default)]
pub(crate) struct Gate {
    is_open: AtomicBool,
    opens: Notify,
}

impl Gate {
    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
        self.opens.notify_waiters();
    }

    pub(crate) async fn passed(&self) {
        let opens = self.opens.notified();
        if !self.is_open.load(Ordering::SeqCst) {
            opens.await;
        }
    }
}

/// The gateway of every namespace.
pub(crate) struct Desk(pub(crate) Arc<Seen>);

impl Desk {
    async fn entered(&self, client: &Client) {
        self.0.entered.fetch_add(1, Ordering::SeqCst);
        client.join("all");
    }

    async fn left(&self, client: &Client, reason: switchboard::DisconnectReason) {
        assert!(!client.is_connected());
        self.0.left.fetch_add(1, Ordering::SeqCst);
        self.0.reasons.lock().unwrap().push(format!("{reason:?}"));
    }

    async fn echo(&self, text: String) -> String {
        self.0.never.fetch_add(usize::from(text == "never"), Ordering::SeqCst);
        text
    }

    async fn bytes(&self, bytes: Binary) -> Binary {
        bytes
    }

    /// How many arguments there are.
    async fn count(&self, Args(all): Args<Vec<serde::de::IgnoredAny>>) -> usize {
        all.len()
    }

    /// Parses whatever comes.
    async fn value(&self, value: serde_json::Value) -> bool {
        value.is_null()
    }

    /// The order in which numbers are handled: each is sent back.
    async fn number(&self, number: u32, client: &Client) {
        client.emit("number", number);
    }

    async fn wait(&self, text: String) -> String {
        self.0.handled.fetch_add(1, Ordering::SeqCst);
        self.0.gate.passed().await;
        text
    }

    async fn sleep(&self, ms: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.0.handled.fetch_add(1, Ordering::SeqCst);
        ms
    }

    /// Sends so many events of so many bytes, each with its number before it.
    async fn pour(&self, (events, bytes): (u32, usize), client: &Client) {
        let text = "x".repeat(bytes);
        for number in 0..events {
            client.emit("poured", Args((number, &text)));
        }
    }

    /// The same with an attachment.
    async fn pour_bytes(&self, (events, bytes): (u32, usize), client: &Client) {
        for number in 0..events {
            client.emit("poured", Args((number, Binary::from(vec![number as u8; bytes]))));
        }
    }

    async fn all(&self, text: String, server: Server) {
        server.to("all").emit("all", text);
    }

    async fn kick(&self, client: &Client) {
        client.emit("last", 1);
        client.disconnect();
        client.emit("after", 2);
    }

    /// Closes the client with a code after which it comes back.
    async fn away(&self, client: &Client) {
        client.emit("last", 1);
        client.close(Close::new(CloseCode::TRY_AGAIN_LATER, "later"));
        client.emit("after", 2);
    }

    pub(crate) fn gateway<N: Namespace>(seen: &Arc<Seen>) -> Gateway<Desk> {
        Gateway::new(Desk(seen.clone()))
            .namespace::<N>()
            .on_connect(Desk::entered)
            .on_disconnect(Desk::left)
            .on("echo", Desk::echo)
            .on("bytes", Desk::bytes)
            .on("count", Desk::count)
            .on("value", Desk::value)
            .on("number", Desk::number)
            .on("wait", Desk::wait)
            .on("sleep", Desk::sleep)
            .on("pour", Desk::pour)
            .on("pour_bytes", Desk::pour_bytes)
            .on("kick", Desk::kick)
            .on("away", Desk::away)
    }
}

/// Never answers.
struct Hangs(Arc<Seen>);

impl ConnectGuard for Hangs {
    async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
        self.0.guards.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
}

/// Refuses.
struct Refuses(Arc<Seen>);

impl ConnectGuard for Refuses {
    async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
        self.0.guards.fetch_add(1, Ordering::SeqCst);
        Err(Error::forbidden("Not you"))
    }
}

/// The application with its namespaces: `/` (also at `/ws`, for the healthy native client), `/admin`, `/hung` and `/closed`.
pub(crate) fn app(seen: &Arc<Seen>, options: SocketIo) -> App {
    let hung = Desk::gateway::<Hung>(seen).guard(GuardDef::of(Hangs(seen.clone())).connect());
    let closed = Desk::gateway::<Closed>(seen).guard(GuardDef::of(Refuses(seen.clone())).connect());
    App::new()
        .gateway("/ws", Desk::gateway::<Root>(seen).on("all", Desk::all))
        .gateway("/admin/ws", Desk::gateway::<Admin>(seen))
        .gateway("/hung/ws", hung)
        .gateway("/closed/ws", closed)
        .socketio(options)
}
