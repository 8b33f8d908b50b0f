//! [`Inbox`]: what a client has received and the test has not taken.
use super::received::Received;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The number of messages that a client keeps.
const MOST: usize = 1024;
/// The number of bytes that a client keeps; the last message may exceed it.
const MOST_BYTES: usize = 64 << 20;

pub(super) struct Inbox {
    state: Mutex<State>,
    /// Tells the test that something has arrived.
    arrived: Notify,
    /// Tells the task that fills the inbox that there is room, or that a setting has changed. A task that fills several
    /// inboxes has the same for all of them.
    changed: Arc<Notify>,
}

struct State {
    queue: VecDeque<Received>,
    bytes: usize,
    /// Requests whose answers are taken by a [`TestStream`](super::TestStream).
    claimed: Vec<String>,
    reads: bool,
    answers_pings: bool,
    /// How the connection ended.
    ended: Option<String>,
}

impl State {
    fn is_claimed(&self, received: &Received) -> bool {
        let Some(message) = received.as_message() else { return false };
        self.claimed.iter().any(|id| message.answers(id))
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= MOST || self.bytes >= MOST_BYTES
    }
}

/// Why a wait ended without what it waited for.
pub(super) enum Missing {
    TimedOut { after: Duration, waiting: usize, first: Option<String>, full: bool },
    Ended(String),
    NotReading,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        Inbox::told_by(Arc::default())
    }

    /// An inbox whose task is told of changes by this.
    pub(super) fn told_by(changed: Arc<Notify>) -> Inbox {
        let (queue, claimed) = (VecDeque::new(), Vec::new());
        let state = State { queue, bytes: 0, claimed, reads: true, answers_pings: true, ended: None };
        Inbox { state: Mutex::new(state), arrived: Notify::new(), changed }
    }

    pub(super) fn push(&self, received: Received) {
        let mut state = self.state.lock();
        if received.is_last() {
            state.ended = Some(received.to_string());
        }
        state.bytes += received.len();
        state.queue.push_back(received);
        drop(state);
        self.arrived.notify_one();
    }

    pub(super) fn wants_more(&self) -> bool {
        let state = self.state.lock();
        state.reads && !state.is_full()
    }

    pub(super) fn answers_pings(&self) -> bool {
        self.state.lock().answers_pings
    }

    pub(super) fn set_reads(&self, reads: bool) {
        self.state.lock().reads = reads;
        self.changed.notify_one();
    }

    pub(super) fn set_answers_pings(&self, answers: bool) {
        self.state.lock().answers_pings = answers;
    }

    /// Waits until [`Inbox::wants_more`] may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Makes [`next`](Inbox::next) skip answers to this request.
    pub(super) fn claim(&self, id: &str) {
        self.state.lock().claimed.push(id.to_owned());
    }

    /// Ends a claim.
    pub(super) fn release(&self, id: &str) {
        self.state.lock().claimed.retain(|claimed| claimed != id);
    }

    /// Takes the next message that is not claimed, waiting until `deadline`.
    pub(super) async fn next(&self, deadline: Instant) -> Result<Received, Missing> {
        self.search(deadline, |state, received| !state.is_claimed(received)).await
    }

    /// Takes the first message that is wanted; earlier ones stay.
    pub(super) async fn find(
        &self,
        deadline: Instant,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Received, Missing> {
        self.search(deadline, |_, received| wanted(received)).await
    }

    async fn search(&self, deadline: Instant, wanted: impl Fn(&State, &Received) -> bool) -> Result<Received, Missing> {
        let started = Instant::now();
        // Messages before this index have been looked at and are not wanted.
        let mut seen = 0;
        let search = async {
            loop {
                if let Some(outcome) = self.look(&mut seen, &wanted) {
                    return outcome;
                }
                self.arrived.notified().await;
            }
        };
        match tokio::time::timeout_at(deadline, search).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let state = self.state.lock();
                Err(Missing::TimedOut {
                    after: started.elapsed(),
                    waiting: state.queue.len(),
                    first: state.queue.front().map(ToString::to_string),
                    full: state.is_full(),
                })
            }
        }
    }

    fn look(&self, seen: &mut usize, wanted: impl Fn(&State, &Received) -> bool) -> Option<Result<Received, Missing>> {
        let mut state = self.state.lock();
        let found = state.queue.iter().skip(*seen).position(|received| wanted(&state, received));
        if let Some(received) = found.and_then(|at| state.queue.remove(*seen + at)) {
            state.bytes -= received.len();
            drop(state);
            self.changed.notify_one();
            return Some(Ok(received));
        }
        *seen = state.queue.len();
        if let Some(ended) = &state.ended {
            return Some(Err(Missing::Ended(ended.clone())));
        }
        (!state.reads).then_some(Err(Missing::NotReading))
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::TimedOut { after, waiting, first, full } => {
                write!(f, "nothing came within {after:?}")?;
                if let Some(first) = first {
                    write!(f, "; {waiting} message(s) wait to be taken, first {first}")?;
                }
                if *full {
                    f.write_str("; the client keeps no more, and has stopped reading")?;
                }
                Ok(())
            }
            Missing::Ended(how) => write!(f, "the connection has ended: {how}"),
            Missing::NotReading => f.write_str("the client does not read; call `read_again` first"),
        }
    }
}
