//! The outboxes of clients, as memory sees them: what waits in them, and how one is cut.
use crate::client_id::ClientId;
use std::sync::Arc;

/// What waits for a socket that refuses bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// The connection is about to end anyway, once its peer has read.
    pub(crate) closing: bool,
    /// Bytes that are freed when this connection alone ends.
    pub(crate) own: usize,
    /// All bytes that wait for this connection, including those that other connections share.
    pub(crate) bytes: usize,
}

/// The queue of one client.
pub(crate) trait Queue: Send + Sync {
    fn client(&self) -> ClientId;

    /// Drops what waits, and ends the connection. False if that has been done already.
    fn cut(&self) -> bool;
}

/// Every queue of the node. The floor above registers it: a node knows no connection.
pub(crate) trait Queues: Send + Sync {
    /// The queues whose socket refuses bytes.
    fn blocked(&self) -> Vec<(Blocked, Arc<dyn Queue>)>;
}
