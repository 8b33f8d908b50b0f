//! [`Upgrade`]: the request of a client that wants to connect.
use http::HeaderMap;
use http::request::Parts;

/// The request of a client that wants to connect.
pub struct Upgrade {
    parts: Parts,
}

impl Upgrade {
    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }
}
