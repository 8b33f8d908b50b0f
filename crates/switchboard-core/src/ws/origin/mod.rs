//! Which web pages may open a connection (RFC 6455 §10.2, RFC 6454).
//!
//! A browser sends the page's origin and lets no script change it, and it sends the user's cookies with every page: this check is what
//! keeps a foreign page from acting with a user's cookies. A client that is not a browser can send any origin, so an origin is not an
//! authentication.
mod entry;
mod invalid;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use super::handshake::Refusal;
use entry::{Entry, Page};
pub use invalid::InvalidOrigin;

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
    /// An origin is allowed if one of them allows it.
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

impl Default for Origins {
    fn default() -> Origins {
        Origins::same()
    }
}

impl Origins {
    /// Allows pages whose host and port are those of the request's Host header.
    ///
    /// A Host header without a port has the default port of the origin's scheme. The scheme itself is not compared, because a proxy before
    /// the server may end TLS. The origins of apps and extensions, such as `capacitor://localhost`, never match a server's host: allow them
    /// by [`Origins::list`].
    pub fn same() -> Origins {
        Origins::from(Rule::Same)
    }

    /// Allows the origins of a list: `https://app.example`, `http://localhost:3000`, or `https://*.app.example` for any name below
    /// `app.example`, at any depth, without `app.example` itself. An empty list allows no page.
    ///
    /// Any `scheme://host[:port]` is an entry, which includes the origins of apps and browser extensions: `capacitor://localhost`,
    /// `tauri://localhost`, `chrome-extension://abcdefghijklmnopabcdefghijklmnop`. `ws://` counts as `http://`, and `wss://` as
    /// `https://`. `null` and `file://` are entries too. Any page can send `null`, from a sandboxed frame, so with that entry a
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

    /// Allows the origins for which a function returns true. It is called for each request with an Origin, before guards run, and must not
    /// block. It gets the header as it was sent, which need not be an origin at all.
    ///
    /// Compare the whole text, or the part from a dot or a slash on: `ends_with("good.example")` also allows `https://evilgood.example`.
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

    /// Allows every page. Use it only if connections do not act on cookies.
    pub fn any() -> Origins {
        Origins::from(Rule::Any)
    }

    /// Allows what either of the two allows. An Origin is [required](Origins::required) if one of the two requires it.
    #[must_use]
    pub fn or(mut self, others: Origins) -> Origins {
        self.rules.extend(others.rules);
        self.required |= others.required;
        self
    }

    /// Also refuses requests without an Origin. Most clients that are not browsers send none.
    #[must_use]
    pub fn required(mut self) -> Origins {
        self.required = true;
        self
    }

    /// True if a page of this origin may connect. `host` is the value of the Host header.
    ///
    /// `None`, which means no Origin header, is allowed unless [`Origins::required`] is set. Schemes and host names are compared without
    /// regard to case and otherwise byte for byte: an origin with another port, a trailing dot, a punycode twin, user information or a path
    /// is different.
    pub fn allows(&self, origin: Option<&str>, host: &str) -> bool {
        self.check(origin, host).is_ok()
    }

    /// [`Origins::allows`] with the refusal to send.
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
