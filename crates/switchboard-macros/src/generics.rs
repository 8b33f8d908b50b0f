//! Generic parameters, and conditional compilation.
use syn::visit::Visit;
use syn::{Attribute, Generics, Ident, Lifetime, Type, WherePredicate, parse_quote};

/// Adds the bound that allows the container to hold the type.
pub(crate) fn holds(generics: &mut Generics, name: &Ident) {
    let (_, types, _) = generics.split_for_impl();
    let holds: WherePredicate = parse_quote!(#name #types: ::core::marker::Send + ::core::marker::Sync + 'static);
    generics.make_where_clause().predicates.push(holds);
}

/// True if a type names a type parameter, or `Self`, which may have some.
pub(crate) fn mentions(ty: &Type, generics: &Generics) -> bool {
    struct Search<'a> {
        names: Vec<&'a Ident>,
        found: bool,
    }
    impl Visit<'_> for Search<'_> {
        fn visit_ident(&mut self, ident: &Ident) {
            self.found |= ident == "Self" || self.names.contains(&ident);
        }
    }
    let mut search = Search { names: generics.type_params().map(|parameter| &parameter.ident).collect(), found: false };
    if !search.names.is_empty() {
        search.visit_type(ty);
    }
    search.found
}

/// True if a type names a lifetime parameter of these generics.
pub(crate) fn borrows(ty: &Type, generics: &Generics) -> bool {
    struct Search<'a> {
        generics: &'a Generics,
        found: bool,
    }
    impl Visit<'_> for Search<'_> {
        fn visit_lifetime(&mut self, lifetime: &Lifetime) {
            self.found |= self.generics.lifetimes().any(|parameter| parameter.lifetime == *lifetime);
        }
    }
    let mut search = Search { generics, found: false };
    search.visit_type(ty);
    search.found
}

/// The `#[cfg]` attributes among these.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
