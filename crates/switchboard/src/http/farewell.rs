//! A 101 behind which there is a close frame and nothing else: browsers show a page no other answer.
use crate::conn::ON_ITS_WAY;
use crate::gateway::Table;
use crate::hub::Permit;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use switchboard_core::CloseCode;
use switchboard_core::ws;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

/// Says it once the stream is there, and gives the peer `linger` to hear it and to end. Its place is taken as long
/// as there is a stream.
pub(super) async fn farewell(on_upgrade: OnUpgrade, code: CloseCode, table: Arc<Table>, _place: Permit) {
    let Ok(Ok(upgraded)) = timeout(table.limits.handshake_timeout, on_upgrade).await else { return };
    let mut stream = TokioIo::new(upgraded);
    let goodbye = async {
        let mut frame = Vec::new();
        ws::write_close(&mut frame, &code.into());
        stream.write_all(&frame).await?;
        stream.flush().await?;
        stream.shutdown().await?;
        // An end with unread bytes would be a reset, with which the close frame may be lost.
        let mut thrown_away = stream.take(ON_ITS_WAY as u64);
        while thrown_away.read(&mut [0; 512]).await? > 0 {
            // A stream that always has more does not get around the time.
            consume_budget().await;
        }
        match thrown_away.limit() {
            // Whoever floods on does so against a full socket.
            0 => std::future::pending().await,
            _ => io::Result::Ok(()),
        }
    };
    // However it ends, it is over.
    let _ = timeout(table.limits.linger, goodbye).await;
}
