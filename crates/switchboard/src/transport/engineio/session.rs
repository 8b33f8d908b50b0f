//! [`Session`]: the task of one Engine.IO session. A turn reads, handles and writes, and never waits for any of them.
use super::carrier::Carrier;
use super::clock::Clock;
use super::ending::Net;
use super::mailbox::{Fault, Mail, Mailbox};
use super::probe::Probe;
use super::reading::Unread;
use super::seat::Seat;
use super::seats::Seats;
use super::serving::Serving;
use super::socket::Socket;
use super::staging::Staging;
use crate::contain::drop_contained;
use crate::handshake::Handshake;
use crate::log;
use crate::node::{Charge, ConnectionPermit, Kind, Node};
use crate::outbound::DisconnectReason;
use crate::transport::rates::Rates;
use crate::transport::window::Window;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use switchboard_core::CloseCode;
use switchboard_core::socketio::{Assembler, Sender};

/// Rounds in one turn. After them the task yields, even if its carrier always has more to read.
const ROUNDS: usize = 16;

/// The task of one Engine.IO session. It is ready when the carrier is gone and the application has finished with every seat.
pub(crate) struct Session {
    pub(super) serving: Arc<Serving>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) sid: Box<str>,
    /// The head of the first request, from which each CONNECT gets a copy.
    pub(super) request: Handshake,
    pub(super) carrier: Carrier,
    pub(super) net: Net,
    /// A WebSocket that may become the carrier.
    pub(super) probe: Option<Probe>,
    pub(super) staging: Staging,
    pub(super) unread: Unread,
    pub(super) assembler: Assembler,
    pub(super) seats: Seats,
    pub(super) clock: Clock,
    pub(super) rates: Option<Box<Rates>>,
    pub(super) malformed: Window,
    pub(super) pings: Window,
    /// Shared with the endpoints, whose clients may be asked for it.
    pub(super) polling: Arc<AtomicBool>,
    pub(super) is_paused: bool,
    /// How many times memory was found short since reading paused because of it.
    pub(super) tried: u32,
    /// The client has broken a protocol.
    pub(super) is_broken: bool,
    /// The code of the last frame, if the carrier is a WebSocket.
    pub(super) goodbye: CloseCode,
    /// Ready when the server begins to shut down; `None` after that.
    pub(super) drained: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    charge: Option<Charge>,
    /// A turn has panicked.
    faulty: bool,
    /// Dropped last: the node counts the connection until its seats are gone.
    _permit: ConnectionPermit,
}

impl Session {
    /// A session over polling if there is no `socket`. `mailbox` is open under `sid`; a polling client has its handshake already.
    pub(crate) fn new(
        serving: Arc<Serving>,
        mailbox: Arc<Mailbox>,
        sid: Box<str>,
        request: Handshake,
        socket: Option<Socket>,
        permit: ConnectionPermit,
    ) -> Session {
        let node = serving.hub.node.clone();
        let mut staging = Staging::default();
        if socket.is_some() {
            staging.text(&serving.open(&sid, &[]));
        }
        let is_polling = socket.is_none();
        let clock = Clock::new(&serving.options, &serving.limits);
        mailbox.set_expiry(clock.expiry());
        Session {
            carrier: socket.map_or(Carrier::Polling, Carrier::WebSocket),
            net: Net::Open,
            probe: None,
            staging,
            unread: Unread::default(),
            assembler: Assembler::new(Sender::Client),
            seats: Seats::default(),
            clock,
            rates: Rates::new(node.exact(), &serving.limits),
            malformed: Window::NONE,
            pings: Window::NONE,
            polling: Arc::new(AtomicBool::new(is_polling)),
            is_paused: false,
            tried: 0,
            is_broken: false,
            goodbye: CloseCode::GOING_AWAY,
            charge: Charge::new(&node, Kind::Waiting),
            drained: Some(Box::pin(async move { node.drained().await })),
            faulty: false,
            serving,
            mailbox,
            sid,
            request,
            _permit: permit,
        }
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.serving.hub.node
    }

