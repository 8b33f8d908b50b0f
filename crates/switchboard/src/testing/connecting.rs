//! [`Connecting`]: the builder of a client's handshake.
use super::app::TestApp;
use super::client::TestClient;
use super::refused::Refused;
use super::speech::Speech;
use crate::codec::{Codec, MessagePack};
use axum::body::Body;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::fmt::Write;
use std::panic::Location;
use switchboard_core::ws::handshake::ClientRequest;

/// The builder of a client's handshake: [`TestApp::connecting`].
///
/// ```no_run
/// # async fn test(app: switchboard::testing::TestApp) {
/// let ada = app.connecting("/ws").bearer("t0k3n").query("room", "7").cookie("theme", "dark").connect().await;
/// let refused = app.connecting("/ws").bearer("forged").refused().await;
/// assert_eq!((refused.status.as_u16(), refused.code.as_str()), (401, "unauthenticated"));
/// # }
/// ```
#[must_use = "it is for `connect`, `try_connect` or `refused`"]
pub struct Connecting<'a> {
    app: &'a TestApp,
    path: String,
    host: String,
    protocols: Vec<String>,
    /// The format that is spoken if the server selects no subprotocol.
    unasked: Speech,
    headers: Vec<(http::HeaderName, http::HeaderValue)>,
    cookies: String,
}

impl<'a> Connecting<'a> {
    pub(super) fn new(app: &'a TestApp, path: &str) -> Connecting<'a> {
        let host = "localhost".to_owned();
        Connecting {
            app,
            path: path.to_owned(),
            host,
            protocols: Vec::new(),
            unasked: Speech::Json,
            headers: Vec::new(),
            cookies: String::new(),
        }
    }

    /// Adds a header.
    ///
    /// # Panics
    /// If the name or value is not valid in a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Connecting<'a> {
        let header = name.parse().ok().zip(http::HeaderValue::from_bytes(value.as_bytes()).ok());
        let Some(header) = header else { panic!("{name:?}: {value:?} cannot be a header") };
        self.headers.push(header);
        self
    }

