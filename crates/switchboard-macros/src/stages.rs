//! The stages around handlers: guards, interceptors, pipes and filters, and the attributes that opt out of them.
use crate::emit::{Errors, at, call, call_path, moved, ours, placed};
use crate::helper::one_of;
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, Meta, Path, Token, Type};

/// The attributes of this file.
const NAMES: &[&str] = &["use_guards", "use_interceptors", "use_pipes", "use_filters", "skip", "public", "concurrency"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StageKind {
    Guard,
    Interceptor,
    Pipe,
    Filter,
}

impl StageKind {
    const ALL: [StageKind; 4] = [StageKind::Guard, StageKind::Interceptor, StageKind::Pipe, StageKind::Filter];

    /// The builder's method.
    fn method(self) -> &'static str {
        match self {
            StageKind::Guard => "guard",
            StageKind::Interceptor => "interceptor",
            StageKind::Pipe => "pipe",
            StageKind::Filter => "filter",
        }
    }

    /// The method of a module, for every message of the application.
    pub(crate) fn app_method(self) -> String {
        format!("app_{}", self.method())
    }

    /// True if a probe has to find out which traits the type implements.
    pub(crate) fn is_probed(self) -> bool {
        matches!(self, StageKind::Guard | StageKind::Pipe)
    }

    /// The type that the method takes.
    fn def(self) -> Ident {
        let name = match self {
            StageKind::Guard => "GuardDef",
            StageKind::Interceptor => "InterceptorDef",
            StageKind::Pipe => "PipeDef",
            StageKind::Filter => "FilterDef",
        };
        Ident::new(name, Span::mixed_site())
    }
}

/// Where the value of a stage comes from.
pub(crate) enum Made {
    /// A path, whose value the container gives.
    Injected(Type),
    /// Any other expression.
    Value(Expr),
}

impl Made {
    pub(crate) fn span(&self) -> Span {
        match self {
            Made::Injected(ty) => ty.span(),
            Made::Value(value) => value.span(),
        }
    }
}

impl Parse for Made {
    fn parse(input: ParseStream<'_>) -> syn::Result<Made> {
        let fork = input.fork();
        if let Ok(ty @ Type::Path(_)) = fork.parse::<Type>()
            && (fork.is_empty() || fork.peek(Token![,]))
        {
            input.advance_to(&fork);
            if let Some(name) = spelled_like_a_value(&ty) {
                let message = format!(
                    "a path is a type that the container gives: write `{name}()` for what a function returns, `{{ {name} }}` for a \
                     value"
                );
                return Err(Error::new_spanned(ty, message));
            }
            return Ok(Made::Injected(ty));
        }
        input.parse().map(Made::Value)
    }
}

/// The name of a type that is spelled like a value. Only the text of an error depends on this, never the meaning.
pub(crate) fn spelled_like_a_value(ty: &Type) -> Option<&Ident> {
    let Type::Path(path) = ty else { return None };
    let name = &path.path.segments.last()?.ident;
    name.to_string().starts_with(|first: char| first.is_lowercase()).then_some(name)
}

/// One element of an attribute.
enum Element {
    Use(StageKind, Made),
    Skip(Type),
    Public(Span),
    Concurrency(Expr),
}

/// Where the attributes of stages are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// On a handler: a guard needs its message half.
    Message,
    /// On a gateway: a guard has a message half, a connect half, or both.
    Gateway,
}

/// The stages of a handler or of a gateway, in the order in which they are written.
#[derive(Default)]
pub(crate) struct Stages {
    list: Vec<Element>,
    /// The attributes themselves, for the spans of errors.
    pub(crate) attributes: Vec<Attribute>,
}

