//! Finds all problems of the modules at once, before anything is created.
mod answers;
mod names;
mod order;
mod walk;

use names::{is_future, is_result, is_result_of};
use walk::Walk;

use crate::Root;
use crate::di::dependency::Dependency;
use crate::di::module::{Export, ModuleDef, ModuleHook};
use crate::di::provider::Erased;
use crate::di::scope::Scope;
use crate::gateway::{Given, ModuleGateway};
use crate::pipeline::{Declared, Implicit};
use crate::problem::Problem;
use crate::text::short_name;
use std::any::TypeId;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::panic::Location;

/// The modules of an application in one list; imported modules come before those that import them.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) modules: Vec<PlannedModule>,
    pub(crate) providers: Vec<PlannedProvider>,
    pub(crate) gateways: Vec<PlannedGateway>,
    /// The providers, in an order in which they can be created.
    pub(crate) order: Vec<usize>,
    pub(crate) problems: Vec<Problem>,
    by_type: HashMap<TypeId, usize>,
    /// True if modules import each other; visibility is not known then.
    cyclic: bool,
}

pub(crate) struct PlannedModule {
    pub(crate) name: String,
    pub(crate) place: &'static Location<'static>,
    pub(crate) imports: Vec<usize>,
    exports: Vec<Export>,
    pub(crate) stages: Declared,
    /// The dependencies of the module's stages.
    asked: Vec<Dependency>,
    pub(crate) global: bool,
    pub(crate) on_init: Option<ModuleHook>,
    pub(crate) on_shutdown: Option<ModuleHook>,
    /// The types that modules which import this one may use.
    pub(crate) exported: HashSet<TypeId>,
}

pub(crate) struct PlannedProvider {
    pub(crate) module: usize,
    pub(crate) provider: Erased,
    /// True if no module lists it: a gateway or the application uses it directly, and every module may use it.
    pub(crate) is_implicit: bool,
}

pub(crate) struct PlannedGateway {
    pub(crate) module: usize,
    pub(crate) gateway: ModuleGateway,
}

impl Plan {
    /// Analyses a root module. `key` is its type, if it has one.
    pub(crate) fn of(root: ModuleDef, key: Option<TypeId>, overrides: Vec<Erased>) -> Plan {
        let mut plan = Plan::default();
        let mut walk = Walk::default();
        walk.enter(&mut plan, root, key);
        plan.index();
        plan.unmounted();
        plan.implicit();
        plan.useless();
        plan.replace(overrides);
        plan.exports(&walk.keys);
        plan.check_scopes();
        plan.check_dependencies();
        plan.sort();
        plan
    }

    pub(crate) fn provider(&self, type_id: TypeId) -> Option<&PlannedProvider> {
        self.by_type.get(&type_id).map(|&at| &self.providers[at])
    }

    fn problem(&mut self, message: String, places: &[&'static Location<'static>]) {
        self.problems.push(Problem::new(message, places));
    }

    /// Indexes the providers by type. Of several providers of one type, the first one counts.
    fn index(&mut self) {
        for at in 0..self.providers.len() {
            let provider = &self.providers[at].provider;
            let Some(&first) = self.by_type.get(&provider.type_id) else {
                self.by_type.insert(provider.type_id, at);
                continue;
            };
            let (a, b) = (&self.providers[first], &self.providers[at]);
            let (name, places) = (provider.name.clone(), [a.provider.listed, b.provider.listed]);
            let (a, b) = (&self.modules[a.module].name, &self.modules[b.module].name);
            let message = if a == b {
                format!("{name} is provided twice in {a}; remove one")
            } else {
                format!(
                    "{name} is provided by {a} and by {b}; let one provide and export it, and the other import that module"
                )
            };
            self.problem(message, &places);
        }
    }

    fn gateway_types(&self) -> HashSet<TypeId> {
        self.gateways.iter().map(|planned| planned.gateway.type_id).collect()
    }

