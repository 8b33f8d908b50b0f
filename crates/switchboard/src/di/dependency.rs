//! The dependencies of services, gateways and factories.
use super::scope::Scope;
use super::{Container, NotProvided};
use crate::hub::Client;
use crate::hub::Handle;
use crate::hub::Namespaces;
use crate::hub::Server;
use crate::namespace::Namespace;
use crate::pipeline::Implicit;
use crate::text::short_name;
use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// A type that a service, a gateway or a factory may depend on: `Arc<T>` of a provided type, `Option<Arc<T>>` of one
/// that may be provided, and handles: [`Server`], `Server<N>`, [`Namespaces`], [`Handle`], [`Container`]; and
/// [`Client`], in services of connection or message scope.
///
/// Implement it for a handle of your own, a type that is made of provided ones.
/// ```
/// use std::sync::Arc;
/// use switchboard::di::{Container, FromContainer, NotProvided, Wanted};
/// struct Pool;
/// struct Users(Arc<Pool>);
/// impl FromContainer for Users {
///     fn wants(wanted: &mut Wanted) {
///         wanted.provider::<Pool>();
///     }
///     fn from_container(container: &Container) -> Result<Users, NotProvided> {
///         Ok(Users(container.resolve()?))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected",
    label = "nothing that the container gives",
    note = "ask for `Arc<T>` of a provider, `Option<Arc<T>>`, or a handle such as `Server`; a field without `#[inject]` is made by \
            `Default`"
)]
pub trait FromContainer: Sized + Send + Sync + 'static {
    /// Declares the dependencies, so that a missing one is reported at boot.
    fn wants(wanted: &mut Wanted);

    /// Creates the value. Called when everything that was declared exists.
    fn from_container(container: &Container) -> Result<Self, NotProvided>;
}

impl<T: ?Sized + Send + Sync + 'static> FromContainer for Arc<T> {
    fn wants(wanted: &mut Wanted) {
        wanted.provider::<T>();
    }

    fn from_container(container: &Container) -> Result<Arc<T>, NotProvided> {
        container.resolve()
    }
}

impl<T: ?Sized + Send + Sync + 'static> FromContainer for Option<Arc<T>> {
    fn wants(wanted: &mut Wanted) {
        wanted.optional::<T>();
    }

    fn from_container(container: &Container) -> Result<Option<Arc<T>>, NotProvided> {
        Ok(container.resolve().ok())
    }
}

impl<N: Namespace> FromContainer for Server<N> {
    fn wants(_: &mut Wanted) {}

    fn from_container(container: &Container) -> Result<Server<N>, NotProvided> {
        Ok(container.server())
    }
}

impl FromContainer for Namespaces {
    fn wants(_: &mut Wanted) {}

    fn from_container(container: &Container) -> Result<Namespaces, NotProvided> {
        Ok(container.namespaces())
    }
}

/// It does not keep the application alive: a service with a handle is dropped with its application.
impl FromContainer for Handle {
    fn wants(_: &mut Wanted) {}

    fn from_container(container: &Container) -> Result<Handle, NotProvided> {
        Ok(container.handle())
    }
}

/// The container of the application, which resolves no services of connection or message scope.
///
/// It does not keep services alive: a service with a container is dropped with its application.
impl FromContainer for Container {
    fn wants(_: &mut Wanted) {}

    fn from_container(container: &Container) -> Result<Container, NotProvided> {
        Ok(container.whole())
    }
}

/// The client that a service of connection or message scope belongs to.
impl FromContainer for Client {
    fn wants(wanted: &mut Wanted) {
        wanted.push::<Client>(Strength::Client);
    }

    fn from_container(container: &Container) -> Result<Client, NotProvided> {
        container.client()
    }
}

/// Collects what one [`FromContainer`] type depends on.
#[derive(Debug)]
pub struct Wanted<'a> {
    list: &'a mut Vec<Dependency>,
    label: Cow<'static, str>,
    place: &'static Location<'static>,
}

impl Wanted<'_> {
    pub(crate) fn new<'a>(
        list: &'a mut Vec<Dependency>,
        label: Cow<'static, str>,
        place: &'static Location<'static>,
    ) -> Wanted<'a> {
        Wanted { list, label, place }
    }

    /// Declares a dependency on a provider of `T`. Boot fails if there is none.
    pub fn provider<T: ?Sized + 'static>(&mut self) {
        self.push::<T>(Strength::Required);
    }

    /// Declares a dependency on a provider of `T`, if there is one.
    pub fn optional<T: ?Sized + 'static>(&mut self) {
        self.push::<T>(Strength::Optional);
    }

    fn push<T: ?Sized + 'static>(&mut self, strength: Strength) {
        self.list.push(Dependency {
            type_id: TypeId::of::<T>(),
            shared_type: TypeId::of::<Arc<T>>(),
            name: type_name::<T>(),
            label: self.label.clone(),
            place: self.place,
            strength,
            when: When::Making,
        });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    Required,
    Optional,
    /// Resolved once everything is created, so it cannot be part of a cycle: a parameter of a handler or a hook.
    Late,
    /// Not resolved: a field that is made by `Default`. Its type is that of the field, not the type inside an `Arc`.
    Default,
    /// The client of a connection, which needs no provider.
    Client,
}

