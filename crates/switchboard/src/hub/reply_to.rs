//! [`ReplyTo`]: how a request is answered.
use switchboard_core::PatternKind;

/// How a request is answered: a value in its message's context, in deferred replies and in streams. An error is the `exception` event
/// in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyTo {
    /// `{"event","data","id"?}`
    #[default]
    Event,
    /// `{"pattern","payload","metadata","id"?}`
    Pattern,
    /// There is no answer: it is handled, and that is all.
    Nothing,
}

impl From<PatternKind> for ReplyTo {
    fn from(kind: PatternKind) -> ReplyTo {
        if kind.is_answered() { ReplyTo::Pattern } else { ReplyTo::Nothing }
    }
}
