//! `#[derive(WireError)]`: parse (`keys`) → model → validate → expand, and the texts of messages (`message`).
mod expand;
mod keys;
mod message;
mod model;

use crate::emit::{Errors, ours};
use proc_macro2::TokenStream;
use syn::DeriveInput;

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let Some(model) = model::Model::of(input, &mut errors) else {
        let errors = errors.tokens();
        return ours!(#errors);
    };
    let implementation = if errors.is_empty() { expand::implement(&model) } else { expand::stub(&model) };
    let errors = errors.tokens();
    ours!(#errors #implementation)
}
