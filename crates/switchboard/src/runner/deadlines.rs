//! The deadlines of a runner, on the node's clock.
use crate::limits::Limits;
use crate::node::clock::{NEVER, millis};
use std::time::Duration;

pub(crate) struct Deadlines {
    /// The handler or hook that runs must end by then.
    pub(crate) work_by: u64,
    /// Everything that runs after the connection has ended must end by then.
    pub(crate) finish_by: u64,
    /// The first deferred reply must be given by then. It may be earlier than that of any reply that waits, never later.
    pub(crate) deferred_by: u64,
    /// A step of the clock: each deadline gets one on top, so that it is never early.
    tick: u32,
}

impl Deadlines {
    pub(crate) fn new(limits: &Limits) -> Deadlines {
        let tick = u32::try_from(millis(limits.tick())).unwrap_or(u32::MAX);
        Deadlines { work_by: NEVER, finish_by: NEVER, deferred_by: NEVER, tick }
    }

    pub(crate) fn after(&self, now: u64, duration: Duration) -> u64 {
        now + millis(duration) + u64::from(self.tick)
    }

    /// What runs outlives the end of the connection by no more than the end's patience.
    pub(crate) fn work_finishes(&mut self) {
        self.work_by = self.work_by.min(self.finish_by);
    }

    /// The end has begun: sets its patience, unless it is set.
    pub(crate) fn finish(&mut self, now: u64, limits: &Limits) {
        if self.finish_by == NEVER {
            self.finish_by = self.after(now, limits.handler_timeout);
        }
    }

    pub(crate) fn defer(&mut self, by: u64) {
        self.deferred_by = self.deferred_by.min(by);
    }
}
