//! [`Threads`]: runtimes of one thread each, for connections that are not to move between cores.
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// Threads with a current-thread runtime each. They end when this is dropped, and with them what still runs there.
pub(crate) struct Threads {
    handles: Vec<Handle>,
    next: AtomicUsize,
    /// Ends the threads when it is dropped.
    _alive: watch::Sender<()>,
}

impl Threads {
    /// Errors: the system cannot create a thread or a runtime.
    pub(crate) fn start(count: usize) -> io::Result<Threads> {
        let (alive, over) = watch::channel(());
        let start = |nth: usize| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (handle, mut over) = (runtime.handle().clone(), over.clone());
            thread::Builder::new().name(format!("switchboard-{nth}")).spawn(move || {
                runtime.block_on(async { while over.changed().await.is_ok() {} });
            })?;
            Ok(handle)
        };
        let handles = (0..count).map(start).collect::<io::Result<_>>()?;
        Ok(Threads { handles, next: AtomicUsize::new(0), _alive: alive })
    }

    /// The next runtime, in turn.
    pub(crate) fn next(&self) -> &Handle {
        &self.handles[self.next.fetch_add(1, Ordering::Relaxed) % self.handles.len()]
    }
}
