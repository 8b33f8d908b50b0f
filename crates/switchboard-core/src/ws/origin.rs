//! Which web pages may open a connection (RFC 6455 §10.2, RFC 6454).
//!
//! A browser sends the page's origin and lets no script change it, and it sends cookies along whatever the page is:
//! this check is what keeps a foreign page from speaking with a user's cookies. A client that is no browser sends what it
//! likes, so an origin is no authentication.
use std::fmt;
use std::sync::Arc;

use super::authority::Authority;
use super::handshake::Refusal;

/// The origins that may open a connection. The default is [`Origins::same`].
///
/// # Examples
/// ```
/// use switchboard_core::ws::origin::Origins;
///
/// // The site itself, and its apps.
/// let origins = Origins::same().or(Origins::list(["capacitor://localhost", "tauri://localhost"])?);
/// assert!(origins.allows(Some("https://shop.example"), "shop.example"));
/// assert!(origins.allows(Some("capacitor://localhost"), "shop.example"));
/// assert!(!origins.allows(Some("https://evil.example"), "shop.example"));
/// # Ok::<(), switchboard_core::ws::origin::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug)]
pub struct Origins {
    /// One of them is enough.
    rules: Vec<Rule>,
    required: bool,
}

#[derive(Clone)]
enum Rule {
    Same,
    List(Vec<Entry>),
    By(Arc<dyn Fn(&str) -> bool + Send + Sync>),
    Any,
}

/// One entry of a list.
#[derive(Clone, Debug)]
enum Entry {
    /// `null`, which is what a page without an origin of its own sends.
    Null,
    /// `file://`, which some engines send for a page of the file system.
    File,
    Page(Named),
}

/// `scheme://host[:port]`, in lower case.
#[derive(Clone, Debug)]
struct Named {
    scheme: String,
    /// With `below`, the name that a host must end with, its dot included.
    host: String,
    /// True for `*.host`: any host with one or more labels before it, never the host itself.
    below: bool,
    /// That of the scheme where none is written, if the scheme has one.
    port: Option<u16>,
}

impl Default for Origins {
    fn default() -> Origins {
        Origins::same()
    }
}

impl Origins {
    /// The page's host and port must be those of the request's Host header.
    ///
    /// A Host header without a port has the default port of the origin's scheme. The scheme itself is not compared: what is
    /// before the server may end TLS. Origins of apps and extensions, such as `capacitor://localhost`, have no host that a server
    /// could have: [`Origins::list`] names them.
    pub fn same() -> Origins {
        Origins::from(Rule::Same)
    }

