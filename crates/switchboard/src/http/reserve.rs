//! One descriptor that is kept for the moment when there is no other.
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use tokio::net::TcpListener;

/// The system's numbers for "this process has no descriptor left", and "nobody has", the same on every Unix.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
const ENOMEM: i32 = 12;
const ENOBUFS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 105 } else { 55 };

/// True when there is no descriptor for the connection that waits.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// True when the system has no memory for the connection that waits. Other errors are of that one connection.
pub(crate) fn wants_memory(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENOMEM | ENOBUFS))
}

/// A descriptor of nothing.
pub(crate) struct Reserve(Option<File>);

impl Reserve {
    pub(crate) fn new() -> Reserve {
        Reserve(File::open("/dev/null").ok())
    }

    /// Closes the connection that waits, so that its peer is told at once instead of waiting for nothing. False when there was
    /// none, or no reserve descriptor.
    pub(crate) async fn refuse_one(&mut self, listener: &TcpListener) -> bool {
        if self.0.take().is_none() {
            *self = Reserve::new();
            return false;
        }
        let refused = poll_fn(|cx| Poll::Ready(matches!(listener.poll_accept(cx), Poll::Ready(Ok(_))))).await;
        *self = Reserve::new();
        refused
    }
}
