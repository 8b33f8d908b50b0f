//! The form that methods must have, as far as it can be seen; the rest is left to the types.
use super::model::{Marked, Method, Parameter, Role};
use crate::emit::Errors;
use crate::generics::{borrows, mentions};
use proc_macro2::Span;
use std::collections::HashSet;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, FnArg, GenericParam, Generics, ItemImpl, Lit, LitStr, ReceiverKind, Signature, Type};

pub(super) fn methods(marked: Vec<Marked>, block: &ItemImpl, errors: &mut Errors) -> Vec<Method> {
    if let Some((of_trait, _)) = &block.trait_ {
        errors.at(of_trait, "`#[messages]` stands on the struct's own `impl` block, not on that of a trait");
    }
    for marked in &marked {
        if let Role::Event(event) = &marked.role {
            event_name(event, errors);
        }
    }
    roles(&marked, errors);
    marked.into_iter().filter_map(|marked| method(marked, &block.generics, errors)).collect()
}

/// One handler an event, and one hook of each kind.
fn roles(marked: &[Marked], errors: &mut Errors) {
    let mut events: Vec<LitStr> = Vec::new();
    let mut hooks: HashSet<&str> = HashSet::new();
    let mut one = |name: &'static str, span: Span, errors: &mut Errors| {
        if !hooks.insert(name) {
            errors.push(Error::new(span, format!("there is another `#[{name}]` in this block; a gateway has one")));
        }
    };
    // Of those that are compiled in or not, boot knows which are there.
    for marked in marked.iter().filter(|marked| marked.conditions.is_empty()) {
        match &marked.role {
            Role::Event(Expr::Lit(ExprLit { lit: Lit::Str(event), .. })) => {
                if events.iter().any(|known| known.value() == event.value()) {
                    let message = format!("the event {:?} has two handlers in this block; remove one", event.value());
                    errors.at(event, message);
                }
                events.push(event.clone());
            }
            Role::Event(_) => {}
            Role::OnConnect(span) => one("on_connect", *span, errors),
            Role::OnDisconnect(span) => one("on_disconnect", *span, errors),
            Role::Raw(span) => one("raw", *span, errors),
            Role::AfterInit(span) => one("after_init", *span, errors),
        }
    }
}

/// What boot would refuse, told earlier. Boot knows the other names that cannot be.
fn event_name(event: &Expr, errors: &mut Errors) {
    let Expr::Lit(literal) = event else { return };
    let Lit::Str(event) = &literal.lit else {
        errors.at(literal, "the name of an event is a string");
        return;
    };
    let name = event.value();
    if name.is_empty() {
        errors.at(event, "an event has a name");
    } else if name == "exception" || name.starts_with("sys.") {
        errors.at(event, format!("the event name {name:?} belongs to the server; choose another"));
    }
}

fn method(marked: Marked, generics: &Generics, errors: &mut Errors) -> Option<Method> {
    let Marked { role, signature, conditions } = marked;
    let noun = role.noun();
    let mut fine = true;
    let mut wrong = |error: Error| {
        fine = false;
        errors.push(error);
    };
    if signature.asyncness.is_none() {
        wrong(Error::new(signature.fn_token.span, format!("a {noun} is an `async fn`: write `async` here")));
    }
    if let Some(error) = receiver(&signature, noun) {
        wrong(error);
    }
    let is_lifetime = |parameter: &&GenericParam| matches!(parameter, GenericParam::Lifetime(_));
    if let Some(parameter) = signature.generics.params.iter().find(|parameter| !is_lifetime(parameter)) {
        wrong(Error::new_spanned(parameter, format!("a {noun} cannot be generic: name its types")));
    }
    let mut parameters = Vec::new();
    for argument in &signature.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        match &*argument.ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                wrong(Error::new_spanned(
                    &argument.ty,
                    "nothing is lent to be changed: write `&Client`, or a type that owns its data",
                ));
            }
            Type::Reference(reference) => parameters.push(Parameter::Lent((*reference.elem).clone())),
            Type::ImplTrait(of) => wrong(Error::new_spanned(of, format!("a {noun} cannot be generic: name its types"))),
            ty if borrows(ty, &signature.generics) => {
                wrong(Error::new_spanned(ty, format!("what a {noun} takes owns its data: it cannot borrow")));
            }
            ty => parameters.push(Parameter::Owned { ty: ty.clone(), generic: mentions(ty, generics) }),
        }
    }
    let Signature { ident, output, .. } = signature;
    fine.then_some(Method { role, name: ident, parameters, output, conditions })
}

fn receiver(signature: &Signature, noun: &str) -> Option<Error> {
    let Some(receiver) = signature.receiver() else {
        return Some(Error::new(signature.paren_token.span.open(), format!("a {noun} takes `&self`")));
    };
    if let ReceiverKind::Reference(_, _, None) = receiver.kind {
        return None;
    }
    let message =
        "all connections share the gateway: take `&self`, and keep what changes in a lock, an atomic, or `ConnState`";
    Some(Error::new(receiver.span(), message))
}
