//! [`Graph`]: modules, providers and gateways, to look at.
use super::analysis::Plan;
use super::dependency::Strength;
use super::module::Module;
use crate::text::short_name;
use std::fmt::{self, Write};

/// Who provides what, and who asks for it. `Display` is a text, [`dot`](Graph::dot) a drawing.
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
    name: String,
    what: String,
    exported: bool,
    asks_for: Vec<String>,
}

impl Graph {
    /// The graph of a module and all that it imports. Nothing is made, and what is wrong is drawn as it is.
    pub fn of<M: Module>() -> Graph {
        Graph::from_plan(&Plan::of(M::module(), Vec::new()))
    }

    pub(super) fn from_plan(plan: &Plan) -> Graph {
        // Those who import first: the way one reads.
        let modules = (0..plan.modules.len()).rev().map(|at| {
            let module = &plan.modules[at];
            let own = plan.providers.iter().filter(|planned| planned.module == at);
            let things = own.map(|planned| {
                let provider = &planned.provider;
                let gateway = plan.gateways.iter().find(|planned| planned.gateway.type_id == provider.type_id);
                let late = gateway.iter().flat_map(|planned| &planned.gateway.dependencies);
                let dependencies = provider.dependencies.iter().chain(late);
                let mut asks_for: Vec<String> = dependencies
                    .filter(|dependency| dependency.strength != Strength::Default)
                    .map(|dependency| short_name(dependency.name))
                    .collect();
                asks_for.dedup();
                let what = match gateway {
                    Some(planned) => format!("gateway on {}", planned.gateway.path),
                    None => provider.how.to_owned(),
                };
                let exported = module.exported.contains(&provider.type_id);
                Thing { name: provider.name.clone(), what, exported, asks_for }
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

    /// For Graphviz: `dot -Tsvg`.
    pub fn dot(&self) -> String {
        let mut dot = String::from("digraph {\n  rankdir=LR; node [shape=box, fontname=\"sans-serif\"];\n");
        for (at, module) in self.modules.iter().enumerate() {
            let _ = writeln!(dot, "  subgraph cluster_{at} {{\n    label={:?};", module.name);
            for thing in &module.things {
                let style = if thing.exported { ", style=bold" } else { "" };
                let label = format!("{}\n{}", thing.name, thing.what);
                let _ = writeln!(dot, "    {:?} [label={label:?}{style}];", thing.name);
            }
            dot.push_str("  }\n");
        }
        for thing in self.modules.iter().flat_map(|module| &module.things) {
            for asked in &thing.asks_for {
                let _ = writeln!(dot, "  {:?} -> {asked:?};", thing.name);
            }
        }
        dot.push_str("}\n");
        dot
    }

    /// `Chat (3 providers, 1 gateway)`, one a module.
    pub(super) fn summary(&self) -> impl Iterator<Item = String> {
        self.modules.iter().map(|module| {
            let names: Vec<&str> = module.things.iter().map(|thing| thing.name.as_str()).collect();
            let imports = if module.imports.is_empty() {
                String::new()
            } else {
                format!(", imports {}", module.imports.join(", "))
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
                    format!(" ← {}", thing.asks_for.join(", "))
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
