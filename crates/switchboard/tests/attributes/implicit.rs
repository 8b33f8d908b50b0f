//! What is provided by itself: stages that the container gives, and structs whose handlers are in a gateway.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchboard::di::{Graph, Injectable, Module, ModuleDef, Provider};
use switchboard::gateway::{Messages, Mount};
use switchboard::handler::MessageContext;
use switchboard::pipeline::{Guard, GuardDef};
use switchboard::testing::TestApp;
use switchboard::{App, Client, Error, Gateway, Inject, gateway, injectable, messages};

#[derive(Default)]
struct Words(&'static str);

/// Lets a word pass.
#[injectable]
struct Gate {
    #[inject]
    words: Arc<Words>,
    asked: AtomicUsize,
}

impl Guard for Gate {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match cx.payload::<String>()? == self.words.0 {
            true => Ok(()),
            false => Err(Error::forbidden("Not that word")),
        }
    }
}

fn gate() -> GuardDef<Gate> {
    GuardDef::injected().message()
}

#[injectable]
struct Talk;

#[messages]
impl Talk {
    #[subscribe_message("say")]
    async fn say(&self, word: String) -> String {
        word
    }
    #[subscribe_message("asked")]
    async fn asked(&self, _word: String, gate: Inject<Gate>) -> usize {
        gate.asked.load(Ordering::Relaxed)
    }
}

impl Mount for Talk {
    fn settings(gateway: Gateway<Talk>) -> Gateway<Talk> {
        gateway.guard(gate())
    }
}

/// The same stages on another path.
#[injectable]
struct Other;

#[messages]
impl Other {
    #[subscribe_message("say")]
    async fn say(&self, word: String) -> String {
        word
    }
}

impl Mount for Other {
    const PATH: &'static str = "/other";
    fn settings(gateway: Gateway<Other>) -> Gateway<Other> {
        gateway.guard(gate())
    }
}

fn words() -> ModuleDef {
    ModuleDef::new("Words").value(Words("please")).export::<Words>()
}

async fn problems(module: ModuleDef) -> Vec<String> {
    let error = App::boot_def(module).create().await.err();
    error.iter().flat_map(|error| error.problems()).map(|problem| problem.message().to_owned()).collect()
}

fn talks() -> ModuleDef {
    let other = ModuleDef::new("Others").gateway::<Other>();
    ModuleDef::new("Talks").import_def(words().global()).import_def(other).gateway::<Talk>()
}

struct Talks;
impl Module for Talks {
    fn module() -> ModuleDef {
        talks()
    }
}

/// One for both gateways.
#[tokio::test(start_paused = true)]
async fn a_guard_that_nobody_provides() {
    let app = TestApp::of::<Talks>().start().await;
    let (mut ada, mut bob) = (app.connect("/ws").await, app.connect("/other").await);
    assert_eq!(ada.request_error("say", "now").await.code, "forbidden");
    assert_eq!(ada.request::<String>("say", "please").await, "please");
    assert_eq!(bob.request::<String>("say", "please").await, "please");
    assert_eq!(ada.request::<usize>("asked", "please").await, 4);
    assert_eq!(app.resolve::<Gate>().asked.load(Ordering::Relaxed), 4);
    assert_eq!(
        Graph::of::<Talks>().to_string(),
        "Talks\n\
         ├─ imports Words\n\
         ├─ imports Others\n\
         └─ Talk (gateway on /ws) ← Gate\n\
         Others\n\
         ├─ Other (gateway on /other) ← Gate\n\
         └─ Gate (struct, by itself) ← Words\n\
         Words (global)\n\
         └─ Words (value, exported)"
    );
    // A test replaces it as it does any other.
    let open = Provider::factory(|| Gate { words: Arc::new(Words("open")), asked: AtomicUsize::new(0) });
    let app = TestApp::of::<Talks>().override_provider(open).start().await;
    assert_eq!(app.connect("/ws").await.request::<String>("say", "open").await, "open");
}

