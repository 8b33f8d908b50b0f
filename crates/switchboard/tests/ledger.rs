//! What `docs/features.md` claims to be shown is shown by a test that exists.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use switchboard::{GatewayLimits, NodeLimits, WebSocketLimits};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_test_that_the_ledger_names_exists() {
    let ledger = fs::read_to_string(root().join("docs/features.md")).unwrap();
    let mut named = 0;
    for cell in ledger.split('`').skip(1).step_by(2).filter(|cell| cell.contains(".rs::")) {
        let (file, test) = cell.split_once("::").unwrap();
        let path = ["crates/switchboard/tests", "crates/switchboard-core/tests", "crates", "examples", "e2e/tests"]
            .iter()
            .map(|folder| root().join(folder).join(file))
            .find(|path| path.is_file());
        let path = path.unwrap_or_else(|| panic!("docs/features.md names {file}, which is no file"));
        let source = fs::read_to_string(&path).unwrap();
        assert!(source.contains(&format!("fn {test}(")), "docs/features.md names {test}, which is not in {file}");
        named += 1;
    }
    assert!(named > 20, "the ledger names {named} tests");
}

#[test]
fn every_row_says_whether_it_is_there() {
    let ledger = fs::read_to_string(root().join("docs/features.md")).unwrap();
    let rows: Vec<&str> =
        ledger.lines().filter(|line| line.starts_with("| ") && line.split('|').count() == 5).collect();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.split('|').nth(1).unwrap().trim()).collect();
    for (group, most) in [("A", 16), ("B", 12), ("C", 15), ("D", 9), ("F", 3), ("I", 3), ("N", 7), ("Q", 6)] {
        for n in 1..=most {
            assert!(ids.contains(format!("{group}{n}").as_str()), "row {group}{n} is missing");
        }
    }
    for row in rows {
        let shown = row.split('|').nth(3).unwrap().trim();
        assert!(!shown.is_empty(), "this row says nothing: {row}");
    }
}

#[test]
fn every_test_that_the_limits_name_exists() {
    let limits = fs::read_to_string(root().join("docs/limits.md")).unwrap();
    let mut named = 0;
    for cell in limits.split('`').filter(|cell| cell.contains(".rs::") && !cell.contains(' ')) {
        let (file, test) = cell.split_once("::").unwrap();
        let paths = ["crates/switchboard/tests", "crates/switchboard-core/tests", "crates", "e2e/tests"];
        let path = paths.iter().map(|folder| root().join(folder).join(file)).find(|path| path.is_file());
        let path = path.unwrap_or_else(|| panic!("docs/limits.md names {file}, which is no file"));
        assert!(fs::read_to_string(&path).unwrap().contains(&format!("fn {test}(")), "{file} has no {test}");
        named += 1;
    }
    assert!(named > 60, "the limits name {named} tests");
}

/// The types of the three scopes, as their `Debug` names the fields, against the tables of the guide.
#[test]
fn the_guide_lists_every_limit_in_its_scope_with_its_default() {
    let guide = fs::read_to_string(root().join("docs/guide/src/limits.md")).unwrap();
    let scopes = [
        ("## Of the node", format!("{:#?}", NodeLimits::default())),
        ("## Of a gateway", format!("{:#?}", GatewayLimits::default())),
        ("## Of WebSocket connections", format!("{:#?}", WebSocketLimits::default())),
    ];
    for (heading, debug) in scopes {
        let (_, section) = guide.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
        let section = section.split("\n## ").next().unwrap();
        let listed: Vec<(String, String)> =
            section.lines().filter(|line| line.starts_with("| `")).map(listed).collect();
        // A field of a scope is indented once; `websocket`, the scope inside of a gateway's, has fields of its own.
        let fields =
            debug.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| !line.starts_with([' ', '}']));
        let known: Vec<(String, String)> = fields
            .filter_map(|field| field.trim_end_matches(',').split_once(": "))
            .filter(|(name, _)| *name != "websocket")
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(listed, known, "{heading}");
    }
}

/// The name of a limit in a row of the guide, and its default as `Debug` would write it.
fn listed(row: &str) -> (String, String) {
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let name = cells[1].split('`').nth(1).unwrap();
    let default = cells[2].split(':').next().unwrap().replace(['`', ','], "");
    let (number, unit) = default.split_once(' ').unwrap_or((&default, ""));
    let times = |factor: usize| (number.parse::<usize>().unwrap() * factor).to_string();
    let value = match unit {
        "KiB" => times(1 << 10),
        "MiB" => times(1 << 20),
        "min" => format!("{}s", times(60)),
        "s" => format!("{number}s"),
        _ if number == "none" => "None".to_owned(),
        _ => number.to_owned(),
    };
    (name.to_owned(), value)
}

#[test]
fn every_past_flaw_says_what_shows_it() {
    let limits = fs::read_to_string(root().join("docs/limits.md")).unwrap();
    let (_, flaws) = limits.split_once("## Past flaws").expect("a section");
    let rows: Vec<&str> = flaws.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 35, "{} rows", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() == 6 && cells[1..5].iter().all(|cell| !cell.is_empty()), "this row says too little: {row}");
    }
}