    /// Adds providers for types that gateways and the application use directly and no module provides, each in the
    /// first module that uses it.
    fn implicit(&mut self) {
        let application = self.modules.iter().enumerate().map(|(at, module)| (at, module.stages.implicit().collect()));
        let gateways = self.gateways.iter().map(|planned| (planned.module, planned.gateway.implicit().collect()));
        let named: Vec<(usize, Vec<Implicit>)> = application.chain(gateways).collect();
        for (module, implicit) in named.into_iter().flat_map(|(at, named)| named.into_iter().map(move |one| (at, one)))
        {
            if let Entry::Vacant(vacant) = self.by_type.entry(implicit.type_id) {
                vacant.insert(self.providers.len());
                let provider = Erased { listed: implicit.place, ..(implicit.provider)() };
                self.providers.push(PlannedProvider { module, provider, is_implicit: true });
            }
        }
    }

    /// Reports gateways that are provided, but not mounted.
    fn unmounted(&mut self) {
        let mounted = self.gateway_types();
        let lost =
            |planned: &&PlannedProvider| planned.provider.to_be_mounted && !mounted.contains(&planned.provider.type_id);
        let problems = self.providers.iter().filter(lost).map(|planned| {
            let (name, module) = (&planned.provider.name, &self.modules[planned.module].name);
            let message = format!(
                "{name} is a gateway that {module} provides and nobody mounts; move it from its providers to its gateways"
            );
            Problem::new(message, &[planned.provider.listed])
        });
        let problems: Vec<Problem> = problems.collect();
        self.problems.extend(problems);
    }

    /// Reports providers that nothing can use, or in place of which something else would be used.
    fn useless(&mut self) {
        let given: Vec<TypeId> = self.given().iter().map(|given| given.type_id).collect();
        let before = self.providers.iter().flat_map(|planned| &planned.provider.dependencies);
        let late = self.gateways.iter().flat_map(|planned| {
            let included = planned.gateway.included.iter().flat_map(|included| &included.dependencies);
            planned.gateway.dependencies.iter().chain(included)
        });
        let stages = self.modules.iter().flat_map(|module| &module.asked);
        let all: Vec<&Dependency> = before.chain(late).chain(stages).collect();
        let asked: HashSet<TypeId> = all.iter().map(|dependency| dependency.type_id).collect();
        // A dependency on the `Ok` type of the `Result` is already reported, with the fix.
        let is_told = |provider: &Erased| all.iter().any(|asked| is_result_of(provider.full_name, asked.name));
        let problems = self.providers.iter().filter_map(|planned| {
            let (provider, module) = (&planned.provider, &self.modules[planned.module].name);
            let message = if given.contains(&provider.type_id) {
                format!("{module} provides {}, which is there without a provider; remove it", provider.name)
            } else if is_future(provider) && !asked.contains(&provider.type_id) {
                format!("{module} provides a future, which nobody awaits; write `async_factory(..)`, or `try_async_factory(..)`")
            } else if is_result(provider.full_name) && !asked.contains(&provider.type_id) && !is_told(provider) {
                let change = match (provider.how, provider.scope) {
                    ("factory", Scope::Application) => "write `try_factory(..)`",
                    ("factory", _) => "write `Provider::try_scoped(..)`",
                    ("async factory", _) => "write `try_async_factory(..)`",
                    _ => "provide what is in it",
                };
                format!("{module} provides {}, which nobody asks for, so that its error would be lost; {change}", provider.name)
            } else {
                return None;
            };
            Some(Problem::new(message, &[provider.listed]))
        });
        let problems: Vec<Problem> = problems.collect();
        self.problems.extend(problems);
    }

