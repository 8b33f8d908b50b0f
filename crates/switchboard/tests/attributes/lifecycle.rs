//! Init and shutdown hooks, of services, gateways and modules.
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use switchboard::di::{Container, ModuleDef, Provider};
use switchboard::testing::TestApp;
use switchboard::{App, Error, Gateway, Server, gateway, injectable, messages, module};

/// What happened, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().push(what.into());
    }
    fn read(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

// Asked for by `Service`, which is asked for by the gateway.
#[injectable(on_init = open, on_shutdown = Self::close)]
struct Database {
    #[inject]
    diary: Arc<Diary>,
}

impl Database {
    async fn open(&self) -> Result<(), Error> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.diary.note("database opens");
        Ok(())
    }
    async fn close(&self) {
        self.diary.note("database closes");
    }
}

#[injectable(on_init = start, on_shutdown = stop)]
struct Service {
    #[inject]
    database: Arc<Database>,
}

impl Service {
    async fn start(&self) {
        self.database.diary.note("service starts");
    }
    async fn stop(&self) -> Result<(), Error> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.database.diary.note("service stops");
        Ok(())
    }
}

#[gateway(on_init = open, on_shutdown = close)]
struct Chat {
    #[inject]
    service: Arc<Service>,
    #[inject]
    diary: Arc<Diary>,
}

impl Chat {
    async fn open(&self) {
        let _ = &self.service;
        self.diary.note("gateway opens");
    }
    async fn close(&self) {
        self.diary.note("gateway closes");
    }
}

#[messages]
impl Chat {
    #[after_init]
    async fn ready(&self, server: Server) {
        self.diary.note(format!("gateway ready, {} clients", server.local().client_count()));
    }

    #[on_disconnect]
    async fn left(&self) {
        self.diary.note("client left");
    }

    #[subscribe_message("slow")]
    async fn slow(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.diary.note("handler ended");
    }
}

async fn module_opens(container: Container) -> Result<(), Error> {
    container.resolve::<Diary>()?.note("inner module opens");
    Ok(())
}

#[module(
    providers(Database, value(Diary::default())),
    exports(Database, Diary),
    on_init = module_opens,
    on_shutdown = |container: Container| async move {
        container.resolve::<Diary>()?.note("inner module closes");
        Ok::<(), Error>(())
    },
)]
struct DatabaseModule;

// The gateway and the service are listed before what they ask for.
#[module(
    gateways(Chat),
    providers(Service),
    imports(DatabaseModule),
    on_init = |container: Container| async move {
        container.resolve::<Diary>()?.note("outer module opens");
        Ok::<(), Error>(())
    },
    on_shutdown = outer_closes,
)]
struct ChatModule;

async fn outer_closes(container: Container) {
    if let Ok(diary) = container.resolve::<Diary>() {
        diary.note("outer module closes");
    }
}

const INIT: [&str; 6] = [
    "database opens",
    "service starts",
    "gateway opens",
    "inner module opens",
    "outer module opens",
    "gateway ready, 0 clients",
];
const SHUTDOWN: [&str; 5] =
    ["outer module closes", "inner module closes", "gateway closes", "service stops", "database closes"];