    /// Sets `Authorization: Bearer …`.
    ///
    /// # Panics
    /// If the token is not valid in a header.
    #[track_caller]
    pub fn bearer(self, token: &str) -> Connecting<'a> {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds a cookie after the earlier ones, in one header as a browser does: `Cookie: a=b; c=d`.
    ///
    /// # Panics
    /// If the name or value is not valid in a cookie.
    #[track_caller]
    pub fn cookie(mut self, name: &str, value: &str) -> Connecting<'a> {
        add_cookie(&mut self.cookies, name, value);
        self
    }

    /// Adds `name=value` to the query string, percent-encoded.
    pub fn query(mut self, name: &str, value: &str) -> Connecting<'a> {
        add_query(&mut self.path, name, value);
        self
    }

    /// Sets `Origin: …`, as a browser does for a web page.
    ///
    /// # Panics
    /// If the origin is not valid in a header.
    #[track_caller]
    pub fn origin(self, origin: &str) -> Connecting<'a> {
        self.header("origin", origin)
    }

    /// Offers a subprotocol, after those offered before.
    pub fn protocol(mut self, protocol: &str) -> Connecting<'a> {
        self.protocols.push(protocol.to_owned());
        self
    }

    /// Speaks MessagePack: offers `switchboard.v1.msgpack`, after the subprotocols offered before. If the server
    /// selects it, the client sends and expects the same values in this format.
    pub fn message_pack(self) -> Connecting<'a> {
        self.protocol(MessagePack.protocol())
    }

    /// Speaks MessagePack if the server selects no subprotocol: for a gateway whose
    /// [`default_format`](crate::Gateway::default_format) is MessagePack.
    pub fn message_pack_unasked(mut self) -> Connecting<'a> {
        self.unasked = Speech::MessagePack;
        self
    }

    /// Sets `Host: …`. Default: `localhost`, in memory and over a socket.
    pub fn host(mut self, host: &str) -> Connecting<'a> {
        self.host = host.to_owned();
        self
    }

    /// Connects.
    ///
    /// # Panics
    /// If the server refuses (the message has the status and body); if the path, host or a subprotocol is not valid in
    /// a request; if there is no answer, or an invalid one.
    #[track_caller]
    pub fn connect(self) -> impl Future<Output = TestClient> {
        let place = Location::caller();
        async move {
            match self.handshake(place).await {
                Ok(client) => client,
                Err(refused) => self.app.failure(place).fail(format_args!("GET {}: {refused}", self.path)),
            }
        }
    }

    /// Connects, or returns the refusal of the handshake. An on-connect hook refuses later, on the connection: see
    /// [`TestClient::expect_refused`].
    ///
    /// # Panics
    /// If the path, host or a subprotocol is not valid in a request; if there is no answer, or an invalid one.
    #[track_caller]
    pub fn try_connect(self) -> impl Future<Output = Result<TestClient, Refused>> {
        let place = Location::caller();
        async move { self.handshake(place).await }
    }

    /// Expects that the server refuses the handshake. An on-connect hook refuses later, on the connection: see
    /// [`TestClient::expect_refused`].
    ///
    /// # Panics
    /// If the server accepts; otherwise as [`try_connect`](Connecting::try_connect).
    #[track_caller]
    pub fn refused(self) -> impl Future<Output = Refused> {
        let place = Location::caller();
        async move {
            match self.handshake(place).await {
                Err(refused) => refused,
                Ok(_) => {
                    let expected = format_args!("GET {} to be refused", self.path);
                    self.app.failure(place).expected(expected, "the server accepted it: 101 Switching Protocols")
                }
            }
        }
    }

    async fn handshake(&self, place: &'static Location<'static>) -> Result<TestClient, Refused> {
        let failure = self.app.failure(place);
        let mut asked = ClientRequest::new(&self.host, &self.path, [7; 16]);
        for protocol in &self.protocols {
            asked = asked.and_then(|request| request.protocol(protocol));
        }
        let mut asked = match asked {
            Ok(asked) => asked,
            Err(invalid) => failure.fail(format_args!("GET {}: {invalid}", self.path)),
        };
        for (name, value) in &self.headers {
            asked = asked.header(name.clone(), value.clone());
        }
        if let Ok(cookies) = http::HeaderValue::from_bytes(self.cookies.as_bytes())
            && !cookies.is_empty()
        {
            asked = asked.header(http::header::COOKIE, cookies);
        }
        let response = self.app.exchange(place, asked.to_request().map(|()| Body::empty())).await;
        if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
            let (head, body) = self.app.whole(place, response).await.into_parts();
            return Err(Refused::new(head.status, head.headers, body));
        }
        let protocol = match asked.check_response(response.status(), response.headers()) {
            Ok(protocol) => protocol.map(str::to_owned),
            Err(error) => failure.fail(format_args!("GET {}: {error}", self.path)),
        };
        match hyper::upgrade::on(response).await {
            Ok(upgraded) => Ok(self.app.client(TokioIo::new(upgraded), protocol, self.unasked)),
            Err(error) => failure.fail(format_args!("GET {}: no stream behind the 101: {error}", self.path)),
        }
    }
}

/// # Panics
/// If the name or value is not valid in a cookie.
#[track_caller]
pub(super) fn add_cookie(cookies: &mut String, name: &str, value: &str) {
    // Browsers send what a script has set, as UTF-8.
    let fits =
        |text: &str| text.bytes().all(|byte| !byte.is_ascii() || byte.is_ascii_graphic() && !b";,".contains(&byte));
    assert!(
        !name.is_empty() && !name.contains('=') && fits(name) && fits(value),
        "{name:?}={value:?} cannot be a cookie"
    );
    let between = if cookies.is_empty() { "" } else { "; " };
    // Writing to a String does not fail.
    let _ = write!(cookies, "{between}{name}={value}");
}

pub(super) fn add_query(path: &mut String, name: &str, value: &str) {
    path.push(if path.contains('?') { '&' } else { '?' });
    encode(path, name);
    path.push('=');
    encode(path, value);
}

/// Appends `text`, percent-encoded for a query string (RFC 3986 §2.3).
fn encode(path: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            // Writing to a String does not fail.
            _ => drop(write!(path, "%{byte:02X}")),
        }
    }
}

/// Shows no headers and cookies, which may be secret.
impl fmt::Debug for Connecting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, protocols) = (&self.host, &self.protocols);
        f.debug_struct("Connecting").field("host", host).field("protocols", protocols).finish_non_exhaustive()
    }
}