/// What a module provides counts.
#[tokio::test(start_paused = true)]
async fn a_guard_that_a_module_provides() {
    let own = || Provider::factory(|| Gate { words: Arc::new(Words("own")), asked: AtomicUsize::new(0) });
    let module = ModuleDef::new("Talks").provider(own()).gateway::<Talk>();
    let app = TestApp::new(App::boot_def(module).create().await.unwrap());
    assert_eq!(app.connect("/ws").await.request::<String>("say", "own").await, "own");

    let hidden = ModuleDef::new("Gates").provider(own());
    assert_eq!(
        problems(ModuleDef::new("Talks").import_def(hidden).gateway::<Other>()).await,
        ["Other (a stage) asks for Gate, which Gates provides but does not export; add Gate to its exports"]
    );
}

#[tokio::test]
async fn what_a_stage_asks_for_is_not_provided_by_itself() {
    assert_eq!(
        problems(ModuleDef::new("Talks").gateway::<Talk>()).await,
        ["Gate (`words`) asks for Words, which nobody provides; add it to the providers of Talks"]
    );
    let scoped = Gate::provider().connection_scoped();
    assert_eq!(
        problems(ModuleDef::new("Talks").value(Words("")).provider(scoped).gateway::<Talk>()).await,
        [
            "Talk (a stage) asks for Gate, of which there is one per connection, while this one serves all clients; leave out the \
          scope of Gate"
        ]
    );
}

/// Of the application, whichever module names it.
#[tokio::test(start_paused = true)]
async fn a_module_guards_the_application() {
    #[injectable]
    struct Open;
    #[messages]
    impl Open {
        #[subscribe_message("say")]
        async fn say(&self, word: String) -> String {
            word
        }
    }
    impl Mount for Open {
        const PATH: &'static str = "/open";
    }
    struct All;
    impl Module for All {
        fn module() -> ModuleDef {
            let guards = ModuleDef::new("Guards").value(Words("please")).app_guard(gate());
            ModuleDef::new("All").import_def(guards).gateway::<Open>()
        }
    }
    let app = TestApp::of::<All>().start().await;
    let mut ada = app.connect("/open").await;
    assert_eq!(ada.request_error("say", "now").await.code, "forbidden");
    assert_eq!(ada.request::<String>("say", "please").await, "please");
    assert!(Graph::of::<All>().to_string().contains("Gate (struct, by itself) ← Words"));

    let guards = ModuleDef::new("Guards").app_guard(gate());
    assert_eq!(
        problems(guards).await,
        ["Gate (`words`) asks for Words, which nobody provides; add it to the providers of Guards"]
    );
}

/// Handlers of any provider.
#[injectable]
struct Rooms {
    calls: AtomicUsize,
}

#[messages]
impl Rooms {
    #[subscribe_message("rooms")]
    async fn rooms(&self, client: &Client) -> (usize, bool) {
        (self.calls.fetch_add(1, Ordering::Relaxed) + 1, client.join("lobby").is_new())
    }
    #[subscribe_message("words")]
    async fn words(&self, _word: String, words: Inject<Words>) -> &'static str {
        words.0
    }
}

#[injectable]
struct Desk {
    #[inject]
    rooms: Option<Arc<Rooms>>,
}

#[messages]
impl Desk {
    #[subscribe_message("calls")]
    async fn calls(&self) -> Option<usize> {
        Some(self.rooms.as_ref()?.calls.load(Ordering::Relaxed))
    }
}

impl Mount for Desk {
    fn settings(gateway: Gateway<Desk>) -> Gateway<Desk> {
        gateway.include::<Rooms>()
    }
}

struct DeskModule;
impl Module for DeskModule {
    fn module() -> ModuleDef {
        ModuleDef::new("Desks").value(Words("desk")).gateway::<Desk>()
    }
}

#[tokio::test(start_paused = true)]
async fn handlers_of_another_struct() {
    let app = TestApp::of::<DeskModule>().start().await;
    let (mut ada, mut bob) = (app.connect("/ws").await, app.connect("/ws").await);
    assert_eq!(ada.request::<(usize, bool)>("rooms", ()).await, (1, true));
    assert_eq!(bob.request::<(usize, bool)>("rooms", ()).await, (2, true));
    assert_eq!(ada.request::<Option<usize>>("calls", ()).await, Some(2), "on the instance of the container");
    assert_eq!(ada.request::<String>("words", "x").await, "desk");
    assert!(app.logs().contains("rooms"), "the startup log lists them");
    let graph = app_graph::<DeskModule>();
    assert!(graph.contains("Desk (gateway on /ws) ← Rooms"), "{graph}");
    assert!(graph.contains("Rooms (struct, by itself) ← Words"), "{graph}");
}

