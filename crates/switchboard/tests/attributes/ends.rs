//! Each handle that a service may keep, in each end of its application: the service goes with it.
use crate::drops::Living;
use parking_lot::Mutex;
use std::any::Any;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use switchboard::axum::Router;
use switchboard::di::{Container, FromContainer, ModuleDef, NotProvided, Provider, Scope, Wanted};
use switchboard::testing::TestApp;
use switchboard::{App, BootError, Client, Error, Handle, Inject, Namespace, Namespaces, Server, gateway, messages};
use switchboard_rig::Rig;

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

/// A service that keeps something, and is counted.
struct Holds<T> {
    _held: T,
    _living: Living,
}

trait Named: Send + Sync {}
struct Config;
impl Named for Config {}

/// Several at once, in a type of its own.
struct Own {
    _container: Container,
    _handle: Handle,
    _server: Server,
}

impl FromContainer for Own {
    fn wants(_: &mut Wanted) {}
    fn from_container(container: &Container) -> Result<Own, NotProvided> {
        // As a person may write it, who has a reference and needs a value.
        let own = container.clone();
        Ok(Own { _handle: own.handle(), _server: own.server(), _container: own })
    }
}

/// What hooks and handlers leave in a service.
struct Shelf {
    kept: Mutex<Vec<Box<dyn Any + Send + Sync>>>,
    _living: Living,
}

impl Shelf {
    fn keep(&self, container: &Container) {
        let mut kept = self.kept.lock();
        kept.push(Box::new(container.clone()));
        kept.push(Box::new(container.handle()));
        kept.push(Box::new(container.server::<Admin>()));
        kept.push(Box::new(container.namespaces()));
    }
}

#[gateway(path = "/ws")]
struct Chat {
    #[inject]
    shelf: Arc<Shelf>,
    #[inject]
    _container: Container,
    #[inject]
    _handle: Handle,
}

#[messages]
impl Chat {
    #[after_init]
    async fn ready(&self, container: Container, handle: Handle) {
        self.shelf.keep(&container);
        self.shelf.kept.lock().push(Box::new(handle));
    }
    #[on_connect]
    async fn came(&self, container: Container) {
        self.shelf.keep(&container);
    }
    #[on_disconnect]
    async fn left(&self, container: Container) {
        self.shelf.keep(&container);
    }
    #[subscribe_message("keep")]
    async fn keep(&self, shelf: Inject<Shelf>, container: Container, visit: Inject<Visit>) {
        self.shelf.keep(&container);
        visit.kept.lock().replace(container);
        let shelf = Inject::into_inner(shelf);
        self.shelf.kept.lock().push(Box::new(Arc::downgrade(&shelf)));
    }
}

/// One per client.
struct Visit {
    _client: Client,
    _handle: Handle,
    kept: Mutex<Option<Container>>,
    _living: Living,
}

fn module(living: &Living) -> ModuleDef {
    fn holding<T: FromContainer>(module: ModuleDef, living: &Living) -> ModuleDef {
        let (made, fields) = (living.clone(), living.clone());
        let by_factory = Provider::factory(move |held: T| Holds { _held: held, _living: made });
        let by_fields = Provider::fields(move |asked| {
            let held = asked.inject::<T>("held");
            move |container| Ok(Arc::new(Holds { _held: held.get(container)?, _living: fields.clone() }))
        });
        module
            .provider(by_factory.on_init(|_| async {}).on_shutdown(|_| async {}))
            .provider(by_fields.on_init(|_| async {}).on_shutdown(|_| async {}))
    }
    let (shelf, visit) = (living.clone(), living.clone());
    let module = ModuleDef::new("Ends")
        .value(Config)
        .provider(Provider::shared(|config: Arc<Config>| config as Arc<dyn Named>))
        .provider(Provider::value(Shelf { kept: Mutex::default(), _living: shelf }).on_shutdown(|_| async {}))
        .provider(Provider::scoped(Scope::Connection, move |client: Client, handle: Handle, container: Container| {
            Visit { _client: client, _handle: handle, kept: Mutex::new(Some(container)), _living: visit.clone() }
        }))
        .on_init(|container| async move {
            container.resolve::<Shelf>()?.keep(&container);
            Ok::<(), Error>(())
        })
        .on_shutdown(|container| async move {
            container.resolve::<Shelf>()?.keep(&container);
            Ok::<(), Error>(())
        })
        .gateway::<Chat>();
    let holding: [fn(ModuleDef, &Living) -> ModuleDef; 8] = [
        holding::<Server>,
        holding::<Server<Admin>>,
        holding::<Namespaces>,
        holding::<Handle>,
        holding::<Container>,
        holding::<Option<Arc<Config>>>,
        holding::<Arc<dyn Named>>,
        holding::<Own>,
    ];
    holding.into_iter().fold(module, |module, holding| holding(module, living))
}

/// Those of `module`, without clients.
const SERVICES: usize = 8 * 2 + 1;

async fn app(living: &Living) -> App {
    let app = App::boot_def(module(living)).create().await.unwrap();
    // Makers of what is made again and again are counted too.
    assert!(living.count() >= SERVICES);
    app
}

