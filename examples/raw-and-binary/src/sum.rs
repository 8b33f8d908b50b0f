//! A raw gateway: no envelope, no events, but the socket itself.
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use switchboard::{CloseCode, Ctx, Error, Message, Socket, gateway, injectable, messages};

/// The longest file: 16 MiB.
pub const LONGEST: u64 = 16 << 20;

/// How many files have been summed. Each raw loop takes it out of the container.
#[injectable]
pub struct Totals {
    files: AtomicU64,
}

/// Sums files. What comes in as binary messages is the file, piece by piece; each is answered by a binary message: the bytes so far,
/// as a 64-bit number, the high byte first. The text `end` is answered by a [`Summary`].
#[gateway(path = "/sum")]
pub struct SumGateway;

#[messages]
impl SumGateway {
    #[raw]
    async fn talk(&self, ctx: Ctx, mut socket: Socket) -> Result<(), Error> {
        let totals = ctx.resolve::<Totals>()?;
        let mut file = File::default();
        while let Some(message) = socket.recv().await {
            match message {
                Message::Binary(piece) => {
                    file.add(&piece);
                    if file.bytes > LONGEST {
                        socket.close(CloseCode::TOO_BIG, "a file is at most 16 MiB");
                        return Ok(());
                    }
                    // It waits while the peer does not read: whoever sends too fast is not read any more, either.
                    socket.send(file.bytes.to_be_bytes().to_vec()).await?;
                }
                Message::Text(text) if text == "end" => {
                    let summary = std::mem::take(&mut file).summary(&totals);
                    socket.send(serde_json::to_string(&summary).map_err(Error::internal)?).await?;
                }
                Message::Text(_) => {
                    socket.send(r#"{"error":"send the file as binary messages, then the text: end"}"#).await?
                }
            }
        }
        Ok(())
    }
}

/// A file that is still coming.
#[derive(Default)]
struct File {
    bytes: u64,
    pieces: u64,
    digest: Sha256,
}

/// What is known of a file.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Its length.
    pub bytes: u64,
    /// In how many messages it came.
    pub pieces: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Which file of this server it is.
    pub file: u64,
}

impl File {
    fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.pieces += 1;
        self.digest.update(piece);
    }

    fn summary(self, totals: &Arc<Totals>) -> Summary {
        let sha256 = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let file = totals.files.fetch_add(1, Relaxed) + 1;
        Summary { bytes: self.bytes, pieces: self.pieces, sha256, file }
    }
}
