//! [`Provider`]: how a service is created, and its hooks for the start and the shutdown of the application.
use super::container::{Container, Instance};
use super::dependency::{Dependencies, Dependency, Wanted};
use super::scope::Scope;
use super::{Factory, NotProvided, ScopedFactory};
use crate::handler::{IntoError, IntoOutcome};
use crate::text::short_name;
use std::any::{TypeId, type_name};
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type MakeOnce<R> = Box<dyn FnOnce(Container) -> BoxFuture<Result<R, BoxError>> + Send>;
pub(crate) type MakeAgain<R> = Arc<dyn Fn(&Container) -> Result<R, BoxError> + Send + Sync>;
type Hook<T> = Box<dyn FnOnce(Arc<T>) -> BoxFuture<Result<(), BoxError>> + Send>;

/// A type that knows how it is created. `#[injectable]` and `#[gateway]` implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is made",
    label = "not an injectable type",
    note = "write `#[injectable]` on the struct, or provide it as `value(..)` or by `factory(..)`"
)]
pub trait Injectable: Sized + Send + Sync + 'static {
    /// Returns its provider.
    fn provider() -> Provider<Self>;
}

/// Creates a service.
pub(crate) enum Make<R> {
    /// Called once: it gives away what it captured, or is async.
    Once(MakeOnce<R>),
    /// Called for each connection or message: it is synchronous.
    Again(MakeAgain<R>),
}

impl<R: Send + 'static> Make<R> {
    fn map<Q: Send + 'static>(self, convert: fn(R) -> Q) -> Make<Q> {
        match self {
            Make::Once(make) => Make::Once(Box::new(move |container| {
                let made = make(container);
                Box::pin(async move { made.await.map(convert) })
            })),
            Make::Again(make) => Make::Again(Arc::new(move |container| make(container).map(convert))),
        }
    }

    /// Creates the instance of the application.
    pub(crate) fn once(self, container: Container) -> BoxFuture<Result<R, BoxError>> {
        match self {
            Make::Once(make) => make(container),
            Make::Again(make) => ready(make(&container)),
        }
    }
}

/// How a service is created: once, at boot, after its dependencies; or, if it has another [`Scope`], once for each
/// client or each message, when it is first resolved.
#[must_use = "a provider provides nothing before it is in a module"]
pub struct Provider<T: ?Sized> {
    dependencies: Vec<Dependency>,
    place: &'static Location<'static>,
    how: &'static str,
    scope: Scope,
    make: Make<Arc<T>>,
    on_init: Option<Hook<T>>,
    on_shutdown: Option<Hook<T>>,
    to_be_mounted: bool,
}