    /// One of these: `https://app.example`, `http://localhost:3000`, or `https://*.app.example` for any name below
    /// `app.example`, at any depth, without `app.example` itself. An empty list admits no page.
    ///
    /// Any `scheme://host[:port]` is an entry, so those of apps and browser extensions are: `capacitor://localhost`,
    /// `tauri://localhost`, `chrome-extension://abcdefghijklmnopabcdefghijklmnop`. `ws://` counts as `http://`, and `wss://` as
    /// `https://`. `null` and `file://` are entries by themselves. Any page can send `null`, from a sandboxed frame: with it, a
    /// connection must not act on cookies.
    ///
    /// # Errors
    /// [`InvalidOrigin`] for the first entry that is none of these.
    pub fn list<I>(origins: I) -> Result<Origins, InvalidOrigin>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let entries = origins.into_iter().map(|entry| Entry::parse(entry.as_ref())).collect::<Result<_, _>>()?;
        Ok(Origins::from(Rule::List(entries)))
    }

    /// Those for which a function of yours returns true. It is asked for each request that has an Origin, before guards are, and
    /// must not wait. It gets the header as it was sent, which need not be an origin at all.
    ///
    /// Compare the whole of it, or from a dot or a slash on: `ends_with("good.example")` lets in `https://evilgood.example`.
    ///
    /// # Examples
    /// ```
    /// use switchboard_core::ws::origin::Origins;
    ///
    /// let previews = Origins::by(|origin| {
    ///     origin.strip_prefix("https://").is_some_and(|host| host.starts_with("pr-") && host.ends_with(".preview.example"))
    /// });
    /// assert!(previews.allows(Some("https://pr-7.preview.example"), "api.example"));
    /// ```
    pub fn by(admits: impl Fn(&str) -> bool + Send + Sync + 'static) -> Origins {
        Origins::from(Rule::By(Arc::new(admits)))
    }

    /// Any page at all. Only where a connection does not act on cookies.
    pub fn any() -> Origins {
        Origins::from(Rule::Any)
    }

    /// These, and the others. An Origin is [required](Origins::required) where one of the two requires it.
    #[must_use]
    pub fn or(mut self, others: Origins) -> Origins {
        self.rules.extend(others.rules);
        self.required |= others.required;
        self
    }

    /// Refuses a request without an Origin too, and with it most clients that are not browsers.
    #[must_use]
    pub fn required(mut self) -> Origins {
        self.required = true;
        self
    }

    /// Whether a page of this origin may connect; `host` is the Host header's value.
    ///
    /// `None`, no Origin header, is allowed unless [`Origins::required`]. Schemes and host names are compared without regard to
    /// case and otherwise byte for byte: another port, a trailing dot, a punycode twin, user information and a path are not the
    /// same.
    pub fn allows(&self, origin: Option<&str>, host: &str) -> bool {
        self.check(origin, host).is_ok()
    }

    /// [`Origins::allows`], with the answer to send.
    ///
    /// # Errors
    /// 403 with the reason `origin`, or `origin_missing`.
    pub fn check(&self, origin: Option<&str>, host: &str) -> Result<(), Refusal> {
        let Some(origin) = origin else {
            return if self.required { Err(Refusal::ORIGIN_MISSING) } else { Ok(()) };
        };
        let page = Page::parse(origin);
        let page = page.as_ref();
        let allowed = self.rules.iter().any(|rule| match rule {
            Rule::Any => true,
            Rule::Same => page.is_some_and(|page| page.is_at(host)),
            Rule::List(entries) => entries.iter().any(|entry| entry.admits(origin, page)),
            Rule::By(admits) => admits(origin),
        });
        if allowed { Ok(()) } else { Err(Refusal::ORIGIN) }
    }
}

impl From<Rule> for Origins {
    fn from(rule: Rule) -> Origins {
        Origins { rules: vec![rule], required: false }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Same => f.write_str("Same"),
            Rule::List(entries) => f.debug_tuple("List").field(entries).finish(),
            Rule::By(_) => f.write_str("By(..)"),
            Rule::Any => f.write_str("Any"),
        }
    }
}

/// A serialized origin (RFC 6454 §6.2) that has a host.
struct Page<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Page<'a> {
    fn parse(origin: &'a str) -> Option<Page<'a>> {
        let (scheme, authority) = split_scheme(origin)?;
        let authority = Authority::parse(authority)?;
        Some(Page { scheme, host: authority.host, port: authority.port.or(default_port(scheme)) })
    }

    /// A page of the web. Where its scheme has no default port it is of an app, which is at no host.
    fn is_at(&self, host: &str) -> bool {
        let Some(default) = default_port(self.scheme) else { return false };
        Authority::of_host(host)
            .is_some_and(|here| here.host.eq_ignore_ascii_case(self.host) && Some(here.port_or(default)) == self.port)
    }
}

