//! What a path names: through imports, re-exports and globs, to the module that defines it.

use super::source::{Binds, Module, Named};

/// Where a path leads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    Module(usize),
    /// An item, by the module that defines it.
    Item(usize, String),
    /// Another crate's.
    Foreign,
}

/// One use of an item of this crate.
pub(super) struct Use {
    /// The module that it is written in.
    pub(super) from: usize,
    /// The module that defines it.
    pub(super) to: usize,
    pub(super) written: String,
    pub(super) line: usize,
}

/// Every use, and every path that leads nowhere: what this cannot see must not pass as seen.
pub(super) fn uses(modules: &[Module]) -> (Vec<Use>, Vec<(usize, Named)>) {
    let resolver = Resolver { modules };
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    for (from, module) in modules.iter().enumerate() {
        let mut found_at = |targets: Vec<Target>, written: &str, line: usize| {
            for target in targets {
                if let Target::Item(to, _) = target {
                    found.push(Use { from, to, written: written.to_owned(), line });
                }
            }
        };
        let paths = module.paths.iter().filter(|named| resolver.is_news(from, &named.path[0]));
        for named in module.imports.iter().map(|import| &import.named).chain(paths) {
            let targets = resolver.path(from, &named.path);
            if targets.is_empty() {
                lost.push((from, named.clone()));
            }
            found_at(targets, &named.path.join("::"), named.line);
        }
        for (word, line) in &module.words {
            found_at(resolver.through_globs(from, word, &mut Vec::new()), word, *line);
        }
    }
    (found, lost)
}

pub(super) struct Resolver<'a> {
    pub(super) modules: &'a [Module],
}

impl Resolver<'_> {
    /// What a path means where it is written. More than one where a name means a module and a function, say, or where
    /// features decide; none where it leads nowhere.
    pub(super) fn path(&self, from: usize, path: &[String]) -> Vec<Target> {
        self.path_within(from, path, &mut Vec::new())
    }

    /// Whether a path with this first segment can use an item that neither an import nor an item of its own module has
    /// accounted for: it starts at the crate, at a module, or at a name from a glob.
    fn is_news(&self, from: usize, first: &str) -> bool {
        let named = &self.modules[from].imports;
        let is_named = named.iter().any(|import| matches!(&import.binds, Binds::Name(bound) if bound == first));
        let is_known = is_named || self.modules[from].items.contains(first);
        let means = self.name(from, first, &mut Vec::new());
        !is_known || means.iter().any(|target| matches!(target, Target::Module(_)))
    }

    fn path_within(&self, from: usize, path: &[String], asked: &mut Vec<(usize, String)>) -> Vec<Target> {
        let mut at = match path[0].as_str() {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(from)],
            "super" => self.modules[from].parent.map(Target::Module).into_iter().collect(),
            first => match self.name(from, first, asked) {
                // Not in scope here: a crate's name, or a primitive's.
                none if none.is_empty() => return vec![Target::Foreign],
                found => found,
            },
        };
        for segment in &path[1..] {
            let mut next = Vec::new();
            for target in &at {
                match target {
                    Target::Module(module) if segment == "super" => {
                        next.extend(self.modules[*module].parent.map(Target::Module));
                    }
                    Target::Module(module) => next.extend(self.name(*module, segment, asked)),
                    // A variant, or something that a type has: the path has said which item it uses.
                    Target::Item(..) | Target::Foreign => next.push(target.clone()),
                }
            }
            at = next;
        }
        at.dedup();
        at
    }

    /// What a name means in a module.
    fn name(&self, module: usize, name: &str, asked: &mut Vec<(usize, String)>) -> Vec<Target> {
        let question = (module, name.to_owned());
        if asked.contains(&question) {
            return Vec::new();
        }
        asked.push(question);
        let here = &self.modules[module];
        let mut found: Vec<Target> = here.children.get(name).map(|child| Target::Module(*child)).into_iter().collect();
        if here.items.contains(name) {
            found.push(Target::Item(module, name.to_owned()));
        }
        for import in &here.imports {
            if matches!(&import.binds, Binds::Name(bound) if bound == name) {
                found.extend(self.path_within(module, &import.named.path, asked));
            }
        }
        if found.is_empty() {
            found = self.through_globs(module, name, asked);
        }
        asked.pop();
        found
    }

    fn through_globs(&self, module: usize, name: &str, asked: &mut Vec<(usize, String)>) -> Vec<Target> {
        let here = &self.modules[module];
        let is_own = here.items.contains(name) || here.children.contains_key(name);
        let mut found = Vec::new();
        for import in here.imports.iter().filter(|import| !is_own && matches!(import.binds, Binds::Glob)) {
            for target in self.path_within(module, &import.named.path, asked) {
                if let Target::Module(of) = target {
                    found.extend(self.name(of, name, asked));
                }
            }
        }
        found
    }
}
