//! The service: who is in a room, and over which transport.
use crate::dto::{InRoom, Member, Name};
use crate::names::Person;
use parking_lot::Mutex;
use switchboard::{Client, Server, Transport, injectable};

/// How many members are listed.
const LISTED: usize = 100;

/// Tells rooms who is in them.
#[injectable]
pub struct People {
    #[inject]
    server: Server,
    /// Held while the members are read and the push is queued, so that the last list that a room receives is the
    /// newest.
    telling: Mutex<()>,
}

impl People {
    /// Tells a room who is in it.
    pub fn tell(&self, room: &str, news: Option<String>) {
        let _one_at_a_time = self.telling.lock();
        let members = self.server.local().clients_in(room);
        let mut people: Vec<Member> = members.iter().filter_map(member).collect();
        people.sort_unstable();
        people.truncate(LISTED);
        self.server.to(room).emit("people", InRoom { room, people, news });
    }

    /// Takes a client that has gone out of its rooms, and tells them.
    pub fn gone(&self, client: &Client, name: &Name) {
        for room in client.rooms() {
            client.leave(&room);
            self.tell(&room, Some(format!("{} left", name.as_ref())));
        }
    }

    /// Ends the connections of a person who is in a room. Returns how many there were.
    pub fn remove(&self, room: &str, name: &Name, by: &Name) -> usize {
        let connections = self.server.local().clients_of(name);
        if !connections.iter().any(|client| client.is_in(room)) {
            return 0;
        }
        // Socket.IO's client gets a DISCONNECT of the namespace, and a raw WebSocket the close code 4503. After either, a
        // client does not come back by itself.
        for client in &connections {
            client.emit("kicked", by);
            client.disconnect();
        }
        connections.len()
    }
}

fn member(client: &Client) -> Option<Member> {
    let (name, socketio) = client.state::<Person>().get().seen()?;
    Some(Member { name, over: over(client), socketio })
}

/// What carries the messages of a client.
pub fn over(client: &Client) -> &'static str {
    match client.transport() {
        Transport::Polling => "polling",
        _ => "websocket",
    }
}