/// When a dependency is resolved, which determines how long it has to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// When the service that depends on it is created.
    Making,
    /// When the application starts.
    Starting,
    /// When a gateway is compiled, for use by all of its clients.
    Mounting,
    /// While a client is served, by a handler or a hook.
    Serving,
}

#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) type_id: TypeId,
    /// The type `Arc` of it.
    pub(crate) shared_type: TypeId,
    pub(crate) name: &'static str,
    /// The field, or the function that has it as a parameter; "" if it has no name.
    pub(crate) label: Cow<'static, str>,
    pub(crate) place: &'static Location<'static>,
    pub(crate) strength: Strength,
    pub(crate) when: When,
}

impl Dependency {
    /// Returns "`who` asks for this", for a problem.
    pub(crate) fn asked_by(&self, who: &str) -> String {
        let name = short_name(self.name);
        match &*self.label {
            "" => format!("{who} asks for {name}"),
            label => format!("{who} ({label}) asks for {name}"),
        }
    }

    /// Returns the problem if `who` lives longer than the dependency: `lives` is the scope of `who`, `there` that of
    /// the dependency.
    pub(crate) fn mismatched(&self, who: &str, lives: Scope, there: Scope, is_gateway: bool) -> Option<String> {
        if self.when == When::Serving || there <= lives {
            return None;
        }
        let (asks, name) = (self.asked_by(who), short_name(self.name));
        let take = if self.strength == Strength::Client { "&Client".to_owned() } else { format!("Inject<{name}>") };
        let per = format!("{asks}, of which there is one per {there}");
        let change = format!("take `{take}` as a parameter of the handler");
        Some(match (self.when, lives) {
            (When::Starting, _) => format!("{per}, and no {there} yet; {change} that needs it"),
            (When::Mounting, _) => {
                format!("{per}, while this one serves all clients; leave out the scope of {name}")
            }
            _ if is_gateway => format!("{per}, while there is one {who} for all; {change}"),
            (_, Scope::Application) => {
                format!(
                    "{per}, while there is one {who} for all; {change} (a guard or an interceptor resolves it of its call), or give {who} the scope `{there}` too"
                )
            }
            _ => {
                format!(
                    "{per}, while there is one {who} per {lives}; {change} (a guard or an interceptor resolves it of its call), or give {who} the scope `{there}` too"
                )
            }
        })
    }
}

/// Adds dependencies that are resolved once everything is created.
pub(crate) fn late<T: FromContainer>(
    list: &mut Vec<Dependency>,
    label: &'static str,
    place: &'static Location<'static>,
) {
    let before = list.len();
    T::wants(&mut Wanted::new(list, Cow::Borrowed(label), place));
    for dependency in &mut list[before..] {
        dependency.when = When::Starting;
        if dependency.strength == Strength::Required {
            dependency.strength = Strength::Late;
        }
    }
}

impl Implicit {
    /// Returns the dependency on a stage, or on a struct whose handlers a gateway includes.
    pub(crate) fn dependency(&self, label: &'static str) -> Dependency {
        Dependency {
            type_id: self.type_id,
            // Its type implements `Injectable`, so it is never looked up as an `Arc` by mistake.
            shared_type: self.type_id,
            name: self.name,
            label: Cow::Borrowed(label),
            place: self.place,
            strength: Strength::Late,
            when: When::Mounting,
        }
    }
}

/// The dependencies of a struct, field by field.
#[derive(Debug, Default)]
pub struct Dependencies {
    pub(crate) list: Vec<Dependency>,
}

impl Dependencies {
    /// Declares a field that is resolved from the container.
    #[track_caller]
    pub fn inject<T: FromContainer>(&mut self, field: &'static str) -> Injected<T> {
        T::wants(&mut Wanted::new(&mut self.list, format!("`{field}`").into(), Location::caller()));
        Injected { take: T::from_container }
    }

    /// Declares a field that is made by `Default`. Boot refuses a field of type `T` or `Arc<T>` if `T` is provided: an
    /// `#[inject]` was forgotten.
    #[track_caller]
    pub fn defaulted<T: DefaultField>(&mut self, field: &'static str) -> Injected<T> {
        self.list.push(Dependency {
            type_id: TypeId::of::<T>(),
            shared_type: TypeId::of::<Arc<T>>(),
            name: type_name::<T>(),
            label: field.into(),
            place: Location::caller(),
            strength: Strength::Default,
            when: When::Making,
        });
        Injected { take: |_| Ok(T::make()) }
    }
}

/// Creates one field, once all of its dependencies exist.
pub struct Injected<T> {
    take: fn(&Container) -> Result<T, NotProvided>,
}

impl<T> Injected<T> {
    /// Returns the field's value.
    pub fn get(&self, container: &Container) -> Result<T, NotProvided> {
        (self.take)(container)
    }
}

/// A field without `#[inject]`: any type with a `Default`.
#[diagnostic::on_unimplemented(
    message = "this field of type `{Self}` is neither injected nor has it a `Default`",
    label = "who shall make this?",
    note = "write `#[inject]` in front of the field if the container gives it; otherwise it is made by `Default`"
)]
pub trait DefaultField: 'static {
    /// Creates the value.
    fn make() -> Self;
}
#[diagnostic::do_not_recommend]
impl<T: Default + 'static> DefaultField for T {
    fn make() -> T {
        T::default()
    }
}

impl<T> fmt::Debug for Injected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injected").field("of", &short_name(type_name::<T>())).finish_non_exhaustive()
    }
}
