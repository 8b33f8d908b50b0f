//! What may be asked for, and how it is provided.
use serde_json::Value;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::di::{Container, FromContainer, Injectable, Module, ModuleDef, NotProvided, Provider, Wanted};
use switchboard::gateway::{Messages, Mount};
use switchboard::testing::TestApp;
use switchboard::{
    App, BootError, Error, Gateway, Handle, Inject, Namespace, Server, gateway, injectable, messages, module,
};

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

trait Greeter: Send + Sync {
    fn greet(&self) -> String;
}

struct Config {
    greeting: &'static str,
}

impl Greeter for Config {
    fn greet(&self) -> String {
        format!("{}!", self.greeting)
    }
}

struct Made(String);
struct Tried(String);
struct Awaited(String);
struct TriedAsync(String);
struct Absent;

fn made(config: Arc<Config>) -> Made {
    Made(config.greeting.to_owned())
}

fn tried(made: Arc<Made>) -> Result<Tried, Infallible> {
    Ok(Tried(format!("tried {}", made.0)))
}

async fn awaited(tried: Arc<Tried>, absent: Option<Arc<Absent>>) -> Awaited {
    tokio::time::sleep(Duration::from_secs(30)).await;
    Awaited(format!("awaited {} {}", tried.0, absent.is_none()))
}

async fn tried_async(awaited: Arc<Awaited>, server: Server, handle: Handle) -> Result<TriedAsync, Error> {
    tokio::task::yield_now().await;
    Ok(TriedAsync(format!("{} {} {}", awaited.0, server.local().client_count(), handle.stats().connections)))
}

fn greeter(config: Arc<Config>) -> Arc<dyn Greeter> {
    config
}

/// A handle of one's own, of two things.
struct Both(Arc<Config>, Option<Arc<Made>>);

impl FromContainer for Both {
    fn wants(wanted: &mut Wanted) {
        wanted.provider::<Config>();
        wanted.optional::<Made>();
    }

    fn from_container(container: &Container) -> Result<Both, NotProvided> {
        Ok(Both(container.resolve()?, container.resolve().ok()))
    }
}

#[injectable]
struct Everything {
    #[inject]
    config: Arc<Config>,
    #[inject]
    maybe: Option<Arc<Tried>>,
    #[inject]
    absent: Option<Arc<Absent>>,
    #[inject]
    greeter: Arc<dyn Greeter>,
    #[inject]
    maybe_greeter: Option<Arc<dyn Greeter>>,
    #[inject]
    server: Server,
    #[inject]
    admin: Server<Admin>,
    #[inject]
    shared: Arc<Server>,
    #[inject]
    shared_admin: Arc<Server<Admin>>,
    #[inject]
    handle: Handle,
    #[inject]
    container: Container,
    #[inject]
    both: Both,
    #[inject]
    gateway: Arc<Desk>,
    counted: AtomicUsize,
}

#[gateway(path = "/desk", namespace = Admin)]
struct Desk {
    #[inject]
    config: Arc<Config>,
    rung: AtomicUsize,
}

#[messages]
impl Desk {
    #[subscribe_message("ring")]
    async fn ring(&self) -> usize {
        self.rung.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[subscribe_message("greet")]
    async fn greet(&self, greeter: Inject<dyn Greeter>) -> String {
        format!("{} {}", self.config.greeting, greeter.greet())
    }
}

// Asked for before they are provided: the order of a list is not that of the making.
#[module(
    providers(
        Everything,
        shared(greeter),
        try_async_factory(tried_async),
        async_factory(awaited),
        try_factory(tried),
        factory(made),
        value(Config { greeting: "hello" }),
    ),
    gateways(Desk),
)]
struct WholeModule;

/// The same by hand.
struct ByHand;

impl Module for ByHand {
    fn module() -> ModuleDef {
        ModuleDef::new("ByHand")
            .provide::<Everything>()
            .shared(greeter)
            .try_async_factory(tried_async)
            .async_factory(awaited)
            .try_factory(tried)
            .factory(|config: Arc<Config>| made(config))
            .value(Config { greeting: "hello" })
            .gateway::<Desk>()
    }
}

