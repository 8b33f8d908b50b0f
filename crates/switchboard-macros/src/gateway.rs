//! `#[gateway]`.
use crate::emit::{Errors, call, ours};
use crate::fields::{self, Hooks, Injected};
use crate::keys;
use crate::stages::{Site, Stages, at_least_one, probes};
use proc_macro2::{Span, TokenStream};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Path, Token, Type, parse_quote};

/// The keys of the attribute that configure the gateway.
#[derive(Default)]
struct Settings {
    path: Option<Expr>,
    namespace: Option<Type>,
    namespace_by: Option<Expr>,
    limits: Option<Expr>,
    origins: Option<Expr>,
    compression: Option<Expr>,
    cancel_on_disconnect: Option<Expr>,
    version: Option<Expr>,
    port: Option<Expr>,
    /// Other providers whose handlers this gateway also has.
    handlers: Vec<Type>,
    concurrency: Option<Expr>,
    public: Option<Ident>,
    patterns: Option<Ident>,
    protocols: Option<Expr>,
    require_protocol: Option<Ident>,
    default_format: Option<Expr>,
    socketio: Option<Expr>,
    socketio_namespace: Option<Expr>,
    stages: Stages,
}

const KEYS: &[&str] = &[
    "path",
    "version",
    "port",
    "namespace",
    "namespace_by",
    "handlers",
    "concurrency",
    "public",
    "patterns",
    "protocols",
    "require_protocol",
    "default_format",
    "socketio",
    "socketio_namespace",
    "limits",
    "origins",
    "compression",
    "cancel_on_disconnect",
    "on_init",
    "on_shutdown",
];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let (mut settings, mut hooks) = (Settings::default(), Hooks::default());
    let krate = keys::read(arguments, KEYS, &mut errors, |key, input, _| {
        match key.to_string().as_str() {
            "path" => settings.path = Some(keys::value(input)?),
            "namespace" => settings.namespace = Some(keys::value(input)?),
            "namespace_by" => settings.namespace_by = Some(keys::value(input)?),
            "limits" => settings.limits = Some(keys::value(input)?),
            "origins" => settings.origins = Some(keys::value(input)?),
            "compression" => settings.compression = Some(keys::value(input)?),
            "cancel_on_disconnect" if input.peek(syn::Token![=]) => {
                settings.cancel_on_disconnect = Some(keys::value(input)?);
            }
            "cancel_on_disconnect" => settings.cancel_on_disconnect = Some(syn::parse_quote!(true)),
            "version" => settings.version = Some(version(keys::value(input)?)?),
            "port" => settings.port = Some(keys::value(input)?),
            "handlers" => settings.handlers = handlers(input)?,
            "concurrency" => settings.concurrency = Some(at_least_one(keys::value(input)?)?),
            "public" => settings.public = Some(key.clone()),
            "patterns" => settings.patterns = Some(key.clone()),
            "protocols" => settings.protocols = Some(keys::value(input)?),
            "require_protocol" => settings.require_protocol = Some(key.clone()),
            "default_format" => settings.default_format = Some(keys::value(input)?),
            "socketio" => settings.socketio = Some(keys::value(input)?),
            "socketio_namespace" => settings.socketio_namespace = Some(keys::value(input)?),
            "on_init" => hooks.on_init = Some(keys::value(input)?),
            "on_shutdown" => hooks.on_shutdown = Some(keys::value(input)?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    let Some(mut item_struct) = fields::parse("gateway", &item, &mut errors) else {
        let errors = errors.tokens();
        return ours!(#errors #item);
    };
    settings.stages = Stages::of_gateway(&mut item_struct.attrs, &mut errors);
    if let (Some(public), Some(_)) = (&settings.public, settings.stages.public()) {
        errors.at(public, "`#[public]` says so already; remove one");
    }
    if let (Some(_), Some(by)) = (&settings.namespace, &settings.namespace_by) {
        errors.at(by, "`namespace` says already which one; remove one");
    }
    let injected = Injected::of(item_struct, &mut errors);
    hooks.gateway = true;
    let made = if errors.is_empty() { injected.provider(&krate, &hooks) } else { injected.stub(&krate) };
    if !errors.is_empty() {
        settings = Settings::default();
    }
    let mount = settings.mount(&injected, &krate);
    let (item, errors) = (&injected.item, errors.tokens());
    ours!(#errors #item #made #mount)
}

impl Settings {
    /// `impl Mount`.
    fn mount(&self, injected: &Injected, krate: &Path) -> TokenStream {
        let name = &injected.item.ident;
        let mut generics = injected.generics(krate);
        if generics.type_params().next().is_some() {
            let (_, types, _) = injected.item.generics.split_for_impl();
            let handles = parse_quote!(#name #types: #krate::gateway::Messages);
            generics.make_where_clause().predicates.push(handles);
        }
        let (impl_generics, types, conditions) = generics.split_for_impl();
        let path = self.path.as_ref().map(|path| ours!(const PATH: &'static ::core::primitive::str = #path;));
        let set = |method: &str, value: &Option<Expr>| {
            let value = value.as_ref()?;
            let set = call(value.span(), method, None, ours!(#value));
            Some(ours!(let __gateway = __gateway #set;))
        };
        let flag = |method: &str, key: &Option<Ident>| {
            let set = call(key.as_ref()?.span(), method, None, TokenStream::new());
            Some(ours!(let __gateway = __gateway #set;))
        };
        let namespace = self.namespace.as_ref().map(|namespace| {
            let set = call(namespace.span(), "namespace", Some(ours!(#namespace)), TokenStream::new());
            ours!(let __gateway = __gateway #set;)
        });
        let settings = [
            namespace,
            set("namespace_by", &self.namespace_by),
            set("limits", &self.limits),
            set("origins", &self.origins),
            set("compression", &self.compression),
            set("cancel_on_disconnect", &self.cancel_on_disconnect),
            set(if matches!(self.version, Some(Expr::Array(_))) { "versions" } else { "version" }, &self.version),
            set("port", &self.port),
            set("concurrency", &self.concurrency),
            flag("public", &self.public),
            flag("patterns", &self.patterns),
            set("protocols", &self.protocols),
            flag("require_protocol", &self.require_protocol),
            set("default_format", &self.default_format),
            set("socketio", &self.socketio),
            set("socketio_namespace", &self.socketio_namespace),
            (!self.stages.is_empty())
                .then(|| self.stages.tokens(krate, &Ident::new("__gateway", Span::mixed_site()), Site::Gateway)),
        ];
        let handlers = self.handlers.iter().map(|provider| {
            let included = call(provider.span(), "include", Some(ours!(#provider)), TokenStream::new());
            ours!(let __gateway = __gateway #included;)
        });
        let settings: Vec<TokenStream> = settings.into_iter().flatten().chain(handlers).collect();
        let probes = self.stages.is_probed().then(|| probes(krate));
        let settings = (!settings.is_empty()).then(|| {
            ours! {
                fn settings(__gateway: #krate::Gateway<Self>) -> #krate::Gateway<Self> {
                    #probes
                    #(#settings)*
                    __gateway
                }
            }
        });
        ours! {
            #[automatically_derived]
            #[allow(unused_qualifications)]
            impl #impl_generics #krate::gateway::Mount for #name #types #conditions {
                #path
                #settings
            }
        }
    }
}

/// One version, or several: `"1"`, `["1", "2"]`.
fn version(version: Expr) -> syn::Result<Expr> {
    let several = match &version {
        Expr::Array(several) if several.elems.is_empty() => {
            return Err(Error::new_spanned(
                version,
                "which versions? write `version = [\"1\", \"2\"]`, or remove this",
            ));
        }
        Expr::Array(several) => several.elems.iter().collect(),
        one => vec![one],
    };
    for version in several {
        if let Expr::Lit(literal) = version
            && !matches!(literal.lit, syn::Lit::Str(_))
        {
            return Err(Error::new_spanned(version, "a version is a string: `version = \"1\"`"));
        }
    }
    Ok(version)
}

fn handlers(input: ParseStream<'_>) -> syn::Result<Vec<Type>> {
    let content;
    syn::parenthesized!(content in input);
    Ok(Punctuated::<Type, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}
