//! Services of which there is one per client, or one per message.
mod graph;
mod lifetimes;
mod makers;
mod problems;

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchboard::di::{Injectable, Module, ModuleDef, Provider, Scope};
use switchboard::testing::TestApp;
use switchboard::{App, Client, Inject, gateway, messages};

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

struct Slow(usize);

struct Endless;

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
