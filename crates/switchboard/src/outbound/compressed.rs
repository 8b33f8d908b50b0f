//! The compressed form of a frame, for the connections that negotiated compression.
use crate::buffers;
use crate::compression::Compression;
use crate::outbound::Frame;
use crate::outbound::frame::Shared;
use std::sync::Arc;
use switchboard_core::ws::{self, Deflate};

/// The compression settings of one connection: what it has negotiated, and what its gateway asks for.
///
/// The gateway's settings are a reference, so that a broadcast reads that memory only for connections that negotiated
/// compression.
#[derive(Clone, Copy)]
pub(crate) struct Agreed<'a> {
    /// The negotiated parameters; `None`: messages are not compressed.
    pub(crate) deflate: Option<Deflate>,
    pub(crate) compression: &'a Option<Compression>,
}

/// The compressed form of a frame. It is made once, and shared by all connections that get it.
pub(crate) struct Compressed {
    bytes: Vec<u8>,
    /// Where the frame begins in `bytes`; `None` if compression has not made it shorter.
    start: Option<usize>,
    shared: Option<Arc<Shared>>,
}

impl Compressed {
    fn new(frame: &[u8], deflate: Deflate, level: u8) -> Compressed {
        let mut bytes = buffers::take();
        let start = deflate.compress(frame, level, &mut bytes);
        Compressed { bytes, start, shared: None }
    }
}

impl Drop for Compressed {
    fn drop(&mut self) {
        buffers::give(std::mem::take(&mut self.bytes));
    }
}

impl Frame<'_> {
    /// Calls `put` with the form of the frame that this connection gets: compressed, if that was negotiated and is shorter.
    #[inline]
    pub(crate) fn lend<T>(&mut self, agreed: Agreed<'_>, put: impl FnOnce(&mut Frame<'_>) -> T) -> T {
        if agreed.deflate.is_none() { put(self) } else { self.lend_compressed(agreed, put) }
    }

    fn lend_compressed<T>(&mut self, agreed: Agreed<'_>, put: impl FnOnce(&mut Frame<'_>) -> T) -> T {
        let Some((deflate, level)) = self.parameters(agreed) else { return put(self) };
        let bytes = self.bytes;
        let compressed = self.compressed.get_or_insert_with(|| Box::new(Compressed::new(bytes, deflate, level)));
        let Some(start) = compressed.start else { return put(self) };
        let mut frame = Frame::new(&compressed.bytes[start..]);
        // The compressed form has shared bytes of its own. They are lent to this frame, and taken back for the next connection.
        frame.shared = compressed.shared.take();
        frame.used = self.used;
        let put = put(&mut frame);
        compressed.shared = frame.shared;
        self.used = frame.used;
        put
    }

    /// The parameters and the level with which this frame is compressed; `None` if it is sent uncompressed.
    fn parameters(&self, agreed: Agreed<'_>) -> Option<(Deflate, u8)> {
        let (deflate, compression) = (agreed.deflate?, agreed.compression.as_ref()?);
        let len = ws::payload(self.bytes)?.len();
        let compresses = self.messages == 1 && len >= compression.threshold_bytes() && deflate.may_compress(len);
        compresses.then_some((deflate, compression.level_number()))
    }

    /// Whether [`lend`](Frame::lend) would have to compress the frame. The caller then releases its locks first, because that
    /// takes time.
    #[inline]
    pub(crate) fn takes_time(&self, agreed: Agreed<'_>) -> bool {
        agreed.deflate.is_some() && self.compressed.is_none() && self.parameters(agreed).is_some()
    }
}
