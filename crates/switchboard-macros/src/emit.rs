//! Spans, errors and paths, for all expansions.
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::{Error, Path, parse_quote};

/// `quote!` for code of the expansion: its local names do not collide with the user's.
macro_rules! ours {
    ($($code:tt)*) => { quote::quote_spanned!(proc_macro2::Span::mixed_site()=> $($code)*) };
}
pub(crate) use ours;

/// Errors, collected so that all are reported at once.
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

/// The location of a user's token for code of the expansion: its names do not collide with the user's, and lints ignore it.
pub(crate) fn at(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// The tokens at another location, so that the compiler reports an error in them there.
pub(crate) fn moved(tokens: TokenStream, span: Span) -> TokenStream {
    let relocate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(relocate).collect()
}

/// The tokens as if the user had written them at another location.
pub(crate) fn placed(tokens: TokenStream, span: Span) -> TokenStream {
    let relocate = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(relocate).collect()
}

/// `.method::<types>(arguments)` at the location of a user's token. Errors at boot name the location of the call (`#[track_caller]`); without
/// this it would be the line of the attribute.
pub(crate) fn call(span: Span, method: &str, types: Option<TokenStream>, arguments: TokenStream) -> TokenStream {
    let method = Ident::new(method, span);
    let types = types.map(|types| ours!(::<#types>));
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(span);
    ours!(.#method #types #arguments)
}

/// [`call`] of a function: `path(arguments)`.
pub(crate) fn call_path(span: Span, path: TokenStream, arguments: TokenStream) -> TokenStream {
    let path = placed(path, span);
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(span);
    ours!(#path #arguments)
}

/// The path of `switchboard`, unless `crate = path` names another.
pub(crate) fn default_crate() -> Path {
    parse_quote!(::switchboard)
}
