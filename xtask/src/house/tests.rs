//! Small trees, each with one thing wrong or nothing.

use super::{Report, Sources};

const TABLE: &str = "\
# Architecture

## Floors
| floor | what it is |
|---|---|
| `app` | composition |
| `lang`, `guard` | what a user writes (a circle among these is accepted) |
| `hub`, `space` | rooms |
| `wire/frame`, `limits` | vocabulary |
";

fn sources(files: &[(&str, &str)]) -> Sources {
    let whole = [
        (
            "lib.rs",
            "mod app; mod lang; mod guard; mod hub; mod space; mod wire; mod limits; pub use app::App; pub use hub::Client;",
        ),
        ("app.rs", "pub struct App; use crate::hub::Client;"),
        ("lang.rs", "pub struct Gateway;"),
        ("guard.rs", "pub struct Guard;"),
        ("hub/mod.rs", "mod rooms; pub struct Client; pub use rooms::Room;"),
        ("hub/rooms.rs", "pub struct Room; use super::Client;"),
        ("space.rs", "pub struct Space;"),
        ("wire/mod.rs", "pub mod frame;"),
        ("wire/frame.rs", "pub struct Frame;"),
        ("limits.rs", "pub struct Limits;"),
    ];
    let pairs = whole.iter().chain(files);
    pairs.map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
}

/// What is found in the tree with these files replaced or added.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let sources = sources(files);
    let report = Report::of(TABLE, &sources, &sources).expect("a tree that is understood");
    report.groups.into_iter().flat_map(|(_, found)| found).collect()
}

#[track_caller]
fn upward(files: &[(&str, &str)], expected: &[&str]) {
    let found = found(files);
    let upward: Vec<&String> = found.iter().filter(|line| line.contains(" is above ")).collect();
    assert_eq!(upward.len(), expected.len(), "{found:#?}");
    for (line, start) in upward.iter().zip(expected) {
        assert!(line.starts_with(start), "{line}\nexpected: {start}");
    }
}

