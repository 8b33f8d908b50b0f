//! Checks the form of methods, as far as the syntax shows it. The rest is decided by types.
use super::model::{Marked, Method, Parameter, Role, Source};
use crate::emit::Errors;
use crate::generics::{borrows, mentions};
use crate::stages::{self, Stages};
use proc_macro2::Span;
use std::collections::HashSet;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericParam, Generics, ItemImpl, Lit, LitStr, ReceiverKind, ReturnType,
    Signature, Type,
};

pub(super) fn methods(marked: Vec<Marked>, block: &ItemImpl, errors: &mut Errors) -> Vec<Method> {
    if let Some((of_trait, _)) = &block.trait_ {
        errors.at(of_trait, "`#[messages]` belongs on the struct's own `impl` block, not on that of a trait");
    }
    for marked in &marked {
        if let Role::Event(event) = &marked.role {
            event_name(event, errors);
        }
    }
    roles(&marked, errors);
    marked.into_iter().filter_map(|marked| method(marked, &block.generics, errors)).collect()
}

/// Each event has one handler, and there is one hook of each kind.
fn roles(marked: &[Marked], errors: &mut Errors) {
    let mut events: Vec<LitStr> = Vec::new();
    let mut hooks: HashSet<&str> = HashSet::new();
    let mut one = |name: &'static str, span: Span, errors: &mut Errors| {
        if !hooks.insert(name) {
            errors.push(Error::new(span, format!("there is another `#[{name}]` in this block; a gateway has one")));
        }
    };
    // Methods with a `#[cfg]` are left to boot, which knows which of them exist.
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
            Role::CatchAll(span) => one("catch_all", *span, errors),
            Role::OnJoin(span) => one("on_join", *span, errors),
            Role::OnConnect(span) => one("on_connect", *span, errors),
            Role::OnDisconnect(span) => one("on_disconnect", *span, errors),
            Role::Raw(span) => one("raw", *span, errors),
            Role::AfterInit(span) => one("after_init", *span, errors),
        }
    }
}

/// Reports earlier what boot would refuse. Boot checks the other rules for names.
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
    let Marked { role, stages, signature, sources, conditions } = marked;
    let noun = role.noun();
    let mut fine = true;
    let mut wrong = |error: Error| {
        fine = false;
        errors.push(error);
    };
    if !role.is_handler() {
        around_a_hook(&stages, &sources, &role).into_iter().for_each(&mut wrong);
    } else if let (true, Some(public)) = (stages.has_guards(), stages.public()) {
        wrong(Error::new_spanned(public, "it has a guard, so it is not public; remove one"));
    }
    if let Some(error) = asyncness(&role, &signature) {
        wrong(error);
    }
    if let Some(error) = receiver(&signature, noun) {
        wrong(error);
    }
    let is_lifetime = |parameter: &&GenericParam| matches!(parameter, GenericParam::Lifetime(_));
    if let Some(parameter) = signature.generics.params.iter().find(|parameter| !is_lifetime(parameter)) {
        wrong(Error::new_spanned(parameter, format!("a {noun} cannot be generic: name its types")));
    }
    let mut parameters = Vec::new();
    let arguments = signature.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(argument) => Some(&*argument.ty),
        FnArg::Receiver(_) => None,
    });
    for (ty, source) in arguments.zip(sources) {
        match parameter(ty, source, noun, &signature.generics, generics) {
            Ok(parameter) => parameters.push(parameter),
            Err(error) => wrong(error),
        }
    }
    if matches!(role, Role::OnJoin(_)) && parameters.len() != 2 {
        let message = "it is asked who joins which room: take `&self, client: &Client, room: &str`";
        wrong(Error::new(signature.paren_token.span.open(), message));
    }
    if let Role::OnJoin(_) = &role {
        for owned in parameters.iter().filter_map(Parameter::owned) {
            wrong(Error::new_spanned(owned, "what joins is lent: take `client: &Client, room: &str`"));
        }
    }
    let says_nothing = match &signature.output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    };
    if says_nothing && matches!(role, Role::OnJoin(_)) {
        wrong(Error::new_spanned(&signature.ident, "it says who may join: write `-> Result<(), E>`"));
    }
    let Signature { ident, output, .. } = signature;
    fine.then_some(Method { role, stages, name: ident, parameters, output, conditions })
}

fn asyncness(role: &Role, signature: &Signature) -> Option<Error> {
    let noun = role.noun();
    match (role, &signature.asyncness) {
        (Role::OnJoin(_), Some(token)) => {
            let message = "a join does not wait: write a plain `fn`, and keep what it asks for in memory";
            Some(Error::new(token.span(), message))
        }
        (Role::OnJoin(_), None) | (_, Some(_)) => None,
        (_, None) => {
            Some(Error::new(signature.fn_token.span, format!("a {noun} is an `async fn`: write `async` here")))
        }
    }
}

fn parameter(
    ty: &Type,
    source: Source,
    noun: &str,
    lifetimes: &Generics,
    generics: &Generics,
) -> Result<Parameter, Error> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            Err(Error::new_spanned(ty, "nothing is lent to be changed: write `&Client`, or a type that owns its data"))
        }
        Type::Reference(reference) => match source.attributes.first() {
            Some(attribute) => {
                let message = "what is read from the message's `data` owns its data, and `&Client` is not read from it: remove this";
                Err(Error::new_spanned(attribute, message))
            }
            None => Ok(Parameter::Borrowed((*reference.elem).clone())),
        },
        Type::ImplTrait(of) => Err(Error::new_spanned(of, format!("a {noun} cannot be generic: name its types"))),
        ty if borrows(ty, lifetimes) => {
            Err(Error::new_spanned(ty, format!("what a {noun} takes owns its data: it cannot borrow")))
        }
        ty => {
            let generic = mentions(ty, generics);
            if generic && !source.attributes.is_empty() {
                let message = "whether this is validated cannot be decided: its type is generic; name a type";
                return Err(Error::new_spanned(ty, message));
            }
            Ok(Parameter::Owned { ty: ty.clone(), generic, source })
        }
    }
}

/// Errors for stages and sources on a hook, which has no message.
fn around_a_hook(stages: &Stages, sources: &[Source], role: &Role) -> Vec<Error> {
    let noun = role.noun();
    let stage = |attribute: &Attribute| {
        let name = stages::name(attribute)?;
        let why = match name {
            "use_guards" => "put the guard on the gateway's struct, where its connect half runs before the upgrade",
            "use_interceptors" | "use_pipes" => "put it on handlers, or on the gateway's struct for all of them",
            "use_filters" => {
                "turn its error into the one that the client is told, by `.map_err(..)` where it is returned"
            }
            "concurrency" => "it runs once for each client; remove this",
            _ => "put it on handlers, or on the gateway's struct",
        };
        Some(Error::new_spanned(attribute, format!("a {noun} has no message, so `#[{name}]` is not for it: {why}")))
    };
    let source = |attribute: &Attribute| {
        Error::new_spanned(attribute, format!("a {noun} has no message whose `data` could be read: remove this"))
    };
    let sources = sources.iter().flat_map(|source| &source.attributes);
    stages.attributes.iter().filter_map(stage).chain(sources.map(source)).collect()
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
