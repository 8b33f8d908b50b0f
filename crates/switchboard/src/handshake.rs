//! [`Handshake`]: the request that asks for a connection.
use crate::Error;
use crate::user::{Identity, User};
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use serde::de::DeserializeOwned;
#[cfg(feature = "socketio")]
use serde_json::value::RawValue;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
#[cfg(feature = "socketio")]
use switchboard_core::codec::json;
use switchboard_core::ws::handshake::is_parameter;

/// The head of a request that may become a connection: what the connect half of a guard sees.
///
/// The request has passed every check before the guards: it is a complete WebSocket handshake, from an origin that may connect,
/// and the node has room. Nothing of it is logged. What is kept of it is what handlers declare, the user, and what was
/// [inserted](Handshake::insert) and is asked for.
///
/// With Socket.IO the guards run later: at each CONNECT to a namespace, not before the HTTP handshake. The request is then the
/// one that opened the session, with what tower layers around Socket.IO's path have added to it, and each namespace sees a copy
/// of it: what a guard of one namespace inserts, and the user that it sets, are unknown to the others. The payload of that
/// CONNECT is `Handshake::auth` (feature `socketio`), and the parameters of the path are those of the namespace's pattern. A
/// refusal is a CONNECT_ERROR; the session, and what it has in other namespaces, goes on.
pub struct Handshake {
    parts: Parts,
    peer: Option<SocketAddr>,
    user: Option<Identity>,
    /// The payload of Socket.IO's CONNECT.
    #[cfg(feature = "socketio")]
    auth: Option<Box<RawValue>>,
    /// The host that the client asked for, which a trusted proxy may have said. Empty if it is not needed.
    #[cfg(feature = "socketio")]
    host: Box<str>,
}

impl Handshake {
    pub(crate) fn new(parts: Parts) -> Handshake {
        Handshake {
            parts,
            peer: None,
            user: None,
            #[cfg(feature = "socketio")]
            auth: None,
            #[cfg(feature = "socketio")]
            host: Box::default(),
        }
    }

    /// Returns a copy of the request for one CONNECT of Socket.IO, whose payload is `auth`. It has no user.
    #[cfg(feature = "socketio")]
    pub(crate) fn for_namespace(&self, auth: Option<Box<RawValue>>) -> Handshake {
        Handshake { parts: self.parts.clone(), peer: self.peer, user: None, auth, host: self.host.clone() }
    }

    #[cfg(feature = "socketio")]
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    #[cfg(feature = "socketio")]
    pub(crate) fn set_host(&mut self, host: Box<str>) {
        self.host = host;
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn parts_mut(&mut self) -> &mut Parts {
        &mut self.parts
    }

    pub(crate) fn set_peer(&mut self, peer: Option<SocketAddr>) {
        self.peer = peer;
    }

    pub(crate) fn take_identity(&mut self) -> Option<Identity> {
        self.user.take()
    }

    /// Whether a parameter of the path is not allowed, see [`is_parameter`]. All are read through axum, because outer routers
    /// have taken their part off the path. One that is not UTF-8 is refused where it is read.
    pub(crate) fn has_bad_parameter(&mut self) -> bool {
        let read = pin!(RawPathParams::from_request_parts(&mut self.parts, &()));
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(params)) => params.iter().any(|(_, value)| !is_parameter(value)),
            Poll::Ready(Err(_)) | Poll::Pending => false,
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The target of the request as it was sent, without the prefix of an axum `nest` around the gateway. An absolute target has
    /// the scheme and the authority, which is the same as in `Host`.
    pub fn uri(&self) -> &Uri {
        &self.parts.uri
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The address of the peer, as in [`Client::peer_addr`](crate::Client::peer_addr). Under `axum::serve` it is known here only
    /// with `into_make_service_with_connect_info::<SocketAddr>()`, else it is `None`.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The parameters of the path, as in axum's `Path<T>`: one value, a tuple, or a struct with their names.
    ///
    /// Errors: `bad_request` when they do not fit; `internal` when `T` cannot be read from this gateway's path.
    pub fn path_params<T: DeserializeOwned + Send>(&self) -> Result<T, Error> {
        // axum keeps them in an extension of a type of its own.
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.extensions = self.parts.extensions.clone();
        let read = pin!(axum::extract::Path::<T>::from_request_parts(&mut parts, &()));
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(axum::extract::Path(params))) => Ok(params),
            Poll::Ready(Err(rejection)) => Err(path_error(rejection)),
            Poll::Pending => Err(Error::internal("axum's path parameters were awaited")),
        }
    }