impl Entry {
    fn parse(entry: &str) -> Result<Entry, InvalidOrigin> {
        if entry == "null" {
            return Ok(Entry::Null);
        }
        if entry.eq_ignore_ascii_case("file://") {
            return Ok(Entry::File);
        }
        let parsed = split_scheme(entry).and_then(|(scheme, authority)| {
            let (below, name) = match authority.strip_prefix("*.") {
                Some(name) => (true, name),
                None => (false, authority),
            };
            let authority = Authority::parse(name).filter(|found| !(below && found.host.starts_with('[')))?;
            let host = authority.host.to_ascii_lowercase();
            let host = if below { format!(".{host}") } else { host };
            let port = authority.port.or(default_port(scheme));
            Some(Entry::Page(Named { scheme: scheme.to_ascii_lowercase(), host, below, port }))
        });
        parsed.ok_or_else(|| InvalidOrigin { entry: entry.to_owned() })
    }

    fn admits(&self, origin: &str, page: Option<&Page<'_>>) -> bool {
        match self {
            Entry::Null => origin == "null",
            Entry::File => origin.eq_ignore_ascii_case("file://"),
            Entry::Page(named) => page.is_some_and(|page| named.admits(page)),
        }
    }
}

impl Named {
    fn admits(&self, page: &Page<'_>) -> bool {
        if !self.scheme.eq_ignore_ascii_case(page.scheme) || self.port != page.port {
            return false;
        }
        if !self.below {
            return page.host.eq_ignore_ascii_case(&self.host);
        }
        // Hosts are ASCII, so a cut at any byte is between characters. No host begins with a dot, so what is before the entry is
        // never empty: `Page::parse` has checked it as labels.
        page.host
            .len()
            .checked_sub(self.host.len())
            .is_some_and(|cut| page.host[cut..].eq_ignore_ascii_case(&self.host))
    }
}

/// The scheme and what is after `://`. That of a WebSocket's address, which some clients send, is that of the page's.
fn split_scheme(origin: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = origin.split_once("://")?;
    let valid = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let scheme = match scheme {
        ws if ws.eq_ignore_ascii_case("ws") => "http",
        wss if wss.eq_ignore_ascii_case("wss") => "https",
        other => other,
    };
    valid.then_some((scheme, rest))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        https if https.eq_ignore_ascii_case("https") => Some(443),
        http if http.eq_ignore_ascii_case("http") => Some(80),
        _ => None,
    }
}

/// An entry of a list of origins that is not an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin {
    entry: String,
}

impl InvalidOrigin {
    /// The entry as it was given.
    pub fn entry(&self) -> &str {
        &self.entry
    }
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entry == "*" {
            return f.write_str("\"*\" is not an origin: `Origins::any()` lets every page in, \"https://*.host\" those of every name below a host");
        }
        write!(
            f,
            "{:?} is not an origin: write scheme://host, as https://app.example or capacitor://localhost, with :port where it is \
             not the default, without a path or a slash at the end (\"https://*.host\" for every name below a host); null and \
             file:// stand by themselves",
            self.entry
        )
    }
}

impl std::error::Error for InvalidOrigin {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(origins: &Origins, host: &str, list: &[&str]) {
        for origin in list {
            assert!(!origins.allows(Some(origin), host), "{origin} at {host}");
        }
    }

    #[test]
    fn a15_who_means_every_origin_is_told_what_to_write() {
        assert!(Origins::list(["*"]).unwrap_err().to_string().contains("Origins::any()"));
        assert!(!Origins::list(["shop.example"]).unwrap_err().to_string().contains("any()"));
    }

    #[test]
    fn a15_same_compares_host_and_port() {
        let same = Origins::same();
        for (origin, host) in [
            ("https://good.example", "good.example"),
            ("https://good.example", "good.example:443"),
            ("https://good.example:443", "good.example"),
            ("http://good.example", "good.example:80"),
            ("http://good.example:3005", "good.example:3005"),
            ("https://GOOD.example", "good.EXAMPLE"),
            ("HTTPS://good.example", "good.example:"),
            ("http://good.example", "good.example:"),
            ("ws://good.example", "good.example"),
            ("wss://good.example", "good.example:443"),
            ("WSS://good.example:3005", "good.example:3005"),
            ("http://[::1]:3005", "[::1]:3005"),
        ] {
            assert!(same.allows(Some(origin), host), "{origin} at {host}");
        }
    }