impl<T: ?Sized + Send + Sync + 'static> Provider<T> {
    #[track_caller]
    fn new(how: &'static str, dependencies: Vec<Dependency>, make: Make<Arc<T>>) -> Provider<T> {
        let place = Location::caller();
        Provider {
            dependencies,
            place,
            how,
            scope: Scope::Application,
            make,
            on_init: None,
            on_shutdown: None,
            to_be_mounted: false,
        }
    }

    #[track_caller]
    fn calling<F, Args>(
        how: &'static str,
        factory: F,
        make: impl FnOnce(F::Out) -> BoxFuture<Result<Arc<T>, BoxError>> + Send + 'static,
    ) -> Provider<T>
    where
        F: Factory<Args>,
    {
        let mut dependencies = Vec::new();
        F::wants(&mut Wanted::new(&mut dependencies, "".into(), Location::caller()));
        let make = move |container: Container| match factory.call(&container) {
            Ok(out) => make(out),
            Err(missing) => ready(Err(missing.into())),
        };
        Provider::new(how, dependencies, Make::Once(Box::new(make)))
    }

    #[track_caller]
    fn calling_again<F, Args>(
        scope: Scope,
        factory: F,
        make: impl Fn(F::Out) -> Result<Arc<T>, BoxError> + Send + Sync + 'static,
    ) -> Provider<T>
    where
        F: ScopedFactory<Args>,
    {
        let mut dependencies = Vec::new();
        F::wants(&mut Wanted::new(&mut dependencies, "".into(), Location::caller()));
        let make = move |container: &Container| make(factory.call_again(container)?);
        Provider { scope, ..Provider::new("factory", dependencies, Make::Again(Arc::new(make))) }
    }

    /// Provides the `Arc` that a function returns. Use it for a trait object, `Arc<dyn Repository>`.
    #[track_caller]
    pub fn shared<F, Args>(factory: F) -> Provider<T>
    where
        F: Factory<Args, Out = Arc<T>>,
    {
        Provider::calling("factory", factory, |made| ready(Ok(made)))
    }

    /// Like [`scoped`](Provider::scoped), with a function that returns an `Arc`. Use it for a trait object.
    #[track_caller]
    pub fn scoped_shared<F, Args>(scope: Scope, factory: F) -> Provider<T>
    where
        F: ScopedFactory<Args, Out = Arc<T>>,
    {
        Provider::calling_again(scope, factory, Ok)
    }

    /// Sets the scope to [`Scope::Connection`]: one instance for each client, created when a handler or a hook of that
    /// client first resolves it, and dropped after the connection has ended and the on-disconnect hook has run.
    ///
    /// It may depend on services of the application, on others of connection scope, and on the
    /// [`Client`](crate::Client). Handlers and hooks take it as [`Inject<T>`](crate::Inject); services that live longer
    /// cannot depend on it. If its factory fails or panics, the message is answered with `internal`, and the next
    /// message tries again. If two handlers of one client resolve it at the same moment, it may be created twice; both
    /// then get the first instance that was stored.
    ///
    /// Use it with [`fields`](Provider::fields); for a function, use [`scoped`](Provider::scoped).
    pub fn connection_scoped(mut self) -> Provider<T> {
        self.scope = Scope::Connection;
        self
    }

    /// Sets the scope to [`Scope::Message`]: one instance for each message, created when it is first resolved, and
    /// dropped with its last owner. Otherwise like [`connection_scoped`](Provider::connection_scoped); it may also
    /// depend on other services of message scope.
    pub fn message_scoped(mut self) -> Provider<T> {
        self.scope = Scope::Message;
        self
    }

    /// Sets a hook that runs once everything is created, after the init hooks of its dependencies. An error keeps the
    /// application from starting.
    pub fn on_init<F, Fut>(mut self, hook: F) -> Provider<T>
    where
        F: FnOnce(Arc<T>) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoOutcome,
        <Fut::Output as IntoOutcome>::Err: IntoError,
    {
        self.on_init = Some(boxed(hook));
        self
    }

    /// Sets a hook that runs when the application shuts down: after all connections have ended, before the shutdown
    /// hooks of its dependencies. An error is logged.
    pub fn on_shutdown<F, Fut>(mut self, hook: F) -> Provider<T>
    where
        F: FnOnce(Arc<T>) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoOutcome,
        <Fut::Output as IntoOutcome>::Err: IntoError,
    {
        self.on_shutdown = Some(boxed(hook));
        self
    }

    /// Marks the provided type as a gateway: boot refuses a module that provides it and does not mount it.
    pub fn to_be_mounted(mut self) -> Provider<T> {
        self.to_be_mounted = true;
        self
    }

    pub(crate) fn is_gateway(&self) -> bool {
        self.to_be_mounted
    }

    #[track_caller]
    pub(crate) fn erase(self) -> Erased {
        let hook = |hook: Hook<T>| -> ErasedHook { Box::new(move |container| container.resolve::<T>().ok().map(hook)) };
        Erased {
            type_id: TypeId::of::<T>(),
            shared_type: TypeId::of::<Arc<T>>(),
            field_types: [TypeId::of::<T>(), TypeId::of::<Arc<T>>(), TypeId::of::<Option<Arc<T>>>()],
            full_name: type_name::<T>(),
            name: short_name(type_name::<T>()),
            how: self.how,
            maker: self.how,
            scope: self.scope,
            place: self.place,
            listed: Location::caller(),
            to_be_mounted: self.to_be_mounted,
            dependencies: self.dependencies,
            make: Some(self.make.map(|made| Box::new(made) as Instance)),
            on_init: self.on_init.map(hook),
            on_shutdown: self.on_shutdown.map(hook),
        }
    }
}

