//! Texts for people: names of types, and counted things.

/// A type's name without paths: `core::option::Option<chat::Room>` → `Option<Room>`.
pub(crate) fn short_name(full: &str) -> String {
    let mut short = String::with_capacity(full.len());
    let mut word = 0;
    let mut rest = full;
    while let Some(first) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("::") {
            short.truncate(word);
            rest = behind;
            continue;
        }
        if !first.is_alphanumeric() && !matches!(first, '_' | '{' | '}' | '#') {
            word = short.len() + first.len_utf8();
        }
        short.push(first);
        rest = &rest[first.len_utf8()..];
    }
    short
}

/// `1 hook`, `2 hooks`.
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn paths_go_names_stay() {
        for (full, short) in [
            ("u8", "u8"),
            ("chat::main::{{closure}}::Local<a::main::{{closure}}::X>", "Local<X>"),
            ("chat::gateway::Chat", "Chat"),
            ("core::option::Option<alloc::vec::Vec<chat::Room>>", "Option<Vec<Room>>"),
            ("dyn chat::Repo", "dyn Repo"),
            ("(a::B, &'static c::D)", "(B, &'static D)"),
            ("switchboard::server::Server<a::Admin>", "Server<Admin>"),
        ] {
            assert_eq!(short_name(full), short);
        }
    }
}
