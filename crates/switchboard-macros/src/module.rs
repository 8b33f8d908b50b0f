//! `#[module]`.
use crate::emit::{Errors, at, call, call_path, ours};
use crate::keys;
use crate::stages::{self, Made, Site, StageKind, probes, spelled_like_a_value, stage_call};
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Path, Token, Type, parenthesized};

/// One element of `providers(..)`.
enum Provided {
    Type(Type),
    /// `value(expr)`, `factory(f)`, …: a method of `ModuleDef`.
    Call {
        method: Ident,
        argument: Expr,
    },
}

const CALLS: &[&str] = &["value", "factory", "try_factory", "async_factory", "try_async_factory", "shared"];

impl Parse for Provided {
    fn parse(input: ParseStream<'_>) -> syn::Result<Provided> {
        if !(input.peek(Ident) && input.peek2(syn::token::Paren)) {
            let ty: Type = input.parse()?;
            if let Some(function) = spelled_like_a_value(&ty) {
                let message = format!(
                    "`{function}` is a function: write `factory(..)` around it, or `value(..)` around what it returns"
                );
                return Err(Error::new_spanned(ty, message));
            }
            return Ok(Provided::Type(ty));
        }
        let method: Ident = input.parse()?;
        if !CALLS.contains(&method.to_string().as_str()) {
            let list: Vec<String> = CALLS.iter().map(|call| format!("`{call}(..)`")).collect();
            return Err(Error::new(method.span(), format!("a provider is a type, or one of {}", list.join(", "))));
        }
        let content;
        parenthesized!(content in input);
        let argument = content.parse()?;
        if !content.is_empty() {
            return Err(content.error(format!("`{method}(..)` takes one thing")));
        }
        Ok(Provided::Call { method, argument })
    }
}

#[derive(Default)]
struct Model {
    imports: Vec<Type>,
    providers: Vec<Provided>,
    gateways: Vec<Type>,
    exports: Vec<Type>,
    global: Option<Span>,
    on_init: Option<Expr>,
    on_shutdown: Option<Expr>,
    /// The stages around every message of the application, in the order in which they are written.
    stages: Vec<(StageKind, Made)>,
}

const KEYS: &[&str] = &[
    "imports",
    "providers",
    "gateways",
    "exports",
    "global",
    "app_guards",
    "app_interceptors",
    "app_pipes",
    "app_filters",
    "on_init",
    "on_shutdown",
];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut model = Model::default();
    let krate = keys::read(arguments, KEYS, &mut errors, |key, input, _| {
        match key.to_string().as_str() {
            "imports" => model.imports = list(input)?,
            "providers" => model.providers = list(input)?,
            "gateways" => model.gateways = list(input)?,
            "exports" => model.exports = list(input)?,
            "global" => model.global = Some(key.span()),
            "app_guards" => model.stages(StageKind::Guard, input)?,
            "app_interceptors" => model.stages(StageKind::Interceptor, input)?,
            "app_pipes" => model.stages(StageKind::Pipe, input)?,
            "app_filters" => model.stages(StageKind::Filter, input)?,
            "on_init" => model.on_init = Some(keys::value(input)?),
            "on_shutdown" => model.on_shutdown = Some(keys::value(input)?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    let Some(item_struct) = crate::fields::parse("module", &item, &mut errors) else {
        let errors = errors.tokens();
        return ours!(#errors #item);
    };
    let name = &item_struct.ident;
    if let Some(parameter) = item_struct.generics.params.first() {
        errors.at(parameter, "a module cannot be generic");
    }
    let body = if errors.is_empty() { model.body(&krate, name) } else { ours!(::core::unreachable!()) };
    let module = item_struct.generics.params.is_empty().then(|| {
        ours! {
            #[automatically_derived]
            #[allow(unused_qualifications)]
            impl #krate::di::Module for #name {
                fn module() -> #krate::di::ModuleDef {
                    #body
                }
            }
        }
    });
    let errors = errors.tokens();
    ours!(#errors #item_struct #module)
}

fn list<T: Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

impl Model {
    fn stages(&mut self, kind: StageKind, input: ParseStream<'_>) -> syn::Result<()> {
        let stages = stages::in_parentheses(input)?;
        self.stages.extend(stages.into_iter().map(|made| (kind, made)));
        Ok(())
    }

    fn body(&self, krate: &Path, name: &Ident) -> TokenStream {
        let of_type = |method: &str, ty: &Type| {
            let listed = call(ty.span(), method, Some(ours!(#ty)), TokenStream::new());
            ours!(let __module = __module #listed;)
        };
        let imports = self.imports.iter().map(|ty| of_type("import", ty));
        let providers = self.providers.iter().map(|provided| match provided {
            Provided::Type(ty) => of_type("provide", ty),
            Provided::Call { method, argument } => {
                let listed = if method == "value" {
                    // A closure, so that the value is made at boot and not whenever the module is inspected.
                    call(argument.span(), "value_with", None, ours!(|| #argument))
                } else {
                    call(argument.span(), &method.to_string(), None, ours!(#argument))
                };
                ours!(let __module = __module #listed;)
            }
        });
        let gateways = self.gateways.iter().map(|ty| of_type("gateway", ty));
        let exports = self.exports.iter().map(|ty| of_type("export", ty));
        let global = self.global.map(|span| quote_spanned!(at(span)=> let __module = __module.global();));
        let hook = |method: &str, hook: &Option<Expr>| {
            let hook = hook.as_ref()?;
            let set = call(hook.span(), method, None, ours!(#hook));
            Some(ours!(let __module = __module #set;))
        };
        let (on_init, on_shutdown) = (hook("on_init", &self.on_init), hook("on_shutdown", &self.on_shutdown));
        let stages = self.stages.iter().map(|(kind, made)| {
            let listed = stage_call(krate, *kind, made, Site::Gateway, &kind.app_method());
            ours!(let __module = __module #listed;)
        });
        let probes = self.stages.iter().any(|(kind, _)| kind.is_probed()).then(|| probes(krate));
        let label = name.unraw().to_string();
        let new = call_path(name.span(), ours!(#krate::di::ModuleDef::new), ours!(#label));
        ours! {
            #probes
            let __module = #new;
            #(#imports)*
            #(#providers)*
            #(#gateways)*
            #(#exports)*
            #global
            #(#stages)*
            #on_init
            #on_shutdown
            __module
        }
    }
}