    /// Returns the provider that provides the type wrapped in another one, and the fix.
    fn wrapped(&self, full_name: &str, shared_type: TypeId) -> Option<(&PlannedProvider, &'static str)> {
        self.providers.iter().find_map(|planned| {
            let Erased { type_id, full_name: provided, how, .. } = &planned.provider;
            if *type_id == shared_type {
                Some((planned, "provide it by `shared(..)`, or leave out the `Arc`"))
            } else if is_result_of(provided, full_name) {
                let change = match *how {
                    "factory" => "write `try_factory(..)`",
                    "async factory" => "write `try_async_factory(..)`",
                    _ => "provide what is in it",
                };
                Some((planned, change))
            } else {
                None
            }
        })
    }

    /// Like `wrapped`, for an override: returns the provider whose type it should have had, and the fix.
    fn unwrapped(&self, by: &Erased) -> Option<(&PlannedProvider, &'static str)> {
        self.providers.iter().find_map(|planned| {
            let provider = &planned.provider;
            if by.type_id == provider.shared_type {
                Some((planned, "write `Provider::shared(..)`, or leave out the `Arc`"))
            } else if is_result_of(by.full_name, provider.full_name) {
                Some((planned, "write `Provider::try_factory(..)`, or `Provider::try_async_factory(..)`"))
            } else {
                None
            }
        })
    }

    fn replace(&mut self, overrides: Vec<Erased>) {
        for by in overrides {
            match self.by_type.get(&by.type_id) {
                Some(&at) => self.providers[at].provider.replace(by),
                None => {
                    let message = if is_future(&by) {
                        "an override is a future, which nobody awaits; write `Provider::async_factory(..)`".to_owned()
                    } else if let Some((other, change)) =
                        self.unwrapped(&by).or_else(|| self.wrapped(by.full_name, by.shared_type))
                    {
                        let (module, other) = (&self.modules[other.module].name, &other.provider.name);
                        format!("the override of {} replaces nothing: {module} provides {other}; {change}", by.name)
                    } else {
                        format!("the override of {} replaces nothing: nobody provides it", by.name)
                    };
                    self.problem(message, &[by.place]);
                }
            }
        }
    }

    /// Collects the exports of each module. Imported modules come first in the list, so their exports are known.
    fn exports(&mut self, keys: &HashMap<TypeId, usize>) {
        for at in 0..self.modules.len() {
            let mut exported = HashSet::new();
            for export in std::mem::take(&mut self.modules[at].exports) {
                let module = &self.modules[at];
                let is_own =
                    |planned: &PlannedProvider| planned.module == at && planned.provider.type_id == export.type_id;
                let own = self.providers.iter().any(is_own);
                let imported = module.imports.iter().any(|&from| self.modules[from].exported.contains(&export.type_id));
                let whole = keys.get(&export.type_id).filter(|from| module.imports.contains(from));
                if let Some(&whole) = whole {
                    exported.extend(self.modules[whole].exported.iter().copied());
                } else if own || imported {
                    exported.insert(export.type_id);
                } else if !self.cyclic {
                    let (module, name) = (&module.name, short_name(export.name));
                    let message = if keys.contains_key(&export.type_id) {
                        format!("{module} exports the module {name}, which it does not import; add it to its imports")
                    } else {
                        format!(
                            "{module} exports {name}, which it neither provides nor imports; add it to its providers, or import \
                             a module that exports it"
                        )
                    };
                    self.problem(message, &[export.place]);
                }
            }
            self.modules[at].exported = exported;
        }
    }

    fn visible(&self, type_id: TypeId, from: usize) -> bool {
        let Some(provider) = self.provider(type_id) else { return false };
        let exports = |module: usize| self.modules[module].exported.contains(&type_id);
        provider.is_implicit
            || provider.module == from
            || self.modules[from].imports.iter().any(|&import| exports(import))
            || (0..self.modules.len()).any(|module| self.modules[module].global && exports(module))
    }

    /// Returns what exists without a provider: the servers of the namespaces that have gateways.
    pub(crate) fn given(&self) -> Vec<Given> {
        let chosen = self.gateways.iter().filter_map(|planned| planned.gateway.server);
        [Given::server_of::<Root>()].into_iter().chain(chosen).collect()
    }
}
