//! The form that methods must have, as far as it can be seen; the rest is left to the types.
use super::model::{Marked, Method, Parameter, Role};
use crate::emit::Errors;
use proc_macro2::Span;
use std::collections::HashSet;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Error, Expr, ExprLit, FnArg, Generics, Ident, ItemImpl, Lit, LitStr, ReceiverKind, Signature, Type};

pub(super) fn methods(marked: Vec<Marked>, block: &ItemImpl, errors: &mut Errors) -> Vec<Method> {
    if let Some((of_trait, _)) = &block.trait_ {
        errors.at(of_trait, "`#[messages]` stands on the struct's own `impl` block, not on that of a trait");
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
    for marked in marked {
        match &marked.role {
            Role::Event(Expr::Lit(ExprLit { lit: Lit::Str(event), .. })) => {
                event_name(event, errors);
                if events.iter().any(|known| known.value() == event.value()) {
                    let message = format!("the event {:?} has two handlers in this block; remove one", event.value());
                    errors.at(event, message);
                }
                events.push(event.clone());
            }
            Role::Event(Expr::Lit(literal)) => errors.at(literal, "the name of an event is a string"),
            Role::Event(_) => {}
            Role::OnConnect(span) => one("on_connect", *span, errors),
            Role::OnDisconnect(span) => one("on_disconnect", *span, errors),
            Role::Raw(span) => one("raw", *span, errors),
            Role::AfterInit(span) => one("after_init", *span, errors),
        }
    }
}

/// What boot would refuse, told earlier. Boot knows the other names that cannot be.
fn event_name(event: &LitStr, errors: &mut Errors) {
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
    if let Some(parameter) = signature.generics.params.first() {
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

/// True when a type names a generic parameter of the block.
fn mentions(ty: &Type, generics: &Generics) -> bool {
    struct Search<'a> {
        names: Vec<&'a Ident>,
        found: bool,
    }
    impl Visit<'_> for Search<'_> {
        fn visit_ident(&mut self, ident: &Ident) {
            self.found |= self.names.contains(&ident);
        }
    }
    let mut search = Search { names: generics.type_params().map(|parameter| &parameter.ident).collect(), found: false };
    if !search.names.is_empty() {
        search.visit_type(ty);
    }
    search.found
}
