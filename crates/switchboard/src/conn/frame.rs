//! A frame on its way to outboxes.
use super::packed::Packed;
use crate::hub::Node;
use std::sync::{Arc, OnceLock};

/// A frame to be sent: its bytes, and what several outboxes share of it.
pub(crate) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) packed: Option<Box<Packed>>,
    /// An empty outbox had a copy of it.
    pub(super) used: bool,
}

/// The bytes of a frame that several outboxes may hold.
pub(crate) struct Shared {
    pub(super) bytes: Box<[u8]>,
    /// The node whose memory it is charged to, once: since a socket that it waits for refused bytes.
    charged: OnceLock<Arc<Node>>,
}

impl Shared {
    pub(super) fn charge(&self, node: &Arc<Node>) {
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
        Frame { bytes, shared: None, packed: None, used: false }
    }

    /// The frame shared, when it goes to more than one: to share it takes longer than to copy it once.
    #[inline]
    pub(super) fn again(&mut self) -> Option<Arc<Shared>> {
        std::mem::replace(&mut self.used, true).then(|| self.share())
    }

    pub(super) fn share(&mut self) -> Arc<Shared> {
        let share = || Arc::new(Shared { bytes: self.bytes.into(), charged: OnceLock::new() });
        self.shared.get_or_insert_with(share).clone()
    }
}
