//! Rooms as the chat examples of axum and tokio keep them: one broadcast channel a room.

use std::collections::HashMap;
use std::sync::Mutex;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// More than the load generator has in flight: a member that misses a message is disconnected.
const CAPACITY: usize = 256;

pub struct Rooms<T>(Mutex<HashMap<String, Sender<T>>>);

impl<T> Default for Rooms<T> {
    fn default() -> Rooms<T> {
        Rooms(Mutex::default())
    }
}

impl<T: Clone> Rooms<T> {
    pub fn join(&self, room: &str) -> Receiver<T> {
        let mut rooms = self.0.lock().expect("no panic");
        rooms.entry(room.to_owned()).or_insert_with(|| broadcast::channel(CAPACITY).0).subscribe()
    }

    pub fn publish(&self, room: &str, message: T) {
        if let Some(sender) = self.0.lock().expect("no panic").get(room) {
            // The room is empty, which is no error.
            let _ = sender.send(message);
        }
    }
}

/// The next broadcast, or never when no room was joined. `None`: one was missed.
pub async fn next<T: Clone>(room: &mut Option<Receiver<T>>) -> Option<T> {
    match room {
        Some(receiver) => receiver.recv().await.ok(),
        None => std::future::pending().await,
    }
}