    /// The query string, as in axum's `Query<T>`.
    ///
    /// Errors: `bad_request` when it does not fit.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match axum::extract::Query::try_from_uri(&self.parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(query),
            Err(_) => Err(Error::bad_request("The query string is not what it has to be")),
        }
    }

    /// The `auth` of a Socket.IO client (`io(url, { auth: { token } })`), which is the payload of its CONNECT. It is null for a
    /// client that gives none, and for clients of other protocols: `auth::<Option<T>>()` is `None` for them.
    ///
    /// Errors: `unauthenticated` if it is null and a `T` cannot be; `bad_request` if it is there and is no `T`. Neither repeats
    /// what was sent.
    ///
    /// ```
    /// use switchboard::{Error, Handshake, User, pipeline::ConnectGuard};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Auth { token: String }
    ///
    /// struct LoggedIn;
    /// impl ConnectGuard for LoggedIn {
    ///     async fn connect(&self, handshake: &mut Handshake) -> Result<(), Error> {
    ///         // From the header, or as Socket.IO's clients send it.
    ///         let token = match handshake.bearer() {
    ///             Some(token) => token.to_owned(),
    ///             None => handshake.auth::<Auth>()?.token,
    ///         };
    ///         // …
    /// #       let _ = token;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    #[cfg(feature = "socketio")]
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let auth = self.auth.as_deref().filter(|auth| auth.get() != "null");
        json::from_data(auth).map_err(|_| match auth {
            None => Error::unauthenticated("This connection has no `auth`"),
            Some(_) => Error::bad_request("The `auth` of this connection is not what it has to be"),
        })
    }

    /// The token of `Authorization: Bearer …`; `None` also if there are two such headers. A token in the query string is not
    /// read, because it would end up in logs.
    pub fn bearer(&self) -> Option<&str> {
        let mut all = self.parts.headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (all.next(), all.next()) else { return None };
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        let whole = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains([' ', '\t']);
        whole.then_some(token)
    }

    /// The value of the first cookie of this name, as it was sent, but without the quotes around it. `None` also if the value is
    /// not UTF-8.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        // Read as bytes: a cookie that is not text, which any script of the site may have set, must not hide the others.
        let headers = self.parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let mut values = headers.flat_map(|header| header.split(|&byte| byte == b';')).filter_map(|pair| {
            let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
            value.strip_prefix(b"=")
        });
        let value = str::from_utf8(values.next()?).ok()?;
        Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
    }

    /// What a tower layer, or a guard before this one, has added to the request.
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.parts.extensions.get()
    }

    /// Adds something to the request, for later guards ([`Handshake::extension`]), and for handlers as
    /// [`Ext<T>`](crate::Ext). Returns what was there of this type.
    pub fn insert<T: Clone + Send + Sync + 'static>(&mut self, value: T) -> Option<T> {
        self.parts.extensions.insert(value)
    }

    /// Sets the user that the connection belongs to. The last call counts.
    pub fn set_user<T: Send + Sync + 'static>(&mut self, user: User<T>) {
        self.user = Some(Identity::new(user));
    }

    /// The user that an earlier guard has set, without data of your own.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref().map(Identity::plain)
    }

    /// [`Handshake::user`] with the data.
    ///
    /// Errors: `unauthenticated` if there is none; `internal` if it has data of another type.
    pub fn user_with<T: Send + Sync + 'static>(&self) -> Result<User<T>, Error> {
        self.user.clone().ok_or_else(crate::user::nobody)?.user()
    }
}

/// Prints nothing, because a request holds secrets.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

