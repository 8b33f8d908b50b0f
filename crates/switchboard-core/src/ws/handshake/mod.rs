//! The opening handshake (RFC 6455 §4).
//!
//! A server calls [`check_request`], then the origin's check, then [`Upgrade::select_protocol`], and answers 101 with
//! [`Upgrade::accept_value`]; or it answers with the [`Refusal`]. A client sends [`ClientRequest::encode`] and checks the
//! answer with [`ClientRequest::check_response`].

mod client;
pub(super) mod extension;
pub(super) mod list;
mod protocol;
mod refusal;
mod request;
mod upgrade;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

pub use client::{ClientRequest, InvalidTarget, ResponseError};
pub use extension::MAX_EXTENSIONS;
pub use protocol::MAX_PROTOCOLS;
pub use refusal::Refusal;
pub use request::{HeadLimits, check_head, check_request, check_request_of_any_path, is_gateway_path, is_parameter};
pub use upgrade::{Upgrade, check_allowed_host, is_host, is_protocol};

/// The version that both ends speak (RFC 6455 §4.1).
const VERSION: &str = "13";

/// The value of `Sec-WebSocket-Accept` that answers a key (RFC 6455 §4.2.2): base64 of 20 bytes.
fn accept(key: &[u8]) -> [u8; 28] {
    let hash = Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    let mut accept = [0; 28];
    let written = STANDARD.encode_slice(hash.as_slice(), &mut accept);
    debug_assert_eq!(written.ok(), Some(28));
    accept
}