    #[test]
    fn a15_what_only_looks_the_same_is_refused() {
        let twins = [
            "null",
            "",
            "https://",
            "good.example",
            "//good.example",
            "https:/good.example",
            "https://good.example.evil.com",
            "https://evilgood.example",
            "https://evil.good.example",
            "https://xn--god-sna.example",
            "https://gооd.example",
            "https://good.example.",
            "https://good.example:8443",
            "https://good.example:80",
            "https://good.example:",
            "https://good.example:0443",
            "https://good.example:+443",
            "http://good.example:443",
            "https://good.example/",
            "https://good.example/path",
            "https://good.example?q",
            "https://good.example#f",
            "https://user@good.example",
            "https://good.example@evil.com",
            "https://evil.com\\good.example",
            "https://good.example https://evil.com",
            "https://good%2Eexample",
            " https://good.example",
            "ftp://good.example",
            "wss://good.example:80",
            "ws://good.example:443",
            "wsss://good.example",
            "file://",
            "chrome-extension://good.example",
            "://good.example",
            "1https://good.example",
            "ht tps://good.example",
            "https://https://good.example",
        ];
        refused(&Origins::same(), "good.example", &twins);
        refused(&Origins::list(["https://good.example"]).unwrap(), "good.example", &twins);
        refused(&Origins::same(), "good.example.", &["https://good.example"]);
        refused(&Origins::same(), "not a host", &["https://good.example"]);
    }

    #[test]
    fn a15_a_list_compares_scheme_host_and_port() {
        let list = Origins::list(["https://good.example", "http://localhost:3000", "https://B.example:443"]).unwrap();
        for origin in ["https://good.example", "https://good.example:443", "http://localhost:3000", "https://b.example"]
        {
            assert!(list.allows(Some(origin), "api.example"), "{origin}");
        }
        for origin in ["wss://good.example", "ws://localhost:3000"] {
            assert!(list.allows(Some(origin), "api.example"), "{origin}");
        }
        refused(&list, "good.example", &["ws://good.example", "wss://localhost:3000", "wss://good.example:80"]);
        let sockets = Origins::list(["wss://good.example"]).unwrap();
        assert!(
            sockets.allows(Some("https://good.example"), "x") && sockets.allows(Some("wss://good.example:443"), "x")
        );
        refused(&list, "good.example", &["http://good.example", "http://localhost", "https://localhost:3000", "null"]);
        refused(&Origins::list::<[&str; 0]>([]).unwrap(), "good.example", &["https://good.example"]);
    }

    #[test]
    fn a15_a_wildcard_is_one_or_more_labels_below() {
        let list = Origins::list(["https://*.example.com"]).unwrap();
        for origin in ["https://a.example.com", "https://a.b.example.com", "https://A.Example.COM:443"] {
            assert!(list.allows(Some(origin), "x"), "{origin}");
        }
        refused(
            &list,
            "x",
            &[
                "https://example.com",
                "https://.example.com",
                "https://evilexample.com",
                "https://a.example.com.",
                "https://a.example.com.evil.com",
                "https://a.example.com:8443",
                "http://a.example.com",
                "https://*.example.com",
                "https://a..example.com",
                "https://com",
            ],
        );
    }

    const APPS: &[&str] = &[
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://0f8a6c2e-9d1b-4c57-8e3a-2b6f7d9c1a04",
        "safari-web-extension://0F8A6C2E-9D1B-4C57-8E3A-2B6F7D9C1A04",
        "vscode-webview://0abc",
        "app://obsidian.md",
        "my.app+x-1://host:8080",
    ];

