//! What is shared by all expansions: spans, errors, paths.
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::{Error, Path, parse_quote};

/// `quote!` for code that is ours: its local names do not meet the user's.
macro_rules! ours {
    ($($code:tt)*) => { quote::quote_spanned!(proc_macro2::Span::mixed_site()=> $($code)*) };
}
pub(crate) use ours;

/// Errors, gathered so that all are told.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn at(&mut self, tokens: impl quote::ToTokens, message: impl std::fmt::Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// As `compile_error!`s.
    pub(crate) fn tokens(self) -> Option<TokenStream> {
        self.0.map(Error::into_compile_error)
    }
}

/// The place of a user's token, for code that is ours: its names do not meet the user's, and no lint is about it.
pub(crate) fn at(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// The tokens, at another place: an error on all of them is told there.
pub(crate) fn moved(tokens: TokenStream, place: Span) -> TokenStream {
    let at_place = |mut token: TokenTree| {
        token.set_span(token.span().located_at(place));
        token
    };
    tokens.into_iter().map(at_place).collect()
}

/// The tokens, as if they were written at another place.
pub(crate) fn placed(tokens: TokenStream, place: Span) -> TokenStream {
    let at_place = |mut token: TokenTree| {
        token.set_span(place);
        token
    };
    tokens.into_iter().map(at_place).collect()
}

/// `.method::<types>(arguments)` at the place of a user's token. Boot tells where a call stands; of code that is ours it would
/// tell the line of the attribute.
pub(crate) fn call(place: Span, method: &str, types: Option<TokenStream>, arguments: TokenStream) -> TokenStream {
    let method = Ident::new(method, place);
    let types = types.map(|types| ours!(::<#types>));
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(place);
    ours!(.#method #types #arguments)
}

/// [`call`] of a function: `path(arguments)`.
pub(crate) fn call_path(place: Span, path: TokenStream, arguments: TokenStream) -> TokenStream {
    let path = placed(path, place);
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(place);
    ours!(#path #arguments)
}

/// Where the crate is.
pub(crate) fn default_crate() -> Path {
    parse_quote!(::switchboard)
}
