//! Which web pages may open a connection (RFC 6455 §10.2, RFC 6454).
//!
//! A browser sends the page's origin and lets no script change it, and it sends cookies along whatever the page is:
//! this check is what keeps a foreign page from speaking with a user's cookies. A client that is no browser sends what it
//! likes, so an origin is no authentication.
use std::fmt;

use super::authority::Authority;
use super::handshake::Refusal;

/// The origins that may open a connection. The default is [`Origins::same`].
#[derive(Clone, Debug, Default)]
pub struct Origins {
    rule: Rule,
    required: bool,
}

#[derive(Clone, Debug, Default)]
enum Rule {
    #[default]
    Same,
    List(Vec<Entry>),
    Any,
}

/// One entry of a list, in lower case.
#[derive(Clone, Debug)]
struct Entry {
    https: bool,
    /// With `below`, the name that a host must end with, its dot included.
    host: String,
    /// True for `*.host`: any host with one or more labels in front, never the host itself.
    below: bool,
    port: u16,
}

impl Origins {
    /// The page's host and port must be those of the request's Host header.
    ///
    /// A Host header without a port has the default port of the origin's scheme. The scheme itself is not compared: what is
    /// in front of the server may end TLS.
    pub fn same() -> Origins {
        Origins::default()
    }

    /// One of these: `https://app.example`, `http://localhost:3000`, or `https://*.app.example` for any name below
    /// `app.example`, at any depth, without `app.example` itself. An empty list admits no page.
    ///
    /// # Errors
    /// [`InvalidOrigin`] for the first entry that is not `http(s)://host[:port]`.
    pub fn list<I>(origins: I) -> Result<Origins, InvalidOrigin>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let entries = origins.into_iter().map(|entry| Entry::parse(entry.as_ref())).collect::<Result<_, _>>()?;
        Ok(Origins { rule: Rule::List(entries), required: false })
    }

    /// Any page at all. Only where a connection does not act on cookies.
    pub fn any() -> Origins {
        Origins { rule: Rule::Any, required: false }
    }

    /// Refuses a request without an Origin too, and with it most clients that are not browsers.
    pub fn required(mut self) -> Origins {
        self.required = true;
        self
    }

    /// Whether a page of this origin may connect; `host` is the Host header's value.
    ///
    /// `None`, no Origin header, is allowed unless [`Origins::required`]. Host names are compared without regard to case and
    /// otherwise byte for byte: another port, a trailing dot, a punycode twin, `null`, user information, a path, and any
    /// scheme but http and https are not the same.
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
        let allowed = match &self.rule {
            Rule::Any => true,
            Rule::Same => Page::parse(origin).is_some_and(|page| page.is_at(host)),
            Rule::List(entries) => {
                Page::parse(origin).is_some_and(|page| entries.iter().any(|entry| entry.admits(&page)))
            }
        };
        if allowed { Ok(()) } else { Err(Refusal::ORIGIN) }
    }
}

/// A serialized origin (RFC 6454 §6.2).
struct Page<'a> {
    https: bool,
    host: &'a str,
    port: u16,
}

impl<'a> Page<'a> {
    fn parse(origin: &'a str) -> Option<Page<'a>> {
        let (https, authority) = split_scheme(origin)?;
        let authority = Authority::parse(authority)?;
        Some(Page { https, host: authority.host, port: authority.port_or(default_port(https)) })
    }

    fn is_at(&self, host: &str) -> bool {
        Authority::parse(host).is_some_and(|here| {
            here.host.eq_ignore_ascii_case(self.host) && here.port_or(default_port(self.https)) == self.port
        })
    }
}

impl Entry {
    fn parse(entry: &str) -> Result<Entry, InvalidOrigin> {
        let parsed = split_scheme(entry).and_then(|(https, authority)| {
            let (below, name) = match authority.strip_prefix("*.") {
                Some(name) => (true, name),
                None => (false, authority),
            };
            let authority = Authority::parse(name).filter(|found| !(below && found.host.starts_with('[')))?;
            let host = authority.host.to_ascii_lowercase();
            let host = if below { format!(".{host}") } else { host };
            Some(Entry { https, host, below, port: authority.port_or(default_port(https)) })
        });
        parsed.ok_or_else(|| InvalidOrigin { entry: entry.to_owned() })
    }

    fn admits(&self, page: &Page<'_>) -> bool {
        if self.https != page.https || self.port != page.port {
            return false;
        }
        if !self.below {
            return page.host.eq_ignore_ascii_case(&self.host);
        }
        // Hosts are ASCII, so a cut at any byte is between characters. No host begins with a dot, so what is in front of the
        // entry is never empty: `Page::parse` has checked it as labels.
        page.host
            .len()
            .checked_sub(self.host.len())
            .is_some_and(|cut| page.host[cut..].eq_ignore_ascii_case(&self.host))
    }
}

fn split_scheme(origin: &str) -> Option<(bool, &str)> {
    let behind = |scheme: &str| {
        let (found, rest) = origin.split_at_checked(scheme.len())?;
        found.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    behind("https://").map(|rest| (true, rest)).or_else(|| behind("http://").map(|rest| (false, rest)))
}

fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
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
        write!(
            f,
            "{:?} is not an origin: write http://host or https://host, with :port where it is not the default, \
             without a path or a slash at the end (\"https://*.host\" for every name below a host)",
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
    fn a15_same_compares_host_and_port() {
        let same = Origins::same();
        for (origin, host) in [
            ("https://good.example", "good.example"),
            ("https://good.example", "good.example:443"),
            ("https://good.example:443", "good.example"),
            ("http://good.example", "good.example:80"),
            ("http://good.example:3005", "good.example:3005"),
            ("https://GOOD.example", "good.EXAMPLE"),
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
            "wss://good.example",
            "file://",
            "chrome-extension://good.example",
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
            "null",
            "a.example",
            "https://a.example/",
            "wss://a.example",
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
            assert!(error.to_string().contains("without a path"), "{error}");
        }
    }
}
