//! [`Mailbox`]: what HTTP requests hand to their session: a poll, the body of a POST, a WebSocket to upgrade to.
use super::socket::Socket;
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use switchboard_core::engineio::Refusal;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The way into a session. It holds at most one poll, one POST and one upgrade, as the protocol demands.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    born: Instant,
    /// When the session ends without a sign of its client, in milliseconds since `born`. Requests are judged by it, so that one
    /// that comes too late is refused even if the session's task has not run yet.
    expires: AtomicU64,
}

struct State {
    waker: Option<Waker>,
    /// The poll that waits for packets.
    poll: Option<oneshot::Sender<Bytes>>,
    /// A POST is being read, or its packets are being handled.
    posting: bool,
    post: Option<Post>,
    /// A WebSocket is being opened, or probed.
    upgrading: bool,
    upgraded: Option<Socket>,
    fault: Option<Fault>,
    /// Polls and POSTs are served.
    polls: bool,
    may_upgrade: bool,
    closed: bool,
}

/// The body of a POST, and who waits for its packets to be handled.
pub(super) struct Post {
    pub(super) body: Bytes,
    pub(super) done: oneshot::Sender<Result<(), Refusal>>,
}

/// What a request has done that ends the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A second poll while one is parked, or a second POST while one is handled.
    Overlap,
    /// A poll or a POST whose client has gone before its end.
    Aborted,
    /// The body of a POST is not what it has to be.
    Malformed(&'static str),
}

/// What has come since the session's last turn.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) post: Option<Post>,
    pub(super) upgraded: Option<Socket>,
    pub(super) fault: Option<Fault>,
}

impl Mailbox {
    /// `polls`: the session begins with polling. `may_upgrade`: it may be upgraded to a WebSocket.
    pub(crate) fn new(polls: bool, may_upgrade: bool) -> Mailbox {
        Mailbox {
            state: Mutex::new(State {
                waker: None,
                poll: None,
                posting: false,
                post: None,
                upgrading: false,
                upgraded: None,
                fault: None,
                polls,
                may_upgrade,
                closed: false,
            }),
            born: Instant::now(),
            expires: AtomicU64::new(u64::MAX),
        }
    }

