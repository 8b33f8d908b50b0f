//! The floors: the table of `ARCHITECTURE.md`, and what breaks it.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Use;
use super::source::Module;

/// The heading of the table.
const HEADING: &str = "## Floors";
/// A floor whose description has this word may have circles among its directories.
const CIRCLE: &str = "circle";

/// The files of a circle are listed up to this many: the uses upward say more about a larger one.
const LISTED: usize = 12;

/// The table: each floor may use those below it.
pub(super) struct Floors {
    /// Top to bottom.
    floors: Vec<Floor>,
}

struct Floor {
    /// Directories or files of `src`, without `.rs`: `hub`, `transport/websocket`.
    places: Vec<String>,
    circles_are_accepted: bool,
}

impl Floors {
    /// Reads the first table after the heading: names in backquotes in its first column, a description in its second.
    pub(super) fn read(page: &str) -> Result<Floors, String> {
        let lines = page.lines().skip_while(|line| !line.starts_with(HEADING)).skip(1);
        let rows = lines.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        let mut floors = Vec::new();
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            let places: Vec<String> =
                cells[0].split('`').skip(1).step_by(2).map(|place| place.trim_end_matches(".rs").to_owned()).collect();
            // The heading of the table, and the line below it, name nothing.
            if !places.is_empty() {
                let circles_are_accepted = cells.get(1).is_some_and(|about| about.contains(CIRCLE));
                floors.push(Floor { places, circles_are_accepted });
            }
        }
        match floors.len() {
            0 | 1 => Err(format!("ARCHITECTURE.md has no table of floors after `{HEADING}`")),
            _ => Ok(Floors { floors }),
        }
    }

    /// The floor of a file.
    fn of(&self, file: &str) -> Option<usize> {
        self.place(file).map(|(floor, _)| floor)
    }

    /// The longest place of the table that a file lies in, and its floor.
    fn place(&self, file: &str) -> Option<(usize, &str)> {
        let place = place_of(file);
        let lies_in = |dir: &str| place.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let places =
            self.floors.iter().enumerate().flat_map(|(at, floor)| floor.places.iter().map(move |place| (at, place)));
        places.filter(|(_, dir)| lies_in(dir)).max_by_key(|(_, dir)| dir.len()).map(|(at, dir)| (at, dir.as_str()))
    }

    fn name(&self, floor: usize) -> String {
        format!("`{}`", self.floors[floor].places.join("`, `"))
    }

    /// Modules without a floor, and places of the table without a file.
    pub(super) fn gaps(&self, modules: &[Module]) -> Vec<String> {
        let files: BTreeSet<&str> = modules[1..].iter().map(|module| module.file.as_str()).collect();
        let homeless: BTreeSet<&str> = modules[1..]
            .iter()
            // A file that only declares its children needs no floor.
            .filter(|module| !module.items.is_empty() || !module.imports.is_empty())
            .map(|module| module.file.as_str())
            .filter(|file| *file != "lib.rs" && self.of(file).is_none())
            .collect();
        let mut gaps: Vec<String> =
            homeless.iter().map(|file| format!("{file}: no floor of the table has it")).collect();
        for place in self.floors.iter().flat_map(|floor| &floor.places) {
            let inside = format!("{place}/");
            if !files.iter().any(|file| place_of(file) == place || file.starts_with(&inside)) {
                gaps.push(format!("ARCHITECTURE.md: the table has `{place}`, and no file does"));
            }
        }
        gaps
    }

    /// Uses of a floor from one below it. The crate's root, which re-exports from all, is on none.
    pub(super) fn upward(&self, modules: &[Module], uses: &[Use]) -> Vec<String> {
        let mut found = BTreeSet::new();
        for used in uses {
            let (from, to) = (&modules[used.from].file, &modules[used.to].file);
            if let (Some((low, below)), Some((high, above))) = (self.place(from), self.place(to))
                && high < low
            {
                let (written, line) = (&used.written, used.line);
                let text = format!("{from}:{line}: `{written}` ({to}): `{above}` is above `{below}`");
                found.insert(((high, low), from, line, text));
            }
        }
        found.into_iter().map(|(.., text)| text).collect()
    }

    /// Files of several floors that need each other, and directories of one floor that do.
    pub(super) fn circles(&self, modules: &[Module], uses: &[Use]) -> Vec<String> {
        let edges = |node: &dyn Fn(&str) -> Option<String>, wanted: &dyn Fn(&str, &str) -> bool| {
            let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for used in uses {
                let (from, to) = (&modules[used.from].file, &modules[used.to].file);
                if let (Some(from), Some(to)) = (node(from), node(to))
                    && from != to
                    && wanted(&from, &to)
                {
                    graph.entry(to.clone()).or_default();
                    graph.entry(from).or_default().insert(to);
                }
            }
            components(&graph)
        };
        let mut found = Vec::new();
        for circle in edges(&|file| self.of(file).map(|_| file.to_owned()), &|_, _| true) {
            let floors: BTreeSet<usize> = circle.iter().filter_map(|file| self.of(file)).collect();
            if floors.len() > 1 {
                let names: Vec<String> = floors.iter().map(|floor| self.name(*floor)).collect();
                let files = if circle.len() > LISTED { String::new() } else { format!(": {}", circle.join(", ")) };
                found.push(format!("a circle of {} files over the floors {}{files}", circle.len(), names.join(" / ")));
            }
        }
        for (at, floor) in self.floors.iter().enumerate().filter(|(_, floor)| !floor.circles_are_accepted) {
            let here = |file: &str| (self.of(file) == Some(at)).then(|| directory(file));
            // A directory may use its own subdirectories, and they may use it.
            let apart = |from: &str, to: &str| {
                !(format!("{to}/").starts_with(&format!("{from}/"))
                    || format!("{from}/").starts_with(&format!("{to}/")))
            };
            for circle in edges(&here, &apart) {
                let name = floor.places.join("`, `");
                found.push(format!("a circle of directories on the floor `{name}`: {}", circle.join(", ")));
            }
        }
        found
    }
}

/// `hub/mod.rs` is `hub`, `raw.rs` is `raw`.
fn place_of(file: &str) -> &str {
    file.strip_suffix("/mod.rs").or_else(|| file.strip_suffix(".rs")).unwrap_or(file)
}

/// A file at the top of `src` is a directory of its own.
fn directory(file: &str) -> String {
    file.rsplit_once('/').map_or(place_of(file), |(dir, _)| dir).to_owned()
}

/// The strongly connected components of more than one node.
fn components(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    /// What can be reached from a node, the last first.
    fn visit<'a>(
        node: &'a str,
        graph: &BTreeMap<&'a str, Vec<&'a str>>,
        seen: &mut BTreeSet<&'a str>,
        order: &mut Vec<&'a str>,
    ) {
        if seen.insert(node) {
            for next in graph.get(node).into_iter().flatten() {
                visit(next, graph, seen, order);
            }
            order.push(node);
        }
    }
    let mut forward: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut backward = forward.clone();
    for (from, to) in graph.iter().flat_map(|(from, all)| all.iter().map(move |to| (from.as_str(), to.as_str()))) {
        forward.entry(from).or_default().push(to);
        backward.entry(to).or_default().push(from);
    }
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    graph.keys().for_each(|node| visit(node, &forward, &mut seen, &mut order));
    let mut found = Vec::new();
    seen.clear();
    for node in order.into_iter().rev() {
        let mut component = Vec::new();
        visit(node, &backward, &mut seen, &mut component);
        if component.len() > 1 {
            component.sort_unstable();
            found.push(component.into_iter().map(str::to_owned).collect());
        }
    }
    found
}
