//! What is wrong with the modules, found without making anything: everything at once.
use super::dependency::{Dependency, Strength};
use super::module::{Export, ModuleDef, ModuleHook};
use super::provider::{Erased, Make};
use super::scope::Scope;
use crate::app::Problem;
use crate::gateway::{Given, ModuleGateway};
use crate::pipeline::{Declared, Implicit};
use crate::text::short_name;
use crate::{Root, Server};
use std::any::{TypeId, type_name};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::panic::Location;

/// The modules of an application in one list, those that are imported before those that import them.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) modules: Vec<PlannedModule>,
    pub(super) providers: Vec<PlannedProvider>,
    pub(super) gateways: Vec<PlannedGateway>,
    /// Providers in an order in which they can be made.
    pub(super) order: Vec<usize>,
    pub(super) problems: Vec<Problem>,
    by_type: HashMap<TypeId, usize>,
    /// Modules import each other: who may ask for what is not known then.
    cyclic: bool,
}

pub(super) struct PlannedModule {
    pub(super) name: String,
    pub(super) place: &'static Location<'static>,
    pub(super) imports: Vec<usize>,
    exports: Vec<Export>,
    pub(super) stages: Declared,
    /// What these ask for.
    asked: Vec<Dependency>,
    pub(super) global: bool,
    pub(super) on_init: Option<ModuleHook>,
    pub(super) on_shutdown: Option<ModuleHook>,
    /// The types that those who import it may ask for.
    pub(super) exported: HashSet<TypeId>,
}

pub(super) struct PlannedProvider {
    pub(super) module: usize,
    pub(super) provider: Erased,
    /// No module lists it: a gateway or the application names it, and anybody may ask for it.
    pub(super) is_implicit: bool,
}

pub(super) struct PlannedGateway {
    pub(super) module: usize,
    pub(super) gateway: ModuleGateway,
}

