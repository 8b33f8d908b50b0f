//! What a struct and its `impl` block may look like beside the attributes.
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use switchboard::testing::TestApp;
use switchboard::{App, Client, Gateway, Unchecked, gateway, injectable, messages, module};

/// A service of a tuple struct, with what is written beside the attribute.
#[derive(Debug, Default, Clone)]
#[injectable]
#[non_exhaustive]
pub(crate) struct Named(
    /// A field that nobody injects.
    pub(crate) Arc<AtomicU64>,
);

#[injectable]
#[derive(Clone)]
struct Unit;

/// A tuple struct that is a gateway.
#[gateway(path = "/tuple")]
#[derive(Debug)]
pub(crate) struct Tuple(#[inject] Arc<Named>, AtomicU64);

#[messages]
impl Tuple {
    /// Documented, and public.
    #[subscribe_message("next")]
    pub(crate) async fn next(&self) -> (u64, u64) {
        (self.0.0.fetch_add(1, Ordering::Relaxed), self.1.fetch_add(1, Ordering::Relaxed))
    }
}

#[gateway(path = "/unit")]
struct Nothing;

#[messages]
impl Nothing {
    #[inline]
    #[must_use]
    #[subscribe_message("nothing")]
    pub(crate) async fn nothing(&self) -> Nothing2 {
        Nothing2 {}
    }
}

#[derive(Serialize)]
struct Nothing2 {}

#[derive(Deserialize)]
struct Raw {
    r#type: String,
}

#[gateway(path = "/raw-names")]
struct r#RawNames {
    #[inject]
    r#type: Arc<Named>,
    r#fn: AtomicU64,
}

#[messages]
impl r#RawNames {
    #[subscribe_message("type")]
    async fn r#type(&self, Raw { r#type: r#match }: Raw, r#in: &Client) -> Value {
        let _ = (r#in.id(), &self.r#type);
        json!([r#match, self.r#fn.fetch_add(1, Ordering::Relaxed)])
    }
}

/// What is not compiled in is not registered; one of two alternatives is.
#[gateway(path = "/conditions")]
struct Conditions {
    #[cfg(not(test))]
    #[inject]
    nowhere: Arc<Missing>,
    #[cfg(test)]
    #[inject]
    there: Arc<Named>,
}

#[messages]
impl Conditions {
    #[cfg(not(test))]
    #[subscribe_message("nowhere")]
    async fn nowhere(&self, missing: Missing) -> Missing {
        missing
    }

    #[subscribe_message("which")]
    #[cfg(test)]
    async fn which(&self) -> &'static str {
        let _ = &self.there;
        "the one"
    }

    #[cfg(not(test))]
    #[subscribe_message("which")]
    async fn which(&self) -> &'static str {
        "the other"
    }

    #[cfg(not(test))]
    #[on_connect]
    async fn came(&self) {}

    #[cfg(test)]
    #[on_connect]
    async fn came(&self, client: &Client) {
        client.emit("welcome", ());
    }
}

#[module(providers(Named, Unit), gateways(Tuple, Nothing, RawNames, Conditions))]
struct ShapesModule;

#[tokio::test(start_paused = true)]
async fn structs_of_every_shape() {
    let app = TestApp::of::<ShapesModule>().start().await;
    let mut tuple = app.connect("/tuple").await;
    assert_eq!(tuple.request::<Value>("next", ()).await, json!([0, 0]));
    assert_eq!(tuple.request::<Value>("next", ()).await, json!([1, 1]));
    assert_eq!(app.resolve::<Named>().0.load(Ordering::Relaxed), 2);
    app.resolve::<Unit>();
    let mut unit = app.connect("/unit").await;
    assert_eq!(unit.request::<Value>("nothing", ()).await, json!({}));
    let mut raw = app.connect("/raw-names").await;
    assert_eq!(raw.request::<Value>("type", json!({ "type": "word" })).await, json!(["word", 0]));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_compiled_in_is_not_there() {
    let app = TestApp::of::<ShapesModule>().start().await;
    let mut ada = app.connect("/conditions").await;
    ada.expect::<()>("welcome").await;
    assert_eq!(ada.request::<String>("which", ()).await, "the one");
    assert_eq!(ada.request_error("nowhere", ()).await.code, "unknown_event");
}

trait Repo: Send + Sync + 'static {
    type Key: serde::de::DeserializeOwned + Send + 'static;
    fn get(&self, key: Self::Key) -> String;
}