async fn gives_everything(app: TestApp) {
    let all = app.resolve::<Everything>();
    assert_eq!(app.resolve::<TriedAsync>().0, "awaited tried hello true 0 0");
    let config = app.resolve::<Config>();
    assert!(Arc::ptr_eq(&all.config, &config) && Arc::ptr_eq(&all.both.0, &config), "one instance");
    assert!(Arc::ptr_eq(all.both.1.as_ref().unwrap(), &app.resolve()));
    assert!(Arc::ptr_eq(all.maybe.as_ref().unwrap(), &app.resolve()));
    assert!(all.absent.is_none());
    assert_eq!(all.greeter.greet(), "hello!");
    assert!(Arc::ptr_eq(&all.greeter, &app.resolve::<dyn Greeter>()));
    assert!(all.maybe_greeter.is_some());
    assert!(Arc::ptr_eq(&all.container.resolve::<Everything>().unwrap(), &all));
    assert_eq!(all.counted.load(Ordering::Relaxed), 0);

    let mut ada = app.connect("/desk").await;
    assert_eq!(ada.request::<usize>("ring", ()).await, 1);
    assert_eq!(all.gateway.ring().await, 2, "the gateway that clients speak to");
    assert_eq!(ada.request::<String>("greet", ()).await, "hello hello!");
    assert_eq!((all.server.local().client_count(), all.shared.local().client_count()), (0, 0));
    assert_eq!((all.admin.local().client_count(), all.shared_admin.local().client_count()), (1, 1));
    assert_eq!(all.handle.stats().connections, 1);
    all.admin.broadcast("news", 7);
    assert_eq!(ada.expect::<u8>("news").await, 7);
}

#[tokio::test(start_paused = true)]
async fn everything_that_may_be_asked_for() {
    gives_everything(TestApp::of::<WholeModule>().start().await).await;
    gives_everything(TestApp::of::<ByHand>().start().await).await;
    gives_everything(TestApp::new(App::boot_def(ByHand::module()).create().await.unwrap())).await;
}

/// A gateway without an attribute, that a module makes.
struct Counter {
    config: Arc<Config>,
}

impl Counter {
    async fn greet(&self, greeter: Inject<dyn Greeter>) -> String {
        format!("{} {}", self.config.greeting, greeter.greet())
    }
}

impl Injectable for Counter {
    fn provider() -> Provider<Counter> {
        Provider::fields(|fields| {
            let config = fields.inject::<Arc<Config>>("config");
            move |container| Ok(Counter { config: config.get(container)? })
        })
    }
}

impl Messages for Counter {
    fn messages(gateway: Gateway<Counter>) -> Gateway<Counter> {
        gateway.on("greet", Counter::greet)
    }
}

impl Mount for Counter {}

#[tokio::test(start_paused = true)]
async fn a_gateway_by_hand_in_a_module() {
    let module = || ModuleDef::new("Hand").value(Config { greeting: "hello" }).shared(greeter).gateway::<Counter>();
    let app = TestApp::new(App::boot_def(module()).create().await.unwrap());
    assert_eq!(app.connect("/ws").await.request::<String>("greet", ()).await, "hello hello!");

    let alone = App::new().gateway("/ws", Gateway::new(Counter { config: app.resolve() }).on("greet", Counter::greet));
    let error = alone.into_router().unwrap_err().to_string();
    assert!(error.contains("Counter (`greet`) asks for dyn Greeter, but there is no module"), "{error}");
}

#[tokio::test]
async fn what_nobody_provides() {
    let app = App::boot_def(ModuleDef::new("Empty")).create().await.unwrap();
    let missing = app.resolve::<Config>().err().unwrap();
    assert_eq!(
        missing.to_string(),
        "nobody provides attributes::container::Config; add it to the providers of a module"
    );
    let error = BootError::from(missing);
    assert_eq!(error.problems().len(), 1);
    assert!(error.to_string().contains("1. nobody provides attributes::container::Config"), "{error}");
    assert!(App::new().resolve::<dyn Greeter>().is_err());
}

static MADE: AtomicUsize = AtomicUsize::new(0);

struct Base;

impl Injectable for Base {
    fn provider() -> Provider<Base> {
        Provider::factory(|| {
            MADE.fetch_add(1, Ordering::Relaxed);
            Base
        })
    }
}

#[module(providers(Base), exports(Base))]
struct BaseModule;

