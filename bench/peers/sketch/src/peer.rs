//! The writing half of a connection.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use tokio::net::tcp::OwnedWriteHalf;

pub(crate) struct Peer {
    socket: OwnedWriteHalf,
    /// What the socket would not take; a task, spawned when there is something, drains it.
    pending: Mutex<Vec<u8>>,
}

impl Peer {
    pub(crate) fn new(socket: OwnedWriteHalf) -> Peer {
        Peer { socket, pending: Mutex::default() }
    }

    pub(crate) fn send(self: &Arc<Self>, bytes: &[u8]) {
        let mut pending = self.pending.lock().expect("no panic");
        let idle = pending.is_empty();
        let sent = if idle { self.socket.try_write(bytes).unwrap_or(0) } else { 0 };
        if sent == bytes.len() {
            return;
        }
        pending.extend_from_slice(&bytes[sent..]);
        if idle {
            tokio::spawn(self.clone().drain());
        }
    }

    async fn drain(self: Arc<Self>) {
        while self.socket.writable().await.is_ok() {
            let mut pending = self.pending.lock().expect("no panic");
            match self.socket.try_write(&pending) {
                Ok(sent) => drop(pending.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => pending.clear(),
            }
            if pending.is_empty() {
                *pending = Vec::new();
                return;
            }
        }
    }
}
