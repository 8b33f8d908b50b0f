//! What an `impl` block says.
use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, ReturnType, Signature, Type};

/// A method that has one of our attributes, as it was written.
pub(super) struct Marked {
    pub(super) role: Role,
    pub(super) signature: Signature,
    /// `#[cfg]`s, which hold for the registration too.
    pub(super) conditions: Vec<Attribute>,
}

/// What a method is for.
pub(super) enum Role {
    Event(Expr),
    OnConnect(Span),
    OnDisconnect(Span),
    Raw(Span),
    AfterInit(Span),
}

impl Role {
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Role::Event(_) => "handler",
            Role::Raw(_) => "raw loop",
            _ => "hook",
        }
    }
}

/// A method that is known to have the right form.
pub(super) struct Method {
    pub(super) role: Role,
    pub(super) name: Ident,
    pub(super) parameters: Vec<Parameter>,
    pub(super) output: ReturnType,
    pub(super) conditions: Vec<Attribute>,
}

/// A parameter behind `&self`.
pub(super) enum Parameter {
    /// `&T`: lent for the call.
    Lent(Type),
    /// Owned. `generic`: its type names a generic parameter of the block.
    Owned { ty: Type, generic: bool },
}
