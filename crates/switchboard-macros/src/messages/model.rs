//! The model of an `impl` block.
use crate::stages::Stages;
use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, ReturnType, Signature, Type};

/// A method that has one of our attributes, as it was written.
pub(super) struct Marked {
    pub(super) role: Role,
    pub(super) stages: Stages,
    pub(super) signature: Signature,
    /// The attributes of each parameter after `&self`.
    pub(super) sources: Vec<Source>,
    /// Its `#[cfg]`s, which the registration needs too.
    pub(super) conditions: Vec<Attribute>,
}

/// What a method is for.
pub(super) enum Role {
    Event(Expr),
    CatchAll(Span),
    OnConnect(Span),
    OnDisconnect(Span),
    OnJoin(Span),
    Raw(Span),
    AfterInit(Span),
}

impl Role {
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Role::Event(_) | Role::CatchAll(_) => "handler",
            Role::Raw(_) => "raw loop",
            _ => "hook",
        }
    }

    pub(super) fn is_handler(&self) -> bool {
        matches!(self, Role::Event(_) | Role::CatchAll(_))
    }
}

/// A method that is known to have the right form.
pub(super) struct Method {
    pub(super) role: Role,
    pub(super) stages: Stages,
    pub(super) name: Ident,
    pub(super) parameters: Vec<Parameter>,
    pub(super) output: ReturnType,
    pub(super) conditions: Vec<Attribute>,
}

/// A parameter after `&self`.
pub(super) enum Parameter {
    /// `&T`, borrowed for the call.
    Borrowed(Type),
    /// An owned value. `generic`: its type names a generic parameter of the block.
    Owned { ty: Type, generic: bool, source: Source },
}

impl Parameter {
    /// The type of an owned parameter.
    pub(super) fn owned(&self) -> Option<&Type> {
        match self {
            Parameter::Borrowed(_) => None,
            Parameter::Owned { ty, .. } => Some(ty),
        }
    }
}

/// The attributes of a parameter: the key of the payload to read instead of the whole, and the pipes after it.
#[derive(Default)]
pub(super) struct Source {
    pub(super) key: Option<Box<Expr>>,
    pub(super) pipes: Vec<Expr>,
    /// The attributes themselves, for the spans of errors.
    pub(super) attributes: Vec<Attribute>,
}
