//! How large a file and a type may be.

use std::collections::BTreeMap;

use super::Sources;
use super::names::{Resolver, Target};
use super::source::Module;

/// More than this, and a file is about more than one noun.
const LINES: usize = 450;
/// More than this, and a type does the work of several.
const METHODS: usize = 44;

/// Files that may be longer, each with why.
const LONG: &[(&str, &str)] = &[(
    "crates/switchboard-macros/src/lib.rs",
    "procedural macros must be in the crate's root, and so must the documentation of each attribute",
)];

/// Types that may have more methods, each with why.
const MANY_METHODS: &[(&str, &str)] = &[
    ("Gateway", "a builder: one method for each kind of handler and each option"),
    ("Limits", "a builder: one method for each limit"),
    ("GatewayLimits", "a builder: one method for each limit"),
];

/// `files` are named relative to the repository.
pub(super) fn long_files(files: &Sources, wanted: fn(&str) -> bool) -> Vec<String> {
    let lines = files.iter().filter(|(file, _)| wanted(file)).map(|(file, text)| (file, text.lines().count()));
    lines
        .filter(|(file, lines)| *lines > LINES && !LONG.iter().any(|(long, _)| long == file))
        .map(|(file, lines)| format!("{file}: {lines} lines, and {LINES} is the most"))
        .collect()
}

pub(super) fn large_types(modules: &[Module]) -> Vec<String> {
    let resolver = Resolver { modules };
    let mut methods: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for (at, module) in modules.iter().enumerate() {
        for block in &module.impls {
            for target in resolver.path(at, &block.of.path) {
                if let Target::Item(of, name) = target {
                    *methods.entry((of, name)).or_default() += block.methods;
                }
            }
        }
    }
    let large = methods
        .into_iter()
        .filter(|((_, name), methods)| *methods > METHODS && !MANY_METHODS.iter().any(|(allowed, _)| allowed == name));
    large
        .map(|((of, name), methods)| {
            format!("{}: `{name}` has {methods} methods, and {METHODS} is the most", modules[of].file)
        })
        .collect()
}
