//! [`Graph`]: the modules, providers and gateways of an application, for inspection.
use super::analysis::Plan;
use super::dependency::Strength;
use super::module::Module;
use super::scope::Scope;
use crate::text::short_name;
use std::any::TypeId;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};

/// The providers of each module, and what they depend on. `Display` writes it as text, [`dot`](Graph::dot) as a
/// drawing.
///
/// ```text
/// ChatModule
/// ├─ RoomService (struct) ← Clock
/// ├─ Clock (value)
/// └─ ChatGateway (gateway on /ws) ← RoomService
/// ```
#[derive(Clone, Debug, Default)]
pub struct Graph {
    modules: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    imports: Vec<String>,
    global: bool,
    things: Vec<Thing>,
}

#[derive(Clone, Debug)]
struct Thing {
    type_id: TypeId,
    name: String,
    what: String,
    exported: bool,
    /// Each dependency once.
    asks_for: Vec<(TypeId, String)>,
}

impl Graph {
    /// Returns the graph of a module and all that it imports. Nothing is created, and mistakes are not reported.
    pub fn of<M: Module>() -> Graph {
        Graph::from_plan(&Plan::of(M::module(), Some(TypeId::of::<M>()), Vec::new()))
    }

    pub(crate) fn from_plan(plan: &Plan) -> Graph {
        // Importing modules come before imported ones, as one reads.
        let modules = (0..plan.modules.len()).rev().map(|at| {
            let module = &plan.modules[at];
            let own = plan.providers.iter().filter(|planned| planned.module == at);
            let things = own.map(|planned| {
                let provider = &planned.provider;
                let gateway = plan.gateways.iter().find(|planned| planned.gateway.type_id == provider.type_id);
                let late = gateway.iter().flat_map(|planned| &planned.gateway.dependencies);
                let included = plan.gateways.iter().flat_map(|planned| &planned.gateway.included);
                let included = included.filter(|included| included.is_of(provider.type_id));
                let late = late.chain(included.flat_map(|included| &included.dependencies));
                let dependencies = provider.dependencies.iter().chain(late);
                let mut seen = HashSet::new();
                let asks_for = dependencies
                    .filter(|dependency| dependency.strength != Strength::Default && seen.insert(dependency.type_id))
                    .map(|dependency| (dependency.type_id, short_name(dependency.name)))
                    .collect();
                let what = match gateway {
                    Some(planned) => {
                        let gateway = &planned.gateway;
                        format!("gateway on {}", gateway.site.paths(gateway.path).join(" and "))
                    }
                    None if planned.is_implicit => format!("{}, by itself", provider.how),
                    None if provider.scope != Scope::Application => format!("{}, per {}", provider.how, provider.scope),
                    None => provider.how.to_owned(),
                };
                let exported = module.exported.contains(&provider.type_id);
                Thing { type_id: provider.type_id, name: provider.name.clone(), what, exported, asks_for }
            });
            let imports = module.imports.iter().map(|&import| plan.modules[import].name.clone());
            Node {
                name: module.name.clone(),
                imports: imports.collect(),
                global: module.global,
                things: things.collect(),
            }
        });
        Graph { modules: modules.collect() }
    }

    /// True if there is no module.
    pub(crate) fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// Returns the graph for Graphviz: `dot -Tsvg`. Types that no module provides, or that need no provider, have a
    /// dashed frame.
    pub fn dot(&self) -> String {
        let mut dot = String::from("digraph {\n  rankdir=LR; node [shape=box, fontname=\"sans-serif\"];\n");
        // Names are for display only: two types may have the same name.
        let mut nodes: HashMap<TypeId, usize> = HashMap::new();
        for (at, module) in self.modules.iter().enumerate() {
            let _ = writeln!(dot, "  subgraph cluster_{at} {{\n    label={};", quoted(&module.name));
            for thing in &module.things {
                let next = nodes.len();
                let node = *nodes.entry(thing.type_id).or_insert(next);
                let style = if thing.exported { ", style=bold" } else { "" };
                let label = quoted(&format!("{}\n{}", thing.name, thing.what));
                let _ = writeln!(dot, "    n{node} [label={label}{style}];");
            }
            dot.push_str("  }\n");
        }
        let asked = || self.modules.iter().flat_map(|module| &module.things).map(|thing| (thing, &thing.asks_for));
        for (type_id, name) in asked().flat_map(|(_, asks_for)| asks_for) {
            let next = nodes.len();
            if let Entry::Vacant(vacant) = nodes.entry(*type_id) {
                vacant.insert(next);
                let _ = writeln!(dot, "  n{next} [label={}, style=dashed];", quoted(name));
            }
        }
        for (thing, asks_for) in asked() {
            for (type_id, _) in asks_for {
                if let (Some(from), Some(to)) = (nodes.get(&thing.type_id), nodes.get(type_id)) {
                    let _ = writeln!(dot, "  n{from} -> n{to};");
                }
            }
        }
        dot.push_str("}\n");
        dot
    }

    /// Returns one line for each module: `module Chat: RoomService, ChatGateway; imports Database`.
    pub(crate) fn summary(&self) -> impl Iterator<Item = String> {
        self.modules.iter().map(|module| {
            let names: Vec<&str> = module.things.iter().map(|thing| thing.name.as_str()).collect();
            let imports = if module.imports.is_empty() {
                String::new()
            } else {
                format!("; imports {}", module.imports.join(", "))
            };
            format!(
                "module {}: {}{imports}",
                module.name,
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            )
        })
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, module) in self.modules.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{}{}", module.name, if module.global { " (global)" } else { "" })?;
            let imports = module.imports.iter().map(|import| format!("imports {import}"));
            let things = module.things.iter().map(|thing| {
                let exported = if thing.exported { ", exported" } else { "" };
                let asks = if thing.asks_for.is_empty() {
                    String::new()
                } else {
                    let names: Vec<&str> = thing.asks_for.iter().map(|(_, name)| name.as_str()).collect();
                    format!(" ← {}", names.join(", "))
                };
                format!("{} ({}{exported}){asks}", thing.name, thing.what)
            });
            let lines: Vec<String> = imports.chain(things).collect();
            for (nth, line) in lines.iter().enumerate() {
                write!(f, "\n{} {line}", if nth + 1 == lines.len() { "└─" } else { "├─" })?;
            }
        }
        Ok(())
    }
}

/// Returns the text as a quoted string of Graphviz.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
