//! What an application made is dropped with it.
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use switchboard::di::{Container, ModuleDef, Provider};
use switchboard::testing::TestApp;
use switchboard::{App, Handle, Inject, Server, gateway, messages};

/// Counts the services that live.
#[derive(Clone, Default)]
pub(crate) struct Living(Arc<()>);

impl Living {
    pub(crate) fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

struct Service {
    _living: Living,
    _server: Server,
    _shared: Arc<Server>,
    kept: Mutex<Option<Handle>>,
}

#[gateway]
struct Chat {
    #[inject]
    service: Arc<Service>,
}

#[messages]
impl Chat {
    #[after_init]
    async fn ready(&self, container: Container) {
        drop(container);
    }

    #[subscribe_message("keep")]
    async fn keep(&self, service: Inject<Service>, container: Container) {
        *service.kept.lock() = Some(container.handle());
    }

    #[subscribe_message("end")]
    async fn end(&self, container: Container) {
        let _ = &self.service;
        tokio::spawn(async move { container.handle().shutdown().await });
    }
}

fn module(living: &Living) -> ModuleDef {
    let living = living.clone();
    let service = Provider::factory(move |server, shared| Service {
        _living: living,
        _server: server,
        _shared: shared,
        kept: Mutex::default(),
    });
    // A hook keeps what it is of.
    ModuleDef::new("Drops").provider(service.on_shutdown(|_| async {})).gateway::<Chat>().on_shutdown(|_| async {})
}

async fn app(living: &Living) -> App {
    let app = App::boot_def(module(living)).create().await.unwrap();
    // One in the service; the module's closure is gone.
    assert_eq!(living.count(), 1);
    app
}

#[tokio::test(start_paused = true)]
async fn an_application_frees_its_services() {
    let living = Living::default();
    drop(app(&living).await);
    assert_eq!(living.count(), 0, "dropped before it was used");

    let router = app(&living).await.into_router().unwrap();
    assert_eq!(living.count(), 1);
    drop(router);
    assert_eq!(living.count(), 0, "dropped as a router");

    let app_under_test = TestApp::new(app(&living).await);
    let ada = app_under_test.connect("/ws").await;
    ada.close().await;
    app_under_test.expect_empty().await;
    drop(app_under_test);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(living.count(), 0, "dropped after it was used");

    let app_under_test = TestApp::new(app(&living).await);
    app_under_test.shutdown().await;
    drop(app_under_test);
    assert_eq!(living.count(), 0, "dropped after a shutdown");

    let bound = app(&living).await.signals(false).bind("127.0.0.1:0").await.unwrap();
    drop(bound);
    assert_eq!(living.count(), 0, "dropped while bound");
}

#[tokio::test(start_paused = true)]
async fn what_fails_to_start_is_dropped() {
    let living = Living::default();
    let failing = module(&living).on_init(|_| async { Err(switchboard::Error::internal("no")) });
    assert!(App::boot_def(failing).create().await.is_err());
    assert_eq!(living.count(), 0);
    let failing = module(&living).try_factory(|| Err::<u8, _>("no"));
    assert!(App::boot_def(failing).create().await.is_err());
    assert_eq!(living.count(), 0);
}

/// A handle that the application has given keeps what its hooks close; one that a service has does not.
#[tokio::test(start_paused = true)]
async fn what_the_hooks_close_lives_with_a_handle_from_outside_until_the_shutdown() {
    let living = Living::default();
    let app_under_test = TestApp::new(app(&living).await);
    let handle = app_under_test.handle();
    let mut ada = app_under_test.connect("/ws").await;
    ada.request::<()>("keep", ()).await;
    ada.close().await;
    app_under_test.expect_empty().await;
    drop(app_under_test);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(living.count(), 1);
    handle.shutdown().await;
    drop(handle);
    assert_eq!(living.count(), 0);
}

/// A handle that a handler takes ends the application that serves it, though nobody else has one.
#[tokio::test(start_paused = true)]
async fn a_router_can_be_shut_down_from_inside() {
    let living = Living::default();
    let ended = Arc::new(Mutex::new(false));
    let note = ended.clone();
    let module = module(&living).on_shutdown(move |_| async move { *note.lock() = true });
    let router = App::boot_def(module).create().await.unwrap().into_router().unwrap();
    let app = TestApp::new(App::new().mount(router));
    let mut ada = app.connect("/ws").await;
    ada.send("end", ()).await;
    ada.expect_close(1001).await;
    app.advance(Duration::from_secs(1)).await;
    assert!(*ended.lock());
}

/// A container that outlives its application says so, and its handle has nothing to end.
#[tokio::test(start_paused = true)]
async fn a_container_may_outlive_its_application() {
    let living = Living::default();
    let kept: Arc<Mutex<Option<Container>>> = Arc::default();
    let keep = kept.clone();
    let module = module(&living).on_init(move |container| async move { *keep.lock() = Some(container) });
    drop(App::boot_def(module).create().await.unwrap());
    let container = kept.lock().take().unwrap();
    assert_eq!(living.count(), 0, "it keeps nothing");
    let missing = container.resolve::<Service>().err().unwrap().to_string();
    assert!(missing.contains("is gone, and so is its application"), "{missing}");
    assert_eq!(container.server::<switchboard::Root>().local().client_count(), 0);
    assert_eq!(container.handle().shutdown().await.aborted, 0);
}
