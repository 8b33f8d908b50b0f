//! Helper attributes outside of the attribute that reads them.
use crate::emit::ours;
use crate::helper::is_named;
use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Error, Item};

/// Returns the item unchanged, with an error on the attribute.
pub(crate) fn expand(name: &str, home: &str, item: TokenStream) -> TokenStream {
    error(&format!("`#[{name}]` belongs on {home}"), item)
}

/// [`expand`] for the attributes of stages. They are misplaced most often right above the attribute that would read them.
pub(crate) fn expand_stage(name: &str, item: TokenStream) -> TokenStream {
    let below = |attributes: &[Attribute], other| attributes.iter().any(|attribute| is_named(attribute.path(), other));
    let message = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(item)) if below(&item.attrs, "gateway") => {
            format!("`#[{name}]` belongs below `#[gateway]`, which reads it: move it down")
        }
        Ok(Item::Impl(item)) if below(&item.attrs, "messages") => {
            format!(
                "`#[{name}]` belongs on a handler inside of this block, or on the gateway's struct, below `#[gateway]`, where it is \
                 for all of them"
            )
        }
        _ => format!(
            "`#[{name}]` belongs on a handler in an `impl` block with `#[messages]`, or on a gateway's struct, below `#[gateway]`"
        ),
    };
    error(&message, item)
}

fn error(message: &str, item: TokenStream) -> TokenStream {
    let error = Error::new(Span::call_site(), message).into_compile_error();
    ours!(#error #item)
}
