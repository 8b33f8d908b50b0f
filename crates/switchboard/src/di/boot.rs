//! [`Boot`]: what a module describes is made, initialised and, later, shut down.
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

/// After this long, and then again and again, the log says who is waited for.
const STILL: Duration = Duration::from_secs(5);

/// An application in the making: a module, and what is replaced in it.
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
    /// The root's type, if it has one: a module may import it.
    key: Option<TypeId>,
    overrides: Vec<Erased>,
    patience: Duration,
}

impl Boot {
    /// How long a provider may take to be made, or a hook to run, unless [`Boot::patience`] says otherwise.
    pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

    /// Of a module and all that it imports.
    pub fn of<M: Module>() -> Boot {
        Boot { key: Some(TypeId::of::<M>()), ..Boot::of_def(M::module()) }
    }

    /// Of a module that is made of values.
    pub fn of_def(root: ModuleDef) -> Boot {
        Boot { root, key: None, overrides: Vec::new(), patience: Boot::PATIENCE }
    }

    /// Puts a value in the place of a provider, wherever that is: for tests.
    #[track_caller]
    pub fn override_value<T: Send + Sync + 'static>(self, value: T) -> Boot {
        self.override_provider(Provider::value(value))
    }

    /// Puts another provider of the same type in the place of one.
    pub fn override_provider<T: ?Sized + Send + Sync + 'static>(mut self, provider: Provider<T>) -> Boot {
        self.overrides.push(provider.erase());
        self
    }

    /// How long one provider may take to be made, and one hook to run. Default: a minute.
    pub fn patience(mut self, patience: Duration) -> Boot {
        self.patience = patience;
        self
    }

    /// What is to be made, with everything that is wrong with it, and how long each part may take.
    pub(crate) fn plan(self) -> (Plan, Duration) {
        (Plan::of(self.root, self.key, self.overrides), self.patience)
    }
}

/// The container of a plan's application; of what it will have, what every application provides is in it.
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

/// What is not made at boot.
fn take_scoped(plan: &mut Plan) -> HashMap<TypeId, Scoped> {
    let scoped = plan.providers.iter_mut().map(|planned| &mut planned.provider);
    let scoped = scoped.filter(|provider| provider.scope != Scope::Application);
    let makers = scoped.filter_map(|provider| match provider.make.take()? {
        Make::Again(make) => Some((provider.type_id, Scoped { scope: provider.scope, make })),
        // That is told before.
        Make::Once(_) => None,
    });
    makers.collect()
}

/// Makes the providers; what asks for one that has failed is not made, nor told.
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

/// Runs the init hooks: of providers behind those that they ask for, then of modules behind those that they import.
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

/// Runs code of the application: a panic is an error, and so is a wait without end. The log tells who is waited for.
pub(crate) async fn run_hook<T, Fut>(what: &str, patience: Duration, start: impl FnOnce() -> Fut) -> Result<T, String>
where
    Fut: Future<Output = Result<T, BoxError>>,
{
    let mut future = match catch_unwind(AssertUnwindSafe(|| Box::pin(start()))) {
        Ok(future) => future,
        Err(panic) => return Err(panicked(panic)),
    };
    let ended = wait_for(what, patience, future.as_mut()).await;
    // Dropping it, or the text of its error, is code of the application too.
    let text = AssertUnwindSafe(move || {
        drop(future);
        ended.map_err(|why| match why {
            Failure::Error(error) => chain(&*error),
            Failure::Text(text) => text,
        })
    });
    catch_unwind(text).unwrap_or_else(|panic| Err(panicked(panic)))
}

/// What is told of a panic.
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
                // Code that blocks its thread cannot be cut off.
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

/// An error with its causes. What a client would be told of an internal one says nothing here.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<Error>().filter(|error| error.is_internal()) {
        let causes = error.source_chain();
        if !causes.is_empty() {
            return causes;
        }
    }
    switchboard_core::causes(error)
}

/// What a boot has made so far. Where it fails, or is cut off, that is shut down.
pub(crate) struct Booting {
    teardown: Teardown,
}

impl Booting {
    pub(crate) fn new(container: &Container, patience: Duration) -> Booting {
        Booting { teardown: Teardown { container: container.kept(), hooks: Vec::new(), patience } }
    }

    /// The shutdown hooks, where there are any.
    pub(crate) fn succeed(mut self) -> Option<Teardown> {
        self.take()
    }

    fn take(&mut self) -> Option<Teardown> {
        let (container, patience) = (self.teardown.container.kept(), self.teardown.patience);
        let hooks = std::mem::take(&mut self.teardown.hooks);
        (!hooks.is_empty()).then(|| Teardown { container, hooks, patience })
    }

    /// Runs the shutdown hooks, to their end though nobody may wait for it any more.
    pub(crate) async fn undo(mut self) {
        if let Some(teardown) = self.take() {
            // It is contained, and cannot fail.
            let _ = tokio::spawn(teardown.run_all()).await;
        }
    }
}

impl Drop for Booting {
    fn drop(&mut self) {
        // Without a runtime nothing can be awaited; then it is said that they do not run.
        if let Some(teardown) = self.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(teardown.run_all());
        }
    }
}

/// The shutdown hooks of an application. What is made, or initialised, later is shut down earlier.
pub(crate) struct Teardown {
    container: Container,
    hooks: Vec<ShutdownHook>,
    patience: Duration,
}

struct ShutdownHook {
    /// Its place in the order in which everything was made.
    nth: usize,
    what: String,
    run: ModuleHook,
}

/// What the hooks have together, however short the shutdown's patience is.
const AT_LEAST: Duration = Duration::from_secs(5);
/// What each hook has, however much those before it used up.
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

    /// Runs the hooks after a boot that failed.
    async fn run_all(self) {
        let now = Instant::now();
        let deadline = now.checked_add(self.patience).unwrap_or(now);
        self.run(deadline).await;
    }

    /// Runs the hooks, until the deadline or a little longer. Returns how many did not end well; the log says which.
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
