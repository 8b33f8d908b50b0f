//! Gateways that a module mounts.
use super::include;
use super::include::{Included, IncludedNote};
use super::{CompiledGateway, Gateway, Given, InitHook, Site};
use crate::di::{Container, Dependency, Injectable, NotProvided};
use crate::namespace::Marker;
use crate::pipeline::Implicit;
use crate::problem::Problem;
use crate::text::short_name;
use std::any::{TypeId, type_name};
use std::marker::PhantomData;
use std::panic::Location;

/// A struct whose handlers `#[messages]` lists.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no messages",
    label = "this gateway handles nothing",
    note = "write `#[messages]` on its `impl` block, with `#[subscribe_message(\"..\")]` on the handlers"
)]
pub trait Messages: Send + Sync + Sized + 'static {
    /// Registers the handlers and hooks.
    fn messages(gateway: Gateway<Self>) -> Gateway<Self>;

    /// Like [`messages`](Messages::messages), with the settings of [`Mount::settings`], for [`Gateway::of`].
    /// `#[messages]` implements it, so that a struct with guards keeps them when it is mounted by hand.
    fn settled(gateway: Gateway<Self>) -> Gateway<Self> {
        Self::messages(gateway)
    }
}

/// Finds out whether there are settings: `(&&SettingsProbe::<Self>::new()).__switchboard_settings(gateway)` resolves to
/// [`HasSettings`] or [`NoSettings`].
#[allow(missing_debug_implementations, reason = "only expansions name it")]
pub struct SettingsProbe<G>(PhantomData<fn() -> G>);

impl<G> SettingsProbe<G> {
    /// Returns a probe.
    #[allow(clippy::new_without_default, reason = "a probe is not a value")]
    pub fn new() -> SettingsProbe<G> {
        SettingsProbe(PhantomData)
    }
}

/// See [`SettingsProbe`].
pub trait HasSettings {
    /// The struct.
    type Gateway;
    /// Returns the gateway with its settings.
    fn __switchboard_settings(&self, gateway: Gateway<Self::Gateway>) -> Gateway<Self::Gateway>;
}
impl<G: Mount> HasSettings for &SettingsProbe<G> {
    type Gateway = G;

    fn __switchboard_settings(&self, gateway: Gateway<G>) -> Gateway<G> {
        G::settings(gateway)
    }
}

/// See [`SettingsProbe`].
pub trait NoSettings {
    /// The struct.
    type Gateway;
    /// Returns the gateway unchanged.
    fn __switchboard_settings(&self, gateway: Gateway<Self::Gateway>) -> Gateway<Self::Gateway>;
}
impl<G> NoSettings for SettingsProbe<G> {
    type Gateway = G;

    fn __switchboard_settings(&self, gateway: Gateway<G>) -> Gateway<G> {
        gateway
    }
}

/// A gateway that specifies where it is mounted. `#[gateway(..)]` implements it.
///
/// Without the attribute, a gateway that a module creates and mounts is written like this:
/// ```
/// use switchboard::di::{Injectable, ModuleDef, Provider};
/// use switchboard::gateway::{Messages, Mount};
/// use switchboard::{Gateway, Server};
///
/// struct Clock { server: Server }
/// impl Clock {
///     async fn clients(&self) -> usize { self.server.local().client_count() }
/// }
/// impl Injectable for Clock {
///     fn provider() -> Provider<Clock> { Provider::factory(|server: Server| Clock { server }) }
/// }
/// impl Messages for Clock {
///     fn messages(gateway: Gateway<Clock>) -> Gateway<Clock> { gateway.on("clients", Clock::clients) }
/// }
/// impl Mount for Clock {
///     const PATH: &'static str = "/clock";
/// }
/// let module = ModuleDef::new("Time").gateway::<Clock>();
/// # let _ = module;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gateway that a module can mount",
    label = "not a gateway",
    note = "write `#[gateway(path = \"/ws\")]` on the struct, and `#[messages]` on its `impl` block"
)]
pub trait Mount: Injectable + Messages {
    /// The path it is mounted on, as in [`App::gateway`](crate::App::gateway).
    const PATH: &'static str = "/ws";

    /// Applies limits, origins and other settings to the gateway.
    fn settings(gateway: Gateway<Self>) -> Gateway<Self> {
        gateway
    }
}

type Build = Box<dyn FnOnce(&Container) -> Result<(CompiledGateway, Option<InitHook>), NotProvided> + Send>;

/// A gateway in a module, with its type erased. It is compiled once the container can provide its state.
pub(crate) struct ModuleGateway {
    pub(crate) type_id: TypeId,
    pub(crate) name: String,
    pub(crate) path: &'static str,
    pub(crate) site: Site,
    pub(crate) place: &'static Location<'static>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) namespace: Option<(Marker, &'static Location<'static>)>,
    pub(crate) server: Option<Given>,
    pub(crate) problems: Vec<Problem>,
    /// What its stages need from the container.
    stages: Vec<Implicit>,
    /// The structs whose handlers it includes.
    pub(crate) included: Vec<IncludedNote>,
    pub(crate) build: Build,
}

impl ModuleGateway {
    #[track_caller]
    pub(crate) fn of<G: Mount>() -> ModuleGateway {
        let mut gateway = G::settings(G::messages(Gateway::described()));
        let mut problems = Vec::new();
        gateway.check(&mut problems);
        let (stages, included) = (gateway.implicit(), include::asked(&gateway.included).collect::<Vec<_>>());
        let mut dependencies = std::mem::take(&mut gateway.dependencies);
        dependencies.extend(stages.iter().map(|implicit| implicit.dependency("a stage")).chain(included));
        let missing = NotProvided::of::<G>();
        ModuleGateway {
            type_id: TypeId::of::<G>(),
            name: short_name(type_name::<G>()),
            path: G::PATH,
            site: gateway.site.clone(),
            place: Location::caller(),
            dependencies,
            namespace: gateway.namespace_at(),
            server: gateway.server(),
            problems,
            stages,
            included: gateway.included.iter_mut().map(Included::note).collect(),
            build: Box::new(move |container| {
                gateway.build(Some(container.resolve::<G>()?), Some(container))?.ok_or(missing)
            }),
        }
    }

    /// Returns the types that are provided implicitly if no module provides them.
    pub(crate) fn implicit(&self) -> impl Iterator<Item = Implicit> {
        self.stages.iter().copied().chain(self.included.iter().filter_map(|included| included.implicit))
    }
}
