//! `impl Messages`: one call of the builder for each method.
use super::model::{Method, Parameter, Role, Source};
use crate::emit::{at, call, call_path, moved, ours};
use crate::stages::{Site, probes};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, GenericArgument, Ident, ItemImpl, Path, PathArguments, ReturnType, Type, WherePredicate, parse_quote};

/// The code that registers the handlers and hooks.
pub(super) fn table(krate: &Path, block: &ItemImpl, methods: &[Method]) -> TokenStream {
    let registered = methods.iter().map(|method| register(krate, method));
    let probes = methods.iter().any(|method| method.stages.is_probed()).then(|| probes(krate));
    implement(
        krate,
        block,
        &ours! {
            #[allow(unused_imports)]
            use #krate::__private::parts::{
                ByNothing as _, ByValidate as _, PlainShape as _, ResultShape as _, ResultStreamShape as _,
                StreamShape as _,
            };
            #probes
            #(#registered)*
        },
    )
}

/// An implementation without handlers, so that one error does not cause others.
pub(super) fn stub(krate: &Path, block: &ItemImpl) -> TokenStream {
    if block.trait_.is_some() { TokenStream::new() } else { implement(krate, block, &TokenStream::new()) }
}

fn implement(krate: &Path, block: &ItemImpl, body: &TokenStream) -> TokenStream {
    let ty = &block.self_ty;
    let mut generics = block.generics.clone();
    if generics.type_params().next().is_some() {
        let holds: WherePredicate = parse_quote!(#ty: ::core::marker::Send + ::core::marker::Sync + 'static);
        generics.make_where_clause().predicates.push(holds);
    }
    let (impl_generics, _, conditions) = generics.split_for_impl();
    ours! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #impl_generics #krate::gateway::Messages for #ty #conditions {
            fn messages(__gateway: #krate::Gateway<Self>) -> #krate::Gateway<Self> {
                #body
                __gateway
            }

            fn settled(__gateway: #krate::Gateway<Self>) -> #krate::Gateway<Self> {
                #[allow(unused_imports)]
                use #krate::__private::settings::{HasSettings as _, NoSettings as _};
                let __gateway = <Self as #krate::gateway::Messages>::messages(__gateway);
                (&&#krate::__private::settings::SettingsProbe::<Self>::new()).__switchboard_settings(__gateway)
            }
        }
    }
}

