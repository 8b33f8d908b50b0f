//! `#[injectable]`.
use crate::emit::Errors;
use crate::emit::ours;
use crate::fields::{self, Hooks, Injected};
use crate::keys;
use proc_macro2::TokenStream;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut hooks = Hooks::default();
    let krate = keys::read(arguments, &["on_init", "on_shutdown"], &mut errors, |key, input, _| {
        match key.to_string().as_str() {
            "on_init" => hooks.on_init = Some(keys::value(input)?),
            "on_shutdown" => hooks.on_shutdown = Some(keys::value(input)?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    let Some(item_struct) = fields::parse("injectable", &item, &mut errors) else {
        let errors = errors.tokens();
        return ours!(#errors #item);
    };
    let injected = Injected::of(item_struct, &mut errors);
    let provider = if errors.is_empty() { injected.provider(&krate, &hooks) } else { injected.stub(&krate) };
    let (item, errors) = (&injected.item, errors.tokens());
    ours!(#errors #item #provider)
}
