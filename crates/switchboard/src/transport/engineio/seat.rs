//! [`Seat`]: what a session's client is in one namespace.
use super::joining::Admitted;
use crate::Error;
use crate::codec::{Format, Received};
use crate::gateway::CompiledGateway;
use crate::hub::{Endpoint, Membership, Registration, Turn, peer};
use crate::node::clock::millis;
use crate::outbound::outbox::{Class, Flushed};
use crate::outbound::writer::TurnEnd;
use crate::outbound::{DisconnectReason, Frame, Sink, Writer};
use crate::runner::{Asked, Reach, Round, Runner};
use crate::transport::Served;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Context;
use switchboard_core::socketio::{encode_connect, encode_disconnect};
use switchboard_core::ws::{self, Opcode};

/// Whether the client can still be reached in the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// It has left, or was made to leave: what waits in the outbox is still sent.
    Closing,
    /// Nothing more is sent.
    Gone,
}

/// What a client is in one namespace: an endpoint whose outbox has no socket, and what runs for it.
pub(super) struct Seat {
    name: Box<str>,
    runner: Runner,
    congested: bool,
    state: State,
    /// The runner has finished for a restart of the server.
    pub(super) restarts: bool,
    /// Dropped last: see [`Served`].
    served: Served,
}

impl Seat {
    pub(super) fn new(name: &str, admitted: Admitted, address: Option<SocketAddr>, polling: &Arc<AtomicBool>) -> Seat {
        let Admitted { id, table, lease, owner, kept } = admitted;
        let space = lease.space().clone();
        let flusher = space.homes.current(&space.node).flusher(id).clone();
        let (peer_port, peer_ip) = peer(address);
        let mut kept = kept.unwrap_or_default();
        kept.polling = Some(polling.clone());
        let conn = Endpoint {
            id,
            space,
            profile: table.profile.clone(),
            flusher,
            writer: Writer::new(None),
            membership: Mutex::new(Membership::of(owner)),
            extras: Mutex::new(None),
            kept: Some(kept),
            deflate: None,
            format: Format::SocketIo,
            peer_port,
            peer_ip,
            ended: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            alarm: AtomicU64::new(0),
        };
        let conn = Arc::new(conn);
        greet(&conn, name);
        let served = Served::new(Registration::new(conn, None, lease), table);
        let runner = Runner::new(served.client());
        Seat { name: name.into(), runner, congested: false, state: State::Open, restarts: false, served }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// True if messages of the client are handled.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open && self.served.writer.is_open()
    }

    /// True if the client has not left, though it may have been asked to.
    pub(super) fn is_present(&self) -> bool {
        self.state == State::Open
    }

