//! One client's life: the inbound queue, hooks, handlers, replies.
pub(crate) mod background;
pub(crate) mod dispatch;
pub(crate) mod inbound;
pub(crate) mod serving;
