//! What somebody asks the container for.
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

/// What a service, a gateway or a factory may ask for: `Arc<T>` of anything that is provided, `Option<Arc<T>>` of what may be,
/// and handles: [`Server`], `Server<N>`, [`Namespaces`], [`Handle`], [`Container`]; and [`Client`], where there is one a connection or a message.
///
/// Implement it for a handle of your own: a type that is made of provided ones.
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
    /// Declares what is asked for, so that boot can tell what is missing.
    fn wants(wanted: &mut Wanted);

    /// Takes it. Called when all that was declared is there.
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

/// It does not keep the application: a service with it goes with that, and then there is nothing left to end.
impl FromContainer for Handle {
    fn wants(_: &mut Wanted) {}

    fn from_container(container: &Container) -> Result<Handle, NotProvided> {
        Ok(container.handle())
    }
}

/// The container of the application: in it there are no services of a connection or a message.
///
/// It keeps nothing of what it gives: a service with it goes with its application.
impl FromContainer for Container {
    fn wants(_: &mut Wanted) {}

    fn from_container(container: &Container) -> Result<Container, NotProvided> {
        Ok(container.whole())
    }
}

/// The client that a service of a connection, or of a message, belongs to.
impl FromContainer for Client {
    fn wants(wanted: &mut Wanted) {
        wanted.push::<Client>(Strength::Client);
    }

    fn from_container(container: &Container) -> Result<Client, NotProvided> {
        container.client()
    }
}

/// What one [`FromContainer`] type asks for.
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

    /// A provider of `T`, which boot insists on.
    pub fn provider<T: ?Sized + 'static>(&mut self) {
        self.push::<T>(Strength::Required);
    }

    /// A provider of `T`, if there is one.
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
    /// Asked for once everything is made, so that it makes no cycle: a parameter of a handler or a hook.
    Late,
    /// Not asked for: a field that is made by `Default`. Its type is the field's, not what is in an `Arc`.
    Default,
    /// The client of a connection, which needs no provider.
    Client,
}

/// When it is asked for, which says how long it has to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Whenever the one who asks is made.
    Making,
    /// When the application starts.
    Starting,
    /// When a gateway is put together: what serves all of its clients.
    Mounting,
    /// While a client is served, by a handler or a hook.
    Serving,
}

#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) type_id: TypeId,
    /// `Arc` of it.
    pub(crate) shared_type: TypeId,
    pub(crate) name: &'static str,
    /// The field, or whose parameter it is; "" where it has no name.
    pub(crate) label: Cow<'static, str>,
    pub(crate) place: &'static Location<'static>,
    pub(crate) strength: Strength,
    pub(crate) when: When,
}

impl Dependency {
    /// `who` asks for this.
    pub(crate) fn asked_by(&self, who: &str) -> String {
        let name = short_name(self.name);
        match &*self.label {
            "" => format!("{who} asks for {name}"),
            label => format!("{who} ({label}) asks for {name}"),
        }
    }

    /// `who`, that lives long, asks for what lives short: `there` is the scope of what is asked for.
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

/// What is asked for once everything is made.
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
    /// A stage, or a struct whose handlers are in a gateway.
    pub(crate) fn dependency(&self, label: &'static str) -> Dependency {
        Dependency {
            type_id: self.type_id,
            // It is made from a type that says how it is provided, and so never sought under another.
            shared_type: self.type_id,
            name: self.name,
            label: Cow::Borrowed(label),
            place: self.place,
            strength: Strength::Late,
            when: When::Mounting,
        }
    }
}

/// What a struct asks for, field by field.
#[derive(Debug, Default)]
pub struct Dependencies {
    pub(crate) list: Vec<Dependency>,
}

impl Dependencies {
    /// A field that the container gives.
    #[track_caller]
    pub fn inject<T: FromContainer>(&mut self, field: &'static str) -> Injected<T> {
        T::wants(&mut Wanted::new(&mut self.list, format!("`{field}`").into(), Location::caller()));
        Injected { take: T::from_container }
    }

    /// A field that is made by `Default`. Boot refuses a `T` or an `Arc<T>` here where `T` is provided: an
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

/// How one field is made, once everything that it asks for is there.
pub struct Injected<T> {
    take: fn(&Container) -> Result<T, NotProvided>,
}

impl<T> Injected<T> {
    /// The field's value.
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
    /// Makes it.
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
