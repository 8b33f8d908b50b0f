//! [`Reserve`]: one file descriptor that is kept for the moment when the process has no other left.
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use tokio::net::TcpListener;

/// The error numbers for "this process has no descriptor left" and "the whole system has none left", the same on every Unix.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
const ENOMEM: i32 = 12;
const ENOBUFS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 105 } else { 55 };

/// True if there is no descriptor for the connection that waits.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// True if the system has no memory for the connection that waits. Other errors concern that connection alone.
pub(crate) fn wants_memory(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENOMEM | ENOBUFS))
}

/// The descriptor: an open `/dev/null`.
pub(crate) struct Reserve(Option<File>);

impl Reserve {
    pub(crate) fn new() -> Reserve {
        Reserve(File::open("/dev/null").ok())
    }

    /// Closes the connection that waits, so that its peer is told at once instead of waiting for nothing. False if none waits, or
    /// if there was no reserve descriptor.
    pub(crate) async fn refuse_one(&mut self, listener: &TcpListener) -> bool {
        // This closes the descriptor, so that the connection below can be accepted with it.
        if self.0.take().is_none() {
            *self = Reserve::new();
            return false;
        }
        let refused = poll_fn(|cx| Poll::Ready(matches!(listener.poll_accept(cx), Poll::Ready(Ok(_))))).await;
        *self = Reserve::new();
        refused
    }
}
