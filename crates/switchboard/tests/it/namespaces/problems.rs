//! Names of namespaces that are refused at boot.
use super::{Admin, talk};
use switchboard::{App, Namespace, Root};

macro_rules! namespace {
    ($($type:ident = $name:expr;)*) => {
        $(
            enum $type {}
            impl Namespace for $type {
                const NAME: &'static str = $name;
            }
        )*
    };
}

namespace! {
    Twin = "/admin";
    Bare = "bare";
    Spaced = "/a b";
    Controlled = "/a\u{7}";
    Long = LONG;
    Longest = LONG.split_at(255).0;
    Slash = "/";
}

const LONG: &str = match std::str::from_utf8(&[b'/'; 256]) {
    Ok(name) => name,
    Err(_) => "",
};

#[test]
fn names_that_cannot_be_are_reported_at_boot() {
    let line = line!();
    let app = App::new()
        .gateway("/1", talk().namespace::<Admin>())
        .gateway("/2", talk().namespace::<Twin>())
        .gateway("/3", talk().namespace::<Twin>())
        .gateway("/4", talk().namespace::<Bare>())
        .gateway("/5", talk().namespace::<Spaced>())
        .gateway("/6", talk().namespace::<Controlled>())
        .gateway("/7", talk().namespace::<Long>())
        .gateway("/8", talk().namespace::<Longest>())
        .gateway("/9", talk())
        .gateway("/10", talk().namespace::<Slash>())
        .gateway("/11", talk().namespace::<Root>());
    // Nobody panics for them, and nobody is there.
    assert_eq!(app.server_of::<Twin>().local().client_count(), 0);
    assert_eq!(app.server_of::<Bare>().broadcast("e", 1).queued, 0);
    assert_eq!(app.handle().server_of::<Long>().disconnect("lobby"), 0);
    let error = app.into_router().err().unwrap();
    let file = file!();
    let text = format!("{error:?}");
    let (here, admin) = (module_path!(), std::any::type_name::<Admin>());
    let expected = [
        (
            format!("{admin} and {here}::Twin are two namespaces of one name, /admin; use one of them, or rename one"),
            vec![2, 3],
        ),
        (format!("the namespace {here}::Bare: its name \"bare\" does not begin with '/'; write \"/bare\""), vec![5]),
        (
            format!(
                "the namespace {here}::Spaced: its name \"/a b\" has whitespace or a control character; remove that"
            ),
            vec![6],
        ),
        (
            format!(
                "the namespace {here}::Controlled: its name \"/a\\u{{7}}\" has whitespace or a control character; remove that"
            ),
            vec![7],
        ),
        (format!("the namespace {here}::Long: its name has 256 bytes; shorten it to at most 255"), vec![8]),
        (
            format!(
                "the namespace {here}::Slash: its name \"/\" is that of the default, switchboard::Root; use that one, or choose another name"
            ),
            vec![11],
        ),
    ];
    assert_eq!(error.problems().len(), expected.len(), "{text}");
    for (problem, (message, lines)) in error.problems().iter().zip(expected) {
        let places: String = lines.iter().map(|at| format!("\n     at {file}:{}", line + at)).collect();
        assert_eq!(problem.to_string(), format!("{message}{places}"));
    }
}
