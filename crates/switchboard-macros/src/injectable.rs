//! `#[injectable]`.
use crate::emit::Errors;
use crate::emit::ours;
use crate::fields::{self, Hooks, Injected, Scope};
use crate::keys;
use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut hooks = Hooks::default();
    let krate = keys::read(arguments, &["scope", "on_init", "on_shutdown"], &mut errors, |key, input, _| {
        match key.to_string().as_str() {
            "scope" => hooks.scope = scope(keys::value(input)?)?,
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

/// The lifetime of the value.
fn scope(scope: Expr) -> syn::Result<Option<Scope>> {
    let name = match &scope {
        Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => name.value(),
        _ => String::new(),
    };
    let method = match name.as_str() {
        "application" => return Ok(None),
        "connection" => "connection_scoped",
        "message" => "message_scoped",
        _ => {
            let message = "a scope is \"application\" (one for all, the default), \"connection\" (one for each client) or \"message\" \
                           (one for each message)";
            return Err(Error::new_spanned(scope, message));
        }
    };
    Ok(Some(Scope { method, span: scope.span() }))
}
