//! Rooms, and what is to be sent to them.

use crate::frame;
use crate::peer::Peer;
use serde::Serialize;
use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Rooms {
    rooms: Mutex<HashMap<String, Room>>,
    /// The rooms that were published to in this turn.
    dirty: Mutex<Vec<String>>,
    wake: Notify,
}

#[derive(Default)]
struct Room {
    members: Vec<Arc<Peer>>,
    /// This turn's frames, encoded once for all members.
    batch: Vec<u8>,
}

impl Rooms {
    pub(crate) fn join(&self, room: String, peer: &Arc<Peer>) {
        self.rooms.lock().expect("no panic").entry(room).or_default().members.push(peer.clone());
    }

    pub(crate) fn leave(&self, peer: &Arc<Peer>) {
        for room in self.rooms.lock().expect("no panic").values_mut() {
            room.members.retain(|member| !Arc::ptr_eq(member, peer));
        }
    }

    pub(crate) fn publish(&self, name: &str, message: &impl Serialize) {
        let mut rooms = self.rooms.lock().expect("no panic");
        let Some(room) = rooms.get_mut(name) else { return };
        if room.batch.is_empty() {
            let mut dirty = self.dirty.lock().expect("no panic");
            dirty.push(name.to_owned());
            if dirty.len() == 1 {
                self.wake.notify_one();
            }
        }
        frame::encode(&mut room.batch, message);
    }
}

/// Runs after the tasks that are ready now: what they published leaves together.
pub(crate) async fn flusher(rooms: Arc<Rooms>) {
    loop {
        rooms.wake.notified().await;
        tokio::task::yield_now().await;
        let dirty = mem::take(&mut *rooms.dirty.lock().expect("no panic"));
        let mut rooms = rooms.rooms.lock().expect("no panic");
        for name in dirty {
            let Some(room) = rooms.get_mut(&name) else { continue };
            room.members.iter().for_each(|peer| peer.send(&room.batch));
            room.batch.clear();
        }
    }
}
