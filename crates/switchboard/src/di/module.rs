//! [`ModuleDef`]: what belongs together, and what of it others may ask for.
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

/// A type that stands for a module. `#[module(..)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    label = "not a module",
    note = "write `#[module(..)]` on a unit struct"
)]
pub trait Module: 'static {
    /// What is in it.
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
/// What is provided in a module can be asked for inside of it, and in the modules that import it if it is exported; anywhere,
/// if the module is global. There is one instance of each type in an application.
#[must_use = "a module does nothing before an application is created of it"]
pub struct ModuleDef {
    pub(crate) name: String,
    pub(crate) place: &'static Location<'static>,
    pub(crate) imports: Vec<Import>,
    pub(crate) providers: Vec<Erased>,
    pub(crate) exports: Vec<Export>,
    pub(crate) gateways: Vec<ModuleGateway>,
    pub(crate) global: bool,
    /// What stands around every message of the application.
    pub(crate) stages: Declared,
    pub(crate) on_init: Option<ModuleHook>,
    pub(crate) on_shutdown: Option<ModuleHook>,
}

impl ModuleDef {
    /// An empty module.
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

    /// What another module exports can be asked for in this one. A module that is imported more than once is there once.
    #[track_caller]
    pub fn import<M: Module>(mut self) -> ModuleDef {
        let place = Location::caller();
        self.imports.push(Import { key: Some(TypeId::of::<M>()), place, def: Box::new(M::module) });
        self
    }

    /// [`import`](ModuleDef::import) of a module that is made of values: `.import_def(database("postgres://…"))`.
    #[track_caller]
    pub fn import_def(mut self, def: ModuleDef) -> ModuleDef {
        self.imports.push(Import { key: None, place: Location::caller(), def: Box::new(|| def) });
        self
    }

    /// Provides a type that says how it is made.
    #[track_caller]
    pub fn provide<T: Injectable>(self) -> ModuleDef {
        self.provider(T::provider())
    }

    /// Provides a type.
    #[track_caller]
    pub fn provider<T: ?Sized + Send + Sync + 'static>(mut self, provider: Provider<T>) -> ModuleDef {
        self.providers.push(provider.erase());
        self
    }

    /// Provides a value that exists already.
    #[track_caller]
    pub fn value<T: Send + Sync + 'static>(self, value: T) -> ModuleDef {
        self.provider(Provider::value(value))
    }

    /// Provides a value that is made when it is its turn: see [`Provider::value_with`].
    #[track_caller]
    pub fn value_with<T: Send + Sync + 'static>(self, value: impl FnOnce() -> T + Send + 'static) -> ModuleDef {
        self.provider(Provider::value_with(value))
    }

    /// Provides what a function of provided things returns.
    #[track_caller]
    pub fn factory<F, Args>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args>,
        F::Out: Send + Sync + 'static,
    {
        self.provider(Provider::factory(factory))
    }

    /// Provides what a function returns that may fail.
    #[track_caller]
    pub fn try_factory<F, Args, T, E>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args, Out = Result<T, E>>,
        T: Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.provider(Provider::try_factory(factory))
    }

    /// Provides what an async function returns.
    #[track_caller]
    pub fn async_factory<F, Args, T>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args>,
        F::Out: Future<Output = T> + Send + 'static,
        T: Send + Sync + 'static,
    {
        self.provider(Provider::async_factory(factory))
    }

    /// Provides what an async function returns that may fail.
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

    /// Provides what a function returns as an `Arc`: the way to provide a trait object, `Arc<dyn Repository>`.
    #[track_caller]
    pub fn shared<F, Args, T>(self, factory: F) -> ModuleDef
    where
        F: Factory<Args, Out = Arc<T>>,
        T: ?Sized + Send + Sync + 'static,
    {
        self.provider(Provider::shared(factory))
    }

    /// Mounts a gateway, which can be asked for like any other provider.
    #[track_caller]
    pub fn gateway<G: Mount>(mut self) -> ModuleDef {
        self.providers.push(G::provider().erase());
        self.gateways.push(ModuleGateway::of::<G>());
        self
    }

    /// Lets the modules that import this one ask for `T`; or, if `T` is an imported module, for all that this exports.
    #[track_caller]
    pub fn export<T: ?Sized + 'static>(mut self) -> ModuleDef {
        let (type_id, name) = (TypeId::of::<T>(), type_name::<T>());
        self.exports.push(Export { type_id, name, place: Location::caller() });
        self
    }

    /// What is exported can be asked for in every module.
    pub fn global(mut self) -> ModuleDef {
        self.global = true;
        self
    }

    /// Puts a guard in front of every gateway of the application, whichever module mounts it: see [`App::guard`](crate::App::guard).
    /// Those of imported modules come first.
    pub fn app_guard<G: Send + Sync + 'static>(mut self, guard: impl IntoGuard<G>) -> ModuleDef {
        self.stages.guards.push(guard.into_guard().stage());
        self
    }

    /// Puts an interceptor around every handler of the application: see [`App::interceptor`](crate::App::interceptor).
    pub fn app_interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> ModuleDef {
        self.stages.interceptors.push(interceptor.into().stage());
        self
    }

    /// Puts a pipe in front of every payload of the application: see [`App::pipe`](crate::App::pipe).
    pub fn app_pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> ModuleDef {
        self.stages.pipes.push(pipe.into().stage());
        self
    }

    /// Asks a filter about the errors of all gateways of the application: see [`App::filter`](crate::App::filter).
    pub fn app_filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> ModuleDef {
        self.stages.filters.push(filter.into().stage());
        self
    }

    /// Runs once everything is made, after the hooks of all providers and imported modules.
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

    /// Runs when the application shuts down, after the connections are gone, before the hooks of providers and imported modules.
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
