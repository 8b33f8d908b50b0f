//! [`Head`]: the request that a detached client was opened with.
use super::connecting::{add_cookie, add_query};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use std::net::SocketAddr;

/// The head of a request.
pub(super) struct Head {
    path: String,
    headers: http::HeaderMap,
    cookies: String,
    pub(super) extensions: http::Extensions,
    pub(super) peer: Option<SocketAddr>,
}

impl Head {
    pub(super) fn new(path: &str) -> Head {
        let (headers, extensions) = (http::HeaderMap::new(), http::Extensions::new());
        Head { path: path.to_owned(), headers, cookies: String::new(), extensions, peer: None }
    }

    /// # Panics
    /// When the name or value cannot be a header.
    #[track_caller]
    pub(super) fn header(&mut self, name: &str, value: &str) {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => drop(self.headers.append(name, value)),
            _ => panic!("{name:?}: {value:?} cannot be a header"),
        }
    }

    /// # Panics
    /// When the name or value cannot be a cookie's.
    #[track_caller]
    pub(super) fn cookie(&mut self, name: &str, value: &str) {
        add_cookie(&mut self.cookies, name, value);
    }

    pub(super) fn query(&mut self, name: &str, value: &str) {
        add_query(&mut self.path, name, value);
    }

    /// # Panics
    /// When the path cannot stand in a request.
    pub(super) fn parts(&self) -> Parts {
        let request = Request::get(&self.path).body(());
        let Ok(request) = request else { panic!("the path {:?} cannot stand in a request", self.path) };
        let (mut parts, ()) = request.into_parts();
        parts.headers = self.headers.clone();
        parts.extensions = self.extensions.clone();
        // They were checked when they came.
        if let Some(cookies) = HeaderValue::from_str(&self.cookies).ok().filter(|cookies| !cookies.is_empty()) {
            parts.headers.append(http::header::COOKIE, cookies);
        }
        parts
    }
}

/// What says more of the request that a client was opened with.
macro_rules! of_the_request {
    ($head:ident) => {
        /// Adds a header.
        ///
        /// # Panics
        /// When the name or value cannot be a header.
        #[track_caller]
        pub fn header(mut self, name: &str, value: &str) -> Self {
            self.$head().header(name, value);
            self
        }

        /// `Authorization: Bearer …`.
        ///
        /// # Panics
        /// When it cannot stand in a header.
        #[track_caller]
        pub fn bearer(self, token: &str) -> Self {
            self.header("authorization", &format!("Bearer {token}"))
        }

        /// A cookie, behind those before it.
        ///
        /// # Panics
        /// When the name or value cannot be a cookie's.
        #[track_caller]
        pub fn cookie(mut self, name: &str, value: &str) -> Self {
            self.$head().cookie(name, value);
            self
        }

        /// Adds `name=value` to the query string, percent-encoded.
        #[track_caller]
        pub fn query(mut self, name: &str, value: &str) -> Self {
            self.$head().query(name, value);
            self
        }

        /// A request extension, as a tower layer sets it: for [`Ext<T>`](crate::Ext).
        #[track_caller]
        pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
            self.$head().extensions.insert(value);
            self
        }

        /// The address of the peer. Default: none.
        #[track_caller]
        pub fn peer(mut self, address: std::net::SocketAddr) -> Self {
            self.$head().peer = Some(address);
            self
        }
    };
}
pub(super) use of_the_request;
