//! Takes our attributes out of an `impl` block.
use super::model::{Marked, Role};
use crate::emit::Errors;
use crate::generics::conditions;
use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ImplItem, Item, ItemImpl, Meta, parse_quote};

const NAMES: &[&str] = &["subscribe_message", "on_connect", "on_disconnect", "after_init", "raw"];

pub(super) fn block(item: &TokenStream, errors: &mut Errors) -> Option<ItemImpl> {
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) => Some(block),
        Ok(other) => {
            errors.at(other, "`#[messages]` stands on an `impl` block");
            None
        }
        Err(error) => {
            errors.push(error);
            None
        }
    }
}

/// The methods that are marked; their attributes are gone from the block.
pub(super) fn methods(block: &mut ItemImpl, errors: &mut Errors) -> Vec<Marked> {
    let mut marked = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let (ours, theirs) =
            std::mem::take(&mut method.attrs).into_iter().partition(|attribute| name(attribute).is_some());
        method.attrs = theirs;
        let ours: Vec<Attribute> = ours;
        if let Some(second) = ours.get(1) {
            errors.at(second, "a method has one of these attributes; write a second method that calls the first");
        }
        let Some(attribute) = ours.first() else { continue };
        let Some(role) = role(attribute, errors) else { continue };
        let conditions = conditions(&method.attrs);
        // It is `async` because we ask for it.
        method.attrs.push(parse_quote!(#[allow(clippy::unused_async)]));
        marked.push(Marked { role, signature: method.sig.clone(), conditions });
    }
    marked
}

fn name(attribute: &Attribute) -> Option<&'static str> {
    let last = attribute.path().segments.last()?;
    NAMES.iter().find(|name| last.ident == **name).copied()
}

fn role(attribute: &Attribute, errors: &mut Errors) -> Option<Role> {
    let (name, span) = (name(attribute)?, attribute.path().span());
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
        "on_connect" => Role::OnConnect(span),
        "on_disconnect" => Role::OnDisconnect(span),
        "raw" => Role::Raw(span),
        _ => Role::AfterInit(span),
    })
}
