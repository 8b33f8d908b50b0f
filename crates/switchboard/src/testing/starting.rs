//! [`Starting`]: a module under test, and the providers that the test replaces.
use super::TestApp;
use super::capture::Capturing;
use super::failure::Failure;
use super::logs::Logs;
use crate::di::{Boot, Module, Provider};
use crate::{App, BootError};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

/// The application of a module, before it is started for a test.
///
/// ```
/// # use std::sync::Arc;
/// # use switchboard::{gateway, messages, module, testing::TestApp};
/// struct Clock { now: fn() -> u64 }
///
/// #[gateway(path = "/ws")]
/// struct Time { #[inject] clock: Arc<Clock> }
///
/// #[messages]
/// impl Time {
///     #[subscribe_message("now")]
///     async fn now(&self) -> u64 { (self.clock.now)() }
/// }
///
/// #[module(providers(value(Clock { now: || 42 })), gateways(Time))]
/// struct TimeModule;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = TestApp::of::<TimeModule>().override_value(Clock { now: || 7 }).start().await;
/// let mut ada = app.connect("/ws").await;
/// assert_eq!(ada.request::<u64>("now", ()).await, 7);
/// # }
/// ```
#[must_use = "nothing is made before `start` or `listen`"]
pub struct Starting {
    boot: Boot,
    settings: Vec<Box<dyn FnOnce(App) -> App>>,
    place: &'static Location<'static>,
    logs: Logs,
    capturing: Capturing,
}

impl TestApp {
    /// Begins with the application of a module, parts of which can be replaced. The log is captured from here on.
    #[track_caller]
    pub fn of<M: Module>() -> Starting {
        let (logs, capturing) = super::app::capture();
        Starting { boot: Boot::of::<M>(), settings: Vec::new(), place: Location::caller(), logs, capturing }
    }
}

impl Starting {
    /// Replaces a provider, in whichever module it is, with a value.
    #[track_caller]
    pub fn override_value<T: Send + Sync + 'static>(self, value: T) -> Starting {
        self.override_provider(Provider::value(value))
    }

    /// Replaces a provider with another one of the same type.
    pub fn override_provider<T: ?Sized + Send + Sync + 'static>(mut self, provider: Provider<T>) -> Starting {
        self.boot = self.boot.override_provider(provider);
        self
    }

    /// Sets how long one provider may take to be made, and one hook to run: see [`Boot::patience`].
    pub fn boot_patience(mut self, patience: Duration) -> Starting {
        self.boot = self.boot.patience(patience);
        self
    }

    /// Changes the application before it is served: `.with(|app| app.limits(..).mount(routes))`.
    pub fn with(mut self, change: impl FnOnce(App) -> App + 'static) -> Starting {
        self.settings.push(Box::new(change));
        self
    }

    /// Starts the application in memory: see [`TestApp::new`].
    ///
    /// # Panics
    /// If the application has boot problems; the message lists all of them.
    #[track_caller]
    pub fn start(self) -> impl Future<Output = TestApp> {
        let place = Location::caller();
        async move {
            let logs = self.logs.clone();
            self.try_start().await.unwrap_or_else(|error| Failure { place, logs: &logs }.fail(error))
        }
    }

    /// Starts the application in memory. Errors: all boot problems.
    pub async fn try_start(self) -> Result<TestApp, BootError> {
        let app = self.settings.into_iter().fold(self.boot.create().await?, |app, change| change(app));
        TestApp::memory(app, self.logs, self.capturing)
    }

    /// Starts the application with real sockets: see [`TestApp::listen`].
    ///
    /// # Panics
    /// If the application has boot problems (the message lists all of them), if there is no free port, or if the clock
    /// is paused.
    pub async fn listen(self) -> TestApp {
        let failure = Failure { place: self.place, logs: &self.logs };
        let app = self.boot.create().await.unwrap_or_else(|error| failure.fail(error));
        let app = self.settings.into_iter().fold(app, |app, change| change(app));
        TestApp::socket(app, self.place, self.logs, self.capturing).await
    }
}

impl fmt::Debug for Starting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starting").field("boot", &self.boot).finish_non_exhaustive()
    }
}