#[injectable]
struct Memory;

impl Repo for Memory {
    type Key = usize;
    fn get(&self, key: usize) -> String {
        format!("memory {key}")
    }
}

/// Generic, with bounds on the struct.
#[gateway(path = "/store")]
struct Store<R: Repo> {
    #[inject]
    repo: Arc<R>,
}

#[messages]
impl<R: Repo> Store<R> {
    #[subscribe_message("get")]
    async fn get(&self, Unchecked(key): Unchecked<R::Key>) -> String {
        self.repo.get(key)
    }
}

/// Generic, with bounds on the block alone.
#[gateway(path = "/shelf")]
struct Shelf<R> {
    #[inject]
    repo: Arc<R>,
    marker: PhantomData<R>,
}

#[messages]
impl<R> Shelf<R>
where
    R: Repo,
{
    #[subscribe_message("get")]
    async fn get(&self, key: Unchecked<R::Key>) -> String {
        self.repo.get(key.0)
    }
}

/// A generic service, and a gateway whose handlers are those of one instance.
#[injectable]
struct Cache<T> {
    kept: parking_lot::Mutex<Vec<T>>,
}

#[gateway(path = "/box")]
struct Boxed<T: Send + Sync + 'static, const N: usize = 3> {
    #[inject]
    cache: Arc<Cache<T>>,
}

#[messages]
impl Boxed<u8> {
    #[subscribe_message("keep")]
    async fn keep(&self, value: u8) -> usize {
        self.cache.kept.lock().push(value);
        self.cache.kept.lock().len()
    }
}

#[messages]
impl Boxed<String, 2> {
    #[subscribe_message("keep")]
    async fn keep_text(&self, value: String) -> String {
        self.cache.kept.lock().push(value);
        self.cache.kept.lock().concat()
    }
}

#[module(providers(Memory, Cache<u8>), gateways(Store<Memory>, Shelf<Memory>, Boxed<u8>))]
struct GenericModule;

#[tokio::test(start_paused = true)]
async fn generic_gateways_and_services() {
    let app = TestApp::of::<GenericModule>().start().await;
    for path in ["/store", "/shelf"] {
        let mut ada = app.connect(path).await;
        assert_eq!(ada.request::<String>("get", 7).await, "memory 7");
        assert_eq!(ada.request_error("get", "seven").await.code, "validation_failed");
    }
    let mut ada = app.connect("/box").await;
    assert_eq!(ada.request::<usize>("keep", 7).await, 1);
    assert_eq!(app.resolve::<Cache<u8>>().kept.lock().as_slice(), [7]);

    let texts: Boxed<String, 2> = Boxed { cache: Arc::new(Cache { kept: Default::default() }) };
    let app = TestApp::new(App::new().gateway("/texts", Gateway::of(texts)));
    let mut ada = app.connect("/texts").await;
    assert_eq!(ada.request::<String>("keep", "a").await, "a");
}

mod inside {
    pub(crate) use switchboard as real_time;
}

/// Everything is named by the crate's other name.
mod renamed {
    use super::inside::real_time as rt;
    use std::sync::Arc;

    #[rt::injectable(crate = super::inside::real_time)]
    pub(super) struct Service;

    #[rt::gateway(path = "/renamed", crate = super::inside::real_time)]
    pub(super) struct Chat {
        #[inject]
        service: Arc<Service>,
    }

    #[rt::messages(crate = super::inside::real_time)]
    impl Chat {
        #[rt::attributes::subscribe_message("count")]
        async fn count(&self) -> usize {
            Arc::strong_count(&self.service)
        }
    }

    #[rt::module(providers(Service), gateways(Chat), crate = super::inside::real_time)]
    pub(super) struct Module;
}

#[tokio::test(start_paused = true)]
async fn the_crate_under_another_name() {
    let app = TestApp::of::<renamed::Module>().start().await;
    assert_eq!(app.connect("/renamed").await.request::<usize>("count", ()).await, 2);
}
