//! [`Head`]: the request that a detached client or a handshake is tested with.
use super::connecting::{add_cookie, add_query};
use crate::{Handshake, User};
use axum::Router;
use axum::body::Body;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tower::Service;

type SetUser = Box<dyn Fn(&mut Handshake) + Send + Sync>;

/// The head of a request.
pub(super) struct Head {
    path: String,
    /// The path of the gateway.
    pub(super) route: Option<String>,
    headers: http::HeaderMap,
    cookies: String,
    pub(super) extensions: http::Extensions,
    pub(super) peer: Option<SocketAddr>,
    user: Option<SetUser>,
}

impl Head {
    pub(super) fn new(path: &str) -> Head {
        let (headers, extensions) = (http::HeaderMap::new(), http::Extensions::new());
        let (path, cookies) = (path.to_owned(), String::new());
        Head { path, route: None, headers, cookies, extensions, peer: None, user: None }
    }

    /// # Panics
    /// If the name or value is not valid in a header.
    #[track_caller]
    pub(super) fn header(&mut self, name: &str, value: &str) {
        match (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
            (Ok(name), Ok(value)) => drop(self.headers.append(name, value)),
            _ => panic!("{name:?}: {value:?} cannot be a header"),
        }
    }

    /// # Panics
    /// If the name or value is not valid in a cookie.
    #[track_caller]
    pub(super) fn cookie(&mut self, name: &str, value: &str) {
        add_cookie(&mut self.cookies, name, value);
    }

    pub(super) fn query(&mut self, name: &str, value: &str) {
        add_query(&mut self.path, name, value);
    }

    pub(super) fn user<T: Send + Sync + 'static>(&mut self, user: User<T>) {
        self.user = Some(Box::new(move |upgrade| upgrade.set_user(user.clone())));
    }

    pub(super) fn path(&mut self, path: &str) {
        path.clone_into(&mut self.path);
    }

    /// # Panics
    /// If the path is not valid in a request, or does not match the gateway's.
    pub(super) fn upgrade(&self) -> Handshake {
        let mut parts = self.parts();
        if let Some(route) = &self.route {
            let Some(routed) = routed(route, parts) else { panic!("the path {:?} is not {route:?}", self.path) };
            parts = routed;
        }
        let mut upgrade = Handshake::new(parts);
        upgrade.set_peer(self.peer);
        if let Some(user) = &self.user {
            user(&mut upgrade);
        }
        upgrade
    }

    fn parts(&self) -> Parts {
        let request = Request::get(&self.path).body(());
        let Ok(request) = request else { panic!("the path {:?} cannot stand in a request", self.path) };
        let (mut parts, ()) = request.into_parts();
        parts.headers = self.headers.clone();
        parts.extensions = self.extensions.clone();
        // The cookies were validated when they were added.
        if let Some(cookies) =
            HeaderValue::from_bytes(self.cookies.as_bytes()).ok().filter(|cookies| !cookies.is_empty())
        {
            parts.headers.append(http::header::COOKIE, cookies);
        }
        parts
    }
}

/// Returns the request as axum passes it to the gateway of this path, with its parameters. `None` if it does not match
/// the path.
fn routed(route: &str, parts: Parts) -> Option<Parts> {
    let found = Arc::new(Mutex::new(None));
    let finding = found.clone();
    let handler = move |request: Request<Body>| {
        *finding.lock() = Some(request.into_parts().0);
        std::future::ready(())
    };
    let mut router: Router = Router::new().route(route, axum::routing::get(handler));
    let mut routing = pin!(router.call(Request::from_parts(parts, Body::empty())));
    // Nothing in it waits, so one poll completes it.
    let Poll::Ready(_) = routing.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { return None };
    found.lock().take()
}

/// The methods that describe the client's opening request.
macro_rules! of_the_request {
    ($head:ident) => {
        /// Adds a header.
        ///
        /// # Panics
        /// If the name or value is not valid in a header.
        #[track_caller]
        pub fn header(mut self, name: &str, value: &str) -> Self {
            self.$head().header(name, value);
            self
        }

        /// Sets `Authorization: Bearer …`.
        ///
        /// # Panics
        /// If the token is not valid in a header.
        #[track_caller]
        pub fn bearer(self, token: &str) -> Self {
            self.header("authorization", &format!("Bearer {token}"))
        }

        /// Adds a cookie after the earlier ones.
        ///
        /// # Panics
        /// If the name or value is not valid in a cookie.
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

        /// Adds a request extension, as a tower layer does: for [`Ext<T>`](crate::Ext).
        #[track_caller]
        pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
            self.$head().extensions.insert(value);
            self
        }

        /// Sets the path and query string. Default: `/`.
        #[track_caller]
        pub fn path(mut self, path: &str) -> Self {
            self.$head().path(path);
            self
        }

        /// Sets the path of the gateway, such as `/{room}/ws`, which names the parameters of the request's path: for
        /// [`Path<T>`](crate::extract::Path).
        #[track_caller]
        pub fn route(mut self, route: &str) -> Self {
            self.$head().route = Some(route.to_owned());
            self
        }

        /// Sets the user of the connection, as a guard before the upgrade does.
        #[track_caller]
        pub fn user<T: Send + Sync + 'static>(mut self, user: crate::User<T>) -> Self {
            self.$head().user(user);
            self
        }

        /// Sets the address of the peer. Default: none.
        #[track_caller]
        pub fn peer(mut self, address: std::net::SocketAddr) -> Self {
            self.$head().peer = Some(address);
            self
        }
    };
}
pub(super) use of_the_request;
