//! The keys of `#[wire(..)]`, and which of them contradict each other.
use crate::emit::Errors;
use crate::keys;
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitBool, LitInt, LitStr, Meta, Path, Token};

const KNOWN: &[&str] = &["code", "message", "status", "retryable", "retry_after", "close", "internal", "transparent"];

/// The keys of one variant, or of a struct.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) code: Option<Expr>,
    pub(super) message: Option<LitStr>,
    pub(super) status: Option<LitInt>,
    pub(super) retryable: Option<LitBool>,
    pub(super) retry_after: Option<Expr>,
    pub(super) close: Option<Expr>,
    pub(super) internal: Option<Span>,
    pub(super) transparent: Option<Span>,
    /// The names of all keys, in the order in which they are written.
    said: Vec<Ident>,
}

/// Reads all `#[wire(..)]` attributes. Also returns the path of `switchboard`, if there is a `crate` key.
pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> (Keys, Option<Path>) {
    let mut found = Keys::default();
    let mut krate = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("wire")) {
        let Meta::List(list) = &attribute.meta else {
            errors.at(attribute, "say what the client is told: `#[wire(code = \"..\", message = \"..\")]`");
            continue;
        };
        let path = keys::read(list.tokens.clone(), KNOWN, errors, |key, input, errors| {
            if found.said.contains(key) {
                errors.at(key, format!("`{key}` is given twice"));
            }
            match key.to_string().as_str() {
                "code" => found.code = Some(keys::value(input)?),
                "message" => found.message = Some(text(keys::value(input)?)?),
                "status" => found.status = Some(keys::value(input)?),
                "retryable" if input.peek(Token![=]) => found.retryable = Some(keys::value(input)?),
                "retryable" => found.retryable = Some(LitBool::new(true, key.span())),
                "retry_after" => found.retry_after = Some(keys::value(input)?),
                "close" => found.close = Some(keys::value(input)?),
                "internal" => found.internal = Some(key.span()),
                "transparent" => found.transparent = Some(key.span()),
                _ => return Ok(false),
            }
            found.said.push(key.clone());
            Ok(true)
        });
        // `crate` is read by `keys` itself.
        if list.tokens.clone().into_iter().any(|token| token.to_string() == "crate") {
            krate = Some(path);
        }
    }
    found.check(errors);
    (found, krate)
}

/// The value as a text, or an error that it must be one.
fn text(value: Expr) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text),
        other => Err(syn::Error::new(
            other.span(),
            "`message` is a text with the names of fields in braces: `\"Bid at least {least}\"`",
        )),
    }
}

/// The literal, if the value is one.
fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

impl Keys {
    /// The names of all keys, for the errors of keys in the wrong place.
    pub(super) fn said(&self) -> &[Ident] {
        &self.said
    }

    fn check(&self, errors: &mut Errors) {
        for key in &self.said {
            if self.transparent.is_some() && key != "transparent" {
                errors.at(
                    key,
                    format!("`transparent` sends the error inside as it is; remove `{key}`, or `transparent`"),
                );
            } else if self.internal.is_some() && key == "code" {
                errors.at(key, "an internal error has the code `internal`; remove `code`, or `internal`");
            }
        }
        if let Some(Lit::Str(code)) = self.code.as_ref().and_then(literal) {
            match code.value().as_str() {
                "" => errors.at(
                    code,
                    "a code is a word for programs, like \"too_low\"; leave it out for the name in snake case",
                ),
                "internal" => errors
                    .at(code, "the client is told nothing of an internal error: write `internal` in place of `code`"),
                _ => {}
            }
        } else if let Some(code @ Expr::Lit(_)) = &self.code {
            errors.at(code, "a code is a text, or a `switchboard::Code`");
        }
        if let Some(status) = &self.status
            && !status.base10_parse::<u16>().is_ok_and(|status| (400..=599).contains(&status))
        {
            errors.at(status, "this is not the HTTP status of an error: 400 to 599 are");
        }
        if let Some(Lit::Int(code)) = self.close.as_ref().and_then(literal)
            && !code.base10_parse::<u16>().is_ok_and(|code| matches!(code, 1000..=1003 | 1007..=1011 | 3000..=4999))
        {
            errors.at(code, "no close frame is sent with this code: 3000 to 4999 are an application's, 4000 to 4499 of them say \"reconnect\"");
        }
        if let Some(delay @ Expr::Lit(_)) = &self.retry_after {
            errors.at(
                delay,
                "a time is a `Duration`: write `retry_after = Duration::from_millis(500)`, or the name of a field",
            );
        }
        if let (Some(LitBool { value: false, span }), Some(_)) = (&self.retryable, &self.retry_after) {
            errors.push(syn::Error::new(*span, "`retry_after` says that it may be retried; remove one of the two"));
        }
    }
}
