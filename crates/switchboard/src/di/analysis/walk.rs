//! The traversal of the imports of modules.
use super::{Plan, PlannedGateway, PlannedModule, PlannedProvider};
use crate::di::module::ModuleDef;
use std::any::TypeId;
use std::collections::{HashMap, HashSet};

/// The traversal of the imports of modules.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) keys: HashMap<TypeId, usize>,
    path: Vec<(Option<TypeId>, String)>,
}

impl Walk {
    pub(super) fn enter(&mut self, plan: &mut Plan, def: ModuleDef, key: Option<TypeId>) -> usize {
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
