//! The model of an error type.
use super::keys::{self, Keys};
use super::message::{self, Message};
use crate::emit::{Errors, default_crate};
use crate::generics::conditions;
use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Generics, Ident, Member, Path, Type};

pub(super) struct Model {
    pub(super) name: Ident,
    pub(super) generics: Generics,
    pub(super) krate: Path,
    pub(super) variants: Vec<Variant>,
}

/// A variant; a struct is its own only variant.
pub(super) struct Variant {
    /// `None` for a struct.
    pub(super) name: Option<Ident>,
    /// Where errors about it are reported.
    pub(super) span: Span,
    pub(super) fields: Vec<(Member, Type)>,
    /// Its `#[cfg]`s, which its match arm needs too.
    pub(super) conditions: Vec<Attribute>,
    pub(super) told: Told,
}

/// What a client is told.
pub(super) enum Told {
    /// The error in the only field.
    Inner,
    /// Nothing. The log has the cause, or the text.
    Nothing(Span, Option<Message>, Extras),
    Error {
        code: Option<Expr>,
        default_code: String,
        message: Option<Message>,
        extras: Extras,
    },
}

/// The settings of an error, apart from code and message.
pub(super) struct Extras {
    pub(super) status: Option<syn::LitInt>,
    pub(super) retryable: Option<syn::LitBool>,
    pub(super) retry_after: Option<Retry>,
    pub(super) close: Option<Expr>,
}

/// The time before a retry.
pub(super) enum Retry {
    /// The field with this index, a `Duration`.
    Field(usize),
    /// Any other expression of a `Duration`.
    Value(Expr),
}

impl Model {
    pub(super) fn of(input: DeriveInput, errors: &mut Errors) -> Option<Model> {
        let (keys, krate) = keys::read(&input.attrs, errors);
        let variants = match input.data {
            Data::Struct(data) => {
                vec![Variant::of(None, &input.ident, &data.fields, keys, Vec::new(), errors)]
            }
            Data::Enum(data) => {
                for key in keys.said() {
                    errors.at(key, format!("`{key}` belongs on a variant; an enum has `crate` only"));
                }
                let variant = |variant: &syn::Variant| {
                    let (keys, krate) = keys::read(&variant.attrs, errors);
                    if let Some(krate) = krate {
                        errors.at(krate, "`crate` belongs on the enum: `#[wire(crate = path)]`");
                    }
                    let conditions = conditions(&variant.attrs);
                    Variant::of(Some(&variant.ident), &variant.ident, &variant.fields, keys, conditions, errors)
                };
                data.variants.iter().map(variant).collect()
            }
            Data::Union(data) => {
                errors.at(data.union_token, "`WireError` is derived for an enum or a struct");
                return None;
            }
        };
        Some(Model {
            name: input.ident,
            generics: input.generics,
            krate: krate.unwrap_or_else(default_crate),
            variants,
        })
    }
}

impl Variant {
    fn of(
        name: Option<&Ident>,
        named: &Ident,
        fields: &Fields,
        keys: Keys,
        conditions: Vec<Attribute>,
        errors: &mut Errors,
    ) -> Variant {
        for field in fields {
            for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("wire")) {
                errors.at(attribute, "`#[wire(..)]` belongs on the variant or the struct, not on a field");
            }
        }
        let span = named.span();
        let names: Vec<String> = fields.members().map(|member| label(&member)).collect();
        let told = told(named, &names, keys, errors);
        let fields = fields.members().zip(fields.iter().map(|field| field.ty.clone())).collect();
        Variant { name: name.cloned(), span, fields, conditions, told }
    }
}

fn label(member: &Member) -> String {
    match member {
        Member::Named(name) => name.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

fn told(named: &Ident, fields: &[String], keys: Keys, errors: &mut Errors) -> Told {
    if let Some(span) = keys.transparent {
        if fields.len() != 1 {
            let said = "`transparent` needs exactly one field, the error that is sent in its place";
            errors.push(syn::Error::new(span, said));
        }
        return Told::Inner;
    }
    let message = keys.message.as_ref().map(|text| message::read(text, fields, errors));
    let field = |value: &Expr| match value {
        Expr::Path(path) => {
            path.path.get_ident().and_then(|name| fields.iter().position(|field| name.unraw() == *field))
        }
        _ => None,
    };
    let retry = |value: Expr| field(&value).map_or(Retry::Value(value), Retry::Field);
    let extras = Extras {
        status: keys.status,
        retryable: keys.retryable,
        retry_after: keys.retry_after.map(retry),
        close: keys.close,
    };
    if let Some(span) = keys.internal {
        return Told::Nothing(span, message, extras);
    }
    let default_code = snake_case(&named.unraw().to_string());
    if keys.code.is_none() && default_code == "internal" {
        let said = "the code `internal` is a fault of the server, of which the client is told nothing: write \
                    `#[wire(internal)]`, or another `code`";
        errors.push(syn::Error::new(named.span(), said));
    }
    Told::Error { code: keys.code, default_code, message, extras }
}

/// `TooLow` as `too_low`, `HTTPError` as `http_error`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                let next = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
                before.is_lowercase() || before.is_numeric() || (before.is_uppercase() && next)
            });
        if begins_word {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn names_in_snake_case() {
        for (name, snake) in [
            ("TooLow", "too_low"),
            ("Closed", "closed"),
            ("HTTPError", "http_error"),
            ("Over9000", "over9000"),
            ("A1B", "a1_b"),
            ("already_so", "already_so"),
            ("ÄrgerNis", "ärger_nis"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }
}