    /// One turn: handle, read, write, until each waits for something.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.mailbox.register(cx);
        for _ in 0..ROUNDS {
            let mail = self.mailbox.take(cx);
            let mut again = self.take_mail(mail, cx);
            again |= self.poll_joining(cx);
            again |= self.poll_seats(cx);
            again |= self.poll_read(cx);
            again |= self.poll_probe(cx);
            again |= self.poll_write(cx);
            // The deadlines come last: by then everything that the client sent is read.
            again |= self.check_time();
            if self.net == Net::Gone && self.seats.is_empty() {
                return Poll::Ready(());
            }
            if !again {
                self.rest();
                // After the end only the seats are waited for, whose runners have deadlines of their own.
                if self.net == Net::Gone || !self.clock.poll(self.probe.as_ref(), cx) {
                    return Poll::Pending;
                }
            }
        }
        self.rest();
        // There is more to do, after other tasks had their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_mail(&mut self, mail: Mail, cx: &mut Context<'_>) -> bool {
        let Mail { post, upgraded, fault } = mail;
        if self.net != Net::Open {
            if let Some(post) = post {
                // Its packets come after the end. The poll tells the client of that.
                self.mailbox.posted();
                let _ = post.done.send(Ok(()));
            }
            return false;
        }
        if let Some(fault) = fault {
            match fault {
                Fault::Aborted => self.lost(DisconnectReason::Lost),
                Fault::Overlap => self.violation("overlap"),
                Fault::Malformed(reason) => self.violation(reason),
            }
            return true;
        }
        if self.drained.as_mut().is_some_and(|drained| drained.as_mut().poll(cx).is_ready()) {
            self.drained = None;
        }
        if self.drained.is_none() && self.seats.have_finished() {
            self.close(DisconnectReason::Shutdown);
            return true;
        }
        let mut came = false;
        if let Some(socket) = upgraded {
            self.probe = Some(Probe::new(socket, self.serving.options.upgrade_timeout));
            came = true;
        }
        if let Some(post) = post {
            self.begin_payload(post);
            came = true;
        }
        came
    }

    fn poll_joining(&mut self, cx: &mut Context<'_>) -> bool {
        let mut at = 0;
        let mut moved = false;
        while let Some(joining) = self.seats.joining.get_mut(at) {
            let Poll::Ready(outcome) = joining.poll(cx) else {
                at += 1;
                continue;
            };
            let joining = self.seats.joining.remove(at);
            let name = joining.name.clone();
            drop_contained(joining);
            self.joined(&name, outcome);
            moved = true;
        }
        moved
    }

    fn poll_seats(&mut self, cx: &mut Context<'_>) -> bool {
        let unread = !self.unread.is_empty();
        let mut again = false;
        for at in 0..self.seats.len() {
            // `poll` returns true when it asked for an end, which is obeyed by then: the runner goes on with what that leaves.
            loop {
                let (asks, asked) = self.seats[at].poll(unread, cx);
                if let Some(asked) = asked {
                    self.obey(at, *asked);
                }
                if !asks {
                    break;
                }
            }
            again |= self.seats[at].has_work();
        }
        if self.seats.forget_those_over() {
            self.clock.seats_changed(&self.seats);
        }
        again
    }

    /// Before the task waits: what others have to know of it.
    fn rest(&mut self) {
        self.seats.iter().for_each(Seat::set_alarm);
        if let Some(charge) = &mut self.charge {
            let seats: usize = self.seats.iter().map(Seat::held).sum();
            let (unread, probed) = (self.carrier.held(), self.probe.as_ref().map_or(0, Probe::held));
            let came = self.unread.len() + self.assembler.buffered() + unread + probed;
            charge.set(seats + came + self.staging.len());
            self.node().memory.notice();
        }
    }
}

impl Future for Session {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        catch_unwind(AssertUnwindSafe(|| this.turn(cx))).unwrap_or_else(|panic| {
            // Panics of the application are caught where its code is called, so this one is a fault of ours. The session loses
            // its carrier, and then ends like any other. After a second panic the task ends at once.
            log::panicked("session", &*panic);
            drop_contained(panic);
            if std::mem::replace(&mut this.faulty, true) {
                return Poll::Ready(());
            }
            this.lost(DisconnectReason::Lost);
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.mailbox.close();
        self.serving.sessions.close(&self.sid);
        for seat in self.seats.drain(..) {
            drop_contained(seat);
        }
        self.seats.forget_joining();
    }
}