impl Plan {
    /// `key`: the root's type, if it has one.
    pub(super) fn of(root: ModuleDef, key: Option<TypeId>, overrides: Vec<Erased>) -> Plan {
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

    pub(super) fn provider(&self, type_id: TypeId) -> Option<&PlannedProvider> {
        self.by_type.get(&type_id).map(|&at| &self.providers[at])
    }

    fn problem(&mut self, message: String, places: &[&'static Location<'static>]) {
        self.problems.push(Problem::new(message, places));
    }

    /// One type, one provider: the first one counts.
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

    /// Provides what gateways and the application name, and no module provides: each in the module that is the first to name it.
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

    /// Gateways that are provided, and that nobody mounts.
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

    /// What nobody can ask for, or would be given something else for.
    fn useless(&mut self) {
        let given: Vec<TypeId> = self.given().iter().map(|given| given.type_id).collect();
        let before = self.providers.iter().flat_map(|planned| &planned.provider.dependencies);
        let late = self.gateways.iter().flat_map(|planned| &planned.gateway.dependencies);
        let asked: HashSet<TypeId> = before.chain(late).map(|dependency| dependency.type_id).collect();
        let problems = self.providers.iter().filter_map(|planned| {
            let (provider, module) = (&planned.provider, &self.modules[planned.module].name);
            let message = if given.contains(&provider.type_id) {
                format!("{module} provides {}, which is there without a provider; remove it", provider.name)
            } else if is_future(provider) && !asked.contains(&provider.type_id) {
                format!("{module} provides a future, which nobody awaits; write `async_factory(..)`, or `try_async_factory(..)`")
            } else {
                return None;
            };
            Some(Problem::new(message, &[provider.listed]))
        });
        let problems: Vec<Problem> = problems.collect();
        self.problems.extend(problems);
    }

    /// Who provides the type in something else: in which module, and what to do.
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

    /// The same of an override: the type that it should have had.
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

    /// Imported modules come first in the list, so that what they export is known.
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

    /// What is there without a provider: the servers of the namespaces that have gateways.
    pub(super) fn given(&self) -> Vec<Given> {
        let chosen = self.gateways.iter().filter_map(|planned| planned.gateway.server);
        [Given::server_of::<Root>()].into_iter().chain(chosen).collect()
    }

    fn check_dependencies(&mut self) {
        let given: Vec<TypeId> = self.given().iter().map(|given| given.type_id).collect();
        let gateways = self.gateway_types();
        let mut problems = Vec::new();
        let asking = self.providers.iter().map(|PlannedProvider { module, provider, .. }| {
            let is_gateway = gateways.contains(&provider.type_id);
            (*module, provider.name.as_str(), provider.scope, is_gateway, &provider.dependencies)
        });
        let late = self.gateways.iter().map(|PlannedGateway { module, gateway }| {
            (*module, gateway.name.as_str(), Scope::Application, true, &gateway.dependencies)
        });
        let included = self.gateways.iter().flat_map(|PlannedGateway { module, gateway }| {
            let included = gateway.included.iter();
            included.map(|included| {
                // What a struct's handlers may ask for is what the struct may.
                let of = included.implicit.as_ref().and_then(|implicit| self.provider(implicit.type_id));
                let module = of.map_or(*module, |provider| provider.module);
                (module, included.name.as_str(), Scope::Application, true, &included.dependencies)
            })
        });
        let stages = self
            .modules
            .iter()
            .enumerate()
            .map(|(at, module)| (at, module.name.as_str(), Scope::Application, true, &module.asked));
        for (module, who, scope, is_gateway, dependencies) in asking.chain(late).chain(included).chain(stages) {
            for dependency in dependencies {
                let ask = Ask { module, who, scope, is_gateway, dependency };
                problems.extend(match dependency.strength {
                    Strength::Default => self.forgotten(&ask),
                    // There is one, and it shall not be seen: that is hardly what was meant.
                    Strength::Optional if self.provider(dependency.type_id).is_none() => None,
                    Strength::Optional => self.unanswered(&ask),
                    Strength::Required | Strength::Late if given.contains(&dependency.type_id) => None,
                    Strength::Required | Strength::Late => self.unanswered(&ask),
                    Strength::Client => None,
                });
                problems.extend(self.mismatched(&ask));
            }
        }
        self.problems.extend(problems);
    }

    /// What lives long asks for what lives short.
    fn mismatched(&self, ask: &Ask<'_>) -> Option<Problem> {
        let Ask { who, scope, dependency, .. } = *ask;
        let (there, place) = match dependency.strength {
            Strength::Default => return None,
            Strength::Client => (Scope::Connection, None),
            _ => {
                let provider = &self.provider(dependency.type_id)?.provider;
                (provider.scope, Some(provider.place))
            }
        };
        let message = dependency.mismatched(who, scope, there, ask.is_gateway)?;
        let places: Vec<_> = [Some(dependency.place), place].into_iter().flatten().collect();
        Some(Problem::new(message, &places))
    }

    /// What cannot have the scope that it was given.
    fn check_scopes(&mut self) {
        let gateways = self.gateway_types();
        let problems = self.providers.iter().filter(|planned| planned.provider.scope != Scope::Application);
        let problems = problems.flat_map(|PlannedProvider { provider, .. }| {
            let Erased { name, scope, maker, .. } = provider;
            let wrong = |what: &str| format!("{name} has the scope `{scope}`, {what}");
            let made = match &provider.make {
                _ if provider.to_be_mounted || gateways.contains(&provider.type_id) => {
                    Some(wrong("but a gateway serves all its clients; leave out the scope"))
                }
                Some(Make::Once(_)) => Some(match *maker {
                    "async factory" => wrong(
                        "but is made by an async function, and a message does not wait for a service; let an async \
                         `on_connect` or handler fetch what is awaited, or leave out the scope",
                    ),
                    "value" => wrong("but is a value, of which there is one; write `Provider::scoped(..)`, or leave out the scope"),
                    _ => wrong("but its function is called once; write `Provider::scoped(..)`"),
                }),
                _ => None,
            };
            let hook = [("an init", provider.on_init.is_some()), ("a shutdown", provider.on_shutdown.is_some())];
            let hooks = hook.into_iter().filter(|(_, has)| *has).map(move |(hook, _)| {
                format!(
                    "{name} has the scope `{scope}` and {hook} hook, which runs once for the application; leave out the hook \
                     or the scope"
                )
            });
            made.into_iter().chain(hooks).map(|message| Problem::new(message, &[provider.place])).collect::<Vec<_>>()
        });
        let problems: Vec<Problem> = problems.collect();
        self.problems.extend(problems);
    }

    /// A field that is made by `Default` although its type is provided.
    fn forgotten(&self, ask: &Ask<'_>) -> Option<Problem> {
        let Ask { who, dependency, .. } = ask;
        let holds = |planned: &&PlannedProvider| planned.provider.field_types.contains(&dependency.type_id);
        let provider = self.providers.iter().find(holds)?;
        let by_value = provider.provider.type_id == dependency.type_id;
        // A number or a text that is provided says nothing of the others.
        if by_value && is_of_the_language(dependency.name) {
            return None;
        }
        let name = &provider.provider.name;
        let message = format!(
            "the field `{}` of {who} is made by `Default`, though {name} is provided; write #[inject] in front of it{}",
            dependency.label,
            if by_value { format!(", and `Arc<{name}>`") } else { String::new() }
        );
        Some(Problem::new(message, &[dependency.place, provider.provider.place]))
    }

    fn unanswered(&self, ask: &Ask<'_>) -> Option<Problem> {
        let Ask { module, who, dependency, .. } = *ask;
        if self.visible(dependency.type_id, module) {
            return None;
        }
        let here = &self.modules[module];
        let (asks, name) = (dependency.asked_by(who), short_name(dependency.name));
        let Some(provider) = self.provider(dependency.type_id) else {
            let message = if is_server(dependency.name) {
                format!("{asks}, but there is no gateway of that namespace; mount one, or ask without the `Arc`")
            } else if let Some((other, change)) = self.wrapped(dependency.name, dependency.shared_type) {
                let message = format!(
                    "{asks}, but {} provides {}; {change}",
                    self.modules[other.module].name, other.provider.name
                );
                return Some(Problem::new(message, &[dependency.place, other.provider.listed]));
            } else {
                format!("{asks}, which nobody provides; add it to the providers of {}", here.name)
            };
            return Some(Problem::new(message, &[dependency.place, here.place]));
        };
        if self.cyclic {
            return None;
        }
        let from = &self.modules[provider.module];
        let (message, change) = if from.exported.contains(&dependency.type_id) {
            let message = format!("{asks}, which {} exports; add {0} to the imports of {}", from.name, here.name);
            (message, vec![here.place])
        } else if here.imports.contains(&provider.module) {
            let message =
                format!("{asks}, which {} provides but does not export; add {name} to its exports", from.name);
            (message, vec![from.place])
        } else {
            let message = format!(
                "{asks}, which {} provides but does not export; add {name} to its exports, and {0} to the imports of {}",
                from.name, here.name
            );
            (message, vec![from.place, here.place])
        };
        // Where it is asked for, then the modules to change.
        Some(Problem::new(message, &[vec![dependency.place], change].concat()))
    }

    /// Puts providers behind what they ask for. Each cycle is told once, as a path.
    fn sort(&mut self) {
        let mut search = Search {
            plan: self,
            state: vec![State::Unseen; self.providers.len()],
            path: Vec::new(),
            order: Vec::new(),
            cycles: Vec::new(),
        };
        for at in 0..search.plan.providers.len() {
            search.visit(at);
        }
        let Search { order, cycles, .. } = search;
        self.order = order;
        self.problems.extend(cycles);
    }

    /// The providers that this one asks for, each with the dependency that says so.
    pub(super) fn asked_for(&self, at: usize) -> impl Iterator<Item = (usize, &Dependency)> {
        let dependencies = self.providers[at].provider.dependencies.iter();
        let before =
            dependencies.filter(|dependency| matches!(dependency.strength, Strength::Required | Strength::Optional));
        before.filter_map(|dependency| self.by_type.get(&dependency.type_id).map(|&at| (at, dependency)))
    }
}

fn is_server(name: &str) -> bool {
    arguments::<Server<Root>>(name).is_some()
}

/// What is behind the `<` of a type's name, if it is the same generic type as `T`.
fn arguments<T>(name: &str) -> Option<&str> {
    let known = type_name::<T>();
    let generic = known.split('<').next().unwrap_or(known);
    name.strip_prefix(generic)?.strip_prefix('<')
}

/// True when a type, by its name, is a `Result` of the value.
fn is_result_of(name: &str, value: &str) -> bool {
    let rest = arguments::<Result<(), ()>>(name).and_then(|arguments| arguments.strip_prefix(value));
    rest.is_some_and(|rest| rest.starts_with(", "))
}

/// A future, or a closure, by its name. A factory that returns one was hardly meant, unless somebody asks for it.
fn is_future(provider: &Erased) -> bool {
    let Erased { full_name, how, .. } = provider;
    let boxed = full_name.starts_with("core::pin::Pin<alloc::boxed::Box<dyn core::future::future::Future<");
    *how == "factory" && (boxed || full_name.ends_with("{{closure}}"))
}

fn is_of_the_language(name: &str) -> bool {
    !name.contains("::") || ["core::", "alloc::", "std::"].iter().any(|root| name.starts_with(root))
}

/// Who asks for what.
struct Ask<'a> {
    module: usize,
    who: &'a str,
    /// How long it lives.
    scope: Scope,
    is_gateway: bool,
    dependency: &'a Dependency,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unseen,
    OnPath,
    Done,
}

