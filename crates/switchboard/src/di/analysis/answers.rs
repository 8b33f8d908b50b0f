//! Finds dependencies that are not provided, not visible, or of too short a lifetime.
use super::names::{is_of_the_language, is_server};
use super::{Plan, PlannedGateway, PlannedProvider};
use crate::di::dependency::{Dependency, Strength};
use crate::di::provider::{Erased, Make};
use crate::di::scope::Scope;
use crate::problem::Problem;
use crate::text::short_name;
use std::any::TypeId;

impl Plan {
    pub(super) fn check_dependencies(&mut self) {
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
                // The handlers of an included struct see the modules that the struct itself sees.
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
                    // It is provided but not visible, which is hardly intended, so it is reported.
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

    /// Returns the problem if something depends on a service with a shorter lifetime.
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

    /// Reports services that cannot have the scope that was set.
    pub(super) fn check_scopes(&mut self) {
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

    /// Returns the problem if a field is made by `Default` although its type is provided.
    fn forgotten(&self, ask: &Ask<'_>) -> Option<Problem> {
        let Ask { who, dependency, .. } = ask;
        let holds = |planned: &&PlannedProvider| planned.provider.field_types.contains(&dependency.type_id);
        let provider = self.providers.iter().find(holds)?;
        let by_value = provider.provider.type_id == dependency.type_id;
        // A provided number or string says nothing about other fields of the same type.
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
        // The places: where the dependency is declared, then the modules to change.
        Some(Problem::new(message, &[vec![dependency.place], change].concat()))
    }
}

/// A dependency, and what depends on it.
struct Ask<'a> {
    module: usize,
    who: &'a str,
    /// The lifetime of what depends on it.
    scope: Scope,
    is_gateway: bool,
    dependency: &'a Dependency,
}
