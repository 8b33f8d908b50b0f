//! [`Deadlines`]: the deadlines of a runner, on the clock of its runtime, and what it knows of its end.
use crate::node::clock::NEVER;
use crate::outbound::DisconnectReason;
use crate::runner::round::Round;

pub(super) struct Deadlines {
    /// By when the handler or hook that runs has to end.
    pub(super) work_by: u64,
    rare: Option<Box<Rare>>,
}

/// State that is allocated when the connection ends, the server shuts down, or a reply is deferred. Without the box it would be
/// 32 bytes in the task of each idle connection.
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

    /// A handler or hook begins: its time is counted from now.
    pub(super) fn work_begins(&mut self, round: &Round<'_>) {
        let conn = round.endpoint;
        self.work_by = round.after(conn.present(), conn.limits().handler_timeout);
    }

    /// The earliest deadline. After the end of the connection none is later than `finish_by`, which therefore needs no alarm of
    /// its own.
    #[inline]
    pub(super) fn first(&self) -> u64 {
        self.work_by.min(self.deferred_by())
    }

    /// By when everything that runs after the end of the connection has to end.
    #[inline]
    pub(super) fn finish_by(&self) -> u64 {
        self.rare.as_ref().map_or(NEVER, |rare| rare.finish_by)
    }

    pub(super) fn set_finish_by(&mut self, by: u64) {
        self.rare_mut().finish_by = by;
    }

    /// Lets what runs go on until `finish_by` at most.
    pub(super) fn work_finishes(&mut self) {
        self.work_by = self.work_by.min(self.finish_by());
    }

    /// By when the first deferred reply has to be given. It may be earlier than the deadline of every reply that waits, never
    /// later.
    #[inline]
    pub(super) fn deferred_by(&self) -> u64 {
        self.rare.as_ref().map_or(NEVER, |rare| rare.deferred_by)
    }

    pub(super) fn set_deferred_by(&mut self, by: u64) {
        self.rare_mut().deferred_by = by;
    }

    /// True if the server is shutting down, so that no new message is handled.
    #[inline]
    pub(super) fn is_draining(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.draining)
    }

    pub(super) fn drain(&mut self) {
        self.rare_mut().draining = true;
    }

    /// Notes why the connection ends. The first reason counts.
    pub(super) fn ends_for(&mut self, reason: DisconnectReason) {
        self.rare_mut().reason.get_or_insert(reason);
    }

    pub(super) fn reason(&self) -> DisconnectReason {
        self.rare.as_ref().and_then(|rare| rare.reason.clone()).unwrap_or(DisconnectReason::Lost)
    }
}
