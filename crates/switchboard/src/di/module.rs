//! [`ModuleDef`]: providers and gateways that belong together, and which of them other modules may use.
use super::provider::{BoxError, BoxFuture, Erased};
use super::{Container, Factory, Injectable, Provider};
use crate::gateway::{ModuleGateway, Mount};
use crate::handler::{IntoError, IntoOutcome};
use crate::pipeline::{Declared, Filter, FilterDef, Interceptor, InterceptorDef, IntoGuard, Pipe, PipeDef};
use serde_json::Value;
use std::any::{TypeId, type_name};
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

/// A type that represents a module. `#[module(..)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    label = "not a module",
    note = "write `#[module(..)]` on a unit struct"
)]
pub trait Module: 'static {
    /// Returns the definition of the module.
    fn module() -> ModuleDef;
}

pub(crate) type ModuleHook = Box<dyn FnOnce(Container) -> BoxFuture<Result<(), BoxError>> + Send>;

pub(crate) struct Import {
    pub(crate) key: Option<TypeId>,
    pub(crate) place: &'static Location<'static>,
    pub(crate) def: Box<dyn FnOnce() -> ModuleDef + Send>,
}

pub(crate) struct Export {
    pub(crate) type_id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) place: &'static Location<'static>,
}

/// Providers and gateways that belong together.
///
/// A provided type can be used inside its module and, if exported, in the modules that import it; in every module if
/// its module is global. An application has one instance of each type of
/// [`Scope::Application`](super::Scope::Application).
#[must_use = "a module does nothing before an application is created of it"]
pub struct ModuleDef {
    pub(crate) name: String,
    pub(crate) place: &'static Location<'static>,
    pub(crate) imports: Vec<Import>,
    pub(crate) providers: Vec<Erased>,
    pub(crate) exports: Vec<Export>,
    pub(crate) gateways: Vec<ModuleGateway>,
    pub(crate) global: bool,
    /// The guards, interceptors, pipes and filters of every message of the application.
    pub(crate) stages: Declared,
    pub(crate) on_init: Option<ModuleHook>,
    pub(crate) on_shutdown: Option<ModuleHook>,
}

