//! How far an HTTP connection is: whether it answers a request, or only waits for one.
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Changed by the connection's own task alone.
#[derive(Default)]
pub(super) struct Progress {
    /// Requests whose answer hyper has not taken completely.
    answering: AtomicUsize,
    /// The socket refused bytes when it was last written to.
    refuses: AtomicBool,
}

impl Progress {
    /// True if nothing is owed: every request that has arrived completely is answered, and the answers are written.
    pub(super) fn owes_nothing(&self) -> bool {
        self.answering.load(Relaxed) == 0 && !self.refuses.load(Relaxed)
    }

    pub(super) fn owe(self: &Arc<Self>) -> Owed {
        self.answering.fetch_add(1, Relaxed);
        Owed(self.clone())
    }
}

/// An answer that hyper has not taken completely; counted until dropped.
pub(super) struct Owed(Arc<Progress>);

impl Drop for Owed {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer, which is owed until hyper drops it.
pub(super) struct Told {
    body: Body,
    _owed: Owed,
}

impl Told {
    pub(super) fn new(body: Body, owed: Owed) -> Told {
        Told { body, _owed: owed }
    }
}

impl hyper::body::Body for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The stream of an HTTP connection, which notes when it refuses bytes.
pub(super) struct Watched<S> {
    stream: S,
    progress: Arc<Progress>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>) -> Watched<S> {
        Watched { stream, progress }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    fn noted<T>(&self, polled: Poll<T>) -> Poll<T> {
        self.progress.refuses.store(polled.is_pending(), Relaxed);
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.noted(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.noted(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
