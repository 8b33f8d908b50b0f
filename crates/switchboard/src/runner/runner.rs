//! [`Runner`]: what runs for one client.
use crate::Client;
use crate::Error;
use crate::codec::Received;
use crate::gateway::CompiledGateway;
use crate::handler::HookFuture;
use crate::hub::{Endpoint, Message, Port};
use crate::node::clock::NEVER;
use crate::runner::background::Background;
use crate::runner::cancel::{draining, refuse, settle, short_of_memory};
use crate::runner::deadlines::Deadlines;
use crate::runner::handler::Handler;
use crate::runner::inbound::{Inbound, Waiting};
use crate::runner::round::{Reach, Round};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Context;
use switchboard_core::{Id, Incoming};

/// The stage of a client's life, as the application sees it.
pub(crate) enum Stage {
    New,
    /// The on-connect hook runs; messages wait.
    Connecting(HookFuture),
    Serving,
    /// The on-disconnect hook runs.
    Leaving(HookFuture),
    Done,
}

/// What runs while the stage is `Serving`, and what later messages wait for.
pub(crate) enum Running {
    Handler(Box<Handler>),
    /// The loop of a raw gateway.
    Raw(HookFuture),
}

/// What runs for one client, over any transport: the transport owns it by value, and lends it a [`Round`] for each call.
///
/// It sends through the endpoint's writer, and closes nothing itself: it asks its transport for the end, and the transport then
/// calls [`lost`](Runner::lost).
pub(crate) struct Runner {
    pub(crate) client: Client,
    pub(super) inbound: Inbound,
    pub(super) stage: Stage,
    pub(super) running: Option<Running>,
    /// Streams and concurrent handlers, which run beside it.
    pub(super) background: Background,
    /// The other end of a raw gateway's socket.
    pub(crate) port: Option<Arc<Port>>,
    pub(super) deadlines: Deadlines,
}

impl Runner {
    pub(crate) fn new(client: Client) -> Runner {
        let conn = client.endpoint();
        let port = conn.extras.lock().as_ref().and_then(|extras| extras.port.clone());
        Runner {
            inbound: Inbound::default(),
            stage: Stage::New,
            running: None,
            background: Background::default(),
            port,
            deadlines: Deadlines::new(),
            client,
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// Takes a message of an open connection: handles it at once, or puts it into the queue.
    pub(crate) fn message(
        &mut self,
        table: &CompiledGateway,
        message: Received<'_>,
        round: &mut Round<'_>,
        cx: &mut Context<'_>,
    ) {
        let conn = round.endpoint;
        let concurrent = table.is_concurrent;
        if self.is_free(*round.congested) && !concurrent {
            return self.dispatch(table, &message, round, cx);
        }
        let mut group = None;
        // Acks and `cancel` are handled at once; everything else waits its turn.
        let id = match conn.decode(&message) {
            Ok(Incoming::Ack { ack, answer, .. }) => return settle(conn, ack, answer),
            Ok(Incoming::Cancel(id)) => return self.cancel(&id, round),
            Ok(Incoming::Request(_) | Incoming::Pattern { .. }) if self.deadlines.is_draining() => {
                return refuse(&message, &draining(), round);
            }
            Ok(Incoming::Request(request) | Incoming::Pattern { request, .. }) => {
                if concurrent {
                    group = table.find(&request.event).and_then(|entry| entry.group);
                }
                request.id
            }
            // A kind that `dispatch` will refuse.
            Ok(_) => None,
            Err(rejected) => rejected.id,
        };
        if let Some(id) = &id
            && self.has_in_flight(id)
        {
            let error = Error::conflict("A request with this id is in flight");
            return round.exception(&error, None, Some(id));
        }
        let serves = matches!(self.stage, Stage::Serving) && !*round.congested;
        if concurrent && serves && self.inbound.is_empty() && self.may_start(group) {
            return self.dispatch(table, &message, round, cx);
        }
        if conn.node().memory.is_short() {
            return refuse(&message, &short_of_memory(), round);
        }
        let id = id.map(Id::into_owned);
        self.inbound.push(Waiting { message: message.into_owned(), id, group });
    }

    /// Takes a message of a raw gateway's client.
    pub(crate) fn raw_message(&mut self, message: Message) {
        if let Some(port) = &self.port
            && !port.receive(message, self.endpoint().node())
        {
            self.endpoint().node().counters.dropped_inbound(1);
        }
    }

    /// The earliest deadline of what runs or waits.
    #[inline]
    pub(crate) fn alarm(&self) -> u64 {
        self.deadlines.first().min(self.background.by())
    }

    /// Ends everything whose deadline has passed.
    pub(crate) fn check_time(&mut self, now: u64, round: &mut Round<'_>) {
        if now >= self.deadlines.work_by {
            self.work_timed_out(round);
        }
        self.background.check(now, round);
        if now >= self.deadlines.deferred_by() {
            self.check_deferred(now, round);
        }
    }

    /// Answers with `timeout` each client request whose deferred reply (an `Ack` that the handler holds) was not sent before its deadline.
    fn check_deferred(&mut self, now: u64, round: &mut Round<'_>) {
        let (expired, next) = round.endpoint.expired_deferred(now);
        self.deadlines.set_deferred_by(next.unwrap_or(NEVER));
        for open in expired {
            round.exception(&Error::timeout("The answer took too long"), Some(&open.event), open.id.as_ref());
        }
    }

    /// True if a message may be handled at once: the client reads, nothing runs, and no message waits before it.
    pub(super) fn is_free(&self, congested: bool) -> bool {
        matches!(self.stage, Stage::Serving) && !congested && self.running.is_none() && self.inbound.is_empty()
    }

    /// True if `poll` would find nothing to do, so that more may be read first.
    pub(crate) fn is_at_rest(&self, congested: bool) -> bool {
        self.is_free(congested) && !self.deadlines.is_draining() && self.background.is_empty()
    }

    /// True if `poll` has something to do for which no wake-up will come.
    pub(crate) fn has_work(&self, reach: Reach, congested: bool) -> bool {
        matches!(self.stage, Stage::Serving)
            && self.running.is_none()
            && ((!reach.is_served() && self.background.is_empty()) || (self.next_may_start() && !congested))
    }

    /// True once the application has finished with the client.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// True if too much waits to be handled: the transport must not read more.
    pub(crate) fn is_full(&self) -> bool {
        match &self.port {
            Some(port) => port.is_full(self.endpoint().limits()),
            None => self.inbound.is_full(self.endpoint().limits()),
        }
    }

    /// True if messages of the client are in flight or wait: another one would add to the memory that they hold.
    pub(crate) fn has_messages(&self) -> bool {
        match &self.port {
            Some(port) => port.held() > 0,
            None => self.running.is_some() || !self.background.is_empty() || !self.inbound.is_empty(),
        }
    }

    /// Bytes of memory that the waiting messages take. Those of a raw gateway are charged by its port.
    pub(crate) fn held(&self) -> usize {
        self.inbound.held()
    }

    /// Ends a pause of reading once the queue has room. Only the transport begins one, because a pause also ends its wait for a
    /// pong.
    pub(super) fn resume(&self, round: &Round<'_>) {
        let paused = &round.endpoint.paused;
        if paused.load(Ordering::Relaxed) && !(round.reach == Reach::Open && self.is_full()) {
            paused.store(false, Ordering::Relaxed);
        }
    }
}