    #[test]
    fn a15_apps_and_extensions_by_name() {
        for app in APPS {
            let list = Origins::list([app]).unwrap();
            assert!(list.allows(Some(app), "api.example"), "{app}");
            assert!(list.allows(Some(&app.to_ascii_uppercase()), "api.example"), "{app}");
            let others: Vec<&str> = APPS.iter().copied().filter(|other| other != app).collect();
            refused(&list, "localhost", &others);
            let twins =
                [format!("{app}.evil.com"), format!("{app}/"), format!("x{app}"), format!("{app}:1"), "null".into()];
            refused(&list, "localhost", &twins.each_ref().map(String::as_str));
            assert!(!list.allows(Some(&app.replacen("://", "://evil", 1)), "api.example"), "{app}");
        }
        // A scheme of its own has no default port.
        let list = Origins::list(["capacitor://localhost"]).unwrap();
        refused(&list, "localhost", &["capacitor://localhost:80", "http://localhost", "https://localhost"]);
        // None of them is where the server is.
        refused(&Origins::same(), "localhost", &["capacitor://localhost", "tauri://localhost"]);
    }

    #[test]
    fn a15_null_and_file_are_admitted_by_name_alone() {
        for (entry, admitted, twins) in [
            ("null", "null", ["NULL", "null ", "null://", "file://", "", "https://null"]),
            ("file://", "file://", ["file:///", "file://x", "file:", "null", "", "https://file"]),
        ] {
            let list = Origins::list([entry]).unwrap();
            assert!(list.allows(Some(admitted), "api.example"), "{entry}");
            refused(&list, "api.example", &twins);
        }
    }

    #[test]
    fn a15_a_function_decides() {
        let origins = Origins::by(|origin| origin == "https://pr-7.preview.example");
        assert!(origins.allows(Some("https://pr-7.preview.example"), "x"));
        refused(&origins, "x", &["https://pr-8.preview.example", "null", "https://x"]);
        assert!(origins.allows(None, "x"));
        assert!(!origins.clone().required().allows(None, "x"));
        assert_eq!(format!("{origins:?}"), "Origins { rules: [By(..)], required: false }");
    }

    #[test]
    fn a15_two_choices_together() {
        let app = Origins::list(["capacitor://localhost"]).unwrap();
        let both = Origins::same().or(app.clone()).or(Origins::by(|origin| origin == "null"));
        for origin in ["https://shop.example", "capacitor://localhost", "null"] {
            assert!(both.allows(Some(origin), "shop.example"), "{origin}");
        }
        refused(&both, "shop.example", &["https://evil.example", "tauri://localhost"]);
        assert!(!Origins::same().or(app.required()).allows(None, "shop.example"));
    }

    #[test]
    fn a16_no_origin_is_allowed_unless_required() {
        for origins in [Origins::same(), Origins::list(["https://a.example"]).unwrap(), Origins::any()] {
            assert!(origins.allows(None, "a.example"));
            let refusal = origins.required().check(None, "a.example").unwrap_err();
            assert_eq!((refusal.status.as_u16(), refusal.reason), (403, "origin_missing"));
        }
        let refusal = Origins::same().check(Some("null"), "a.example").unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.reason), (403, "origin"));
    }

    #[test]
    fn any_is_any() {
        for origin in ["null", "https://evil.example", "x"] {
            assert!(Origins::any().required().allows(Some(origin), "a.example"));
        }
    }

    #[test]
    fn an_entry_that_is_no_origin_names_itself() {
        for entry in [
            "",
            "*",
            "NULL",
            "file:///",
            "file:///x",
            "capacitor://",
            "chrome-extension://*",
            "://a.example",
            "1a://b",
            "a_b://c",
            "a.example",
            "https://a.example/",
            "https://*",
            "https://*.",
            "https://a.*.example",
            "https://*.*.example",
            "https://*.[::1]",
            "https://*a.example",
            "https://a.example:*",
        ] {
            let error = Origins::list(["https://ok.example", entry]).unwrap_err();
            assert_eq!(error.entry(), entry);
            let says = if entry == "*" { "Origins::any()" } else { "without a path" };
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
