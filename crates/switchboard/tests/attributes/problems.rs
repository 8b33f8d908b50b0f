//! What is wrong is told at once, each with its place and its fix.
use crate::mistakes::{Egg, Hen, RootModule};
use std::path::Path;
use std::sync::Arc;
use switchboard::di::{Graph, Module, ModuleDef, Provider, Scope};
use switchboard::testing::TestApp;
use switchboard::{App, Gateway, Inject, gateway, injectable, messages, module};

/// The same on any machine: paths begin at the tests.
fn normal(text: &str) -> String {
    let lines = text.lines().map(|line| match (line.find(" at "), line.find("tests")) {
        (Some(at), Some(tests)) if at < tests => format!("{} at {}", &line[..at], line[tests..].replace('\\', "/")),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

async fn told<M: Module>() -> String {
    normal(&App::create::<M>().await.err().unwrap().to_string())
}

/// `UPDATE_GOLDEN=1 cargo test -p switchboard --test attributes` writes the file anew.
#[tokio::test]
async fn everything_that_is_wrong_at_once() {
    let text = told::<RootModule>().await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attributes/boot.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(file).unwrap());
    for _ in 0..10 {
        assert_eq!(told::<RootModule>().await, text, "a stable order");
    }
}

#[tokio::test]
async fn modules_that_import_each_other() {
    for (text, path) in [(told::<Egg>().await, "Egg → Hen → Egg"), (told::<Hen>().await, "Hen → Egg → Hen")] {
        let told: Vec<&str> = text.lines().filter(|line| !line.contains(" at ")).collect();
        let path = format!("  1. these modules import each other: {path}; move what both need into a third");
        assert_eq!(told, ["the application cannot start: 1 problem", &path]);
    }
}

#[injectable]
struct Service;

#[module(providers(Service))]
struct One;
#[module(providers(Service))]
struct Two;
#[module(imports(One, Two))]
struct Both;

#[tokio::test]
async fn a_duplicate_names_both_lists() {
    let text = told::<Both>().await;
    let places: Vec<&str> = text.lines().filter(|line| line.contains(" at ")).collect();
    assert_eq!(places.len(), 2, "{text}");
    assert_ne!(places[0], places[1], "{text}");
    assert!(text.contains("1. Service is provided by One and by Two; "), "{text}");
}

#[gateway]
struct Twice;
#[messages]
impl Twice {}

#[module(providers(Twice), gateways(Twice))]
struct TwiceModule;

#[tokio::test]
async fn a_gateway_that_is_listed_twice_is_one_mistake() {
    let text = told::<TwiceModule>().await;
    assert!(text.contains("cannot start: 1 problem\n"), "{text}");
    assert!(text.contains("1. Twice is provided twice in TwiceModule; remove one"), "{text}");

    let module = ModuleDef::new("Gateways").gateway::<Twice>().gateway::<Twice>();
    let text = App::boot_def(module).create().await.err().unwrap().to_string();
    assert!(text.contains("cannot start: 1 problem\n"), "{text}");
    assert!(text.contains("1. Twice is provided twice in Gateways; remove one"), "{text}");
}

/// By hand, without a module: the same words.
#[tokio::test]
async fn gateways_by_hand() {
    async fn say(_: &Hand) {}
    struct Hand;
    let gateway = Gateway::new(Hand).on("say", say).on("say", say).on("exception", say).on_connect(say).on_connect(say);
    let app = App::new().gateway("/ws", gateway).gateway("/ws", Gateway::new(Hand).on("", say));
    let text = normal(&app.into_router().unwrap_err().to_string());
    for told in [
        "1. the event \"say\" of Hand has two handlers; remove one\n     at tests/attributes/problems.rs:",
        "2. the event name \"exception\" of Hand belongs to the server; choose another",
        "3. Hand has two on-connect hooks; remove one",
        "4. the event name \"\" of Hand is refused: ",
        "5. Hand and Hand are both mounted on /ws; move one",
    ] {
        assert!(text.contains(told), "{told:?} is not in {text}");
    }
}

#[injectable]
struct Hidden;

#[module(providers(Hidden))]
struct Keeps;

#[injectable]
struct Peeks {
    #[inject]
    _hidden: Option<Arc<Hidden>>,
}

#[module(imports(Keeps), providers(Peeks))]
struct PeeksModule;

/// Absent is none; there, but not exported, is a mistake.
#[tokio::test]
async fn an_optional_dependency_that_is_not_exported() {
    let told = App::create::<PeeksModule>().await.err().unwrap();
    let message =
        "Peeks (`_hidden`) asks for Hidden, which Keeps provides but does not export; add Hidden to its exports";
    assert_eq!(told.problems()[0].message(), message);
}

/// All that is wrong with a module of values, without places.
async fn problems(module: ModuleDef) -> Vec<String> {
    let told = App::boot_def(module).create().await.err();
    told.iter().flat_map(|error| error.problems()).map(|problem| problem.message().to_owned()).collect()
}

trait Repo: Send + Sync {}
#[derive(Default)]
struct Stored;
impl Repo for Stored {}

#[injectable]
struct Reads {
    #[inject]
    _repo: Arc<dyn Repo>,
}

#[injectable]
struct ReadsStored {
    #[inject]
    _stored: Arc<Stored>,
}

/// What is asked for is there, in something else.
#[tokio::test]
async fn what_is_provided_in_an_arc_or_a_result() {
    let module = || ModuleDef::new("Data");
    let shared = "Reads (`_repo`) asks for dyn Repo, but Data provides Arc<dyn Repo>; provide it by `shared(..)`, or leave out \
                  the `Arc`";
    assert_eq!(problems(module().value(Arc::new(Stored) as Arc<dyn Repo>).provide::<Reads>()).await, [shared]);
    let factory = || -> Arc<dyn Repo> { Arc::new(Stored) };
    assert_eq!(problems(module().factory(factory).provide::<Reads>()).await, [shared]);

    let result = "ReadsStored (`_stored`) asks for Stored, but Data provides Result<Stored, Error>; write";
    let open = || Ok::<_, std::io::Error>(Stored);
    let told = problems(module().factory(open).provide::<ReadsStored>()).await;
    assert_eq!(told, [format!("{result} `try_factory(..)`")]);
    let told = problems(module().async_factory(move || async move { open() }).provide::<ReadsStored>()).await;
    assert_eq!(told, [format!("{result} `try_async_factory(..)`")]);
}

#[tokio::test]
async fn a_factory_that_returns_a_future() {
    async fn open() -> Stored {
        Stored
    }
    let told = "Data provides a future, which nobody awaits; write `async_factory(..)`, or `try_async_factory(..)`";
    assert_eq!(problems(ModuleDef::new("Data").factory(open)).await, [told]);
    let boxed = || -> std::pin::Pin<Box<dyn Future<Output = Stored> + Send + Sync>> { Box::pin(open()) };
    assert_eq!(problems(ModuleDef::new("Data").factory(boxed)).await, [told]);
}

/// A closure has no name, and can be asked for by who is generic.
#[tokio::test]
async fn a_factory_that_returns_a_closure() {
    struct Calls(u8);
    fn calls<F: Fn() -> u8 + Send + Sync + 'static>(f: F) -> ModuleDef {
        ModuleDef::new("Calls").factory(move || f).factory(|f: Arc<F>| Calls(f()))
    }
    let app = App::boot_def(calls(|| 7)).create().await.unwrap();
    assert_eq!(app.resolve::<Calls>().unwrap().0, 7);
}

#[tokio::test]
async fn an_override_of_the_arc_or_the_result() {
    let module = || ModuleDef::new("Data").value(Stored);
    let told = |boot: switchboard::di::Boot| async {
        boot.create()
            .await
            .err()
            .unwrap()
            .problems()
            .iter()
            .map(|problem| problem.message().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(App::boot_def(module()).override_value(Arc::new(Stored))).await,
        [
            "the override of Arc<Stored> replaces nothing: Data provides Stored; write `Provider::shared(..)`, or leave out the `Arc`"
        ]
    );
    let open = || Ok::<_, std::io::Error>(Stored);
    assert_eq!(
        told(App::boot_def(module()).override_provider(Provider::factory(open))).await,
        [
            "the override of Result<Stored, Error> replaces nothing: Data provides Stored; write `Provider::try_factory(..)`, or \
          `Provider::try_async_factory(..)`"
        ]
    );
    assert_eq!(
        told(App::boot_def(module()).override_provider(Provider::factory(|| async { Stored }))).await,
        ["an override is a future, which nobody awaits; write `Provider::async_factory(..)`"]
    );
}

#[tokio::test]
async fn a_server_needs_no_provider() {
    let module = ModuleDef::new("Own").value(App::new().server());
    assert_eq!(problems(module).await, ["Own provides Server, which is there without a provider; remove it"]);
}

#[injectable]
struct ForgetsByValue {
    _stored: Stored,
    _count: u64,
    _name: String,
}

/// A type of the application's; of a number nobody can tell.
#[tokio::test]
async fn a_forgotten_inject_of_a_value() {
    let module = ModuleDef::new("Data").value(Stored).value(7u64).value(String::new()).provide::<ForgetsByValue>();
    let told = "the field `_stored` of ForgetsByValue is made by `Default`, though Stored is provided; write #[inject] in front of \
                it, and `Arc<Stored>`";
    assert_eq!(problems(module).await, [told]);
}

struct Setting(u8);
struct Desk;
impl Desk {
    async fn number(&self, setting: Inject<Setting>) -> u8 {
        setting.0 + Inject::arc(&setting).0
    }
    async fn missing(&self, stored: Inject<Stored>) {
        drop(Inject::into_inner(stored));
    }
}

#[module(providers(value(Setting(3))))]
struct SettingModule;

/// A gateway that is added to an application of a module has what that provides.
#[tokio::test(start_paused = true)]
async fn a_gateway_by_hand_in_an_application_of_a_module() {
    let app = App::create::<SettingModule>().await.unwrap();
    let app = TestApp::new(app.gateway("/ws", Gateway::new(Desk).on("number", Desk::number)));
    assert_eq!(app.connect("/ws").await.request::<u8>("number", ()).await, 6);

    let app = App::create::<SettingModule>().await.unwrap();
    let app = app.gateway("/ws", Gateway::new(Desk).on("number", Desk::number).on("missing", Desk::missing));
    let error = app.into_router().unwrap_err();
    assert_eq!(error.problems().len(), 1);
    let told = "Desk (`missing`) asks for Stored, which nobody provides; add it to the providers of a module";
    assert_eq!(error.problems()[0].message(), told);
}

struct FromEnvironment(u8);

fn from_environment() -> FromEnvironment {
    panic!("NO_SUCH_VARIABLE is not set")
}

#[module(providers(value(from_environment())))]
struct EnvironmentModule;

/// A value is made at boot, unless something else is in its place.
#[tokio::test]
async fn a_value_that_cannot_be_made() {
    assert_eq!(Graph::of::<EnvironmentModule>().to_string(), "EnvironmentModule\n└─ FromEnvironment (value)");
    let app = TestApp::of::<EnvironmentModule>().override_value(FromEnvironment(7)).start().await;
    assert_eq!(app.resolve::<FromEnvironment>().0, 7);
    let text = told::<EnvironmentModule>().await;
    let problem = "1. FromEnvironment (value) cannot be made: it panicked: NO_SUCH_VARIABLE is not set\n     at tests/attributes/";
    assert!(text.contains(problem), "{text}");
}

struct Pool;

fn opened() -> Result<Pool, String> {
    Err("no database".to_owned())
}

#[module(providers(factory(opened)))]
struct Opens;

#[injectable]
struct AsksForTheResult {
    #[inject]
    _pool: Arc<Result<Pool, String>>,
}

#[tokio::test]
async fn a_result_that_nobody_asks_for_is_told() {
    let lost = "Result<Pool, String>, which nobody asks for, so that its error would be lost";
    let text = told::<Opens>().await;
    assert!(text.contains(&format!("1. Opens provides {lost}; write `try_factory(..)`\n")), "{text}");
    assert!(text.contains("tests/attributes/problems.rs:"), "{text}");
    let opens = || async { opened() };
    let modules = [
        (ModuleDef::new("M").factory(opened), "write `try_factory(..)`"),
        (ModuleDef::new("M").async_factory(opens), "write `try_async_factory(..)`"),
        (ModuleDef::new("M").provider(Provider::shared(|| Arc::new(opened()))), "write `try_factory(..)`"),
        (ModuleDef::new("M").provider(Provider::scoped(Scope::Connection, opened)), "write `Provider::try_scoped(..)`"),
        (ModuleDef::new("M").value(opened()), "provide what is in it"),
        (ModuleDef::new("M").import_def(ModuleDef::new("N").factory(opened)), "write `try_factory(..)`"),
    ];
    for (module, change) in modules {
        let text = App::boot_def(module).create().await.err().unwrap().to_string();
        assert!(text.contains(&format!("{lost}; {change}")) && text.contains(": 1 problem"), "{text}");
    }
    // Who asks for it has the error.
    let asked = ModuleDef::new("M").factory(opened).provide::<AsksForTheResult>();
    assert!(App::boot_def(asked).create().await.is_ok());
    struct Chat;
    async fn say(_: &Chat, pool: Inject<Result<Pool, String>>) -> bool {
        pool.is_ok()
    }
    // Who asks for what is in it is told what to do, once.
    let inside = ModuleDef::new("M").factory(opened).factory(|_: Arc<Pool>| 1u8);
    let text = App::boot_def(inside).create().await.err().unwrap().to_string();
    assert!(text.contains("write `try_factory(..)`") && text.contains(": 1 problem"), "{text}");
    let _ = Gateway::new(Chat).on("say", say);
}
