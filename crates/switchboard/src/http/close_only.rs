//! A 101 that only a close frame follows: browsers let a page see no other answer.
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

/// Sends the close frame once the stream is there, and gives the peer `linger` to read it and to answer. The permit is held as
/// long as the stream exists.
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
        // The stream stays open until the peer's close frame, or its end: otherwise browsers would not report the close as clean.
        let (mut decoder, mut buffer, mut thrown_away) = (Decoder::new(Role::Server), [0; 512], 0);
        loop {
            let read = stream.read(&mut buffer).await?;
            if read == 0 || decoder.pass_over(&buffer[..read]) {
                return stream.shutdown().await;
            }
            thrown_away += read;
            if thrown_away >= ON_ITS_WAY {
                // A peer that sends more than this finds its socket full.
                return std::future::pending::<io::Result<()>>().await;
            }
            // Otherwise a stream that always has more would keep the timeout from being checked.
            consume_budget().await;
        }
    };
    // Whatever the outcome, the connection is over.
    let _ = timeout(table.profile.limits.websocket.linger, goodbye).await;
}
