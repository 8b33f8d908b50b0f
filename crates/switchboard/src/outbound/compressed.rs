//! A frame in its compressed form, for the connections that agreed on it.
use crate::buffers;
use crate::hub::Endpoint;
use crate::outbound::Frame;
use crate::outbound::frame::Shared;
use std::sync::Arc;
use switchboard_core::ws::{self, Deflate};

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
    /// Hands on the frame as this connection gets it.
    #[inline]
    pub(crate) fn lend<T>(&mut self, conn: &Endpoint, put: impl FnOnce(&mut Frame<'_>) -> T) -> T {
        if conn.deflate.is_none() { put(self) } else { self.lend_packed(conn, put) }
    }

    fn lend_packed<T>(&mut self, conn: &Endpoint, put: impl FnOnce(&mut Frame<'_>) -> T) -> T {
        let Some((deflate, level)) = self.packing(conn) else { return put(self) };
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

    /// How the frame is compressed for this connection, if it is.
    fn packing(&self, conn: &Endpoint) -> Option<(Deflate, u8)> {
        let (deflate, compression) = (conn.deflate?, conn.profile.compression?);
        let len = ws::payload(self.bytes)?.len();
        let packs = len >= compression.threshold_bytes() && deflate.may_compress(len);
        packs.then_some((deflate, compression.level_number()))
    }

    /// True when to put the frame takes longer than to copy it: nobody else should have to wait for that.
    #[inline]
    pub(crate) fn takes_time(&self, conn: &Endpoint) -> bool {
        conn.deflate.is_some() && self.compressed.is_none() && self.packing(conn).is_some()
    }
}
