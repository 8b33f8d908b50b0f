//! A raw gateway: it has the socket itself, without envelope or events.
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use switchboard::close::CloseCode;
use switchboard::raw::Message;
use switchboard::{Ctx, Error, Socket, gateway, injectable, messages};

/// The longest file: 16 MiB.
pub const LONGEST: u64 = 16 << 20;

/// The number of files so far. Each raw loop gets it from the container.
#[injectable]
pub struct Totals {
    files: AtomicU64,
}

/// Computes checksums of files. Binary messages are the pieces of a file; the answer to each is a binary message with
/// the length
/// so far, as a 64-bit big-endian number. The text `end` is answered by a [`Summary`].
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
                    // This waits while the peer does not read, so a peer that sends too fast is not read either.
                    socket.send(file.bytes.to_be_bytes().to_vec()).await?;
                }
                Message::Text(text) if text == "end" => {
                    let summary = std::mem::take(&mut file).summary(&totals);
                    socket.send(serde_json::to_string(&summary).map_err(Error::internal)?).await?;
                }
                _ => socket.send(r#"{"error":"send the file as binary messages, then the text: end"}"#).await?,
            }
        }
        Ok(())
    }
}

/// A file that is not complete yet.
#[derive(Default)]
struct File {
    bytes: u64,
    pieces: u64,
    digest: Sha256,
}

/// The result for one file.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Its length.
    pub bytes: u64,
    /// The number of messages that it came in.
    pub pieces: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The number of the file on this server.
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
