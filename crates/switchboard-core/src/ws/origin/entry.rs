//! An entry of a list of origins, and the page that it is compared with.
use super::InvalidOrigin;
use crate::ws::authority::Authority;

/// One entry of a list.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// `null`, which a page without an origin of its own sends.
    Null,
    /// `file://`, which some engines send for a page of the file system.
    File,
    Page(Named),
}

/// `scheme://host[:port]`, in lower case.
#[derive(Clone, Debug)]
pub(super) struct Named {
    scheme: String,
    /// The host. If `below` is set, the suffix that a host must have, with its leading dot.
    host: String,
    /// True for `*.host`: any host with one or more labels before it, never the host itself.
    below: bool,
    /// The explicit port, or the default of the scheme, if it has one.
    port: Option<u16>,
}

/// A serialized origin (RFC 6454 §6.2) that has a host.
pub(super) struct Page<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Page<'a> {
    pub(super) fn parse(origin: &'a str) -> Option<Page<'a>> {
        let (scheme, authority) = split_scheme(origin)?;
        let authority = Authority::parse(authority)?;
        Some(Page { scheme, host: authority.host, port: authority.port.or(default_port(scheme)) })
    }

    /// True if it is a web page at this host. A scheme without a default port is that of an app, which is at no host.
    pub(super) fn is_at(&self, host: &str) -> bool {
        let Some(default) = default_port(self.scheme) else { return false };
        Authority::of_host(host)
            .is_some_and(|here| here.host.eq_ignore_ascii_case(self.host) && Some(here.port_or(default)) == self.port)
    }
}

impl Entry {
    pub(super) fn parse(entry: &str) -> Result<Entry, InvalidOrigin> {
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
        parsed.ok_or_else(|| InvalidOrigin::new(entry))
    }

    pub(super) fn admits(&self, origin: &str, page: Option<&Page<'_>>) -> bool {
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
        // Hosts are ASCII, so a cut at any byte is between characters. No host begins with a dot, so the part before the suffix is never
        // empty; `Page::parse` has checked that it consists of labels.
        page.host
            .len()
            .checked_sub(self.host.len())
            .is_some_and(|cut| page.host[cut..].eq_ignore_ascii_case(&self.host))
    }
}

/// The scheme, and the text after `://`. Some clients send a WebSocket's scheme, which counts as the page's.
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
