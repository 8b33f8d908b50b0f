//! Reads the helper attributes of an `impl` block, and removes them.
use super::model::{Marked, Role, Source};
use crate::emit::Errors;
use crate::generics::conditions;
use crate::helper::one_of;
use crate::stages::{self, Stages};
use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, FnArg, ImplItem, Item, ItemImpl, Lit, Meta, Signature, Token, parse_quote};

/// The attributes that give a method its role.
const ROLES: &[&str] =
    &["subscribe_message", "catch_all", "on_connect", "on_disconnect", "on_join", "after_init", "raw"];

/// The attributes of parameters.
const SOURCES: &[&str] = &["key", "pipe"];

pub(super) fn block(item: &TokenStream, errors: &mut Errors) -> Option<ItemImpl> {
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) => Some(block),
        Ok(other) => {
            errors.at(other, "`#[messages]` belongs on an `impl` block");
            None
        }
        Err(error) => {
            errors.push(error);
            None
        }
    }
}

/// The methods with a role. Removes their attributes from the block.
pub(super) fn methods(block: &mut ItemImpl, errors: &mut Errors) -> Vec<Marked> {
    block.attrs.retain(|attribute| {
        let Some(name) = stages::name(attribute) else { return true };
        let message = format!(
            "`#[{name}]` belongs on a handler inside of this block, or on the gateway's struct, below `#[gateway]`, where it is for \
             all of them"
        );
        errors.at(attribute, message);
        false
    });
    let mut marked = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let stages = Stages::take(&mut method.attrs, errors);
        let sources = sources(&mut method.sig, errors);
        let (ours, theirs) =
            std::mem::take(&mut method.attrs).into_iter().partition(|attribute| one_of(ROLES, attribute).is_some());
        method.attrs = theirs;
        let ours: Vec<Attribute> = ours;
        if let Some(second) = ours.get(1) {
            errors.at(second, "a method has one of these attributes; write a second method that calls the first");
        }
        let Some(attribute) = ours.first() else {
            without_a_role(&stages, &sources, errors);
            continue;
        };
        let Some(role) = role(attribute, errors) else { continue };
        let conditions = conditions(&method.attrs);
        if !matches!(role, Role::OnJoin(_)) {
            // The method is `async` because a handler must be, whether it awaits or not.
            method.attrs.push(parse_quote!(#[allow(clippy::unused_async)]));
        }
        marked.push(Marked { role, stages, signature: method.sig.clone(), sources, conditions });
    }
    marked
}

fn without_a_role(stages: &Stages, sources: &[Source], errors: &mut Errors) {
    let of_parameters = sources.iter().flat_map(|source| &source.attributes);
    if let Some(attribute) = stages.attributes.iter().chain(of_parameters).next() {
        errors.at(
            attribute,
            "this method handles nothing: write `#[subscribe_message(\"event\")]` or `#[catch_all]` on it, or remove this",
        );
    }
}

fn role(attribute: &Attribute, errors: &mut Errors) -> Option<Role> {
    let (name, span) = (one_of(ROLES, attribute)?, attribute.path().span());
    if name == "subscribe_message" {
        return match attribute.parse_args::<Expr>() {
            Ok(event) if !matches!(event, Expr::Assign(_)) => Some(Role::Event(event)),
            _ => {
                errors.at(attribute, "which event? write `#[subscribe_message(\"event\")]`");
                None
            }
        };
    }
    if !matches!(attribute.meta, Meta::Path(_)) {
        errors.at(attribute, format!("`#[{name}]` takes nothing"));
    }
    Some(match name {
        "catch_all" => Role::CatchAll(span),
        "on_connect" => Role::OnConnect(span),
        "on_disconnect" => Role::OnDisconnect(span),
        "on_join" => Role::OnJoin(span),
        "raw" => Role::Raw(span),
        _ => Role::AfterInit(span),
    })
}

/// The attributes of each parameter after `&self`. Removes them from the signature.
fn sources(signature: &mut Signature, errors: &mut Errors) -> Vec<Source> {
    let mut sources = Vec::new();
    for argument in &mut signature.inputs {
        let (attributes, receiver) = match argument {
            FnArg::Receiver(receiver) => (&mut receiver.attrs, true),
            FnArg::Typed(argument) => (&mut argument.attrs, false),
        };
        let mut source = Source::default();
        for attribute in std::mem::take(attributes) {
            let Some(name) = one_of(SOURCES, &attribute) else {
                attributes.push(attribute);
                continue;
            };
            if receiver {
                errors.at(attribute, format!("`#[{name}]` belongs on a parameter after `&self`"));
                continue;
            }
            if let Err(error) = source.read(name, &attribute) {
                errors.push(error);
            }
            source.attributes.push(attribute);
        }
        if !receiver {
            sources.push(source);
        }
    }
    sources
}

impl Source {
    fn read(&mut self, name: &str, attribute: &Attribute) -> syn::Result<()> {
        let list = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let elements = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(list)?;
        let mut elements: Vec<Expr> = elements.into_iter().collect();
        if name == "pipe" {
            if elements.is_empty() {
                return Err(Error::new_spanned(attribute, "which pipe? write `#[pipe(Trim)]`"));
            }
            self.pipes.append(&mut elements);
            return Ok(());
        }
        let (Some(key), true) = (elements.pop(), elements.is_empty()) else {
            return Err(Error::new_spanned(attribute, "which key of the payload? write `#[key(\"id\")]`"));
        };
        if let Expr::Lit(ExprLit { lit, .. }) = &key
            && !matches!(lit, Lit::Str(_))
        {
            return Err(Error::new_spanned(key, "the name of a key is a string"));
        }
        if self.key.is_some() {
            return Err(Error::new_spanned(attribute, "a parameter is read from one key; remove one"));
        }
        self.key = Some(Box::new(key));
        Ok(())
    }
}
