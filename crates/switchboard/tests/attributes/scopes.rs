//! Services of which there is one per client, or one per message.
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use switchboard::di::{Container, Graph, Injectable, Module, ModuleDef, Provider, Scope};
use switchboard::handler::MessageContext;
use switchboard::pipeline::{AsyncGuard, Call, Guard, GuardDef, Interceptor, InterceptorDef, Next};
use switchboard::testing::{Starting, TestApp};
use switchboard::{App, Client, Error, Gateway, Inject, Reply, gateway, messages};

/// What was made and dropped, in its order.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Diary {
    fn note(&self, what: &str) {
        self.0.lock().push(what.to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}

/// One per client.
struct Cart {
    diary: Arc<Diary>,
    of: Client,
    items: Mutex<Vec<String>>,
}

impl Injectable for Cart {
    fn provider() -> Provider<Cart> {
        Provider::fields(|fields| {
            let diary = fields.inject::<Arc<Diary>>("diary");
            let of = fields.inject::<Client>("of");
            let items = fields.defaulted::<Mutex<Vec<String>>>("items");
            move |container| {
                let cart = Cart { diary: diary.get(container)?, of: of.get(container)?, items: items.get(container)? };
                cart.diary.note("a cart");
                Ok(cart)
            }
        })
        .connection_scoped()
    }
}

impl Drop for Cart {
    fn drop(&mut self) {
        self.diary.note(&format!("a cart of {} is dropped", self.items.lock().len()));
    }
}

/// One per message.
struct Draft {
    diary: Arc<Diary>,
    cart: Arc<Cart>,
    nth: usize,
}

static DRAFTS: AtomicUsize = AtomicUsize::new(0);

impl Injectable for Draft {
    fn provider() -> Provider<Draft> {
        Provider::scoped(Scope::Message, |diary: Arc<Diary>, cart: Arc<Cart>| Draft {
            diary,
            cart,
            nth: DRAFTS.fetch_add(1, Ordering::Relaxed),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.diary.note("a draft is dropped");
    }
}

#[gateway]
struct Shop;

#[messages]
impl Shop {
    #[on_connect]
    async fn joined(&self, client: &Client) {
        client.join("shop");
    }

    #[subscribe_message("add")]
    async fn add(&self, item: String, cart: Inject<Cart>) -> usize {
        let mut items = cart.items.lock();
        items.push(item);
        items.len()
    }

    #[subscribe_message("tell")]
    async fn tell(&self, cart: Inject<Cart>) {
        cart.of.emit("items", cart.items.lock().join(", "));
    }

    #[subscribe_message("draft")]
    async fn draft(&self, draft: Inject<Draft>, again: Inject<Draft>, cart: Inject<Cart>) -> (usize, bool, bool) {
        let same = Arc::ptr_eq(Inject::arc(&draft), Inject::arc(&again));
        (draft.nth, same, Arc::ptr_eq(&draft.cart, Inject::arc(&cart)))
    }

    #[subscribe_message("plain")]
    async fn plain(&self) {}

    #[on_disconnect]
    async fn left(&self, cart: Inject<Cart>, diary: Inject<Diary>) {
        diary.note(&format!("left with {}", cart.items.lock().len()));
    }
}

fn shop() -> ModuleDef {
    ModuleDef::new("Shop").value(Diary::default()).provide::<Cart>().provide::<Draft>().gateway::<Shop>()
}

struct ShopModule;
impl Module for ShopModule {
    fn module() -> ModuleDef {
        shop()
    }
}

async fn once_each(app: TestApp) {
    let diary = app.resolve::<Diary>();
    let (mut ada, mut bob) = (app.connect("/ws").await, app.connect("/ws").await);
    ada.request::<()>("plain", ()).await;
    assert!(diary.take().is_empty(), "made at the first use");

    assert_eq!(ada.request::<usize>("add", "apple").await, 1);
    assert_eq!(ada.request::<usize>("add", "pear").await, 2);
    assert_eq!(bob.request::<usize>("add", "plum").await, 1);
    ada.send("tell", ()).await;
    assert_eq!(ada.expect::<String>("items").await, "apple, pear");
    bob.send("tell", ()).await;
    assert_eq!(bob.expect::<String>("items").await, "plum");
    assert_eq!(diary.take(), ["a cart", "a cart"]);

    let (first, same_in_a_message, same_cart) = ada.request::<(usize, bool, bool)>("draft", ()).await;
    assert!(same_in_a_message && same_cart);
    let (second, ..) = ada.request::<(usize, bool, bool)>("draft", ()).await;
    assert_ne!(first, second, "one per message");
    assert_eq!(diary.take(), ["a draft is dropped", "a draft is dropped"]);

    ada.close().await;
    while app.server().client_count() > 1 || diary.0.lock().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(diary.take(), ["left with 2", "a cart of 2 is dropped"], "behind the hook");
    bob.close().await;
    app.expect_empty().await;
    while diary.0.lock().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(diary.take(), ["left with 1", "a cart of 1 is dropped"]);
}

#[tokio::test(start_paused = true)]
async fn one_per_client_and_one_per_message() {
    once_each(TestApp::of::<ShopModule>().start().await).await;
}

#[tokio::test]
async fn over_a_socket() {
    tokio::time::timeout(Duration::from_secs(20), async {
        once_each(TestApp::of::<ShopModule>().listen().await).await
    })
    .await
    .unwrap();
}

/// Guards and interceptors see the services of the message and the connection that its handler gets.
#[tokio::test(start_paused = true)]
async fn stages_and_handlers_share_them() {
    struct Sees;
    impl Sees {
        fn note(draft: &Draft, who: &str) {
            draft.cart.items.lock().push(format!("{who} {}", draft.nth));
        }
    }
    impl Guard for Sees {
        fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
            Sees::note(&*cx.resolve::<Draft>()?, "guard");
            Ok(())
        }
    }
    impl AsyncGuard for Sees {
        async fn message(&self, call: &Call) -> Result<(), Error> {
            tokio::task::yield_now().await;
            Sees::note(&*call.resolve::<Draft>()?, "waiting guard");
            Ok(())
        }
    }
    impl Interceptor for Sees {
        async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
            Sees::note(&*call.resolve::<Draft>()?, "interceptor");
            next.run().await
        }
    }
    struct Hand;
    async fn list(_: &Hand, draft: Inject<Draft>, cart: Inject<Cart>, container: Container) -> Vec<String> {
        let seen = std::mem::take(&mut *cart.items.lock());
        let nth = |note: &String| note.rsplit(' ').next() == Some(&draft.nth.to_string());
        assert!(Arc::ptr_eq(&container.resolve::<Draft>().unwrap(), Inject::arc(&draft)));
        seen.into_iter().map(|note| if nth(&note) { note.rsplit_once(' ').unwrap().0.into() } else { note }).collect()
    }
    // Each an instance of its own, or they would be one.
    let gateway = Gateway::new(Hand).on("list", list).guard(GuardDef::of(Sees).message());
    let gateway = gateway.guard(GuardDef::of(Sees).message_async()).interceptor(InterceptorDef::of(Sees));
    let app = TestApp::new(App::create::<ShopModule>().await.unwrap().gateway("/hand", gateway));
    let mut ada = app.connect("/hand").await;
    for nth in 0..2 {
        let mut seen: Vec<String> = ada.request("list", ()).await;
        if nth == 0 {
            // It stood around the connecting, too, which counts as a message of its own.
            let connecting = seen.remove(0);
            assert!(connecting.starts_with("interceptor "), "{connecting}");
        }
        assert_eq!(seen, ["guard", "waiting guard", "interceptor"]);
    }
    assert_eq!(
        app.resolve::<Diary>().take(),
        ["a cart", "a draft is dropped", "a draft is dropped", "a draft is dropped"]
    );
}

#[tokio::test(start_paused = true)]
async fn outside_of_a_message_it_says_why() {
    let app = App::create::<ShopModule>().await.unwrap();
    let cart = app.resolve::<Cart>().err().unwrap().to_string();
    assert!(cart.starts_with("there is one "), "{cart}");
    assert!(cart.ends_with(
        "Cart per connection, and none outside of one: take it as a parameter of a handler or a hook, `Inject<_>`"
    ));
    let draft = app.resolve::<Draft>().err().unwrap().to_string();
    assert!(draft.contains("Draft per message, and none outside of one"), "{draft}");
}

/// Like what `App::create` makes of a module, for a gateway of one handler.
fn starting(module: ModuleDef) -> Boot {
    Boot(module)
}

struct Boot(ModuleDef);

impl Boot {
    async fn start(self) -> TestApp {
        TestApp::new(App::boot_def(self.0).create().await.unwrap())
    }
}

struct Flaky;

#[gateway]
struct Tries;

#[messages]
impl Tries {
    #[subscribe_message("try")]
    async fn attempt(&self, _flaky: Inject<Flaky>) -> &'static str {
        "made"
    }
}

