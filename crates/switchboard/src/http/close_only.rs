//! A 101 behind which there is a close frame and nothing else: browsers show a page no other answer.
use crate::gateway::CompiledGateway;
use crate::node::ConnectionPermit;
use crate::transport::websocket::ON_ITS_WAY;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use switchboard_core::CloseCode;
use switchboard_core::ws::{self, Decoder, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

/// Says it once the stream is there, and gives the peer `linger` to hear it and to answer. Its place is taken as long
/// as there is a stream.
pub(crate) async fn close_only(
    on_upgrade: OnUpgrade,
    code: CloseCode,
    table: Arc<CompiledGateway>,
    _place: ConnectionPermit,
) {
    let Ok(Ok(upgraded)) = timeout(table.profile.node.handshake_timeout, on_upgrade).await else { return };
    let mut stream = TokioIo::new(upgraded);
    let goodbye = async {
        let mut frame = Vec::new();
        ws::write_close(&mut frame, &code.into());
        stream.write_all(&frame).await?;
        stream.flush().await?;
        // Until its own close frame, or its end, the peer finds the stream open: else it were no clean end for browsers.
        let (mut decoder, mut buffer, mut thrown_away) = (Decoder::new(Role::Server), [0; 512], 0);
        loop {
            let read = stream.read(&mut buffer).await?;
            if read == 0 || decoder.pass_over(&buffer[..read]) {
                return stream.shutdown().await;
            }
            thrown_away += read;
            if thrown_away >= ON_ITS_WAY {
                // Whoever floods on does so against a full socket.
                return std::future::pending::<io::Result<()>>().await;
            }
            // A stream that always has more does not get around the time.
            consume_budget().await;
        }
    };
    // However it ends, it is over.
    let _ = timeout(table.profile.limits.websocket.linger, goodbye).await;
}