#[test]
fn a_tree_in_order_has_no_findings() {
    let files = [
        ("app.rs", "use crate::{hub::{self, Client}, lang::Gateway}; pub struct App; type R = hub::Room;"),
        ("lang.rs", "pub struct Gateway; use crate::guard::Guard;"),
        ("guard.rs", "pub struct Guard; fn of(_: &crate::lang::Gateway) -> std::io::Result<()> { Ok(()) }"),
        ("space.rs", "use super::hub::Room; pub struct Space; fn limits() -> crate::limits::Limits { todo!() }"),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn a_use_of_a_floor_above_is_found_with_its_line() {
    let text = "// one\n/* two\n */\nuse crate::lang::Gateway;\n";
    upward(&[("hub/rooms.rs", text)], &["hub/rooms.rs:4: `crate::lang::Gateway` (lang.rs): `lang` is above `hub`"]);
}

#[test]
fn a_use_is_followed_through_re_exports() {
    upward(&[("limits.rs", "use crate::Client;")], &["limits.rs:1: `crate::Client` (hub/mod.rs)"]);
    // Over two modules, one of them by another name.
    let files = [("space.rs", "pub use crate::hub::Room as Hall;"), ("wire/frame.rs", "use crate::space::Hall;")];
    upward(&files, &["wire/frame.rs:1: `crate::space::Hall` (hub/rooms.rs)"]);
    // What a lower floor re-exports from above is found there too.
    let files = [("limits.rs", "pub(crate) use crate::hub::Room;"), ("wire/frame.rs", "use crate::limits::Room;")];
    upward(&files, &["limits.rs:1: ", "wire/frame.rs:1: "]);
}

#[test]
fn what_a_floor_above_only_passes_on_may_be_used() {
    let files = [
        ("hub/mod.rs", "pub use crate::limits::Limits; pub struct Client; pub struct Room; mod rooms;"),
        ("wire/frame.rs", "use crate::hub::Limits;"),
    ];
    upward(&files, &[]);
}

#[test]
fn a_path_in_an_expression_a_type_or_a_macro_is_a_use() {
    upward(
        &[("hub/rooms.rs", "fn f() {\n crate::lang::Gateway::new() }")],
        &["hub/rooms.rs:2: `crate::lang::Gateway::new`"],
    );
    upward(
        &[("hub/rooms.rs", "struct S { of: Vec<super::super::lang::Gateway> }")],
        &["hub/rooms.rs:1: `super::super::lang::Gateway`"],
    );
    upward(
        &[("hub/rooms.rs", "macro_rules! m { () => { $crate::lang::Gateway } }")],
        &["hub/rooms.rs:1: `crate::lang::Gateway`"],
    );
    upward(&[("hub/rooms.rs", "fn f() { log!(\"{}\", crate::lang::Gateway) }")], &["hub/rooms.rs:1: "]);
    // A module that is imported, and then named by its last name.
    upward(
        &[("hub/rooms.rs", "use crate::lang;\nfn f() -> lang::Gateway { todo!() }")],
        &["hub/rooms.rs:2: `lang::Gateway`"],
    );
    upward(&[("hub/rooms.rs", "mod inner { use super::super::super::lang::Gateway; }")], &["hub/rooms.rs:1: "]);
}

#[test]
fn groups_and_globs_are_read() {
    let nested = "use crate::{\n limits::Limits,\n lang::{\n self as language,\n Gateway as G } };\n";
    upward(&[("hub/rooms.rs", nested)], &["hub/rooms.rs:5: `crate::lang::Gateway`"]);
    upward(&[("hub/rooms.rs", "use crate::lang::*;\nfn f(_: Gateway) {}")], &["hub/rooms.rs:2: `Gateway`"]);
    upward(&[("hub/rooms.rs", "use crate::lang::*;\nfn f(_: Other) {}")], &[]);
    // Through a glob that is itself a re-export.
    let files = [("space.rs", "pub use crate::lang::*;"), ("limits.rs", "use crate::space::Gateway;")];
    upward(&files, &["limits.rs:1: "]);
}

#[test]
fn what_only_tests_have_is_left_out() {
    upward(&[("hub/rooms.rs", "#[cfg(test)]\nmod tests { use crate::lang::Gateway; }")], &[]);
    upward(&[("hub/rooms.rs", "#[cfg(all(test, feature = \"f\"))] #[path = \"t.rs\"] mod tests;")], &[]);
    upward(&[("hub/rooms.rs", "#![cfg(test)]\nuse crate::lang::Gateway;")], &[]);
    upward(&[("hub/rooms.rs", "struct S { #[cfg(test)] g: crate::lang::Gateway, }")], &[]);
    upward(&[("hub/rooms.rs", "#[cfg(test)] fn f<A, B>(_: A) { crate::lang::Gateway; }")], &[]);
    // These are in a build of users.
    upward(
        &[("hub/rooms.rs", "#[cfg(any(test, feature = \"testing\"))] use crate::lang::Gateway;")],
        &["hub/rooms.rs:1"],
    );
    upward(&[("hub/rooms.rs", "#[cfg(not(test))] use crate::lang::Gateway;")], &["hub/rooms.rs:1"]);
    upward(&[("hub/rooms.rs", "#[cfg(test)] use crate::x::Y; use crate::lang::Gateway;")], &["hub/rooms.rs:1"]);
}

#[test]
fn text_and_comments_name_nothing() {
    let text = r##"
        /// [`crate::lang::Gateway`]
        /* crate::lang::Gateway /* crate::lang::Gateway */ crate::lang::Gateway */
        const A: &str = "crate::lang::Gateway \" crate::lang::Gateway";
        const B: &str = r#"crate::lang::Gateway " crate::lang::Gateway"#;
        fn f<'a>(_: &'a u8) -> [char; 3] { ['"', '\'', 'a'] }
        const C: &[u8] = b"crate::lang::Gateway";
    "##;
    upward(&[("hub/rooms.rs", text)], &[]);
}

#[test]
fn a_path_that_leads_nowhere_is_found() {
    let found = found(&[("hub/rooms.rs", "pub struct Room; use crate::hub::Gone;")]);
    assert_eq!(found, ["hub/rooms.rs:1: `crate::hub::Gone` leads nowhere that this check can see"]);
}

#[test]
fn the_table_and_the_tree_have_the_same_modules() {
    let files = [
        ("lib.rs", "mod app; mod lang; mod guard; mod hub; mod wire; mod limits; mod new;"),
        ("new.rs", "struct New;"),
        ("app.rs", ""),
    ];
    let expected = ["new.rs: no floor of the table has it", "ARCHITECTURE.md: the table has `space`, and no file does"];
    assert_eq!(found(&files), expected);
    assert!(Report::of("# Architecture", &sources(&[]), &sources(&[])).is_err());
}

#[test]
fn circles_are_found_but_in_the_language() {
    // Of files on one floor's directory: accepted.
    let files = [("hub/mod.rs", "mod rooms; pub struct Client(crate::hub::rooms::Room); pub use rooms::Room;")];
    assert_eq!(found(&files), [""; 0]);
    // Of directories.
    let files = [
        ("hub/rooms.rs", "pub struct Room; use crate::space::Space;"),
        ("space.rs", "use crate::hub::Room; pub struct Space;"),
    ];
    assert_eq!(found(&files), ["a circle of directories on the floor `hub`, `space`: hub, space"]);
    // Over floors, which needs a use upward.
    let files = [
        ("lang.rs", "use crate::hub::Room; pub struct Gateway;"),
        ("hub/rooms.rs", "pub struct Room; use crate::lang::Gateway;"),
    ];
    let found = found(&files);
    assert!(
        found.iter().any(|line| line
            == "a circle of 2 files over the floors `lang`, `guard` / `hub`, `space`: hub/rooms.rs, lang.rs"),
        "{found:?}"
    );
}

#[test]
fn a_long_file_and_a_large_type_are_found() {
    let long = "//\n".repeat(451);
    assert_eq!(found(&[("space.rs", &long)]).len(), 1);
    let methods = |count: usize, of: &str| {
        let methods: String = (0..count)
            .map(|at| format!("pub fn m{at}<'a>(&'a mut self, x: u8) -> u8 {{ fn g(self_: u8) {{}} x }}\n"))
            .collect();
        format!("impl<T: Into<Vec<u8>>> {of}<T> {{ pub fn new() -> Self {{ todo!() }}\n{methods} }}\n")
    };
    // In two files; what has no receiver, or is of a trait, does not count.
    let files = [
        ("hub/mod.rs", format!("mod rooms; pub struct Client<T>(T); pub use rooms::Room; {}", methods(22, "Client"))),
        (
            "hub/rooms.rs",
            format!(
                "pub struct Room; use super::Client; {} impl<T> Clone for Client<T> {{ fn clone(&self) -> Self {{ todo!() }} }}",
                methods(22, "Client")
            ),
        ),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
    assert_eq!(found(&files), [""; 0]);
    let one_more = format!("pub struct Room; use super::Client; {}", methods(23, "Client"));
    assert_eq!(
        found(&[files[0], ("hub/rooms.rs", &one_more)]),
        ["hub/mod.rs: `Client` has 45 methods, and 44 is the most"]
    );
    let limits = format!("pub struct Limits<T>(T); {}", methods(50, "Limits"));
    assert_eq!(found(&[("limits.rs", &limits)]), [""; 0]);
}
