//! [`Boot`]: creates what a module describes, initialises it and, later, shuts it down.
use super::Provider;
use super::analysis::Plan;
use super::container::Container;
use super::module::{Module, ModuleDef, ModuleHook};
use super::provider::{BoxError, Erased, Make};
use super::scope::{Scope, Scoped};
use crate::contain::drop_contained;
use crate::hub::Handle;
use crate::problem::Problem;
use crate::{Error, log};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// The interval at which the log says what boot is waiting for.
const STILL: Duration = Duration::from_secs(5);

/// An application that is being created: a module, and the providers that are replaced in it.
///
/// ```
/// # use switchboard::{App, BootError, di::{Module, ModuleDef}};
/// # struct Config { name: String }
/// # struct ChatModule;
/// # impl Module for ChatModule { fn module() -> ModuleDef { ModuleDef::new("Chat").value(Config { name: String::new() }) } }
/// # async fn run() -> Result<(), BootError> {
/// let app = App::boot::<ChatModule>().override_value(Config { name: "test".into() }).create().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is made before `create`"]
pub struct Boot {
    root: ModuleDef,
    /// The type of the root module, if it has one; modules may import it.
    key: Option<TypeId>,
    overrides: Vec<Erased>,
    patience: Duration,
}

impl Boot {
    /// The default of [`Boot::patience`].
    pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

    /// Returns the boot of a module and all that it imports.
    pub fn of<M: Module>() -> Boot {
        Boot { key: Some(TypeId::of::<M>()), ..Boot::of_def(M::module()) }
    }

    /// Returns the boot of a module that is built from values.
    pub fn of_def(root: ModuleDef) -> Boot {
        Boot { root, key: None, overrides: Vec::new(), patience: Boot::PATIENCE }
    }

    /// Replaces a provider, in whatever module it is, by a value. For tests.
    #[track_caller]
    pub fn override_value<T: Send + Sync + 'static>(self, value: T) -> Boot {
        self.override_provider(Provider::value(value))
    }

    /// Replaces a provider by another one of the same type.
    pub fn override_provider<T: ?Sized + Send + Sync + 'static>(mut self, provider: Provider<T>) -> Boot {
        self.overrides.push(provider.erase());
        self
    }

    /// Sets how long one provider may take to be created, and one hook to run. Default: one minute.
    pub fn patience(mut self, patience: Duration) -> Boot {
        self.patience = patience;
        self
    }

    /// Returns what is to be created, with all problems, and how long each part may take.
    pub(crate) fn plan(self) -> (Plan, Duration) {
        (Plan::of(self.root, self.key, self.overrides), self.patience)
    }
}

/// Returns the container of a plan's application. It already has what every application provides, but no services yet.
pub(crate) fn container(plan: &mut Plan, application: &Handle) -> Container {
    let scoped = take_scoped(plan);
    let single = plan.providers.iter().filter(|planned| planned.provider.scope == Scope::Application);
    let types = single.map(|planned| planned.provider.type_id);
    let given = plan.given();
    let types = types.chain(given.iter().map(|given| given.type_id));
    let container = Container::new(types, scoped, application.inside());
    for given in given {
        container.keep(given.type_id, (given.make)(application));
    }
    container
}

/// Takes the providers of connection and message scope, which create nothing at boot.
fn take_scoped(plan: &mut Plan) -> HashMap<TypeId, Scoped> {
    let scoped = plan.providers.iter_mut().map(|planned| &mut planned.provider);
    let scoped = scoped.filter(|provider| provider.scope != Scope::Application);
    let makers = scoped.filter_map(|provider| match provider.make.take()? {
        Make::Again(make) => Some((provider.type_id, Scoped { scope: provider.scope, make })),
        // It was reported as a problem before.
        Make::Once(_) => None,
    });
    makers.collect()
}