    /// True once all that was to be sent is on its way.
    pub(super) fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// True if nothing is left of it: it can be dropped.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Gone && self.runner.is_done()
    }

    pub(super) fn is_full(&self) -> bool {
        self.state == State::Open && self.runner.is_full()
    }

    pub(super) fn is_congested(&self) -> bool {
        self.congested
    }

    pub(super) fn has_messages(&self) -> bool {
        self.runner.has_messages()
    }

    /// Bytes of memory that its waiting messages take.
    pub(super) fn held(&self) -> usize {
        self.runner.held()
    }

    fn reach(&self) -> Reach {
        if self.state == State::Open { Reach::Open } else { Reach::Ended }
    }

    /// Calls the runner. Returns what the runner asks for.
    fn run<T>(
        &mut self,
        unread: bool,
        work: impl FnOnce(&mut Runner, &CompiledGateway, &mut Round<'_>) -> T,
    ) -> (T, Option<Box<Asked>>) {
        let reach = self.reach();
        let Seat { runner, served, congested, .. } = self;
        let conn: &Endpoint = served;
        let _turn = Turn::of(conn);
        let tick = millis(conn.limits().tick());
        let mut round = Round { endpoint: conn, reach, congested, only: false, unread, tick, asked: None };
        let result = work(runner, &served.table, &mut round);
        (result, round.asked)
    }

    pub(super) fn message(&mut self, message: Received<'_>, cx: &mut Context<'_>) -> Option<Box<Asked>> {
        self.run(true, |runner, table, round| runner.message(table, message, round, cx)).1
    }

    /// Answers a message that is over the client's rate. True if it was refused.
    pub(super) fn refuse_rate(&mut self, message: &Received<'_>, error: &Error) -> (bool, Option<Box<Asked>>) {
        self.run(true, |runner, _, round| runner.refuse_rate(message, error, round))
    }

    /// Runs hooks and handlers until each waits for something. `unread`: further packets of the client wait. Returns true if the
    /// runner asked for an end and has to be polled again after it.
    pub(super) fn poll(&mut self, unread: bool, cx: &mut Context<'_>) -> (bool, Option<Box<Asked>>) {
        let now = self.served.now();
        if self.served.alarm_is_due(now) {
            let (_, asked) = self.run(unread, |runner, _, round| runner.check_time(now, round));
            if asked.is_some() {
                return (true, asked);
            }
        }
        self.run(unread, |runner, table, round| runner.poll(table, round, cx))
    }

    pub(super) fn drain(&mut self) -> Option<Box<Asked>> {
        self.run(false, |runner, _, round| runner.drain(round)).1
    }

    /// The shutdown's patience is over. `linger` milliseconds are left.
    pub(super) fn kill(&mut self, linger: u64) -> Option<Box<Asked>> {
        let last = self.served.present() + linger;
        self.run(false, |runner, _, round| runner.kill(last, round)).1
    }

    /// True if the runner goes on without being woken.
    pub(super) fn has_work(&self) -> bool {
        self.runner.has_work(self.reach(), self.congested)
    }

    /// Stores when the sweep has to wake the session's task.
    pub(super) fn set_alarm(&self) {
        self.served.alarm.store(self.runner.alarm(), Ordering::Relaxed);
    }

    /// Reading pauses, or goes on. While it pauses, no answer of the client to a handler of its own can come.
    pub(super) fn set_paused(&self, paused: bool) {
        if self.served.paused.swap(paused, Ordering::Relaxed) || !paused {
            return;
        }
        let own = self.served.extras.lock().as_mut().map(|extras| extras.acks.take_own());
        for waiting in own.into_iter().flatten() {
            waiting.settle(Err(crate::hub::acks::paused()));
        }
    }

    /// Moves what waits in the outbox to `sink`.
    pub(super) fn flush(&mut self, sink: &mut dyn Sink, cx: &mut Context<'_>) -> TurnEnd {
        let conn: &Endpoint = &self.served;
        let _turn = Turn::of(conn);
        let end = conn.writer.end_turn(cx, Some(sink), conn.limits(), conn.node());
        match end.flushed {
            None | Some(Flushed::Drained) => {
                self.congested = false;
                if self.state == State::Closing {
                    self.is_lost();
                }
            }
            Some(Flushed::Blocked { .. } | Flushed::Failed) => self.congested = end.crowded,
        }
        end
    }

    /// The client leaves the namespace. Its messages that wait to be handled are dropped. `is_told`: a DISCONNECT follows the
    /// frames in the outbox. `discards`: the frames in the outbox are dropped.
    pub(super) fn leave(&mut self, reason: DisconnectReason, is_told: bool, discards: bool) {
        if self.state != State::Open {
            return;
        }
        let mut frame = Vec::new();
        if is_told {
            let mut packet = vec![b'4'];
            encode_disconnect(&mut packet, &self.name);
            ws::write_frame(&mut frame, Opcode::Text, true, &packet, None);
        }
        self.runner.ends_for(reason);
        self.runner.drop_inbound();
        let node = self.served.node().clone();
        node.counters.dropped(self.served.writer.close(&frame, discards, &node));
        self.state = State::Closing;
        self.end_runner();
    }

    /// The client has left the namespace, or its connection is lost, so nothing more is sent to it. Messages received before are
    /// still handled, for a time, unless the gateway has `cancel_on_disconnect`.
    pub(super) fn left(&mut self, reason: DisconnectReason) {
        if self.state == State::Open {
            self.runner.ends_for(reason);
            self.is_lost();
        }
    }

    /// Nothing can be sent any more.
    pub(super) fn is_lost(&mut self) {
        if self.state == State::Gone {
            return;
        }
        self.state = State::Gone;
        self.runner.ends_for(DisconnectReason::Lost);
        let node = self.served.node().clone();
        node.counters.dropped(self.served.writer.gone(&node));
        self.end_runner();
    }

    fn end_runner(&mut self) {
        let tick = millis(self.served.limits().tick());
        let finish_by = self.served.present() + millis(self.served.limits().handler_timeout) + tick;
        self.runner.lost(self.reach(), finish_by);
    }
}

/// The answer to CONNECT. It is put in before the endpoint is registered, so that no broadcast gets before it.
fn greet(conn: &Arc<Endpoint>, name: &str) {
    let mut packet = vec![b'4'];
    encode_connect(&mut packet, name, &conn.id.to_string());
    let mut frame = Vec::new();
    ws::write_frame(&mut frame, Opcode::Text, true, &packet, None);
    // An empty outbox takes every frame.
    conn.push(&mut Frame::new(&frame), Class::Reply);
}
