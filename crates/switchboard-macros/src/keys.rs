//! The arguments of an attribute: `key`, `key = value` and `key(..)`, in any order.
use crate::emit::{Errors, default_crate};
use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, Path, Token};

/// Reads the arguments. `read` parses the rest of a key that it knows, and returns false for any other key. After an argument that cannot be
/// read, an error is recorded and the rest is skipped.
///
/// Returns the path of `switchboard`: `crate = path` is a key of every attribute.
pub(crate) fn read(
    arguments: TokenStream,
    known: &[&str],
    errors: &mut Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>, &mut Errors) -> syn::Result<bool>,
) -> Path {
    let mut krate = default_crate();
    let mut seen: Vec<Ident> = Vec::new();
    let parsed = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            if seen.contains(&key) {
                errors.at(&key, format!("`{key}` is given twice"));
            }
            if key == "crate" {
                input.parse::<Token![=]>()?;
                krate = input.call(Path::parse_mod_style)?;
            } else if !read(&key, input, errors)? {
                let list: Vec<String> = known.iter().chain(&["crate"]).map(|key| format!("`{key}`")).collect();
                return Err(Error::new(key.span(), format!("there is no `{key}` here; there is {}", list.join(", "))));
            }
            seen.push(key);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = Parser::parse2(parsed, arguments) {
        errors.push(error);
    }
    krate
}

/// The value after `=`.
pub(crate) fn value<T: syn::parse::Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}
