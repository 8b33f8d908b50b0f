//! A frame in its compressed form, for the connections that agreed on it.
use crate::buffers;
use crate::compression::Compression;
use crate::outbound::Frame;
use crate::outbound::frame::Shared;
use std::sync::Arc;
use switchboard_core::ws::{self, Deflate};

/// What a connection and its gateway say of compression.
///
/// The gateway's part is a reference, so that it is read only for a connection that has agreed to compression: a broadcast to
/// others does not touch it.
#[derive(Clone, Copy)]
pub(crate) struct Agreed<'a> {
    /// What was negotiated, if anything was.
    pub(crate) deflate: Option<Deflate>,
    pub(crate) compression: &'a Option<Compression>,
}

/// The compressed form of a frame: made once, shared by all that get it.
pub(crate) struct Compressed {
    bytes: Vec<u8>,
    /// Where the frame begins; `None` when it is not shorter than the plain one.
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
    /// Lends `put` the frame in the form that this connection gets: compressed, where that is agreed on and shorter.
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
        frame.shared = compressed.shared.take();
        frame.used = self.used;
        let put = put(&mut frame);
        compressed.shared = frame.shared;
        self.used = frame.used;
        put
    }

    /// The parameters of the compression of this frame; `None` if it is sent as it is.
    fn parameters(&self, agreed: Agreed<'_>) -> Option<(Deflate, u8)> {
        let (deflate, compression) = (agreed.deflate?, agreed.compression.as_ref()?);
        let len = ws::payload(self.bytes)?.len();
        let compresses = len >= compression.threshold_bytes() && deflate.may_compress(len);
        compresses.then_some((deflate, compression.level_number()))
    }

    /// Whether `put` would compress the frame first. The caller releases its locks before that.
    #[inline]
    pub(crate) fn takes_time(&self, agreed: Agreed<'_>) -> bool {
        agreed.deflate.is_some() && self.compressed.is_none() && self.parameters(agreed).is_some()
    }
}