/// Creates the services. If one fails, those that depend on it are neither created nor reported.
pub(crate) async fn make_all(plan: &mut Plan, booting: &mut Booting) -> Vec<Problem> {
    let teardown = &mut booting.teardown;
    let (container, patience) = (teardown.container.kept(), teardown.patience);
    let mut problems = Vec::new();
    for (nth, at) in plan.order.clone().into_iter().enumerate() {
        if plan.asked_for(at).any(|(other, _)| !container.has(plan.providers[other].provider.type_id)) {
            continue;
        }
        let provider = &mut plan.providers[at].provider;
        let Some(make) = provider.make.take() else { continue };
        let what = format!("{} ({})", provider.name, provider.how);
        let given = container.kept();
        match run_hook(&what, patience, move || make.once(given)).await {
            Ok(instance) => {
                container.keep(provider.type_id, instance);
                if provider.on_init.is_none() {
                    teardown.keep(nth, provider);
                }
            }
            Err(why) => problems.push(Problem::new(format!("{what} cannot be made: {why}"), &[provider.place])),
        }
    }
    problems
}

/// Runs the init hooks: of each provider after those of its dependencies, then of each module after those of its
/// imports.
pub(crate) async fn init_all(plan: &mut Plan, booting: &mut Booting) -> Result<(), Problem> {
    let teardown = &mut booting.teardown;
    let (container, patience) = (teardown.container.kept(), teardown.patience);
    for (nth, at) in plan.order.clone().into_iter().enumerate() {
        let provider = &mut plan.providers[at].provider;
        let what = format!("the init hook of {}", provider.name);
        if let Some(hook) = provider.on_init.take() {
            let result = run_hook(&what, patience, || {
                let future = hook(&container);
                async move { if let Some(future) = future { future.await } else { Ok(()) } }
            });
            result.await.map_err(|why| Problem::new(format!("{what} failed: {why}"), &[provider.place]))?;
            teardown.keep(nth, provider);
        }
    }
    for (nth, module) in plan.modules.iter_mut().enumerate() {
        if let Some(hook) = module.on_init.take() {
            let what = format!("the init hook of {}", module.name);
            let result = run_hook(&what, patience, || hook(container.clone()));
            result.await.map_err(|why| Problem::new(format!("{what} failed: {why}"), &[module.place]))?;
        }
        if let Some(hook) = module.on_shutdown.take() {
            let what = format!("the shutdown hook of {}", module.name);
            teardown.hooks.push(ShutdownHook { nth: plan.order.len() + nth, what, run: hook });
        }
    }
    Ok(())
}

/// Runs code of the application: a panic becomes an error, as does exceeding `patience`. The log says what is waited
/// for.
pub(crate) async fn run_hook<T, Fut>(what: &str, patience: Duration, start: impl FnOnce() -> Fut) -> Result<T, String>
where
    Fut: Future<Output = Result<T, BoxError>>,
{
    let mut future = match catch_unwind(AssertUnwindSafe(|| Box::pin(start()))) {
        Ok(future) => future,
        Err(panic) => return Err(panicked(panic)),
    };
    let ended = wait_for(what, patience, future.as_mut()).await;
    // Dropping the future, or formatting its error, also runs the application's code, which may panic.
    let text = AssertUnwindSafe(move || {
        drop(future);
        ended.map_err(|why| match why {
            Failure::Error(error) => chain(&*error),
            Failure::Text(text) => text,
        })
    });
    catch_unwind(text).unwrap_or_else(|panic| Err(panicked(panic)))
}

/// Returns the text of the error for a panic.
fn panicked(panic: Box<dyn Any + Send>) -> String {
    let text = format!("it panicked: {}", log::panic_text(&*panic));
    drop_contained(panic);
    text
}

enum Failure {
    Error(BoxError),
    Text(String),
}

async fn wait_for<T, Fut>(what: &str, patience: Duration, mut future: Pin<&mut Fut>) -> Result<T, Failure>
where
    Fut: Future<Output = Result<T, BoxError>>,
{
    let mut contained = std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(Failure::Error)),
        Err(panic) => Poll::Ready(Err(Failure::Text(panicked(panic)))),
    });
    let started = Instant::now();
    loop {
        let left = patience.saturating_sub(started.elapsed());
        match tokio::time::timeout(left.min(STILL), &mut contained).await {
            Ok(Ok(value)) => {
                // Code that blocks its thread cannot be interrupted.
                if started.elapsed() > patience {
                    tracing::warn!("{what} took {:?}, and blocked its thread meanwhile", started.elapsed());
                }
                return Ok(value);
            }
            Ok(Err(why)) => return Err(why),
            Err(_) if left <= STILL => return Err(Failure::Text(format!("it did not end within {patience:?}"))),
            Err(_) => tracing::info!("still waiting for {what}, for {} s now", started.elapsed().as_secs()),
        }
    }
}

