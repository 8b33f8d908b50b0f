//! The body of a close frame (RFC 6455 §5.5.1): two bytes of code, then a reason.
use super::Violation;
use crate::{Close, CloseCode};

/// The content of a peer's close frame. The reason is the peer's text: it is never shown, logged or sent on as ours.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerClose {
    /// A code that may be on the wire.
    pub code: CloseCode,
    /// At most [`Close::MAX_REASON`] bytes, often empty.
    pub reason: String,
}

impl PeerClose {
    /// The body of a close frame; `None` when it is empty.
    pub(super) fn parse(body: &[u8]) -> Result<Option<PeerClose>, Violation> {
        let (code, reason) = match body {
            [] => return Ok(None),
            [_] => return Err(Violation::CLOSE_BODY),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::received(code).ok_or(Violation::CLOSE_CODE)?;
        let reason = str::from_utf8(reason).map_err(|_| Violation::CLOSE_REASON)?;
        Ok(Some(PeerClose { code, reason: reason.to_owned() }))
    }
}

/// The body of a close frame for `close`: 2 to 125 bytes.
pub fn close_body(close: &Close) -> Vec<u8> {
    let mut body = Vec::with_capacity(2 + close.reason().len());
    body.extend_from_slice(&close.code.get().to_be_bytes());
    body.extend_from_slice(close.reason().as_bytes());
    body
}
