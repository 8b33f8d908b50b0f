//! A struct that the container makes: its model, and the code that makes it.
use crate::emit::{Errors, at, call, call_path, ours};
use crate::generics::{conditions, holds, mentions};
use crate::helper::one_of;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Generics, Ident, ItemStruct, Member, Path, Type, parse_quote_spanned};

/// One field.
struct Field {
    member: Member,
    label: String,
    ty: Type,
    injected: bool,
    /// Its `#[cfg]`s, which the code that makes it needs too.
    conditions: Vec<Attribute>,
}

/// A struct without its `#[inject]` attributes.
pub(crate) struct Injected {
    pub(crate) item: ItemStruct,
    fields: Vec<Field>,
}

/// The settings of a provider: the hooks that its struct names, its scope, and whether it is a gateway.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) gateway: bool,
    /// `None`: the scope of the application.
    pub(crate) scope: Option<Scope>,
    pub(crate) on_init: Option<Expr>,
    pub(crate) on_shutdown: Option<Expr>,
}

/// A scope other than the application's: the builder's method, and the span of its key.
pub(crate) struct Scope {
    pub(crate) method: &'static str,
    pub(crate) span: Span,
}

impl Injected {
    pub(crate) fn of(mut item: ItemStruct, errors: &mut Errors) -> Injected {
        let mut fields = Vec::new();
        let members: Vec<Member> = item.fields.members().collect();
        for (member, field) in members.into_iter().zip(&mut item.fields) {
            let injected = take_inject(&mut field.attrs, errors);
            let label = match &member {
                Member::Named(name) => name.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            fields.push(Field { member, label, ty: field.ty.clone(), injected, conditions: conditions(&field.attrs) });
        }
        if let Some(lifetime) = item.generics.lifetimes().next() {
            errors.at(lifetime, "what the container makes lives as long as the application: it cannot borrow");
        }
        Injected { item, fields }
    }

    /// `impl Injectable`.
    pub(crate) fn provider(&self, krate: &Path, hooks: &Hooks) -> TokenStream {
        let name = &self.item.ident;
        let generics = self.generics(krate);
        let (impl_generics, types, conditions) = generics.split_for_impl();
        let (mut plans, mut inits) = (Vec::new(), Vec::new());
        for (nth, field) in self.fields.iter().enumerate() {
            let Field { member, label, ty, injected, conditions } = field;
            let variable = format_ident!("__field{nth}", span = Span::mixed_site());
            let how = if *injected { "inject" } else { "defaulted" };
            let how = call(ty.span(), how, Some(ours!(#ty)), ours!(#label));
            plans.push(ours!(#(#conditions)* let #variable = __fields #how;));
            inits.push(ours!(#(#conditions)* #member: #krate::di::Injected::get(&#variable, __container)?));
        }
        let hooks = hooks.tokens();
        let plan = ours! {
            |__fields| {
                #(#plans)*
                move |__container: &#krate::di::Container| {
                    ::core::result::Result::Ok(Self { #(#inits),* })
                }
            }
        };
        let provider = call_path(name.span(), ours!(#krate::di::Provider::<Self>::fields), plan);
        ours! {
            #[automatically_derived]
            #[allow(unused_qualifications)]
            impl #impl_generics #krate::di::Injectable for #name #types #conditions {
                fn provider() -> #krate::di::Provider<Self> {
                    #provider #hooks
                }
            }
        }
    }

    /// The type's generics, with the bounds that the container can hold the type and can give its generic fields.
    pub(crate) fn generics(&self, krate: &Path) -> Generics {
        let mut generics = self.item.generics.clone();
        if generics.type_params().next().is_none() {
            return generics;
        }
        holds(&mut generics, &self.item.ident);
        for Field { ty, injected, .. } in self.fields.iter().filter(|field| field.conditions.is_empty()) {
            if mentions(ty, &self.item.generics) {
                let by = Ident::new(if *injected { "FromContainer" } else { "DefaultField" }, Span::mixed_site());
                let gives = parse_quote_spanned!(at(ty.span())=> #ty: #krate::di::#by);
                generics.make_where_clause().predicates.push(gives);
            }
        }
        generics
    }

    /// An `impl Injectable` that is never run, so that one error does not cause others.
    pub(crate) fn stub(&self, krate: &Path) -> TokenStream {
        let name = &self.item.ident;
        let generics = self.generics(krate);
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
            // A bare name means a method of the struct: `on_init = open`.
            let method = match hook {
                Expr::Path(path) if path.path.get_ident().is_some() => quote_spanned!(here=> Self::#hook),
                _ => ours!(#hook),
            };
            Some(quote_spanned!(here=> .#name(|__this: ::std::sync::Arc<Self>| async move { #method(&*__this).await })))
        };
        let (init, shutdown) = (hook("on_init", &self.on_init), hook("on_shutdown", &self.on_shutdown));
        let gateway = self.gateway.then(|| ours!(.to_be_mounted()));
        let scope = self.scope.as_ref().map(|scope| call(scope.span, scope.method, None, TokenStream::new()));
        ours!(#scope #init #shutdown #gateway)
    }
}

fn take_inject(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> bool {
    let mut found = false;
    attributes.retain(|attribute| {
        if one_of(&["inject"], attribute).is_none() {
            return true;
        }
        if found {
            errors.at(attribute, "a field is injected once; remove one");
        }
        found = true;
        if let Err(error) = attribute.meta.require_path_only() {
            errors.push(syn::Error::new(
                error.span(),
                "`#[inject]` takes nothing: the field's type says what is injected",
            ));
        }
        false
    });
    found
}

/// The item as a struct, or an error that it must be one.
pub(crate) fn parse(attribute: &str, item: &TokenStream, errors: &mut Errors) -> Option<ItemStruct> {
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Struct(item)) => Some(item),
        Ok(other) => {
            errors.at(other, format!("`#[{attribute}]` belongs on a struct"));
            None
        }
        Err(error) => {
            errors.push(error);
            None
        }
    }
}