/// Returns an error with its causes. For an internal error only the causes are of use, not the message for clients.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<Error>().filter(|error| error.is_internal()) {
        let causes = error.source_chain();
        if !causes.is_empty() {
            return causes;
        }
    }
    switchboard_core::causes(error)
}

/// What a boot has created so far. It is shut down if boot fails or is dropped.
pub(crate) struct Booting {
    teardown: Teardown,
}

impl Booting {
    pub(crate) fn new(container: &Container, patience: Duration) -> Booting {
        Booting { teardown: Teardown { container: container.kept(), hooks: Vec::new(), patience } }
    }

    /// Returns the shutdown hooks, if there are any.
    pub(crate) fn succeed(mut self) -> Option<Teardown> {
        self.take()
    }

    fn take(&mut self) -> Option<Teardown> {
        let (container, patience) = (self.teardown.container.kept(), self.teardown.patience);
        let hooks = std::mem::take(&mut self.teardown.hooks);
        (!hooks.is_empty()).then(|| Teardown { container, hooks, patience })
    }

    /// Runs the shutdown hooks in a task of their own, so that they complete even if this future is dropped.
    pub(crate) async fn undo(mut self) {
        if let Some(teardown) = self.take() {
            // The task contains panics, so it cannot fail.
            let _ = tokio::spawn(teardown.run_all()).await;
        }
    }
}

impl Drop for Booting {
    fn drop(&mut self) {
        // Outside a runtime the hooks cannot be awaited; dropping `teardown` then logs that they do not run.
        if let Some(teardown) = self.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(teardown.run_all());
        }
    }
}

/// The shutdown hooks of an application. They run in the reverse order of creation and initialisation.
pub(crate) struct Teardown {
    container: Container,
    hooks: Vec<ShutdownHook>,
    patience: Duration,
}

struct ShutdownHook {
    /// Its position in the order of creation.
    nth: usize,
    what: String,
    run: ModuleHook,
}

/// The time that the hooks have together, even if the shutdown's deadline is earlier.
const AT_LEAST: Duration = Duration::from_secs(5);
/// The time that each hook has, even if earlier hooks used up the rest.
const EACH_AT_LEAST: Duration = Duration::from_secs(1);

impl Teardown {
    fn keep(&mut self, nth: usize, provider: &mut Erased) {
        let Some(hook) = provider.on_shutdown.take() else { return };
        let run = move |container: Container| match hook(&container) {
            Some(future) => future,
            None => Box::pin(std::future::ready(Ok(()))),
        };
        self.hooks.push(ShutdownHook {
            nth,
            what: format!("the shutdown hook of {}", provider.name),
            run: Box::new(run),
        });
    }

    /// Runs the hooks after a failed boot.
    async fn run_all(self) {
        let now = Instant::now();
        let deadline = now.checked_add(self.patience).unwrap_or(now);
        self.run(deadline).await;
    }

    /// Runs the hooks, until the deadline or a little longer. Returns how many hooks failed; the log says which.
    pub(crate) async fn run(mut self, deadline: Instant) -> u64 {
        let deadline = deadline.max(Instant::now() + AT_LEAST);
        self.hooks.sort_by_key(|hook| hook.nth);
        let mut failed = 0;
        while let Some(ShutdownHook { what, run, .. }) = self.hooks.pop() {
            let left = deadline.saturating_duration_since(Instant::now()).max(EACH_AT_LEAST);
            let container = self.container.clone();
            if let Err(why) = run_hook(&what, self.patience.min(left), || run(container)).await {
                tracing::error!("{what} failed: {why}");
                failed += 1;
            }
        }
        failed
    }
}

impl Drop for Teardown {
    fn drop(&mut self) {
        if !self.hooks.is_empty() {
            let names: Vec<&str> = self.hooks.iter().map(|hook| hook.what.as_str()).collect();
            tracing::warn!("the application is dropped without a shutdown; these do not run: {}", names.join(", "));
        }
    }
}

impl fmt::Debug for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Boot").field("module", &self.root.name).finish_non_exhaustive()
    }
}
