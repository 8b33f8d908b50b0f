//! The deadlines of a runner, on the node's clock, and what it knows of its end.
use crate::node::clock::NEVER;
use crate::outbound::DisconnectReason;

pub(super) struct Deadlines {
    /// The handler or hook that runs must end by then.
    pub(super) work_by: u64,
    rare: Option<Box<Rare>>,
}

/// State that most clients never allocate, until their connection ends.
struct Rare {
    finish_by: u64,
    deferred_by: u64,
    draining: bool,
    reason: Option<DisconnectReason>,
}

impl Deadlines {
    pub(super) fn new() -> Deadlines {
        Deadlines { work_by: NEVER, rare: None }
    }

    fn rare_mut(&mut self) -> &mut Rare {
        let none = || Box::new(Rare { finish_by: NEVER, deferred_by: NEVER, draining: false, reason: None });
        self.rare.get_or_insert_with(none)
    }

    /// The earliest of them. After the end each runs out by `finish_by` at the latest, which needs no alarm of its own.
    #[inline]
    pub(super) fn first(&self) -> u64 {
        self.work_by.min(self.deferred_by())
    }

    /// Everything that runs after the connection has ended must end by then.
    #[inline]
    pub(super) fn finish_by(&self) -> u64 {
        self.rare.as_ref().map_or(NEVER, |rare| rare.finish_by)
    }

    pub(super) fn set_finish_by(&mut self, by: u64) {
        self.rare_mut().finish_by = by;
    }

    /// What runs outlives the end of the connection by no more than the end's patience.
    pub(super) fn work_finishes(&mut self) {
        self.work_by = self.work_by.min(self.finish_by());
    }

    /// The first deferred reply must be given by then. It may be earlier than that of any reply that waits, never later.
    #[inline]
    pub(super) fn deferred_by(&self) -> u64 {
        self.rare.as_ref().map_or(NEVER, |rare| rare.deferred_by)
    }

    pub(super) fn set_deferred_by(&mut self, by: u64) {
        self.rare_mut().deferred_by = by;
    }

    /// The server shuts down: nothing new is handled.
    #[inline]
    pub(super) fn is_draining(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.draining)
    }

    pub(super) fn drain(&mut self) {
        self.rare_mut().draining = true;
    }

    /// Why the connection ends: the first reason is the one.
    pub(super) fn ends_for(&mut self, reason: DisconnectReason) {
        self.rare_mut().reason.get_or_insert(reason);
    }

    pub(super) fn reason(&self) -> DisconnectReason {
        self.rare.as_ref().and_then(|rare| rare.reason.clone()).unwrap_or(DisconnectReason::Lost)
    }
}
