//! [`ReplyTo`]: the format of the reply to a request.
use switchboard_core::PatternKind;

/// The format of the reply to a request. It is kept in the context of the message, in deferred replies and in streams. An error is always
/// sent as the `exception` event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyTo {
    /// `{"event","data","id"?}`
    #[default]
    Event,
    /// `{"pattern","payload","metadata","id"?}`
    Pattern,
    /// The request is handled without a reply.
    Nothing,
}

impl From<PatternKind> for ReplyTo {
    fn from(kind: PatternKind) -> ReplyTo {
        if kind.is_answered() { ReplyTo::Pattern } else { ReplyTo::Nothing }
    }
}