#[injectable]
struct Left(#[inject] Arc<Base>);
#[injectable]
struct Right(#[inject] Arc<Base>, #[inject] Arc<Left>);

#[module(imports(BaseModule), providers(Left), exports(Left, BaseModule))]
struct LeftModule;

// `Base` comes through `LeftModule`, which exports the whole of `BaseModule`.
#[module(imports(LeftModule), providers(Right), exports(Right))]
struct RightModule;

#[injectable]
struct Top(#[inject] Arc<Left>, #[inject] Arc<Right>, #[inject] Arc<Base>);

#[module(imports(LeftModule, RightModule, BaseModule), providers(Top))]
struct TopModule;

#[tokio::test]
async fn a_module_that_is_imported_more_than_once_is_there_once() {
    let app = App::create::<TopModule>().await.unwrap();
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
    let (top, base) = (app.resolve::<Top>().unwrap(), app.resolve::<Base>().unwrap());
    for same in [&top.2, &top.0.0, &top.1.0, &top.1.1.0] {
        assert!(Arc::ptr_eq(same, &base));
    }
}

#[module(providers(value(Config { greeting: "everywhere" })), exports(Config), global)]
struct GlobalModule;

#[module(providers(factory(made)), exports(Made))]
struct UserModule;

#[module(imports(UserModule, GlobalModule))]
struct RootModule;

/// A module that is made of values.
fn database(greeting: &'static str) -> ModuleDef {
    ModuleDef::new("Database").value(Config { greeting }).export::<Config>()
}

#[tokio::test]
async fn global_modules_and_modules_of_values() {
    let app = App::create::<RootModule>().await.unwrap();
    assert_eq!(app.resolve::<Made>().unwrap().0, "everywhere");

    let root = ModuleDef::new("Root").import_def(database("from a value")).factory(made);
    let app = App::boot_def(root).create().await.unwrap();
    assert_eq!(app.resolve::<Made>().unwrap().0, "from a value");

    // What it exports can be exported further.
    let between = ModuleDef::new("Between").import_def(database("from afar")).export::<Config>();
    let root = ModuleDef::new("Root").import_def(between).factory(made);
    let app = App::boot_def(root).create().await.unwrap();
    assert_eq!(app.resolve::<Made>().unwrap().0, "from afar");
}

#[derive(Debug)]
struct Outer(std::io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no database")
    }
}

impl StdError for Outer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

fn refused() -> Outer {
    Outer(std::io::Error::other("connection refused"))
}

async fn boot(module: ModuleDef) -> String {
    App::boot_def(module).create().await.err().unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn factories_that_fail() {
    let module = ModuleDef::new("Failing")
        .value(Config { greeting: "hello" })
        .try_async_factory(|_: Arc<Config>| async { Err::<Made, _>(refused()) })
        .try_factory(|| Err::<Absent, _>("no file"))
        .factory(|| -> Awaited { panic!("no more") })
        .try_async_factory(|| async { Err::<TriedAsync, _>(Error::internal(refused())) })
        // Not made, and not told: what it asks for has failed.
        .try_factory(tried);
    let error = boot(module).await;
    let told: Vec<&str> = error.lines().filter(|line| !line.contains("  at ")).collect();
    assert_eq!(
        told,
        [
            "the application cannot start: 4 problems",
            "  1. Made (async factory) cannot be made: no database: connection refused",
            "  2. Absent (factory) cannot be made: no file",
            "  3. Awaited (factory) cannot be made: it panicked: no more",
            "  4. TriedAsync (async factory) cannot be made: no database: connection refused",
        ]
    );
    assert_eq!(error.matches("tests/attributes/container.rs:").count(), 4, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_hangs_is_named_and_given_up() {
    let hanging = || ModuleDef::new("Hanging").async_factory(|| async { std::future::pending::<Made>().await });
    let logs = TestApp::of::<RootModule>().start().await;
    let began = tokio::time::Instant::now();
    let error = boot(hanging()).await;
    assert!(error.contains("Made (async factory) cannot be made: it did not end within 60s"), "{error}");
    assert_eq!(began.elapsed(), Duration::from_secs(60));
    assert!(logs.logs().contains("still waiting for Made (async factory), for 5 s now"));
    assert!(logs.logs().contains("for 55 s now"));

    let patient = App::boot_def(hanging()).patience(Duration::from_secs(3));
    let error = patient.create().await.err().unwrap().to_string();
    assert!(error.contains("it did not end within 3s"), "{error}");
    assert_eq!(began.elapsed(), Duration::from_secs(63));

    fn connect() -> Option<Made> {
        None
    }
    // A panic in the middle of a factory.
    let module = ModuleDef::new("Panicking").async_factory(|| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        connect().expect("a connection")
    });
    let error = boot(module).await;
    assert!(error.contains("cannot be made: it panicked: a connection"), "{error}");
}

#[tokio::test]
async fn what_a_factory_resolves_too_early_is_said() {
    let module = ModuleDef::new("Early")
        .try_factory(|container: Container| {
            container.resolve::<Config>().map(|config| Made(config.greeting.to_owned()))
        })
        .value(Config { greeting: "hello" });
    let error = boot(module).await;
    let expected = "attributes::container::Config is not made yet: let the factory ask for it as a parameter";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_parameter_is_read_where_nothing_is_provided() {
    let app = TestApp::new(App::new().gateway("/ws", Gateway::new(()).on("all", all)));
    assert_eq!(app.connect("/ws").await.request::<Value>("all", ()).await, true);
}

async fn all(_: &(), container: Container) -> bool {
    container.resolve::<Config>().is_err() && container.server::<Admin>().local().client_count() == 0
}
