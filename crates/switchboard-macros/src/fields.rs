//! A struct that the container makes: its model, and how it is made.
use crate::emit::{Errors, at, ours};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Generics, Ident, ItemStruct, Member, Path, Type, WherePredicate, parse_quote};

/// One field.
struct Field {
    member: Member,
    label: String,
    ty: Type,
    injected: bool,
}

/// A struct whose `#[inject]`s have been taken out.
pub(crate) struct Injected {
    pub(crate) item: ItemStruct,
    fields: Vec<Field>,
}

/// The hooks that a struct names.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) on_init: Option<Expr>,
    pub(crate) on_shutdown: Option<Expr>,
}

impl Injected {
    pub(crate) fn of(mut item: ItemStruct, errors: &mut Errors) -> Injected {
        let mut fields = Vec::new();
        let members: Vec<Member> = item.fields.members().collect();
        for (member, field) in members.into_iter().zip(&mut item.fields) {
            let injected = take_inject(&mut field.attrs, errors);
            let label = match &member {
                Member::Named(name) => name.to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            fields.push(Field { member, label, ty: field.ty.clone(), injected });
        }
        if let Some(lifetime) = item.generics.lifetimes().next() {
            errors.at(lifetime, "what the container makes lives as long as the application: it cannot borrow");
        }
        Injected { item, fields }
    }

    /// `impl Injectable`.
    pub(crate) fn provider(&self, krate: &Path, hooks: &Hooks) -> TokenStream {
        let name = &self.item.ident;
        let generics = bounded(&self.item.generics, name);
        let (impl_generics, types, conditions) = generics.split_for_impl();
        let (mut plans, mut inits) = (Vec::new(), Vec::new());
        for (nth, field) in self.fields.iter().enumerate() {
            let Field { member, label, ty, injected } = field;
            let here = at(ty.span());
            let variable = format_ident!("__field{nth}", span = Span::mixed_site());
            let how = Ident::new(if *injected { "inject" } else { "defaulted" }, here);
            plans.push(quote_spanned!(here=> let #variable = __fields.#how::<#ty>(#label);));
            inits.push(ours!(#member: #variable.get(__container)?));
        }
        let hooks = hooks.tokens();
        let here = at(name.span());
        let fields_of = Ident::new("fields", here);
        ours! {
            #[automatically_derived]
            impl #impl_generics #krate::di::Injectable for #name #types #conditions {
                fn provider() -> #krate::di::Provider<Self> {
                    #krate::di::Provider::<Self>::#fields_of(|__fields| {
                        #(#plans)*
                        move |__container: &#krate::di::Container| {
                            ::core::result::Result::Ok(Self { #(#inits),* })
                        }
                    })
                    #hooks
                }
            }
        }
    }

    /// `impl Injectable` that is never run: keeps an error from becoming two.
    pub(crate) fn stub(&self, krate: &Path) -> TokenStream {
        let name = &self.item.ident;
        let generics = bounded(&self.item.generics, name);
        let (impl_generics, types, conditions) = generics.split_for_impl();
        ours! {
            impl #impl_generics #krate::di::Injectable for #name #types #conditions {
                fn provider() -> #krate::di::Provider<Self> {
                    ::core::unreachable!()
                }
            }
        }
    }
}

impl Hooks {
    fn tokens(&self) -> TokenStream {
        let hook = |name: &str, hook: &Option<Expr>| {
            let hook = hook.as_ref()?;
            let here = at(hook.span());
            let name = Ident::new(name, here);
            // Names the method on the struct where it is a bare name: `on_init = open`.
            let method = match hook {
                Expr::Path(path) if path.path.get_ident().is_some() => quote_spanned!(here=> Self::#hook),
                _ => ours!(#hook),
            };
            Some(quote_spanned!(here=> .#name(|__this: ::std::sync::Arc<Self>| async move { #method(&*__this).await })))
        };
        let (init, shutdown) = (hook("on_init", &self.on_init), hook("on_shutdown", &self.on_shutdown));
        ours!(#init #shutdown)
    }
}

/// The type's own generics, and that the container can hold it.
pub(crate) fn bounded(generics: &Generics, name: &Ident) -> Generics {
    let mut generics = generics.clone();
    if generics.type_params().next().is_some() {
        let (_, types, _) = generics.split_for_impl();
        let holds: WherePredicate = parse_quote!(#name #types: ::core::marker::Send + ::core::marker::Sync + 'static);
        generics.make_where_clause().predicates.push(holds);
    }
    generics
}

fn take_inject(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> bool {
    let before = attributes.len();
    attributes.retain(|attribute| {
        let is_inject = attribute.path().segments.last().is_some_and(|last| last.ident == "inject");
        if is_inject && let Err(error) = attribute.meta.require_path_only() {
            errors.push(syn::Error::new(
                error.span(),
                "`#[inject]` takes nothing: the field's type says what is injected",
            ));
        }
        !is_inject
    });
    if before > attributes.len() + 1 {
        errors.push(syn::Error::new(Span::call_site(), "a field is injected once"));
    }
    before > attributes.len()
}

/// A struct, or an error that says that it must be one.
pub(crate) fn parse(attribute: &str, item: &TokenStream, errors: &mut Errors) -> Option<ItemStruct> {
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Struct(item)) => Some(item),
        Ok(other) => {
            errors.at(other, format!("`#[{attribute}]` stands on a struct"));
            None
        }
        Err(error) => {
            errors.push(error);
            None
        }
    }
}