impl ModuleDef {
    /// Returns an empty module.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> ModuleDef {
        ModuleDef {
            name: name.into(),
            place: Location::caller(),
            imports: Vec::new(),
            providers: Vec::new(),
            exports: Vec::new(),
            gateways: Vec::new(),
            global: false,
            stages: Declared::default(),
            on_init: None,
            on_shutdown: None,
        }
    }

    /// Imports another module: what it exports can be used in this one. A module that is imported several times exists
    /// once.
    #[track_caller]
    pub fn import<M: Module>(mut self) -> ModuleDef {
        let place = Location::caller();
        self.imports.push(Import { key: Some(TypeId::of::<M>()), place, def: Box::new(M::module) });
        self
    }

    /// Imports a module that is built from values: `.import_def(database("postgres://…"))`. Otherwise like
    /// [`import`](ModuleDef::import).
    #[track_caller]
    pub fn import_def(mut self, def: ModuleDef) -> ModuleDef {
        self.imports.push(Import { key: None, place: Location::caller(), def: Box::new(|| def) });
        self
    }

    /// Provides a type that implements [`Injectable`].
    #[track_caller]
    pub fn provide<T: Injectable>(self) -> ModuleDef {
        self.provider(T::provider())
    }

    /// Provides a type by a [`Provider`].
    #[track_caller]
    pub fn provider<T: ?Sized + Send + Sync + 'static>(mut self, provider: Provider<T>) -> ModuleDef {
        self.providers.push(provider.erase());
        self
    }

    /// Provides a value that already exists.
    #[track_caller]
    pub fn value<T: Send + Sync + 'static>(self, value: T) -> ModuleDef {
        self.provider(Provider::value(value))
    }

    /// Provides a value that is created in the order of dependencies: see [`Provider::value_with`].
    #[track_caller]
    pub fn value_with<T: Send + Sync + 'static>(self, value: impl FnOnce() -> T + Send + 'static) -> ModuleDef {
        self.provider(Provider::value_with(value))
    }

    /// Provides the result of a function whose parameters are resolved from the container.
    #[track_caller]
    pub fn factory<F, Args>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args>,
        F::Out: Send + Sync + 'static,
    {
        self.provider(Provider::factory(factory))
    }

    /// Provides the result of a function that may fail.
    #[track_caller]
    pub fn try_factory<F, Args, T, E>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args, Out = Result<T, E>>,
        T: Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.provider(Provider::try_factory(factory))
    }

    /// Provides the result of an async function.
    #[track_caller]
    pub fn async_factory<F, Args, T>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args>,
        F::Out: Future<Output = T> + Send + 'static,
        T: Send + Sync + 'static,
    {
        self.provider(Provider::async_factory(factory))
    }

    /// Provides the result of an async function that may fail.
    #[track_caller]
    pub fn try_async_factory<F, Args, T, E>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args>,
        F::Out: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.provider(Provider::try_async_factory(factory))
    }

    /// Provides the `Arc` that a function returns. Use it for a trait object, `Arc<dyn Repository>`.
    #[track_caller]
    pub fn shared<F, Args, T>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args, Out = Arc<T>>,
        T: ?Sized + Send + Sync + 'static,
    {
        self.provider(Provider::shared(factory))
    }

    /// Mounts a gateway. It can be resolved like any other service.
    #[track_caller]
    pub fn gateway<G: Mount>(mut self) -> ModuleDef {
        self.providers.push(G::provider().erase());
        self.gateways.push(ModuleGateway::of::<G>());
        self
    }

    /// Exports `T` to the modules that import this one; or, if `T` is an imported module, everything that `T` exports.
    #[track_caller]
    pub fn export<T: ?Sized + 'static>(mut self) -> ModuleDef {
        let (type_id, name) = (TypeId::of::<T>(), type_name::<T>());
        self.exports.push(Export { type_id, name, place: Location::caller() });
        self
    }

    /// Makes the module global: its exports can be used in every module.
    pub fn global(mut self) -> ModuleDef {
        self.global = true;
        self
    }

    /// Adds a guard to every gateway of the application, in whatever module: see [`App::guard`](crate::App::guard). The
    /// guards of imported modules run first.
    pub fn app_guard<G: Send + Sync + 'static>(mut self, guard: impl IntoGuard<G>) -> ModuleDef {
        self.stages.guards.push(guard.into_guard().stage());
        self
    }

    /// Wraps an interceptor around every handler of the application: see [`App::interceptor`](crate::App::interceptor).
    pub fn app_interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> ModuleDef {
        self.stages.interceptors.push(interceptor.into().stage());
        self
    }

    /// Runs a pipe on every payload of the application: see [`App::pipe`](crate::App::pipe).
    pub fn app_pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> ModuleDef {
        self.stages.pipes.push(pipe.into().stage());
        self
    }

    /// Adds a filter that handles the errors of all gateways of the application: see
    /// [`App::filter`](crate::App::filter).
    pub fn app_filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> ModuleDef {
        self.stages.filters.push(filter.into().stage());
        self
    }

    /// Sets a hook that runs once everything is created, after the init hooks of all providers and imported modules.
    pub fn on_init<F, Fut>(mut self, hook: F) -> ModuleDef
    where
        F: FnOnce(Container) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoOutcome,
        <Fut::Output as IntoOutcome>::Err: IntoError,
    {
        self.on_init = Some(boxed(hook));
        self
    }

    /// Sets a hook that runs when the application shuts down: after all connections have ended, before the shutdown
    /// hooks of providers and imported modules.
    pub fn on_shutdown<F, Fut>(mut self, hook: F) -> ModuleDef
    where
        F: FnOnce(Container) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoOutcome,
        <Fut::Output as IntoOutcome>::Err: IntoError,
    {
        self.on_shutdown = Some(boxed(hook));
        self
    }
}

fn boxed<F, Fut>(hook: F) -> ModuleHook
where
    F: FnOnce(Container) -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: IntoOutcome,
    <Fut::Output as IntoOutcome>::Err: IntoError,
{
    Box::new(move |container| {
        let future = hook(container);
        Box::pin(async move { future.await.into_outcome().map_err(|error| error.into_error().into()) })
    })
}

impl fmt::Debug for ModuleDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleDef")
            .field("name", &self.name)
            .field("place", &format_args!("{}", self.place))
            .finish_non_exhaustive()
    }
}