fn app_graph<M: Module>() -> String {
    Graph::of::<M>().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_struct_by_hand() {
    let rooms = Arc::new(Counts::default());
    let gateway = Gateway::new(()).include_shared(rooms.clone());
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    let mut ada = app.connect("/ws").await;
    assert_eq!(ada.request::<usize>("count", ()).await, 1);
    assert_eq!(rooms.0.load(Ordering::Relaxed), 1);
}

#[derive(Default)]
struct Counts(AtomicUsize);

#[messages]
impl Counts {
    #[subscribe_message("count")]
    async fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The gateway's guards hold for what it includes.
#[tokio::test(start_paused = true)]
async fn the_gateways_guards_hold() {
    #[injectable]
    struct Guarded;
    #[messages]
    impl Guarded {}
    impl Mount for Guarded {
        fn settings(gateway: Gateway<Guarded>) -> Gateway<Guarded> {
            gateway.include::<Rooms>().guard(gate())
        }
    }
    let module = ModuleDef::new("Guarded").value(Words("please")).gateway::<Guarded>();
    let app = TestApp::new(App::boot_def(module).create().await.unwrap());
    let mut ada = app.connect("/ws").await;
    assert_eq!(ada.request_error("words", "now").await.code, "forbidden");
    assert_eq!(ada.request::<String>("words", "please").await, "please");
}

struct NoWords;
impl Guard for NoWords {
    fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test]
async fn what_cannot_be_included() {
    // The handlers of a struct ask where the struct is.
    let hidden = ModuleDef::new("Rooms").value(Words("")).provide::<Rooms>().export::<Rooms>();
    assert!(problems(ModuleDef::new("Desks").import_def(hidden).gateway::<Desk>()).await.is_empty());
    assert_eq!(
        problems(ModuleDef::new("Desks").gateway::<Desk>()).await,
        ["Rooms (`words`) asks for Words, which nobody provides; add it to the providers of Desks"]
    );
    let scoped = ModuleDef::new("Desks").value(Words("")).provider(Rooms::provider().connection_scoped());
    assert!(problems(scoped.gateway::<Desk>()).await.contains(
        &"Desk (what it includes) asks for Rooms, of which there is one per connection, while this one serves all clients; leave out \
          the scope of Rooms"
            .to_owned()
    ));

    #[injectable]
    struct Greets;
    #[messages]
    impl Greets {
        #[on_connect]
        async fn joined(&self) {}
        #[subscribe_message("rooms")]
        async fn rooms(&self) {}
    }
    struct Settled;
    impl Messages for Settled {
        fn messages(gateway: Gateway<Settled>) -> Gateway<Settled> {
            gateway.guard(NoWords)
        }
    }
    #[gateway(path = "/own")]
    struct Own;
    #[messages]
    impl Own {}
    let gateway =
        Gateway::new(()).include_shared(Arc::new(Settled)).include::<Greets>().include::<Own>().include::<Rooms>();
    let error = App::new().gateway("/ws", gateway).into_router().err().unwrap();
    let told: Vec<&str> = error.problems().iter().map(|problem| problem.message()).collect();
    let rest = "only its messages would be served: put the rest on functions";
    assert_eq!(
        told,
        [
            "the event \"rooms\" of functions has two handlers; remove one".to_owned(),
            format!("functions includes Settled, which has guards or settings of its own; {rest}, or mount Settled by itself"),
            format!("functions includes Greets, which has an on-connect hook; {rest}, or mount Greets by itself"),
            format!("functions includes Own, which is a gateway of its own; {rest}, or mount Own by itself"),
        ]
        .into_iter()
        .chain(["Greets", "Own", "Rooms"].map(|name| {
            format!(
                "functions (what it includes) asks for {name}, but there is no module: make the application by `App::create`"
            )
        }))
        .chain([
            "Rooms (`words`) asks for Words, but there is no module: make the application by `App::create`".to_owned()
        ])
        .collect::<Vec<_>>()
    );
    let text = error.to_string();
    let twice = text.split("has two handlers").nth(1).unwrap();
    assert_eq!(twice.lines().take(3).filter(|line| line.contains("implicit.rs:")).count(), 2, "{text}");
}