#[tokio::test(start_paused = true)]
async fn hooks_run_in_the_order_of_dependencies_and_back() {
    let app = TestApp::of::<ChatModule>().start().await;
    let diary = app.resolve::<Diary>();
    assert_eq!(diary.read(), INIT);
    diary.0.lock().clear();

    let mut ada = app.connect("/ws").await;
    ada.send("slow", ()).await;
    app.advance(Duration::from_millis(1)).await;
    let report = app.shutdown().await;
    assert_eq!(report.aborted, 0);
    let mut expected = vec!["handler ended", "client left"];
    expected.extend(SHUTDOWN);
    assert_eq!(diary.read(), expected, "after the connections");

    assert_eq!(app.shutdown().await.aborted, 0);
    assert_eq!(diary.read(), expected, "once");
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_waits_for_the_same_end() {
    let app = TestApp::of::<ChatModule>().start().await;
    let (diary, handle) = (app.resolve::<Diary>(), app.handle());
    diary.0.lock().clear();
    let end = |handle: switchboard::Handle, diary: Arc<Diary>| async move {
        handle.shutdown().await;
        diary.read()
    };
    let drained = async {
        handle.drained().await;
        diary.read()
    };
    let (first, second, drained) =
        tokio::join!(end(app.handle(), diary.clone()), end(app.handle(), diary.clone()), drained);
    assert_eq!((first, second, drained), (SHUTDOWN.map(str::to_owned).to_vec(), diary.read(), diary.read()));
}

#[tokio::test(start_paused = true)]
async fn hooks_go_on_when_nobody_waits_for_the_shutdown() {
    let app = TestApp::of::<ChatModule>().start().await;
    let diary = app.resolve::<Diary>();
    diary.0.lock().clear();
    let impatient = tokio::time::timeout(Duration::from_millis(500), app.shutdown());
    assert!(impatient.await.is_err());
    assert_eq!(diary.read().len(), 3, "in the middle of `Service::stop`");
    app.shutdown().await;
    assert_eq!(diary.read(), SHUTDOWN, "each once, none half");
}

#[tokio::test(start_paused = true)]
async fn serving_ends_when_the_hooks_have_ended() {
    let app = App::create::<ChatModule>().await.unwrap().signals(false);
    let diary = app.resolve::<Diary>().unwrap();
    diary.0.lock().clear();
    let bound = app.bind("127.0.0.1:0").await.unwrap();
    let handle = bound.handle();
    let serving = tokio::spawn(bound.serve());
    tokio::task::yield_now().await;
    tokio::spawn(async move { handle.shutdown().await });
    serving.await.unwrap();
    assert_eq!(diary.read(), SHUTDOWN);
}

fn noted(name: &'static str, fails: bool) -> impl FnOnce(Arc<Diary>) -> Noted + Send + 'static {
    move |diary| Noted { name, fails, diary }
}

struct Noted {
    name: &'static str,
    fails: bool,
    diary: Arc<Diary>,
}

impl Noted {
    async fn init(&self) -> Result<(), Error> {
        self.diary.note(format!("{} init", self.name));
        if self.fails { Err(Error::internal(format!("{} is broken", self.name))) } else { Ok(()) }
    }
}

struct First(Noted);
struct Second(Noted);
struct Third(Noted);

/// A chain of three, of which one fails to be initialised.
fn chain(diary: &Diary, failing: &'static str) -> ModuleDef {
    let fails = move |name| name == failing;
    ModuleDef::new("Chain")
        .value(diary.clone())
        .provider(
            Provider::factory(move |_: Arc<Second>, diary| Third(noted("third", fails("third"))(diary)))
                .on_init(|this: Arc<Third>| async move { this.0.init().await })
                .on_shutdown(|this: Arc<Third>| async move { this.0.diary.note("third shutdown") }),
        )
        .provider(
            Provider::factory(move |_: Arc<First>, diary| Second(noted("second", fails("second"))(diary)))
                .on_init(|this: Arc<Second>| async move { this.0.init().await })
                .on_shutdown(|this: Arc<Second>| async move { this.0.diary.note("second shutdown") }),
        )
        .provider(
            Provider::factory(move |diary| First(noted("first", fails("first"))(diary)))
                .on_init(|this: Arc<First>| async move { this.0.init().await })
                .on_shutdown(|this: Arc<First>| async move { this.0.diary.note("first shutdown") }),
        )
}

#[tokio::test(start_paused = true)]
async fn a_failing_init_hook_shuts_down_what_was_initialised() {
    let diary = Diary::default();
    let error = App::boot_def(chain(&diary, "second")).create().await.err().unwrap().to_string();
    assert!(error.contains("1. the init hook of Second failed: second is broken\n"), "{error}");
    assert!(error.contains("tests/attributes/lifecycle.rs:"), "{error}");
    assert_eq!(diary.read(), ["first init", "second init", "first shutdown"]);

    let diary = Diary::default();
    let module = chain(&diary, "").on_init(|_| async { Err(Error::new("shut", "the shop is shut")) });
    let error = App::boot_def(module).create().await.err().unwrap().to_string();
    assert!(error.contains("the init hook of Chain failed: shut: the shop is shut"), "{error}");
    assert_eq!(diary.read()[3..], ["third shutdown", "second shutdown", "first shutdown"]);
}

#[gateway]
struct Broken;

#[messages]
impl Broken {
    #[after_init]
    async fn ready(&self) -> Result<(), Error> {
        Err(Error::internal("no topic"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_after_init_hook_shuts_down_what_was_initialised() {
    let diary = Diary::default();
    let error = App::boot_def(chain(&diary, "").gateway::<Broken>()).create().await.err().unwrap().to_string();
    assert!(error.contains("1. the after-init hook of Broken failed: no topic\n"), "{error}");
    assert_eq!(diary.read()[3..], ["third shutdown", "second shutdown", "first shutdown"]);
}

fn burn() {
    panic!("on fire")
}

#[tokio::test(start_paused = true)]
async fn hooks_that_hang_panic_or_fail_keep_nobody_waiting() {
    let diary = Diary::default();
    let module = chain(&diary, "").on_shutdown(|_| async { std::future::pending::<()>().await });
    let outer = ModuleDef::new("Outer").import_def(module).on_shutdown(|_| async { burn() });
    let patient = App::boot_def(outer).patience(Duration::from_secs(7));
    let app = TestApp::new(patient.create().await.unwrap());
    let began = tokio::time::Instant::now();
    assert_eq!(app.shutdown().await.aborted, 2);
    assert_eq!(began.elapsed(), Duration::from_secs(7));
    assert_eq!(diary.read()[3..], ["third shutdown", "second shutdown", "first shutdown"]);
    assert!(app.logs().contains("the shutdown hook of Outer failed: it panicked: on fire"));
    assert!(app.logs().contains("the shutdown hook of Chain failed: it did not end within 7s"));
    assert!(app.logs().contains("still waiting for the shutdown hook of Chain, for 5 s now"));

    let hanging = chain(&diary, "").on_init(|_| async { std::future::pending::<()>().await });
    let error = App::boot_def(hanging).create().await.err().unwrap().to_string();
    assert!(error.contains("the init hook of Chain failed: it did not end within 60s"), "{error}");
    let panicking = chain(&diary, "").on_init(|_| async { burn() });
    let error = App::boot_def(panicking).create().await.err().unwrap().to_string();
    assert!(error.contains("the init hook of Chain failed: it panicked: on fire"), "{error}");
}

/// Polls a boot until it waits for what comes late, and gives it up.
async fn given_up(module: ModuleDef, after: Duration) {
    let boot = tokio::time::timeout(after, App::boot_def(module).create());
    assert!(boot.await.is_err(), "it waits");
    // What it has begun runs on its own.
    tokio::time::sleep(Duration::from_secs(10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_boot_that_is_cut_off_shuts_down_what_was_initialised() {
    let second = Duration::from_secs(1);
    let diary = Diary::default();
    given_up(chain(&diary, "").on_init(|_| std::future::pending::<()>()), second).await;
    assert_eq!(diary.read()[3..], ["third shutdown", "second shutdown", "first shutdown"], "in the hook of a module");

    let diary = Diary::default();
    let waits =
        Provider::factory(|third: Arc<Third>| Noted { name: "last", fails: false, diary: third.0.diary.clone() })
            .on_init(|_| std::future::pending::<()>())
            .on_shutdown(|last: Arc<Noted>| async move { last.diary.note("last shutdown") });
    given_up(chain(&diary, "").provider(waits), second).await;
    assert_eq!(diary.read()[3..], ["third shutdown", "second shutdown", "first shutdown"], "in the hook of a service");

    let diary = Diary::default();
    // Made, and without an init hook, as it is closed again where a later factory fails.
    let open = Provider::factory(|diary: Arc<Diary>| vec![diary])
        .on_shutdown(|open: Arc<Vec<Arc<Diary>>>| async move { open[0].note("closed") });
    let made = ModuleDef::new("Made").value(diary.clone()).provider(open);
    given_up(made.async_factory(|_: Arc<Vec<Arc<Diary>>>| std::future::pending::<u8>()), second).await;
    assert_eq!(diary.read(), ["closed"], "in a factory");

    let diary = Diary::default();
    // The boot fails, and is given up while the hooks run.
    let closing = chain(&diary, "").on_init(|_| async { Err(Error::internal("no")) });
    let outer = ModuleDef::new("Outer").import_def(closing).provider(
        Provider::value(0u8)
            .on_init(|_| async {})
            .on_shutdown(|_| async { tokio::time::sleep(Duration::from_secs(3)).await }),
    );
    given_up(outer, second).await;
    assert_eq!(diary.read()[3..], ["third shutdown", "second shutdown", "first shutdown"], "in its own end");
}

/// The time in which an application takes its address belongs to its boot.
#[tokio::test(start_paused = true)]
async fn an_application_that_is_cut_off_before_it_listens_is_shut_down() {
    let diary = Diary::default();
    let hangs = Gateway::new(()).after_init(|_, _| std::future::pending::<()>());
    let app = App::boot_def(chain(&diary, "")).create().await.unwrap().gateway("/ws", hangs);
    let listening = tokio::time::timeout(Duration::from_secs(1), app.listen("127.0.0.1:0"));
    assert!(listening.await.is_err());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(diary.read()[3..], ["third shutdown", "second shutdown", "first shutdown"]);
}

/// Without a runtime nothing can be awaited: it is said, and nothing panics.
#[test]
fn a_boot_that_is_given_up_outside_of_a_runtime_does_not_panic() {
    let diary = Diary::default();
    let mut boot = Box::pin(App::boot_def(chain(&diary, "").on_init(|_| std::future::pending::<()>())).create());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let waits = Duration::from_millis(10);
    assert!(runtime.block_on(async { tokio::time::timeout(waits, boot.as_mut()).await.is_err() }));
    drop(runtime);
    drop(boot);
    assert_eq!(diary.read(), ["first init", "second init", "third init"]);
}