struct Search<'a> {
    plan: &'a Plan,
    state: Vec<State>,
    path: Vec<(usize, &'static Location<'static>)>,
    order: Vec<usize>,
    cycles: Vec<Problem>,
}

impl Search<'_> {
    fn visit(&mut self, at: usize) {
        if self.state[at] != State::Unseen {
            return;
        }
        self.state[at] = State::OnPath;
        let mut asked: Vec<_> = self.plan.asked_for(at).map(|(next, dependency)| (next, dependency.place)).collect();
        let mut seen = HashSet::new();
        asked.retain(|(next, _)| seen.insert(*next));
        for (next, place) in asked {
            self.path.push((at, place));
            if self.state[next] == State::OnPath {
                self.cycle(next);
            } else {
                self.visit(next);
            }
            self.path.pop();
        }
        self.state[at] = State::Done;
        self.order.push(at);
    }

    fn cycle(&mut self, first: usize) {
        let from = self.path.iter().position(|(at, _)| *at == first).unwrap_or(0);
        let around = &self.path[from..];
        let name = |at: usize| self.plan.providers[at].provider.name.as_str();
        let mut names: Vec<&str> = around.iter().map(|(at, _)| name(*at)).collect();
        names.push(name(first));
        let message = format!(
            "these ask for each other: {}; move what both need into a third, or let one inject the \
             `Container` and resolve the other when it is needed",
            names.join(" → ")
        );
        let places: Vec<_> = around.iter().map(|(_, place)| *place).collect();
        self.cycles.push(Problem::new(message, &places));
    }
}

