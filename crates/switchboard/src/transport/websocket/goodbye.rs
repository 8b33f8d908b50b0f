//! The last frames of a connection.
use crate::buffers;
use crate::hub::Endpoint;
use switchboard_core::Close;
use switchboard_core::codec::GoAway;
use switchboard_core::ws;

/// The closing frames: `sys.goaway`, if it is wanted, and the close frame.
pub(super) fn goodbye(conn: &Endpoint, close: &Close, goaway: bool) -> Vec<u8> {
    let mut bytes = buffers::take();
    if goaway && !conn.profile.raw {
        bytes.resize(ws::HEADER_ROOM, 0);
        let retryable = close.code.is_retryable();
        // Spread over 1.5 seconds, so that clients do not come back all at once.
        let jittered = || 500 + u32::try_from(conn.id.low() % 1500).unwrap_or(0);
        let retry_after_ms = retryable.then(|| close.retry_after_ms().unwrap_or_else(jittered));
        let (code, reason, encoding) = (close.code.get(), close.reason(), conn.encoding());
        match encoding.goaway(&mut bytes, &GoAway { code, reason, retryable, retry_after_ms }) {
            Ok(()) if bytes.len() - ws::HEADER_ROOM <= conn.limits().max_message_out => {
                let start = encoding.finish(&mut bytes);
                bytes.drain(..start);
            }
            // `sys.goaway` cannot be encoded, or is too long: the close frame says most of it.
            Ok(()) | Err(_) => {
                conn.node().counters.dropped(1);
                bytes.clear();
            }
        }
    }
    ws::write_close(&mut bytes, close);
    bytes
}
