//! [`Everywhere`]: the combined answer of all nodes.
use std::sync::Arc;

/// The combined answer of all nodes to a question about connected clients, such as [`Server::count_in`](crate::Server::count_in).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Everywhere<T> {
    /// The combined answer of the nodes that answered in time.
    pub value: T,
    /// The names of the nodes that did not answer in time. Their clients are missing in `value`. Always empty with a single node.
    pub unanswered: Vec<Arc<str>>,
}

impl<T> Everywhere<T> {
    /// Wraps the answer of this node, when there is no other node.
    pub(crate) fn of_one_node(value: T) -> Everywhere<T> {
        Everywhere { value, unanswered: Vec::new() }
    }

    /// True if every node has answered.
    pub fn is_complete(&self) -> bool {
        self.unanswered.is_empty()
    }
}
