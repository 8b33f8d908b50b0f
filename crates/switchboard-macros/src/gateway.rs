//! `#[gateway]`.
use crate::emit::{Errors, call, ours};
use crate::fields::{self, Hooks, Injected};
use crate::keys;
use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{Expr, Path, Type, parse_quote};

/// What the attribute says beside how the struct is made.
#[derive(Default)]
struct Settings {
    path: Option<Expr>,
    namespace: Option<Type>,
    limits: Option<Expr>,
    origins: Option<Expr>,
    compression: Option<Expr>,
    cancel_on_disconnect: Option<Expr>,
}

const KEYS: &[&str] =
    &["path", "namespace", "limits", "origins", "compression", "cancel_on_disconnect", "on_init", "on_shutdown"];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let (mut settings, mut hooks) = (Settings::default(), Hooks::default());
    let krate = keys::read(arguments, KEYS, &mut errors, |key, input, _| {
        match key.to_string().as_str() {
            "path" => settings.path = Some(keys::value(input)?),
            "namespace" => settings.namespace = Some(keys::value(input)?),
            "limits" => settings.limits = Some(keys::value(input)?),
            "origins" => settings.origins = Some(keys::value(input)?),
            "compression" => settings.compression = Some(keys::value(input)?),
            "cancel_on_disconnect" if input.peek(syn::Token![=]) => {
                settings.cancel_on_disconnect = Some(keys::value(input)?);
            }
            "cancel_on_disconnect" => settings.cancel_on_disconnect = Some(syn::parse_quote!(true)),
            "on_init" => hooks.on_init = Some(keys::value(input)?),
            "on_shutdown" => hooks.on_shutdown = Some(keys::value(input)?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    let Some(item_struct) = fields::parse("gateway", &item, &mut errors) else {
        let errors = errors.tokens();
        return ours!(#errors #item);
    };
    let injected = Injected::of(item_struct, &mut errors);
    hooks.gateway = true;
    let made = if errors.is_empty() { injected.provider(&krate, &hooks) } else { injected.stub(&krate) };
    if !errors.is_empty() {
        settings = Settings::default();
    }
    let mount = settings.mount(&injected, &krate);
    let (item, errors) = (&injected.item, errors.tokens());
    ours!(#errors #item #made #mount)
}

impl Settings {
    /// `impl Mount`.
    fn mount(&self, injected: &Injected, krate: &Path) -> TokenStream {
        let name = &injected.item.ident;
        let mut generics = injected.generics(krate);
        if generics.type_params().next().is_some() {
            let (_, types, _) = injected.item.generics.split_for_impl();
            let handles = parse_quote!(#name #types: #krate::gateway::Messages);
            generics.make_where_clause().predicates.push(handles);
        }
        let (impl_generics, types, conditions) = generics.split_for_impl();
        let path = self.path.as_ref().map(|path| ours!(const PATH: &'static ::core::primitive::str = #path;));
        let set = |method: &str, value: &Option<Expr>| {
            let value = value.as_ref()?;
            let set = call(value.span(), method, None, ours!(#value));
            Some(ours!(let __gateway = __gateway #set;))
        };
        let namespace = self.namespace.as_ref().map(|namespace| {
            let set = call(namespace.span(), "namespace", Some(ours!(#namespace)), TokenStream::new());
            ours!(let __gateway = __gateway #set;)
        });
        let settings = [
            namespace,
            set("limits", &self.limits),
            set("origins", &self.origins),
            set("compression", &self.compression),
            set("cancel_on_disconnect", &self.cancel_on_disconnect),
        ];
        let settings: Vec<TokenStream> = settings.into_iter().flatten().collect();
        let settings = (!settings.is_empty()).then(|| {
            ours! {
                fn settings(__gateway: #krate::Gateway<Self>) -> #krate::Gateway<Self> {
                    #(#settings)*
                    __gateway
                }
            }
        });
        ours! {
            #[automatically_derived]
            impl #impl_generics #krate::gateway::Mount for #name #types #conditions {
                #path
                #settings
            }
        }
    }
}
