//! What a client asks for in its handshake.
use http::header::{HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};
use switchboard_core::ws::handshake::ClientRequest;
use switchboard_core::ws::{Decoder, Deflate, Role};

/// A plain handshake of a WebSocket client, as bytes.
pub fn upgrade_request(path: &str) -> Vec<u8> {
    Offer::to(path).encode()
}

/// A handshake: the path, and what the client offers beside it.
#[derive(Clone, Debug)]
pub struct Offer {
    path: String,
    protocols: Vec<String>,
    headers: HeaderMap,
}

impl Offer {
    /// A handshake that offers nothing.
    pub fn to(path: &str) -> Offer {
        Offer { path: path.to_owned(), protocols: Vec::new(), headers: HeaderMap::new() }
    }

    /// Offers subprotocols.
    pub fn protocols(self, protocols: &[&str]) -> Offer {
        Offer { protocols: protocols.iter().map(|&protocol| protocol.to_owned()).collect(), ..self }
    }

    /// Offers extensions, as `Sec-WebSocket-Extensions` lists them; `None` offers none.
    pub fn extensions<'a>(self, extensions: impl Into<Option<&'a str>>) -> Offer {
        match extensions.into() {
            Some(extensions) => self.header("sec-websocket-extensions", extensions),
            None => self,
        }
    }

    /// Sends one more header.
    pub fn header(mut self, name: &'static str, value: &str) -> Offer {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// The request as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let request = ClientRequest::new("test.example", &self.path, [7; 16]).unwrap();
        let request = self.protocols.iter().fold(request, |request, protocol| request.protocol(protocol).unwrap());
        let headers = self.headers.iter();
        headers.fold(request, |request, (name, value)| request.header(name.clone(), value.clone())).encode()
    }

    /// Reads frames as the server's answer promises them.
    pub(crate) fn decoder(&self, head: &str) -> Decoder {
        let accepted = self.headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) && head.contains("permessage-deflate");
        let deflate = accepted.then(|| Deflate::negotiate(&self.headers).unwrap().0);
        Decoder::new(Role::Client).with_deflate(deflate)
    }
}
