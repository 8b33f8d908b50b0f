//! A frame on its way to outboxes.
use crate::node::Node;
use crate::outbound::compressed::Compressed;
use std::sync::{Arc, OnceLock};

/// A frame to be sent: its bytes, and what several outboxes share of it.
pub(crate) struct Frame<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) shared: Option<Arc<Shared>>,
    pub(crate) compressed: Option<Box<Compressed>>,
    /// An empty outbox had a copy of it.
    pub(crate) used: bool,
}

/// The bytes of a frame that several outboxes may hold.
pub(crate) struct Shared {
    pub(crate) bytes: Box<[u8]>,
    /// The node whose memory it is charged to, once: since a socket that it waits for refused bytes.
    charged: OnceLock<Arc<Node>>,
}

impl Shared {
    pub(crate) fn charge(&self, node: &Arc<Node>) {
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
        Frame { bytes, shared: None, compressed: None, used: false }
    }

    /// The frame shared, when it goes to more than one: to share it takes longer than to copy it once.
    #[inline]
    pub(crate) fn again(&mut self) -> Option<Arc<Shared>> {
        std::mem::replace(&mut self.used, true).then(|| self.share())
    }

    pub(crate) fn share(&mut self) -> Arc<Shared> {
        let share = || Arc::new(Shared { bytes: self.bytes.into(), charged: OnceLock::new() });
        self.shared.get_or_insert_with(share).clone()
    }
}