impl<T: Send + Sync + 'static> Provider<T> {
    /// Provides a struct, field by field. `plan` declares the fields and returns a function that creates the struct,
    /// once for each instance of its [`Scope`].
    ///
    /// ```
    /// use switchboard::{Server, di::Provider};
    /// struct Announcer { server: Server, sent: std::sync::atomic::AtomicU64 }
    /// let provider = Provider::fields(|fields| {
    ///     let server = fields.inject::<Server>("server");
    ///     move |container| Ok(Announcer { server: server.get(container)?, sent: Default::default() })
    /// });
    /// # let _ = provider;
    /// ```
    #[track_caller]
    pub fn fields<M>(plan: impl FnOnce(&mut Dependencies) -> M) -> Provider<T>
    where
        M: Fn(&Container) -> Result<T, NotProvided> + Send + Sync + 'static,
    {
        let mut dependencies = Dependencies::default();
        let make = plan(&mut dependencies);
        let make = move |container: &Container| make(container).map(Arc::new).map_err(BoxError::from);
        Provider::new("struct", dependencies.list, Make::Again(Arc::new(make)))
    }

    /// Provides a value that already exists.
    #[track_caller]
    pub fn value(value: T) -> Provider<T> {
        Provider::new("value", Vec::new(), Make::Once(Box::new(move |_| ready(Ok(Arc::new(value))))))
    }

    /// Provides a value that is created in the order of dependencies, and not at all if it is overridden. `value(expr)`
    /// in `#[module]` expands to this.
    #[track_caller]
    pub fn value_with(value: impl FnOnce() -> T + Send + 'static) -> Provider<T> {
        Provider::new("value", Vec::new(), Make::Once(Box::new(move |_| ready(Ok(Arc::new(value()))))))
    }

    /// Provides the result of a function.
    #[track_caller]
    pub fn factory<F, Args>(factory: F) -> Provider<T>
    where
        F: Factory<Args, Out = T>,
    {
        Provider::calling("factory", factory, |made| ready(Ok(Arc::new(made))))
    }

    /// Provides the result of a function that may fail; an error keeps the application from starting.
    #[track_caller]
    pub fn try_factory<F, Args, E>(factory: F) -> Provider<T>
    where
        F: Factory<Args, Out = Result<T, E>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Provider::calling("factory", factory, |made: Result<T, E>| ready(made.map(Arc::new).map_err(Into::into)))
    }

    /// Provides the result of a function, called once for each client or each message: see
    /// [`connection_scoped`](Provider::connection_scoped).
    ///
    /// ```
    /// use switchboard::Client;
    /// use switchboard::di::{Provider, Scope};
    /// struct Cart { of: Client, items: std::sync::Mutex<Vec<u64>> }
    /// let cart = Provider::scoped(Scope::Connection, |of: Client| Cart { of, items: Default::default() });
    /// # let _ = cart;
    /// ```
    #[track_caller]
    pub fn scoped<F, Args>(scope: Scope, factory: F) -> Provider<T>
    where
        F: ScopedFactory<Args, Out = T>,
    {
        Provider::calling_again(scope, factory, |made| Ok(Arc::new(made)))
    }

    /// Provides the result of a function that may fail, called once for each client or each message. If it fails, the
    /// message is answered with `internal`, and the cause is logged.
    #[track_caller]
    pub fn try_scoped<F, Args, E>(scope: Scope, factory: F) -> Provider<T>
    where
        F: ScopedFactory<Args, Out = Result<T, E>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Provider::calling_again(scope, factory, |made: Result<T, E>| made.map(Arc::new).map_err(Into::into))
    }

    /// Provides the result of an async function. Boot waits for it, for at most
    /// [`Boot::patience`](super::Boot::patience).
    #[track_caller]
    pub fn async_factory<F, Args>(factory: F) -> Provider<T>
    where
        F: Factory<Args>,
        F::Out: Future<Output = T> + Send + 'static,
    {
        Provider::calling("async factory", factory, |made| Box::pin(async move { Ok(Arc::new(made.await)) }))
    }

    /// Provides the result of an async function that may fail.
    #[track_caller]
    pub fn try_async_factory<F, Args, E>(factory: F) -> Provider<T>
    where
        F: Factory<Args>,
        F::Out: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Provider::calling("async factory", factory, |made| {
            Box::pin(async move { made.await.map(Arc::new).map_err(Into::into) })
        })
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<T> {
    Box::pin(std::future::ready(value))
}

fn boxed<T, F, Fut>(hook: F) -> Hook<T>
where
    T: ?Sized + Send + Sync + 'static,
    F: FnOnce(Arc<T>) -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: IntoOutcome,
    <Fut::Output as IntoOutcome>::Err: IntoError,
{
    Box::new(move |this| {
        let future = hook(this);
        Box::pin(async move { future.await.into_outcome().map_err(|error| error.into_error().into()) })
    })
}

pub(crate) type ErasedHook = Box<dyn FnOnce(&Container) -> Option<BoxFuture<Result<(), BoxError>>> + Send>;

/// A provider, with its type erased.
pub(crate) struct Erased {
    pub(crate) type_id: TypeId,
    /// The type `Arc<T>`.
    pub(crate) shared_type: TypeId,
    /// The types of fields that hold it: `T`, `Arc<T>`, `Option<Arc<T>>`.
    pub(crate) field_types: [TypeId; 3],
    pub(crate) full_name: &'static str,
    pub(crate) name: String,
    pub(crate) how: &'static str,
    /// As `how`, but not replaced by "override".
    pub(crate) maker: &'static str,
    pub(crate) scope: Scope,
    pub(crate) place: &'static Location<'static>,
    /// Where a module lists the provider.
    pub(crate) listed: &'static Location<'static>,
    pub(crate) to_be_mounted: bool,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) make: Option<Make<Instance>>,
    pub(crate) on_init: Option<ErasedHook>,
    pub(crate) on_shutdown: Option<ErasedHook>,
}

impl Erased {
    /// Replaces everything but where the provider is listed and whether it must be mounted.
    pub(crate) fn replace(&mut self, by: Erased) {
        *self = Erased { listed: self.listed, to_be_mounted: self.to_be_mounted, how: "override", ..by };
    }
}

impl<T: ?Sized> fmt::Debug for Provider<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("of", &short_name(type_name::<T>()))
            .field("how", &self.how)
            .field("scope", &self.scope)
            .field("place", &format_args!("{}", self.place))
            .finish_non_exhaustive()
    }
}
