//! Trait objects, exports and overrides, and what a graph says of scopes.
use super::{Cart, Fixed, Reader, Reads, ShopModule, Store};
use std::sync::Arc;
use switchboard::di::{Graph, Module, ModuleDef, Provider, Scope};
use switchboard::testing::{Starting, TestApp};
use switchboard::{App, Client, Gateway, Inject};

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
