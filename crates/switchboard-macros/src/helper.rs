//! Which attributes are ours.
use syn::{Attribute, Path};

/// The module of `switchboard` that exports the helper attributes.
const MODULE: &str = "attributes";

/// Which of these helper attributes it is. It is written by its name, or by a path into the module that exports it, whatever the crate is
/// called there: `#[skip(..)]`, `#[switchboard::attributes::skip(..)]`. `#[rustfmt::skip]` and `#[other::skip]` are not ours.
pub(crate) fn one_of(names: &'static [&'static str], attribute: &Attribute) -> Option<&'static str> {
    let mut segments = attribute.path().segments.iter().rev();
    let last = segments.next()?;
    if segments.next().is_some_and(|module| module.ident != MODULE) {
        return None;
    }
    names.iter().find(|name| last.ident == **name).copied()
}

/// True if this is the attribute with this name, whatever path leads to it.
pub(crate) fn is_named(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

#[cfg(test)]
mod tests {
    use super::{is_named, one_of};
    use syn::parse_quote;

    #[test]
    fn a_helper_is_known_by_its_name_and_by_its_module() {
        let skip = |attribute| one_of(&["key", "skip"], &attribute);
        for ours in [
            parse_quote!(#[skip(A)]),
            parse_quote!(#[switchboard::attributes::skip(A)]),
            parse_quote!(#[attributes::skip]),
        ] {
            assert_eq!(skip(ours), Some("skip"));
        }
        for other in [parse_quote!(#[rustfmt::skip]), parse_quote!(#[other::skip]), parse_quote!(#[skipped])] {
            assert_eq!(skip(other), None);
        }
    }

    #[test]
    fn an_attribute_that_acts_by_itself_is_known_under_any_path() {
        assert!(is_named(&parse_quote!(sb::gateway), "gateway") && !is_named(&parse_quote!(gateway::other), "gateway"));
    }
}