/// The way through the imports.
#[derive(Default)]
struct Walk {
    keys: HashMap<TypeId, usize>,
    path: Vec<(Option<TypeId>, String)>,
}

impl Walk {
    fn enter(&mut self, plan: &mut Plan, def: ModuleDef, key: Option<TypeId>) -> usize {
        self.path.push((key, def.name.clone()));
        let mut imports = Vec::new();
        for import in def.imports {
            if let Some(&known) = import.key.as_ref().and_then(|key| self.keys.get(key)) {
                imports.push(known);
                continue;
            }
            if let Some(from) = self.path.iter().position(|(key, _)| key.is_some() && *key == import.key) {
                let mut names: Vec<&str> = self.path[from..].iter().map(|(_, name)| name.as_str()).collect();
                names.push(names[0]);
                let message =
                    format!("these modules import each other: {}; move what both need into a third", names.join(" → "));
                plan.problem(message, &[import.place]);
                plan.cyclic = true;
                continue;
            }
            imports.push(self.enter(plan, (import.def)(), import.key));
        }
        let mut seen = HashSet::new();
        imports.retain(|import| seen.insert(*import));
        self.path.pop();
        let at = plan.modules.len();
        plan.modules.push(PlannedModule {
            name: def.name,
            place: def.place,
            imports,
            exports: def.exports,
            asked: def.stages.implicit().map(|implicit| implicit.dependency("a stage of the application")).collect(),
            stages: def.stages,
            global: def.global,
            on_init: def.on_init,
            on_shutdown: def.on_shutdown,
            exported: HashSet::new(),
        });
        plan.providers.extend(def.providers.into_iter().map(|provider| PlannedProvider {
            module: at,
            provider,
            is_implicit: false,
        }));
        plan.gateways.extend(def.gateways.into_iter().map(|gateway| PlannedGateway { module: at, gateway }));
        if let Some(key) = key {
            self.keys.insert(key, at);
        }
        at
    }
}