    /// The state, if requests of this session are still served.
    fn open(&self) -> Result<MutexGuard<'_, State>, Refusal> {
        let state = self.state.lock();
        // While packets of a POST wait, the client cannot send a pong: the session judges that itself.
        let is_late =
            !state.posting && self.born.elapsed() >= Duration::from_millis(self.expires.load(Ordering::Relaxed));
        if state.closed || state.fault.is_some() || is_late {
            drop(state);
            self.wake();
            return Err(Refusal::UNKNOWN_SID);
        }
        Ok(state)
    }

    fn wake(&self) {
        let waker = self.state.lock().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Parks a poll until there are packets.
    ///
    /// Errors: the session is gone, is not polling, or has a poll already, which ends it.
    pub(crate) fn park(&self) -> Result<oneshot::Receiver<Bytes>, Refusal> {
        let mut state = self.open()?;
        if !state.polls {
            return Err(Refusal::BAD_REQUEST);
        }
        let parked = if state.poll.is_some() {
            state.fault = Some(Fault::Overlap);
            Err(Refusal::BAD_REQUEST)
        } else {
            let (sender, receiver) = oneshot::channel();
            state.poll = Some(sender);
            Ok(receiver)
        };
        drop(state);
        self.wake();
        parked
    }

    /// Begins a POST, whose body is read next.
    ///
    /// Errors: as [`park`](Mailbox::park), for POSTs.
    pub(crate) fn begin_post(self: &Arc<Self>) -> Result<Posting, Refusal> {
        let mut state = self.open()?;
        if !state.polls {
            return Err(Refusal::BAD_REQUEST);
        }
        let is_second = std::mem::replace(&mut state.posting, true);
        if is_second {
            state.fault = Some(Fault::Overlap);
        }
        drop(state);
        if is_second {
            self.wake();
            return Err(Refusal::BAD_REQUEST);
        }
        Ok(Posting { mailbox: self.clone(), is_handed_over: false })
    }

    /// Begins an upgrade, whose WebSocket is opened next.
    ///
    /// Errors: the session is gone, may not be upgraded, is a WebSocket already, or has an upgrade under way.
    pub(crate) fn begin_upgrade(self: &Arc<Self>) -> Result<Upgrading, Refusal> {
        let mut state = self.open()?;
        if !state.polls || !state.may_upgrade || state.upgrading {
            return Err(Refusal::BAD_REQUEST);
        }
        state.upgrading = true;
        drop(state);
        Ok(Upgrading { mailbox: self.clone(), is_handed_over: false })
    }

    /// Leaves the waker of the session's task.
    pub(super) fn register(&self, cx: &Context<'_>) {
        let mut state = self.state.lock();
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
    }

    pub(super) fn set_expiry(&self, at: Instant) {
        let since = at.saturating_duration_since(self.born);
        // Rounded up: a request is not refused before its time.
        let since = u64::try_from(since.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        self.expires.store(since, Ordering::Relaxed);
    }

    /// Takes what has come. A poll stays here until it is answered.
    pub(super) fn take(&self, cx: &mut Context<'_>) -> Mail {
        let mut state = self.state.lock();
        if let Some(poll) = &mut state.poll
            && poll.poll_closed(cx) == Poll::Ready(())
        {
            state.poll = None;
            state.fault.get_or_insert(Fault::Aborted);
        }
        Mail { post: state.post.take(), upgraded: state.upgraded.take(), fault: state.fault }
    }

    pub(super) fn has_poll(&self) -> bool {
        self.state.lock().poll.is_some()
    }

    /// Answers the poll. False if there is none, or its client has gone.
    pub(super) fn answer(&self, payload: Vec<u8>) -> bool {
        let poll = self.state.lock().poll.take();
        poll.is_some_and(|poll| poll.send(payload.into()).is_ok())
    }

    /// True while a POST is read, or its packets are handled.
    pub(super) fn is_posting(&self) -> bool {
        self.state.lock().posting
    }

    /// The packets of the POST are handled: another one may come.
    pub(super) fn posted(&self) {
        self.state.lock().posting = false;
    }

    /// The WebSocket that was probed is gone: another one may be tried.
    pub(super) fn probed(&self) {
        self.state.lock().upgrading = false;
    }

    /// The session is a WebSocket now.
    pub(super) fn polls_no_more(&self) {
        self.state.lock().polls = false;
    }

    /// The session serves no further request.
    pub(super) fn close(&self) {
        let (poll, post) = {
            let mut state = self.state.lock();
            state.closed = true;
            (state.poll.take(), state.post.take())
        };
        drop((poll, post));
    }
}

/// A POST whose body is being read.
pub(crate) struct Posting {
    mailbox: Arc<Mailbox>,
    is_handed_over: bool,
}

impl Posting {
    /// Hands the body to the session, and waits until its packets are taken.
    ///
    /// Errors: the answer to a payload that is not what it has to be.
    pub(crate) async fn hand_over(mut self, body: Bytes) -> Result<(), Refusal> {
        let (done, taken) = oneshot::channel();
        {
            let mut state = self.mailbox.open()?;
            state.post = Some(Post { body, done });
        }
        self.is_handed_over = true;
        self.mailbox.wake();
        taken.await.unwrap_or(Err(Refusal::UNKNOWN_SID))
    }

    /// True if the session has ended meanwhile, so that nothing of the body is wanted.
    pub(crate) fn is_over(&self) -> bool {
        self.mailbox.open().is_err()
    }

    /// The body is of a kind that ends the session.
    pub(crate) fn malformed(mut self, reason: &'static str) {
        self.is_handed_over = true;
        self.mailbox.state.lock().fault.get_or_insert(Fault::Malformed(reason));
        self.mailbox.wake();
    }

    /// The body is refused, and the session goes on.
    pub(crate) fn refuse(mut self) {
        self.is_handed_over = true;
        self.mailbox.posted();
        // An upgrade may wait for the end of the POST.
        self.mailbox.wake();
    }
}

impl Drop for Posting {
    fn drop(&mut self) {
        if !self.is_handed_over {
            self.mailbox.state.lock().fault.get_or_insert(Fault::Aborted);
            self.mailbox.wake();
        }
    }
}

/// A WebSocket that is being opened for a session.
pub(crate) struct Upgrading {
    mailbox: Arc<Mailbox>,
    is_handed_over: bool,
}

impl Upgrading {
    pub(crate) fn hand_over(mut self, socket: Socket) {
        let mut state = self.mailbox.state.lock();
        if state.closed {
            return;
        }
        state.upgraded = Some(socket);
        drop(state);
        self.is_handed_over = true;
        self.mailbox.wake();
    }
}

impl Drop for Upgrading {
    fn drop(&mut self) {
        if !self.is_handed_over {
            self.mailbox.probed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_comes_too_late_is_refused_unless_a_post_is_handled() {
        let mailbox = Arc::new(Mailbox::new(true, true));
        mailbox.set_expiry(Instant::now() + Duration::from_secs(60));
        let posting = mailbox.begin_post().unwrap();
        mailbox.set_expiry(mailbox.born);
        assert!(!posting.is_over());
        assert!(mailbox.park().is_ok(), "the client waits for us");
        posting.refuse();
        assert_eq!(mailbox.begin_post().err(), Some(Refusal::UNKNOWN_SID));
        assert_eq!(mailbox.begin_upgrade().err(), Some(Refusal::UNKNOWN_SID));
    }
}