/// The error that a client is told, which never repeats what it sent.
fn path_error(rejection: PathRejection) -> Error {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return Error::internal("the gateway's path has no parameters");
    };
    if failed.status().is_server_error() {
        return Error::internal(format!("the parameters of the path cannot be read: {}", failed.into_kind()));
    }
    match failed.into_kind() {
        // The key is from the gateway's own path.
        ErrorKind::ParseErrorAtKey { key, .. }
        | ErrorKind::InvalidUtf8InPathParam { key }
        | ErrorKind::DeserializeError { key, .. } => {
            Error::bad_request(format!("The parameter `{key}` of the path is not what it has to be"))
        }
        _ => Error::bad_request("The path is not what it has to be"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(headers: &[(&str, &str)]) -> Handshake {
        let mut request = Request::builder().uri("/ws?room=7");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Handshake::new(request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_bearer_token_is_one_word_behind_its_scheme() {
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("BEARER a.b-c", Some("a.b-c")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Bearer a b", None),
            ("Basic abc", None),
            ("", None),
        ] {
            assert_eq!(handshake(&[("authorization", value)]).bearer(), token, "{value:?}");
        }
        assert_eq!(handshake(&[]).bearer(), None);
        let two = handshake(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert_eq!(two.bearer(), None, "which of two is meant?");
    }

    #[test]
    fn a_cookie_is_found_by_its_name() {
        let handshake = handshake(&[("cookie", "sid=1; theme=\"dark\";empty=; sid=2"), ("cookie", "last=a=b")]);
        for (name, value) in
            [("sid", Some("1")), ("theme", Some("dark")), ("empty", Some("")), ("last", Some("a=b")), ("si", None)]
        {
            assert_eq!(handshake.cookie(name), value, "{name}");
        }
    }

    #[test]
    fn a_cookie_that_is_no_text_hides_no_other() {
        let cookies = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            Handshake::new(Request::builder().header("cookie", value).body(()).unwrap().into_parts().0)
        };
        for value in ["theme=café; sid=ada".as_bytes(), b"theme=caf\xE9; sid=ada", b"\xFF\xC3=x;sid=ada ; \xE9"] {
            assert_eq!(cookies(value).cookie("sid"), Some("ada"), "{}", value.escape_ascii());
        }
        assert_eq!(cookies("theme=café; sid=ada".as_bytes()).cookie("theme"), Some("café"));
        assert_eq!(cookies(b"theme=caf\xE9; theme=dark").cookie("theme"), None, "the first one counts");
        assert_eq!(cookies("größe=7".as_bytes()).cookie("größe"), Some("7"));
        for (value, name) in [("sid=ada", "si"), ("sid =ada", "sid"), ("xsid=ada", "sid"), ("sid", "sid")] {
            assert_eq!(cookies(value.as_bytes()).cookie(name), None, "{value:?}");
        }
    }

    #[cfg(feature = "socketio")]
    #[test]
    fn each_namespace_has_its_own_auth_and_no_user() {
        let mut request = handshake(&[("cookie", "sid=1")]);
        request.set_user(User::new("ada"));
        request.insert(7_u8);
        let auth = |text: &str| request.for_namespace(RawValue::from_string(text.to_owned()).ok());
        let code = |error: Error| error.code().as_str().to_owned();
        assert_eq!(auth(r#"{"token":"t"}"#).auth::<serde_json::Value>().unwrap()["token"], "t");
        assert_eq!(code(auth(r#"{"token":"t"}"#).auth::<u8>().unwrap_err()), "bad_request");
        for nothing in [request.for_namespace(None), auth("null"), handshake(&[])] {
            assert_eq!(code(nothing.auth::<u8>().unwrap_err()), "unauthenticated");
            assert_eq!(nothing.auth::<Option<u8>>().unwrap(), None);
        }
        let copy = auth("{}");
        assert_eq!((copy.cookie("sid"), copy.extension::<u8>()), (Some("1"), Some(&7)));
        assert!(copy.user().is_none() && request.user().is_some());
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let handshake = handshake(&[("authorization", "Bearer canary")]);
        assert_eq!(format!("{handshake:?}"), "Handshake { .. }");
    }
}