fn register(krate: &Path, method: &Method) -> TokenStream {
    let conditions = &method.conditions;
    let registered = match &method.role {
        Role::Event(event) => {
            let handler = handler(krate, method);
            call(event.span(), "handler", None, ours!(#event, #handler))
        }
        Role::CatchAll(span) => call(*span, "catch_all", None, handler(krate, method)),
        Role::OnJoin(span) => call(*span, "on_join", None, on_join(krate, method)),
        Role::OnConnect(span) => hook(krate, method, *span, "of_on_connect"),
        Role::OnDisconnect(span) => hook(krate, method, *span, "of_on_disconnect"),
        Role::Raw(span) => hook(krate, method, *span, "of_raw"),
        Role::AfterInit(span) => after_init(krate, method, *span),
    };
    ours!(#(#conditions)* let __gateway = __gateway #registered;)
}

/// A `HandlerDef` with its stages.
fn handler(krate: &Path, method: &Method) -> TokenStream {
    let handler = def(krate, method, "handler", "of_handler", "value");
    if method.stages.is_empty() {
        return handler;
    }
    let variable = Ident::new("__handler", Span::mixed_site());
    let stages = method.stages.tokens(krate, &variable, Site::Message);
    ours! {{
        let #variable = #handler;
        #stages
        #variable
    }}
}

fn hook(krate: &Path, method: &Method, span: Span, constructor: &str) -> TokenStream {
    let def = def(krate, method, "hook", constructor, "nothing");
    call(span, "hook", None, def)
}

/// A `HandlerDef` or `HookDef`, assembled from parts.
fn def(krate: &Path, method: &Method, assemble: &str, constructor: &str, returns: &str) -> TokenStream {
    let parts = ours!(#krate::__private::parts);
    let constructor = Ident::new(constructor, Span::mixed_site());
    let (mut plans, mut reads, mut arguments) = (Vec::new(), Vec::new(), Vec::new());
    for (nth, parameter) in method.parameters.iter().enumerate() {
        let variable = format_ident!("__argument{nth}", span = Span::mixed_site());
        match parameter {
            Parameter::Borrowed(ty) => {
                let here = at(ty.span());
                reads.push(quote_spanned!(here=> let #variable = #parts::lent::<#ty>(__cx);));
                arguments.push(quote_spanned!(here=> #parts::Loan::get(&#variable)));
            }
            Parameter::Owned { ty, generic, source } => {
                plans.push(match &method.role {
                    role if !role.is_handler() => plan_in_hook(ty, &variable),
                    _ if source.attributes.is_empty() => plan(&parts, ty, *generic, &variable),
                    _ => plan_of_source(krate, ty, source, &variable),
                });
                // Called by path and not as a method: a blanket impl of one of the user's traits may add a method of
                // that name to every type.
                reads.push(ours!(let #variable = #parts::Parameter::read(&#variable, __cx)?;));
                arguments.push(ours!(#variable));
            }
        }
    }
    let name = &method.name;
    let here = at(name.span());
    let reply = reply(&parts, &method.output, returns, true);
    // A handler with an `Ack` must not return a value, because it would be lost.
    let (answers, beside) = match method.role.is_handler() {
        true => {
            let span = match &method.output {
                ReturnType::Default => here,
                ReturnType::Type(_, ty) => at(ty.span()),
            };
            let parts = moved(parts.clone(), span);
            (
                Some(ours!(let __answers = #parts::Parameters::answers(&__parameters);)),
                Some(quote_spanned!(span=> #parts::beside(&__reply, __answers);)),
            )
        }
        false => (None, None),
    };
    let assemble = Ident::new(assemble, Span::mixed_site());
    let assemble = moved(ours!(#parts::#assemble), here);
    quote_spanned! {here=> {
        let __parameters = #parts::Parameters::#constructor();
        #(#plans)*
        #answers
        #assemble(
            __parameters,
            move |__this: ::std::sync::Arc<Self>, __cx: &#krate::handler::MessageContext<'_>| {
                #(#reads)*
                ::core::result::Result::Ok(async move {
                    let __reply = Self::#name(&__this, #(#arguments),*).await;
                    #beside
                    #reply
                })
            },
        )
    }}
}

fn plan(parts: &TokenStream, ty: &Type, generic: bool, variable: &Ident) -> TokenStream {
    let here = at(ty.span());
    let parts = moved(parts.clone(), here);
    if generic {
        return quote_spanned!(here=> let (#variable, __parameters) = __parameters.generic::<#ty, _, _>(););
    }
    quote_spanned! {here=>
        let __validation = (&&#parts::Probe::<#ty>::new()).__switchboard_validation().without_context();
        let (#variable, __parameters) = __parameters.checked::<#ty, _, _, _>(__validation);
    }
}

/// Reads a parameter from a key of the payload, or through pipes. It is validated like a payload.
fn plan_of_source(krate: &Path, ty: &Type, source: &Source, variable: &Ident) -> TokenStream {
    let here = at(ty.span());
    let probe = moved(ours!(#krate::__private::parts), here);
    let validation = quote_spanned! {here=>
        let __validation = (&&#probe::Probe::<#ty>::new()).__switchboard_validation().without_context();
    };
    let read = match (&source.key, pipes(krate, ty, &source.pipes)) {
        (Some(key), Some((span, pipe))) => call(span, "key_pipe", None, ours!(__validation, #key, #pipe)),
        (None, Some((span, pipe))) => call(span, "pipe", None, ours!(__validation, #pipe)),
        (key, None) => quote_spanned!(here=> .key::<#ty, _, _>(__validation, #key)),
    };
    quote_spanned! {here=>
        #validation
        let (#variable, __parameters) = __parameters #read;
    }
}

/// Combines the pipes into one, and returns it with its span. They are combined from the last one, whose output is the
/// parameter's type, to the first, so that the compiler reports the one that does not fit.
fn pipes(krate: &Path, ty: &Type, pipes: &[Expr]) -> Option<(Span, TokenStream)> {
    let (last, others) = pipes.split_last()?;
    let span = at(last.span());
    if others.is_empty() {
        return Some((span, ours!(#last)));
    }
    let variable = |(nth, pipe): (usize, &Expr)| format_ident!("__pipe{nth}", span = at(pipe.span()));
    let variables: Vec<Ident> = pipes.iter().enumerate().map(variable).collect();
    let made = pipes.iter().zip(&variables).map(|(pipe, variable)| ours!(let #variable = #pipe;));
    let (last, others) = variables.split_last()?;
    let last = call_path(span, ours!(#krate::__private::stages::last::<#ty, _, _>), ours!(#last));
    let others = pipes.iter().zip(others).rev();
    let after = others.map(|(pipe, variable)| call(at(pipe.span()), "behind", None, ours!(#variable)));
    Some((
        span,
        ours! {{
            #(#made)*
            #last #(#after)*
        }},
    ))
}

/// A parameter of a hook. A hook has no payload, so nothing is validated.
fn plan_in_hook(ty: &Type, variable: &Ident) -> TokenStream {
    quote_spanned!(at(ty.span())=> let (#variable, __parameters) = __parameters.in_hook::<#ty>();)
}

/// The assertions about the return type, each with the span of the type that it concerns.
fn reply(parts: &TokenStream, output: &ReturnType, returns: &str, is_async: bool) -> TokenStream {
    let (value, error) = match output {
        ReturnType::Default => (Span::mixed_site(), Span::mixed_site()),
        ReturnType::Type(_, ty) => sides(ty),
    };
    let check = Ident::new(returns, at(value));
    let checked = quote_spanned! {at(value)=>
        let __shape = (&&&&#parts::type_of(&__reply)).__switchboard_shape();
        let __shape = __shape.#check();
    };
    let error = quote_spanned!(at(error)=> let __shape = __shape.error(););
    if !is_async {
        return ours!(#checked #error __shape.finish(__reply).now());
    }
    ours! {
        #checked
        #error
        match __shape.finish(__reply) {
            #parts::Flow::Now(__done) => __done,
            #parts::Flow::Later(__stream) => __stream.await,
        }
    }
}

/// The two types of a `Result`, if it is spelled as one. Only the spans of errors depend on this, never the meaning.
fn sides(ty: &Type) -> (Span, Span) {
    let whole = (ty.span(), ty.span());
    let Type::Path(path) = ty else { return whole };
    let Some(last) = path.path.segments.last() else { return whole };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return whole };
    let types: Vec<&GenericArgument> = arguments.args.iter().collect();
    match types[..] {
        [value, error] => (value.span(), error.span()),
        [value] if last.ident == "Result" => (value.span(), ty.span()),
        _ => whole,
    }
}

/// The hook for joins: a function, not a future.
fn on_join(krate: &Path, method: &Method) -> TokenStream {
    let name = &method.name;
    let lent: Vec<TokenStream> = method
        .parameters
        .iter()
        .enumerate()
        .map(|(nth, parameter)| {
            let ty = match parameter {
                Parameter::Borrowed(ty) | Parameter::Owned { ty, .. } => ty,
            };
            let variable = format_ident!("__argument{nth}", span = at(ty.span()));
            ours!(#variable)
        })
        .collect();
    let here = at(name.span());
    let call = quote_spanned!(here=> let __reply = Self::#name(__this #(, #lent)*););
    let reply = reply(&ours!(#krate::__private::parts), &method.output, "verdict", false);
    ours! {
        |__this, #(#lent),*| {
            #call
            let __returned = { #reply };
            __returned.map(::core::mem::drop)
        }
    }
}

fn after_init(krate: &Path, method: &Method, span: Span) -> TokenStream {
    let here = at(span);
    let name = &method.name;
    let (mut asks, mut takes, mut arguments) = (Vec::new(), Vec::new(), Vec::new());
    for (nth, parameter) in method.parameters.iter().enumerate() {
        let variable = format_ident!("__argument{nth}", span = Span::mixed_site());
        let (ty, lent) = match parameter {
            Parameter::Borrowed(ty) => (ty, true),
            Parameter::Owned { ty, .. } => (ty, false),
        };
        let here = at(ty.span());
        asks.push(call(ty.span(), "asks_for", Some(ours!(#ty)), TokenStream::new()));
        takes.push(quote_spanned!(here=> let #variable = #krate::__private::parts::taken::<#ty>(&__container)?;));
        arguments.push(if lent { ours!(&#variable) } else { ours!(#variable) });
    }
    let reply = reply(&ours!(#krate::__private::parts), &method.output, "nothing", true);
    let hook = quote_spanned! {here=>
        |__this: ::std::sync::Arc<Self>, __container: #krate::di::Container| async move {
            #(#takes)*
            let __reply = Self::#name(&__this, #(#arguments),*).await;
            let __returned = { #reply };
            __returned.map(::core::mem::drop)
        }
    };
    let after_init = call(span, "after_init", None, hook);
    ours!(#(#asks)* #after_init)
}
