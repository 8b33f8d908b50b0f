//! [`Seats`]: the namespaces that a connection's clients are in, or ask to enter.
use super::packet::Packet;
use crate::testing::inbox::Inbox;
use crate::testing::received::Received;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, oneshot};

/// What a test shares with the task of its connection.
pub(super) struct Seats {
    state: Mutex<State>,
    /// Tells the task that an inbox has room, or that a setting has changed.
    changed: Arc<Notify>,
    /// Tells the task that the test has dropped its clients.
    dropped: Notify,
    /// True while the connection is HTTP polling.
    pub(super) polling: AtomicBool,
}

#[derive(Default)]
struct State {
    seats: Vec<Seat>,
    /// How the connection ended.
    ended: Option<String>,
}

struct Seat {
    namespace: String,
    inbox: Arc<Inbox>,
    /// Who waits for the answer to CONNECT.
    entering: Option<oneshot::Sender<Entered>>,
}

/// The answer to CONNECT: the id of the client.
pub(super) type Entered = Result<String, NotEntered>;

/// Why a client is not in a namespace.
pub(super) enum NotEntered {
    /// CONNECT_ERROR.
    Refused { message: String, data: Option<Value> },
    /// The connection ended before an answer.
    Ended(String),
}

impl Seats {
    pub(super) fn new(polling: bool) -> Seats {
        let (state, changed, dropped) = (Mutex::default(), Arc::default(), Notify::new());
        Seats { state, changed, dropped, polling: AtomicBool::new(polling) }
    }

    /// Adds a seat, whose CONNECT is sent next. Errors: the connection has ended, or has a client in this namespace.
    pub(super) fn add(&self, namespace: &str) -> Result<(Arc<Inbox>, oneshot::Receiver<Entered>), String> {
        let mut state = self.state.lock();
        if let Some(ended) = &state.ended {
            return Err(format!("the connection has ended: {ended}"));
        }
        if state.seats.iter().any(|seat| seat.namespace == namespace) {
            return Err(format!("another client of this connection is in {namespace}"));
        }
        let inbox = Arc::new(Inbox::told_by(self.changed.clone()));
        let (sender, receiver) = oneshot::channel();
        let seat = Seat { namespace: namespace.to_owned(), inbox: inbox.clone(), entering: Some(sender) };
        state.seats.push(seat);
        Ok((inbox, receiver))
    }

    /// Removes a seat. With the last one the connection ends.
    pub(super) fn remove(&self, namespace: &str) {
        let mut state = self.state.lock();
        state.seats.retain(|seat| seat.namespace != namespace);
        match state.seats.is_empty() {
            true => self.dropped.notify_one(),
            // A full inbox that is gone stops nobody.
            false => self.changed.notify_one(),
        }
    }

    /// Waits until the test has dropped its clients.
    pub(super) async fn dropped(&self) {
        self.dropped.notified().await;
    }

    /// True if the connection has one client.
    pub(super) fn is_alone(&self) -> bool {
        self.state.lock().seats.len() == 1
    }

    pub(super) fn push(&self, namespace: &str, packet: Packet) {
        let state = self.state.lock();
        if let Some(seat) = state.seats.iter().find(|seat| seat.namespace == namespace) {
            seat.inbox.push(Received::Packet(packet));
        }
    }

    /// Answers who waits for this namespace.
    pub(super) fn answer(&self, namespace: &str, answer: Entered) {
        let mut state = self.state.lock();
        let seat = state.seats.iter_mut().find(|seat| seat.namespace == namespace);
        if let Some(entering) = seat.and_then(|seat| seat.entering.take()) {
            // The test may have given up.
            let _ = entering.send(answer);
        }
    }

    /// Tells everybody how the connection ended.
    pub(super) fn end(&self, how: &str) {
        let mut state = self.state.lock();
        for seat in &mut state.seats {
            if let Some(entering) = seat.entering.take() {
                let _ = entering.send(Err(NotEntered::Ended(how.to_owned())));
            }
            seat.inbox.push(Received::Packet(Packet::Closed(how.to_owned())));
        }
        state.ended = Some(how.to_owned());
    }

    /// How the connection ended.
    pub(super) fn ended(&self) -> Option<String> {
        self.state.lock().ended.clone()
    }

    pub(super) fn wants_more(&self) -> bool {
        self.state.lock().seats.iter().all(|seat| seat.inbox.wants_more())
    }

    pub(super) fn answers_pings(&self) -> bool {
        self.state.lock().seats.iter().all(|seat| seat.inbox.answers_pings())
    }

    /// Waits until [`Seats::wants_more`] may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn is_polling(&self) -> bool {
        self.polling.load(Ordering::Relaxed)
    }
}
