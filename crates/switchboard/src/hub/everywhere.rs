//! [`Everywhere`]: an answer of all nodes.
use std::sync::Arc;

/// What all nodes together answer to a question about who is there, such as [`Server::count_in`](crate::Server::count_in).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Everywhere<T> {
    /// The answer of the nodes that answered.
    pub value: T,
    /// The names of the nodes that did not answer in time. What they know is missing in `value`. Always empty while there is one node.
    pub unanswered: Vec<Arc<str>>,
}

impl<T> Everywhere<T> {
    /// The answer where there is no other node.
    pub(crate) fn of_one_node(value: T) -> Everywhere<T> {
        Everywhere { value, unanswered: Vec::new() }
    }

    /// True when every node has answered.
    pub fn is_complete(&self) -> bool {
        self.unanswered.is_empty()
    }
}
