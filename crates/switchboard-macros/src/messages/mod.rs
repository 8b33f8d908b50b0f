//! `#[messages]`: an `impl` block becomes a table of handlers and hooks.
mod expand;
mod model;
mod parse;
mod validate;

use crate::emit::Errors;
use crate::emit::ours;
use crate::keys;
use proc_macro2::TokenStream;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let krate = keys::read(arguments, &[], &mut errors, |_, _, _| Ok(false));
    let Some(mut block) = parse::block(&item, &mut errors) else {
        let errors = errors.tokens();
        return ours!(#errors #item);
    };
    let methods = parse::methods(&mut block, &mut errors);
    let methods = validate::methods(methods, &block, &mut errors);
    let table = if errors.is_empty() { expand::table(&krate, &block, &methods) } else { expand::stub(&krate, &block) };
    let errors = errors.tokens();
    ours!(#errors #block #table)
}
