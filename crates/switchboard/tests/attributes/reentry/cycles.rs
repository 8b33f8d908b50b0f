//! State, services and log lines that use themselves.
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchboard::di::{Container, ModuleDef, Provider, Scope};
use switchboard::testing::TestApp;
use switchboard::{App, Client, ConnState, Error, Gateway};

/// What is used inside of itself.
#[derive(Clone, Default)]
struct Purse {
    coins: u64,
}

struct Bank;

impl Bank {
    async fn within(&self, how: String, purse: ConnState<Purse>, client: &Client) -> u64 {
        purse.with(|held| {
            held.coins += 1;
            match &*how {
                "with" => purse.with(|held| held.coins),
                "get" => purse.get().coins,
                "set" => purse.set(Purse::default()).coins,
                "client" => client.state::<Purse>().with(|held| held.coins),
                "another" => client.state::<u64>().with(|_| client.state::<Purse>().get().coins),
                "thread" => {
                    let there = purse.clone();
                    std::thread::spawn(move || drop(there)).join().unwrap();
                    held.coins
                }
                _ => client.state::<u64>().with(|_| held.coins),
            }
        })
    }
    async fn coins(&self, purse: ConnState<Purse>) -> u64 {
        purse.get().coins
    }
}

#[tokio::test]
async fn state_that_is_used_inside_of_itself_is_a_panic_that_says_so() {
    let bank = Gateway::new(Bank).on("within", Bank::within).on("coins", Bank::coins);
    let app = TestApp::new(App::new().gateway("/ws", bank));
    let mut ada = app.connect("/ws").await;
    for how in ["with", "get", "set", "client", "another"] {
        let error = ada.request_error("within", how).await;
        assert_eq!(error.code, "internal", "{how}");
        let trace = error.trace_id.unwrap();
        let line = app.logs().errors().into_iter().find(|line| line.field("trace_id") == Some(&trace)).unwrap();
        let panic = line.field("panic").unwrap().to_owned();
        assert!(panic.contains("the state Purse is used inside of its own `with`"), "{how}: {panic}");
    }
    assert_eq!(ada.request::<u64>("coins", ()).await, 5, "what was done before stays, and it is free again");
    assert_eq!(ada.request::<u64>("within", "other type").await, 6);
    assert_eq!(ada.request::<u64>("within", "thread").await, 7);
}

/// State whose `Default` wants it, through a client that others left for it.
struct Selfish;

static OF: Mutex<Option<Client>> = Mutex::new(None);

impl Default for Selfish {
    fn default() -> Selfish {
        let client = OF.lock().clone();
        client.map(|client| client.state::<Selfish>());
        Selfish
    }
}

struct Makes(Arc<Mutex<Option<Container>>>);

/// Of each client, and asks for itself in a way that nobody sees: by a container that a handler has left.
struct Undeclared;

impl Makes {
    async fn default(&self, client: &Client) {
        *OF.lock() = Some(client.clone());
        client.state::<Selfish>();
    }
    async fn service(&self, container: Container) -> Result<(), Error> {
        *self.0.lock() = Some(container.clone());
        container.resolve::<Undeclared>()?;
        Ok(())
    }
}

#[tokio::test]
async fn what_is_made_of_itself_is_told() {
    let kept: Arc<Mutex<Option<Container>>> = Arc::default();
    let (keeps, made) = (kept.clone(), Arc::new(AtomicUsize::new(0)));
    let count = made.clone();
    let undeclared = Provider::try_scoped(Scope::Connection, move || {
        made.fetch_add(1, Ordering::Relaxed);
        let container = keeps.lock().clone().unwrap();
        // Twice, whatever came of the first.
        let _ = container.resolve::<Undeclared>();
        container.resolve::<Undeclared>().map(|_| Undeclared)
    });
    let app = App::boot_def(ModuleDef::new("Makes").provider(undeclared)).create().await.unwrap();
    let gateway = Gateway::new(Makes(kept)).on("default", Makes::default).on("service", Makes::service);
    let app = TestApp::new(app.gateway("/ws", gateway));
    let mut ada = app.connect("/ws").await;
    for (event, told) in
        [("default", "asks for the state that it makes"), ("service", "asks for itself while it is made")]
    {
        let error = ada.request_error(event, ()).await;
        assert_eq!(error.code, "internal", "{event}");
        let trace = error.trace_id.unwrap();
        let line = app.logs().errors().into_iter().find(|line| line.field("trace_id") == Some(&trace)).unwrap();
        assert!(line.to_string().contains(told), "{line}");
    }
    assert!((2..3000).contains(&count.load(Ordering::Relaxed)), "{count:?}");
    *OF.lock() = None;
}

/// A subscriber that tells a client of each line, which may be logged, at all the places where it is asked.
struct Tells(Client);

impl Tells {
    fn tell(&self) {
        self.0.emit("sys.refused", ());
        let _ = self.0.join("no*room");
    }
}

impl tracing::Subscriber for Tells {
    fn register_callsite(&self, _: &'static tracing::Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        self.tell();
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.tell();
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// In a process of its own, as the subscriber of all threads: one of a thread `tracing` does not call inside of itself.
#[test]
fn a_subscriber_that_causes_lines_ends() {
    const CHILD: &str = "SWITCHBOARD_TEST_SUBSCRIBER";
    if std::env::var_os(CHILD).is_none() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "reentry::a_subscriber_that_causes_lines_ends"]).env(CHILD, "1");
        let output = child.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let ada = switchboard::testing::client();
    tracing::subscriber::set_global_default(Tells(ada.clone())).unwrap();
    assert!(ada.emit("sys.refused", ()).refused);
    tracing::warn!("of the application");
    assert!(ada.emit("fine", ()).is_complete());
}
