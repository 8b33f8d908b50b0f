//! `impl From<X> for switchboard::Error`.
use super::message::{self, Message};
use super::model::{Extras, Model, Retry, Told, Variant};
use crate::emit::{at, call, ours};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, Path};

pub(super) fn implement(model: &Model) -> TokenStream {
    let arms = model.variants.iter().map(|variant| arm(model, variant));
    let body = ours!(match __error { #(#arms)* });
    from(model, &body)
}

/// An `impl` that is never run, so that one error does not cause others.
pub(super) fn stub(model: &Model) -> TokenStream {
    from(model, &ours!(::core::unreachable!()))
}

fn from(model: &Model, body: &TokenStream) -> TokenStream {
    let Model { name, generics, krate, .. } = model;
    let (impl_generics, types, conditions) = generics.split_for_impl();
    ours! {
        #[automatically_derived]
        #[allow(unused_qualifications, clippy::pattern_type_mismatch, clippy::ref_patterns)]
        impl #impl_generics ::core::convert::From<#name #types> for #krate::Error #conditions {
            fn from(__error: #name #types) -> Self {
                #[allow(unused_imports)]
                use #krate::__private::wire::{ByError as _, ByNothing as _};
                #body
            }
        }
    }
}

fn arm(model: &Model, variant: &Variant) -> TokenStream {
    let Variant { conditions, span, told, .. } = variant;
    let krate = &model.krate;
    let name = &model.name;
    let path = variant.name.as_ref().map_or_else(|| ours!(#name), |variant| ours!(#name::#variant));
    let (used, value) = match told {
        Told::Inner => {
            let Some((member, ty)) = variant.fields.first() else { return TokenStream::new() };
            let inner = Ident::new(&message::name(0), at(ty.span()));
            let sent = quote_spanned!(at(ty.span())=> #krate::__private::wire::Inner::inner(#inner));
            return ours!(#(#conditions)* #path { #member: #inner } => #sent,);
        }
        Told::Nothing(internal, None, extras) => {
            let opaque = quote_spanned!(at(*internal)=> #krate::__private::wire::Cause::opaque(__error));
            (extras.fields(), extras.add(krate, opaque))
        }
        Told::Nothing(_, Some(text), extras) => {
            let text = format(text);
            let opaque = ours!(#krate::Error::internal(#text));
            (all(&text_fields(told), extras), extras.add(krate, opaque))
        }
        Told::Error { code, default_code, message, extras } => {
            let code = code.as_ref().map_or_else(|| ours!(#default_code), |code| ours!(#code));
            let text = match message {
                Some(text) => format(text),
                None => quote_spanned!(at(*span)=> #krate::__private::wire::Told::told(&__error)),
            };
            let sent = extras.add(krate, ours!(#krate::Error::new(#code, #text)));
            (all(&text_fields(told), extras), attach(model, &sent))
        }
    };
    let bound = used.iter().filter_map(|nth| {
        let (member, _) = variant.fields.get(*nth)?;
        let field = field(*nth);
        Some(ours!(#member: ref #field,))
    });
    ours!(#(#conditions)* #path { #(#bound)* .. } => { #value })
}

/// The error with its cause, if the type can be one. A type that borrows cannot, since a cause is `'static`.
fn attach(model: &Model, sent: &TokenStream) -> TokenStream {
    let Model { name, generics, krate, .. } = model;
    if generics.lifetimes().next().is_some() {
        return sent.clone();
    }
    let (_, types, _) = generics.split_for_impl();
    ours! {
        let __sent = #sent;
        (&&#krate::__private::wire::Probe::<#name #types>::new()).__switchboard_cause().attach(__sent, __error)
    }
}

fn field(nth: usize) -> Ident {
    Ident::new(&message::name(nth), Span::mixed_site())
}

/// `format!` with the fields by name.
fn format(message: &Message) -> TokenStream {
    let text = &message.text;
    let fields = message.fields.iter().map(|nth| {
        // The compiler reports an error about the field's type on the text.
        let (name, value) = (field(*nth), Ident::new(&message::name(*nth), at(text.span())));
        ours!(#name = #value)
    });
    if message.fields.is_empty() {
        return ours!(#text);
    }
    ours!(::std::format!(#text, #(#fields),*))
}

fn text_fields(told: &Told) -> Vec<usize> {
    match told {
        Told::Nothing(_, Some(message), _) | Told::Error { message: Some(message), .. } => message.fields.clone(),
        _ => Vec::new(),
    }
}

fn all(text: &[usize], extras: &Extras) -> Vec<usize> {
    let mut all = text.to_vec();
    all.extend(extras.fields().into_iter().filter(|nth| !text.contains(nth)));
    all
}

impl Extras {
    fn fields(&self) -> Vec<usize> {
        match self.retry_after {
            Some(Retry::Field(nth)) => vec![nth],
            _ => Vec::new(),
        }
    }

    /// Appends the calls for `retryable`, `retry_after`, `status` and `closing` to the expression that constructs the
    /// error, and returns the whole expression.
    fn add(&self, krate: &Path, error: TokenStream) -> TokenStream {
        let Extras { status, retryable, retry_after, close } = self;
        let status = status
            .as_ref()
            .map(|status| call(at(status.span()), "status", None, ours!(#krate::__private::wire::status(#status))));
        let retryable = retryable.as_ref().map(|flag| call(at(flag.span()), "retryable", None, ours!(#flag)));
        let retry = retry_after.as_ref().map(|retry| match retry {
            Retry::Field(nth) => {
                let field = field(*nth);
                ours!(.retry_after(*#field))
            }
            Retry::Value(value) => call(at(value.span()), "retry_after", None, ours!(#value)),
        });
        let close = close.as_ref().map(|close| {
            let code = match close {
                // `keys` has validated that the code may be sent, so the other arm is never taken.
                Expr::Lit(ExprLit { lit: Lit::Int(code), .. }) => ours! {
                    const {
                        match #krate::close::CloseCode::new(#code) {
                            ::core::option::Option::Some(__code) => __code,
                            ::core::option::Option::None => #krate::close::CloseCode::INTERNAL,
                        }
                    }
                },
                other => ours!(#other),
            };
            call(at(close.span()), "closing", None, code)
        });
        ours!(#error #retryable #retry #status #close)
    }
}
