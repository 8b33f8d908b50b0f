//! What is wrong is told at once, each with its place and its fix.
use crate::mistakes::{Egg, Hen, RootModule};
use std::path::Path;
use std::sync::Arc;
use switchboard::di::{Module, ModuleDef};
use switchboard::{App, Gateway, gateway, injectable, messages, module};

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