/// What runs in tasks has its time.
async fn gone(living: &Living, end: &str) {
    for _ in 0..500 {
        if living.count() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{end}: {} services are left", living.count());
}

#[tokio::test]
async fn an_app_or_a_router_that_is_dropped() {
    let living = Living::default();
    drop(app(&living).await);
    gone(&living, "never mounted").await;

    drop(app(&living).await.into_router().unwrap());
    gone(&living, "a router that served nobody").await;

    let within = App::new().mount(app(&living).await.into_router().unwrap());
    drop(Router::<()>::from(within));
    gone(&living, "a router inside of another").await;

    let app_under_test = TestApp::new(app(&living).await);
    let mut ada = app_under_test.connect("/ws").await;
    ada.request::<()>("keep", ()).await;
    ada.close().await;
    drop(app_under_test);
    gone(&living, "a router whose client had left").await;

    let app_under_test = TestApp::new(app(&living).await);
    let mut ada = app_under_test.connect("/ws").await;
    ada.request::<()>("keep", ()).await;
    drop(app_under_test);
    assert!(living.count() >= SERVICES, "somebody is served");
    ada.close().await;
    gone(&living, "a router whose client leaves later").await;

    let mut unbuilt = app(&living).await;
    unbuilt = unbuilt.prefix("no prefix {");
    assert!(unbuilt.into_router().is_err());
    gone(&living, "a router that is not built").await;
}

#[tokio::test]
async fn an_application_that_is_shut_down() {
    let living = Living::default();
    let unmounted = app(&living).await;
    unmounted.handle().shutdown().await;
    drop(unmounted);
    gone(&living, "before it was mounted").await;

    let app_under_test = TestApp::new(app(&living).await);
    let mut ada = app_under_test.connect("/ws").await;
    ada.request::<()>("keep", ()).await;
    app_under_test.shutdown().await;
    drop((app_under_test, ada));
    gone(&living, "with a client").await;

    let app_under_test = TestApp::new(app(&living).await);
    let handle = app_under_test.handle();
    drop(app_under_test);
    assert!(living.count() >= SERVICES, "a handle that the application gave keeps what the hooks close");
    handle.shutdown().await;
    gone(&living, "by a handle that was left").await;
}

#[tokio::test]
async fn an_application_that_listens() {
    let living = Living::default();
    drop(app(&living).await.bind("127.0.0.1:0").await.unwrap());
    gone(&living, "bound, and not served").await;

    for cut_off in [false, true] {
        let bound = app(&living).await.signals(false).bind("127.0.0.1:0").await.unwrap();
        let (address, handle) = (bound.local_addr(), bound.handle());
        let serving = tokio::spawn(bound.serve());
        let mut client = Rig::elsewhere(address).connect().await;
        client.request(r#"{"event":"keep","id":1}"#).await;
        if cut_off {
            serving.abort();
            drop(client);
        } else {
            handle.shutdown().await;
            serving.await.unwrap();
        }
        drop(handle);
        gone(&living, "served").await;
    }

    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert!(app(&living).await.listen(taken.local_addr().unwrap()).await.is_err());
    gone(&living, "an address that cannot be had").await;
}

/// Polls once, and drops it.
async fn cut_off<T>(future: impl Future<Output = T>) {
    let mut future = pin!(future);
    poll_fn(|cx| {
        assert!(Pin::new(&mut future).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_boot_that_fails_or_is_cut_off() {
    let living = Living::default();
    for end in ["init", "factory", "after init", "cut off in a hook", "cut off in a factory", "panic"] {
        let module = module(&living);
        let module = match end {
            "init" => module.on_init(|_| async { Err(Error::internal("no")) }),
            "factory" => module.try_factory(|_: Arc<Shelf>| Err::<u8, _>("no")),
            "panic" => module.factory(|_: Arc<Shelf>| -> u8 { panic!("on purpose") }),
            "cut off in a hook" => module.on_init(|_| std::future::pending::<()>()),
            "cut off in a factory" => module.async_factory(|_: Arc<Shelf>| std::future::pending::<u8>()),
            _ => module.gateway::<Broken>(),
        };
        match end {
            "cut off in a hook" | "cut off in a factory" => cut_off(App::boot_def(module).create()).await,
            _ => assert!(App::boot_def(module).create().await.is_err(), "{end}"),
        }
        gone(&living, end).await;
    }
}

#[gateway(path = "/broken")]
struct Broken;

#[messages]
impl Broken {
    #[after_init]
    async fn ready(&self) -> Result<(), Error> {
        Err(Error::internal("no topic"))
    }
}

#[test]
fn a_runtime_that_ends() {
    let living = Living::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bound = app(&living).await.signals(false).bind("127.0.0.1:0").await.unwrap();
        let address = bound.local_addr();
        tokio::spawn(bound.serve());
        drop(Rig::elsewhere(address).connect().await);
    });
    drop(runtime);
    assert_eq!(living.count(), 0, "nobody has anything of it");
}

/// A service that asks by a container when it needs to: while the application is there it is answered, and then told so.
#[tokio::test]
async fn an_injected_container_answers_as_long_as_there_is_an_application() {
    let living = Living::default();
    let app = app(&living).await;
    let lazy = app.resolve::<Holds<Container>>().unwrap();
    assert!(lazy._held.resolve::<Shelf>().is_ok());
    let router = app.into_router().unwrap();
    assert!(lazy._held.resolve::<Shelf>().is_ok(), "its routes are the application");
    drop(router);
    let missing = lazy._held.resolve::<Shelf>().err().unwrap();
    assert!(missing.to_string().contains("Shelf is gone, and so is its application"), "{missing}");
    let error: BootError = missing.into();
    assert_eq!(error.problems().len(), 1);
    assert_eq!(lazy._held.server::<Admin>().local().client_count(), 0);
    assert_eq!(lazy._held.handle().shutdown().await.aborted, 0);
}
