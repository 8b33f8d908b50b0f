//! Attributes that mean something only inside of another.
use crate::emit::ours;
use proc_macro2::{Span, TokenStream};

/// The item as it is, and an error on the attribute.
pub(crate) fn expand(name: &str, place: &str, item: TokenStream) -> TokenStream {
    let error = syn::Error::new(Span::call_site(), format!("`#[{name}]` stands on {place}")).into_compile_error();
    ours!(#error #item)
}
