//! Providers that a test puts in the place of others.
use std::sync::Arc;
use switchboard::di::Provider;
use switchboard::testing::TestApp;
use switchboard::{App, Server, gateway, injectable, messages, module};

trait Repo: Send + Sync {
    fn name(&self) -> String;
}

struct Real;
impl Repo for Real {
    fn name(&self) -> String {
        "real".into()
    }
}

struct Fake(String);
impl Repo for Fake {
    fn name(&self) -> String {
        self.0.clone()
    }
}

struct Clock {
    now: u64,
}

#[injectable(on_init = open)]
struct Service {
    #[inject]
    clock: Arc<Clock>,
    #[inject]
    repo: Arc<dyn Repo>,
    label: String,
}

impl Service {
    async fn open(&self) {
        assert_eq!(self.label, "", "the hook of what is replaced does not run");
    }
}

#[gateway]
struct Desk {
    #[inject]
    service: Arc<Service>,
}

#[messages]
impl Desk {
    #[subscribe_message("tell")]
    async fn tell(&self) -> (u64, String, String) {
        (self.service.clock.now, self.service.repo.name(), self.service.label.clone())
    }
}

#[module(
    providers(async_factory(|| async { Clock { now: 1 } }), shared(|| -> Arc<dyn Repo> { Arc::new(Real) })),
    exports(Clock, dyn Repo),
)]
struct DataModule;

#[module(imports(DataModule), providers(Service), gateways(Desk))]
struct DeskModule;

async fn told(app: TestApp) -> (u64, String, String) {
    app.connect("/ws").await.request("tell", ()).await
}

#[tokio::test(start_paused = true)]
async fn values_providers_and_trait_objects() {
    assert_eq!(told(TestApp::of::<DeskModule>().start().await).await, (1, "real".into(), "".into()));

    let app = TestApp::of::<DeskModule>()
        .override_value(Clock { now: 2 })
        .override_provider(Provider::shared(|clock: Arc<Clock>, server: Server| -> Arc<dyn Repo> {
            Arc::new(Fake(format!("fake at {}, {} clients", clock.now, server.local().client_count())))
        }))
        .start()
        .await;
    assert_eq!(told(app).await, (2, "fake at 2, 0 clients".into(), "".into()));

    // The last one counts; what it asks for is its own.
    let replaced = Provider::factory(|repo: Arc<dyn Repo>| Service {
        clock: Arc::new(Clock { now: 4 }),
        repo,
        label: "replaced".into(),
    });
    let app = TestApp::of::<DeskModule>().override_value(Clock { now: 3 }).override_provider(replaced);
    assert_eq!(told(app.start().await).await, (4, "real".into(), "replaced".into()));
}

#[tokio::test]
async fn the_gateway_itself() {
    let service = Arc::new(Service { clock: Arc::new(Clock { now: 5 }), repo: Arc::new(Real), label: "own".into() });
    let app = TestApp::of::<DeskModule>().override_value(Desk { service }).start().await;
    assert_eq!(told(app).await, (5, "real".into(), "own".into()));
}

#[tokio::test]
async fn an_override_that_replaces_nothing() {
    let boot = App::boot::<DeskModule>().override_value(7u8).override_value(Clock { now: 2 });
    let error = boot.create().await.err().unwrap();
    assert_eq!(error.problems().len(), 1);
    let text = error.to_string();
    assert!(text.contains("the override of u8 replaces nothing: nobody provides it"), "{text}");
    assert!(text.contains("tests/attributes/overrides.rs:"), "{text}");
}