#[tokio::test(start_paused = true)]
async fn a_maker_that_fails_is_asked_again() {
    for scope in [Scope::Connection, Scope::Message] {
        let calls = AtomicUsize::new(0);
        let flaky = Provider::try_scoped(scope, move || match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Err("the disk is full"),
            1 => panic!("no more"),
            _ => Ok(Flaky),
        });
        let app = starting(ModuleDef::new("Tries").provider(flaky).gateway::<Tries>()).start().await;
        let mut ada = app.connect("/ws").await;
        for told in ["Flaky cannot be made: the disk is full", "no more"] {
            let error = ada.request_error("try", ()).await;
            assert_eq!(error.code, "internal");
            assert!(!error.message.contains("disk"), "{}", error.message);
            assert!(app.logs().contains(told), "{:?}", app.logs().lines());
        }
        assert_eq!(ada.request::<String>("try", ()).await, "made");
    }
}

/// Counts what lives; its drop panics.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("dropped");
    }
}

struct Second(Bomb);

#[gateway]
struct Bombs;

#[messages]
impl Bombs {
    #[subscribe_message("use")]
    async fn touch(&self, first: Inject<Bomb>, second: Inject<Second>) {
        let _ = (&first.0, &second.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_that_panics() {
    for (scope, both) in [(Scope::Connection, 2), (Scope::Message, 4)] {
        let dropped = Arc::<AtomicUsize>::default();
        let (one, two) = (dropped.clone(), dropped.clone());
        let module = ModuleDef::new("Bombs")
            .provider(Provider::scoped(scope, move || Bomb(one.clone())))
            .provider(Provider::scoped(scope, move || Second(Bomb(two.clone()))));
        let app = starting(module.gateway::<Bombs>()).start().await;
        let mut ada = app.connect("/ws").await;
        ada.send("use", ()).await;
        ada.send("use", ()).await;
        // A panic in the drop of a parameter is the handler's.
        tokio::time::sleep(Duration::from_millis(10)).await;
        ada.close().await;
        app.expect_empty().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(dropped.load(Ordering::Relaxed), both, "{scope}");
    }
}

struct Slow(usize);

#[gateway]
struct Races;

#[messages]
impl Races {
    /// Two threads ask at once.
    #[subscribe_message("race")]
    async fn race(&self, container: Container) -> Result<Vec<usize>, Error> {
        let ask = || {
            let container = container.clone();
            std::thread::spawn(move || container.resolve::<Slow>())
        };
        let threads = [ask(), ask()];
        let mut seen = Vec::new();
        for thread in threads {
            seen.push(thread.join().unwrap()?.0);
        }
        seen.push(container.resolve::<Slow>()?.0);
        Ok(seen)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_two_that_are_made_at_once_is_everybodys() {
    for scope in [Scope::Connection, Scope::Message] {
        let (barrier, made) = (Barrier::new(2), AtomicUsize::new(0));
        let slow = Provider::scoped(scope, move || {
            barrier.wait();
            Slow(made.fetch_add(1, Ordering::Relaxed))
        });
        let app = starting(ModuleDef::new("Races").provider(slow).gateway::<Races>()).start().await;
        let seen = app.connect("/ws").await.request::<Vec<usize>>("race", ()).await;
        assert!(seen.iter().all(|nth| *nth == seen[0]), "{seen:?}");
    }
}

static KEPT: Mutex<Option<Container>> = Mutex::new(None);

#[gateway]
struct Keeps;

#[messages]
impl Keeps {
    #[subscribe_message("keep")]
    async fn keep(&self, container: Container) {
        *KEPT.lock() = Some(container);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_for_a_connection_that_has_ended() {
    let module = ModuleDef::new("Keeps").provider(Provider::scoped(Scope::Connection, || Slow(0))).gateway::<Keeps>();
    let app = starting(module).start().await;
    let mut ada = app.connect("/ws").await;
    ada.request::<()>("keep", ()).await;
    let container = KEPT.lock().take().unwrap();
    let held = container.resolve::<Slow>().unwrap();
    ada.close().await;
    app.expect_empty().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(Arc::strong_count(&held), 1, "the connection holds it no more");
    let told = container.resolve::<Slow>().err().unwrap().to_string();
    assert!(told.ends_with("Slow per connection, and this connection has ended"), "{told}");
}

struct Endless;

#[gateway]
struct Asks;

#[messages]
impl Asks {
    #[subscribe_message("ask")]
    async fn ask(&self, _endless: Inject<Endless>) {}
}

/// By hand one can ask for what was not declared.
#[tokio::test(start_paused = true)]
async fn a_maker_that_asks_for_itself_ends() {
    let endless = Provider::fields(|_| |container| container.resolve::<Endless>().map(|_| Endless)).message_scoped();
    let app = starting(ModuleDef::new("Asks").provider(endless).gateway::<Asks>()).start().await;
    assert_eq!(app.connect("/ws").await.request_error("ask", ()).await.code, "internal");
    assert!(app.logs().contains("asks for itself while it is made"));
}

/// What was not declared is not given either, though a message is there.
#[tokio::test(start_paused = true)]
async fn a_maker_that_asks_for_what_lives_shorter() {
    let endless = Provider::fields(|_| |container| container.resolve::<Flaky>().map(|_| Endless)).connection_scoped();
    let flaky = Provider::scoped(Scope::Message, || Flaky);
    let app = starting(ModuleDef::new("Asks").provider(endless).provider(flaky).gateway::<Asks>()).start().await;
    assert_eq!(app.connect("/ws").await.request_error("ask", ()).await.code, "internal");
    assert!(app.logs().contains("Flaky per message, and none outside of one"));
}

/// A service that keeps what its maker was lent would keep itself.
#[tokio::test(start_paused = true)]
async fn a_maker_may_keep_its_container() {
    struct Kept(Container, #[expect(dead_code, reason = "counts")] Arc<()>);
    #[gateway]
    struct Holds;
    #[messages]
    impl Holds {
        #[subscribe_message("hold")]
        async fn hold(&self, kept: Inject<Kept>) -> bool {
            kept.0.resolve::<Kept>().is_err()
        }
    }
    let living = Arc::new(());
    let counted = living.clone();
    let kept =
        Provider::fields(move |_| move |container| Ok(Kept(container.clone(), counted.clone()))).message_scoped();
    let app = starting(ModuleDef::new("Holds").provider(kept).gateway::<Holds>()).start().await;
    let mut ada = app.connect("/ws").await;
    assert!(ada.request::<bool>("hold", ()).await);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(Arc::strong_count(&living), 2, "the maker's");
}

trait Store: Send + Sync {
    fn name(&self) -> String;
}

struct Fixed(&'static str);
impl Store for Fixed {
    fn name(&self) -> String {
        self.0.to_owned()
    }
}

struct Reader {
    store: Option<Arc<dyn Store>>,
}

#[gateway]
struct Reads;

#[messages]
impl Reads {
    #[subscribe_message("name")]
    async fn name(&self, reader: Inject<Reader>, store: Inject<dyn Store>) -> (String, Option<bool>) {
        let same = reader.store.as_ref().map(|own| Arc::ptr_eq(own, Inject::arc(&store)));
        (store.name(), same)
    }
}

struct ReadsModule;
impl Module for ReadsModule {
    fn module() -> ModuleDef {
        let stores = ModuleDef::new("Stores")
            .provider(Provider::scoped_shared(Scope::Connection, || -> Arc<dyn Store> { Arc::new(Fixed("real")) }))
            .export::<dyn Store>();
        ModuleDef::new("Reads")
            .import_def(stores)
            .provider(Provider::scoped(Scope::Message, |store: Option<Arc<dyn Store>>| Reader { store }))
            .gateway::<Reads>()
    }
}

async fn told(starting: Starting) -> (String, Option<bool>) {
    starting.start().await.connect("/ws").await.request("name", ()).await
}

#[tokio::test(start_paused = true)]
async fn trait_objects_exports_and_overrides() {
    assert_eq!(told(TestApp::of::<ReadsModule>()).await, ("real".into(), Some(true)));
    // An override has a scope of its own.
    let fake = || -> Arc<dyn Store> { Arc::new(Fixed("fake")) };
    for fake in [Provider::shared(fake), Provider::scoped_shared(Scope::Message, fake)] {
        assert_eq!(told(TestApp::of::<ReadsModule>().override_provider(fake)).await, ("fake".into(), Some(true)));
    }
    let none = TestApp::of::<ReadsModule>().override_value(Reader { store: None });
    assert_eq!(told(none).await, ("real".into(), None));
}

#[test]
fn the_graph_tells_scopes() {
    let graph = Graph::of::<ShopModule>().to_string();
    for line in ["Cart (struct, per connection) ← Diary, Client", "Draft (factory, per message) ← Diary, Cart"] {
        assert!(graph.contains(line), "{graph}");
    }
}

/// A gateway by hand, beside modules.
#[tokio::test(start_paused = true)]
async fn a_gateway_by_hand() {
    struct Hand;
    async fn count(_: &Hand, cart: Inject<Cart>) -> usize {
        cart.items.lock().len()
    }
    let gateway = || Gateway::new(Hand).on("count", count);
    let app = App::create::<ShopModule>().await.unwrap().gateway("/hand", gateway());
    assert_eq!(TestApp::new(app).connect("/hand").await.request::<usize>("count", ()).await, 0);

    let early = gateway().asks_for::<Arc<Cart>>().asks_for::<Client>();
    let app = App::create::<ShopModule>().await.unwrap().gateway("/hand", early);
    let problems = app.into_router().err().unwrap();
    let problems: Vec<&str> = problems.problems().iter().map(|problem| problem.message()).collect();
    assert_eq!(
        problems,
        [
            "Hand (the after-init hook) asks for Cart, of which there is one per connection, and no connection yet; take \
             `Inject<Cart>` as a parameter of the handler that needs it",
            "Hand (the after-init hook) asks for Client, of which there is one per connection, and no connection yet; take \
             `&Client` as a parameter of the handler that needs it",
        ]
    );
}

async fn problems(module: ModuleDef) -> Vec<String> {
    let error = App::boot_def(module).create().await.err();
    error.iter().flat_map(|error| error.problems()).map(|problem| problem.message().to_owned()).collect()
}

#[tokio::test]
async fn mismatches() {
    struct Single;
    struct Pair;
    let asks = |provider: Provider<Single>| problems(shop().provider(provider));
    assert_eq!(
        asks(Provider::factory(|_: Arc<Cart>, _: Option<Arc<Draft>>, _: Client| Single)).await,
        [
            "Single asks for Cart, of which there is one per connection, while there is one Single for all; take `Inject<Cart>` as a \
             parameter of the handler (a guard or an interceptor resolves it of its call), or give Single the scope `connection` too",
            "Single asks for Draft, of which there is one per message, while there is one Single for all; take `Inject<Draft>` as a \
             parameter of the handler (a guard or an interceptor resolves it of its call), or give Single the scope `message` too",
            "Single asks for Client, of which there is one per connection, while there is one Single for all; take `&Client` as a \
             parameter of the handler (a guard or an interceptor resolves it of its call), or give Single the scope `connection` too",
        ]
    );
    let fields = Provider::fields(|fields| {
        let draft = fields.inject::<Arc<Draft>>("draft");
        move |container| draft.get(container).map(|_| Single)
    });
    assert_eq!(
        asks(fields.connection_scoped()).await,
        [
            "Single (`draft`) asks for Draft, of which there is one per message, while there is one Single per connection; take \
              `Inject<Draft>` as a parameter of the handler (a guard or an interceptor resolves it of its call), or give Single the scope `message` too"
        ]
    );
    let two = shop()
        .provider(Provider::scoped(Scope::Message, |_: Arc<Pair>| Single))
        .provider(Provider::scoped(Scope::Message, |_: Arc<Single>| Pair));
    assert_eq!(
        problems(two).await,
        [
            "these ask for each other: Single → Pair → Single; move what both need into a third, or let one inject the `Container` \
             and resolve the other when it is needed"
        ]
    );
}

/// What a field of a gateway, and an after-init hook, ask for.
#[tokio::test]
async fn a_gateway_that_asks() {
    #[gateway]
    struct Till {
        #[inject]
        _cart: Arc<Cart>,
    }
    #[messages]
    impl Till {
        #[after_init]
        async fn ready(&self, _draft: Arc<Draft>) {}
    }
    assert_eq!(
        problems(ModuleDef::new("Till").import_def(shop().export::<Cart>().export::<Draft>()).gateway::<Till>()).await
            [..2],
        [
            "Till (`_cart`) asks for Cart, of which there is one per connection, while there is one Till for all; take `Inject<Cart>` \
             as a parameter of the handler",
            "Till (the after-init hook) asks for Draft, of which there is one per message, and no message yet; take `Inject<Draft>` as \
             a parameter of the handler that needs it",
        ]
    );
}

/// Scopes that cannot be.
#[tokio::test]
async fn scopes_that_cannot_be() {
    let told = problems(
        ModuleDef::new("Wrong")
            .provider(Provider::value(Slow(1)).connection_scoped())
            .provider(Provider::factory(|| Flaky).connection_scoped())
            .provider(Provider::async_factory(|| async { Endless }).message_scoped())
            .provider(Reads::provider().message_scoped())
            .provider(
                Provider::fields(|_| |_| Ok(Fixed("")))
                    .on_init(|_| async {})
                    .on_shutdown(|_| async {})
                    .message_scoped(),
            ),
    )
    .await;
    let hook = |hook: &str| {
        format!(
            "Fixed has the scope `message` and {hook} hook, which runs once for the application; leave out the hook or the scope"
        )
    };
    assert_eq!(
        told,
        [
            "Reads is a gateway that Wrong provides and nobody mounts; move it from its providers to its gateways",
            "Slow has the scope `connection`, but is a value, of which there is one; write `Provider::scoped(..)`, or leave out the \
             scope",
            "Flaky has the scope `connection`, but its function is called once; write `Provider::scoped(..)`",
            "Endless has the scope `message`, but is made by an async function, and a message does not wait for a service; let an \
             async `on_connect` or handler fetch what is awaited, or leave out the scope",
            "Reads has the scope `message`, but a gateway serves all its clients; leave out the scope",
            &hook("an init"),
            &hook("a shutdown"),
        ]
    );
}

/// What is hidden is hidden, and each problem has its places.
#[tokio::test]
async fn what_is_not_exported() {
    let root =
        ModuleDef::new("Root").import_def(shop()).provider(Provider::scoped(Scope::Message, |_: Arc<Cart>| Flaky));
    let error = App::boot_def(root).create().await.err().unwrap();
    assert_eq!(
        error.problems()[0].message(),
        "Flaky asks for Cart, which Shop provides but does not export; add Cart to its exports"
    );
    let root = shop().provider(Provider::factory(|_: Arc<Cart>| Flaky));
    let text = App::boot_def(root).create().await.err().unwrap().to_string();
    assert_eq!(
        text.matches("tests/attributes/scopes.rs:").count(),
        2,
        "where it is asked for, and who provides it: {text}"
    );
}
