//! [`Frame`]: one frame, or several that belong together, on the way to one or several outboxes.
use crate::node::Node;
use crate::outbound::compressed::Compressed;
use std::sync::{Arc, OnceLock};

/// A frame to be sent: its bytes, and the forms of it that several outboxes share, made when they are first needed.
pub(crate) struct Frame<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) shared: Option<Arc<Shared>>,
    pub(crate) compressed: Option<Box<Compressed>>,
    /// An empty outbox has taken a copy of it already; the next one gets a shared reference.
    pub(crate) used: bool,
    /// How many WebSocket messages it is, which belong together. More than one only for packets of Socket.IO.
    pub(crate) messages: u32,
}

/// The bytes of a frame, which several outboxes may hold.
pub(crate) struct Shared {
    pub(crate) bytes: Box<[u8]>,
    /// The node whose memory is charged with these bytes. The first outbox whose socket refuses bytes sets it, so they are
    /// charged once, however many outboxes hold them.
    charged: OnceLock<Arc<Node>>,
}

impl Shared {
    pub(crate) fn charge(&self, node: &Arc<Node>) {
        // `set` succeeds for one caller only. `get` comes first, so that the others do not clone the `Arc`.
        if self.charged.get().is_none() && self.charged.set(node.clone()).is_ok() {
            node.memory.recharge(0, self.bytes.len());
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(node) = self.charged.get() {
            node.memory.recharge(self.bytes.len(), 0);
        }
    }
}

impl<'a> Frame<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Frame<'a> {
        Frame::of(bytes, 1)
    }

    pub(crate) fn of(bytes: &'a [u8], messages: u32) -> Frame<'a> {
        Frame { bytes, shared: None, compressed: None, used: false, messages }
    }

    /// `None` at the first call, then a shared reference to the frame: sharing costs more than a single copy.
    #[inline]
    pub(crate) fn again(&mut self) -> Option<Arc<Shared>> {
        std::mem::replace(&mut self.used, true).then(|| self.share())
    }

    pub(crate) fn share(&mut self) -> Arc<Shared> {
        let share = || Arc::new(Shared { bytes: self.bytes.into(), charged: OnceLock::new() });
        self.shared.get_or_insert_with(share).clone()
    }
}