impl Stages {
    /// Removes the attributes of this file from those of an item, and reads them.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Stages {
        let mut stages = Stages::default();
        for attribute in std::mem::take(attributes) {
            let Some(name) = name(&attribute) else {
                attributes.push(attribute);
                continue;
            };
            if let Err(error) = stages.read(name, &attribute) {
                errors.push(error);
            }
            stages.attributes.push(attribute);
        }
        stages
    }

    /// [`take`](Stages::take), below `#[gateway]`.
    pub(crate) fn of_gateway(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Stages {
        let stages = Stages::take(attributes, errors);
        for attribute in stages.attributes.iter().filter(|attribute| name(attribute) == Some("concurrency")) {
            errors.at(attribute, "for a gateway it is a key: write `#[gateway(concurrency = ..)]`");
        }
        stages
    }

    /// Reads one attribute.
    fn read(&mut self, name: &str, attribute: &Attribute) -> syn::Result<()> {
        let twice = || Error::new_spanned(attribute, format!("`#[{name}]` is given twice"));
        let known = |stage: fn(&Element) -> bool| self.list.iter().any(stage);
        match name {
            "public" if known(|stage| matches!(stage, Element::Public(_))) => return Err(twice()),
            "concurrency" if known(|stage| matches!(stage, Element::Concurrency(_))) => return Err(twice()),
            "public" => {
                if !matches!(attribute.meta, Meta::Path(_)) {
                    return Err(Error::new_spanned(attribute, "`#[public]` takes nothing"));
                }
                self.list.push(Element::Public(attribute.path().span()));
            }
            "concurrency" => self.list.push(Element::Concurrency(concurrency(attribute)?)),
            "skip" => {
                let types: Vec<Type> = listed(attribute, "which stage? write `#[skip(Auth)]`", a_type)?;
                self.list.extend(types.into_iter().map(Element::Skip));
            }
            _ => {
                let kind = StageKind::ALL.into_iter().find(|kind| *name == format!("use_{}s", kind.method()));
                let kind = kind.unwrap_or(StageKind::Guard);
                let which = format!(
                    "which {noun}? write `#[{name}(A)]` for a type that the container gives, `#[{name}(A::new(..))]` for a value",
                    noun = kind.method()
                );
                let made: Vec<Made> = listed(attribute, &which, Made::parse)?;
                self.list.extend(made.into_iter().map(|made| Element::Use(kind, made)));
            }
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// `#[public]`.
    pub(crate) fn public(&self) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| name(attribute) == Some("public"))
    }

    /// `let variable = variable.guard(..);`, and so on.
    pub(crate) fn tokens(&self, krate: &Path, variable: &Ident, site: Site) -> TokenStream {
        let calls = self.list.iter().map(|stage| {
            let stage = match stage {
                Element::Use(kind, made) => stage_call(krate, *kind, made, site, kind.method()),
                Element::Skip(ty) => call(ty.span(), "skip", Some(ours!(#ty)), TokenStream::new()),
                Element::Public(span) => call(*span, "public", None, TokenStream::new()),
                Element::Concurrency(count) => call(count.span(), "concurrency", None, ours!(#count)),
            };
            ours!(let #variable = #variable #stage;)
        });
        ours!(#(#calls)*)
    }

    /// True if the expansion needs [`probes`].
    pub(crate) fn is_probed(&self) -> bool {
        self.list.iter().any(|stage| matches!(stage, Element::Use(kind, _) if kind.is_probed()))
    }

    pub(crate) fn has_guards(&self) -> bool {
        self.list.iter().any(|stage| matches!(stage, Element::Use(StageKind::Guard, _)))
    }
}

/// Imports the traits that find out which halves a guard has, and what a pipe returns.
pub(crate) fn probes(krate: &Path) -> TokenStream {
    ours! {
        #[allow(unused_imports)]
        use #krate::__private::stages::{
            AsyncMessage as _, EveryPayload as _, HasConnect as _, NoConnect as _, NoMessage as _, OnePayload as _,
            SyncMessage as _,
        };
    }
}

/// `.method(definition)`, at the location of the user's token.
pub(crate) fn stage_call(krate: &Path, kind: StageKind, made: &Made, site: Site, method: &str) -> TokenStream {
    let here = at(made.span());
    // Errors at boot name the location of this call, so it is the user's own: see `call`.
    let own = made.span();
    let def = kind.def();
    let def = placed(ours!(#krate::pipeline::#def), own);
    let parts = moved(ours!(#krate::__private::stages), here);
    let def = match made {
        Made::Injected(ty) if kind == StageKind::Pipe => {
            let injected = call_path(own, ours!(#krate::__private::stages::injected), quote_spanned!(here=> __pipe));
            quote_spanned! {here=> {
                let __pipe = (&&#parts::pipe::<#ty>()).__switchboard_pipe();
                let __pipe = __pipe.of_every().by_the_container();
                #injected
            }}
        }
        Made::Value(value) if kind == StageKind::Pipe => {
            let of = call(own, "of", None, quote_spanned!(here=> __pipe));
            quote_spanned! {here=> {
                let __pipe = #value;
                (&&#parts::pipe_of(&__pipe)).__switchboard_pipe() #of
            }}
        }
        Made::Injected(ty) => quote_spanned!(own=> #def::<#ty>::injected()),
        Made::Value(value) => quote_spanned!(own=> #def::of(#value)),
    };
    let halved = quote_spanned! {here=>
        let __def = #parts::halved(#def);
        let __def = (&&&#parts::probe(&__def)).__switchboard_message(__def);
    };
    let def = match (kind, site) {
        (StageKind::Guard, Site::Message) => quote_spanned! {here=> {
            #halved
            __def.message_half()
        }},
        (StageKind::Guard, Site::Gateway) => quote_spanned! {here=> {
            #halved
            let __def = (&&#parts::probe(&__def)).__switchboard_connect(__def);
            __def.some_half()
        }},
        _ => def,
    };
    call(made.span(), method, None, def)
}

pub(crate) fn name(attribute: &Attribute) -> Option<&'static str> {
    one_of(NAMES, attribute)
}

/// The list of an attribute, with at least one element.
fn listed<T>(
    attribute: &Attribute,
    which: &str,
    element: impl Fn(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<Vec<T>> {
    let Meta::List(list) = &attribute.meta else { return Err(Error::new_spanned(attribute, which)) };
    if list.tokens.is_empty() {
        return Err(Error::new_spanned(attribute, which));
    }
    attribute.parse_args_with(|input: ParseStream<'_>| {
        let mut elements = Vec::new();
        while !input.is_empty() {
            elements.push(element(input)?);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(elements)
    })
}

fn a_type(input: ParseStream<'_>) -> syn::Result<Type> {
    let fork = input.fork();
    if let Ok(ty) = fork.parse::<Type>()
        && (fork.is_empty() || fork.peek(Token![,]))
        && spelled_like_a_value(&ty).is_none()
    {
        input.advance_to(&fork);
        return Ok(ty);
    }
    let value: Expr = input.parse()?;
    Err(Error::new_spanned(value, "`#[skip]` names the type of a stage: `#[skip(Auth)]`"))
}

fn concurrency(attribute: &Attribute) -> syn::Result<Expr> {
    let count = match &attribute.meta {
        Meta::List(_) => attribute.parse_args::<Expr>().ok(),
        _ => None,
    };
    let count = count.ok_or_else(|| Error::new_spanned(attribute, "how many at a time? write `#[concurrency(4)]`"))?;
    at_least_one(count)
}

/// A number that is not a literal zero.
pub(crate) fn at_least_one(count: Expr) -> syn::Result<Expr> {
    if let Expr::Lit(ExprLit { lit, .. }) = &count {
        match lit {
            Lit::Int(number) if number.base10_parse::<u128>().is_ok_and(|number| number == 0) => {
                return Err(Error::new_spanned(count, "nothing would ever be handled: write 1 or more"));
            }
            Lit::Int(_) => {}
            _ => return Err(Error::new_spanned(count, "how many at a time? write a whole number, 1 or more")),
        }
    }
    Ok(count)
}

/// The elements of `key(A, B)`.
pub(crate) fn in_parentheses(input: ParseStream<'_>) -> syn::Result<Vec<Made>> {
    let content;
    syn::parenthesized!(content in input);
    let elements = content.call(Punctuated::<Made, Token![,]>::parse_terminated)?;
    Ok(elements.into_iter().collect())
}
