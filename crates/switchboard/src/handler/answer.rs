//! [`Answer`]: in which frame a request is answered.
use super::invocation::{Invoke, Start, Step};
use super::{MessageContext, ReplySink};
use crate::Error;
use crate::contain::drop_contained;
use crate::di::MessageScope;
use crate::handler::pooled::Invocation;
use crate::pipeline;
use crate::pipeline::Stages;
use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use switchboard_core::PatternKind;

/// The frame that answers. An error is the `exception` event in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `{"event","data","id"?}`
    #[default]
    Event,
    /// `{"pattern","payload","metadata","id"?}`
    Pattern,
    /// None: it is handled, and that is all.
    Nothing,
}

impl From<PatternKind> for Answer {
    fn from(kind: PatternKind) -> Answer {
        if kind.is_answered() { Answer::Pattern } else { Answer::Nothing }
    }
}

/// A handler with its stages, for one request that is answered otherwise. What is answered as an event knows nothing of this.
pub(crate) struct Answering {
    pub(crate) start: Arc<dyn Start>,
    pub(crate) stages: Option<Arc<Stages>>,
    pub(crate) answer: Answer,
}

impl Start for Answering {
    fn start(&self, cx: &MessageContext<'_>) -> Result<Invocation, Error> {
        let scope = MessageScope::answered_by(self.answer);
        let cx = MessageContext { scope: &scope, parsed: Cell::new(true), ..*cx };
        let inner = match &self.stages {
            None => self.start.start(&cx),
            Some(stages) => pipeline::start(stages, &self.start, &cx),
        };
        Ok(Invocation::new(Answered { inner: inner?, answer: self.answer }))
    }
}

struct Answered {
    inner: Invocation,
    answer: Answer,
}

impl Invoke for Answered {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, sink: &mut ReplySink<'_>) -> Poll<Step> {
        sink.set_answer(self.answer);
        let step = ready!(self.inner.poll(cx, sink));
        if let Some(stream) = sink.take_stream() {
            // Its items are answered in the same way.
            drop_contained(std::mem::replace(&mut self.inner, stream));
            return Poll::Ready(Step::Streams);
        }
        Poll::Ready(step)
    }

    fn late(&self) -> Option<u64> {
        self.inner.late()
    }
}
