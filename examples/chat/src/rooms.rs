//! The service: history and presence of rooms, and the pushes about them.
use crate::clock::Clock;
use crate::dto::{Author, Change, ChatMessage, LOBBY, OpenRoom, People, Room, Tick};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use switchboard::{Client, Delivery, Server, injectable};
use tokio::time::{Instant, interval};

/// How many messages of a room are kept.
const MESSAGES: usize = 100;
/// How many rooms have a history.
const ROOMS: usize = 64;
/// How many names, and how many open rooms, are listed.
const LISTED: usize = 100;
const TICK: Duration = Duration::from_secs(30);

/// History and presence. Shared by the gateway, the routes and a background task.
#[injectable]
pub struct RoomService {
    #[inject]
    server: Server,
    #[inject]
    clock: Arc<Clock>,
    /// Ordered by the last message: the most recently used room is last.
    histories: Mutex<VecDeque<History>>,
    /// Held while the members are read and the push is queued, so that the last list that a room receives is the
    /// newest.
    telling: Mutex<()>,
}

struct History {
    room: Room,
    messages: VecDeque<ChatMessage>,
}

/// The state of a connection.
#[derive(Clone, Default)]
struct Person {
    name: Option<Author>,
}

impl RoomService {
    /// Stores a message. It replaces the oldest of its room; a new room replaces the least recently used one.
    pub fn record(&self, room: &Room, author: Author, text: String) -> ChatMessage {
        let message = ChatMessage { author, text, at: self.clock.now() };
        let mut histories = self.histories.lock();
        let known = histories.iter().position(|history| history.room == *room);
        let mut history = known
            .and_then(|at| histories.remove(at))
            .unwrap_or_else(|| History { room: room.clone(), messages: VecDeque::new() });
        if history.messages.len() == MESSAGES {
            history.messages.pop_front();
        }
        history.messages.push_back(message.clone());
        if histories.len() == ROOMS
            && let Some(silent) = histories.iter().position(|history| history.room.as_ref() != LOBBY)
        {
            histories.remove(silent);
        }
        histories.push_back(history);
        message
    }

    /// The stored messages of a room, oldest first.
    pub fn history(&self, room: &Room) -> Vec<ChatMessage> {
        let histories = self.histories.lock();
        let history = histories.iter().find(|history| history.room == *room);
        history.map(|history| history.messages.iter().cloned().collect()).unwrap_or_default()
    }

    /// The number of members of a room.
    pub fn present(&self, room: &Room) -> usize {
        self.server.local().count_in(room)
    }

    /// The members of a room.
    pub fn people<'a>(&self, room: &'a str) -> People<'a> {
        let members = self.server.local().clients_in(room);
        let mut names: Vec<Author> = members.iter().filter_map(|member| self.name_of(member)).collect();
        names.sort_unstable();
        names.truncate(LISTED);
        People { room, count: members.len(), names, change: None }
    }

    /// The rooms that have members, largest first.
    pub fn open(&self) -> Vec<OpenRoom> {
        let name = |room: &str| OpenRoom { room: room.to_owned(), count: self.server.local().count_in(room) };
        let mut rooms: Vec<OpenRoom> = self.server.local().rooms().iter().map(|room| name(room)).collect();
        rooms.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.room.cmp(&b.room)));
        rooms.truncate(LISTED);
        rooms
    }

    /// The name of a client, if it has given one.
    pub fn name_of(&self, client: &Client) -> Option<Author> {
        client.state::<Person>().get().name
    }

    /// Stores a client's name. If it is new, all clients that share a room with the client are told.
    pub fn introduce(&self, client: &Client, author: Author) {
        let before = client.state::<Person>().set(Person { name: Some(author.clone()) }).name;
        let change = match before {
            Some(was) if was == author => return,
            Some(was) => Change::Renamed { author, was },
            None => Change::Joined { author },
        };
        for room in client.rooms() {
            self.tell_others(client, &room, Some(change.clone()));
        }
    }

    /// Removes a client that has left from its rooms, and tells the others.
    pub fn gone(&self, client: &Client, reason: &'static str) {
        for room in client.rooms() {
            client.leave(&room);
            let left = self.name_of(client).map(|author| Change::Left { author, reason });
            self.tell_others(client, &room, left);
        }
    }

    /// Sends a room the list of its members, except to the client that the change is about.
    pub fn tell_others(&self, client: &Client, room: &str, change: Option<Change>) {
        let others = client.to(room);
        // A number alone is soon out of date, so a client that reads slowly needs only the last one.
        let others = if change.is_none() { others.latest(format!("people {room}")) } else { others };
        let _one_at_a_time = self.telling.lock();
        others.emit("people", People { change, ..self.people(room) });
    }

    /// Sends an announcement to the lobby.
    pub fn announce(&self, text: &str) -> Delivery {
        self.server.broadcast_to(LOBBY, "announce", text)
    }

    /// Sends a sign of life to the lobby every 30 seconds; it is dropped for clients that read slowly.
    pub async fn tick(&self) -> Infallible {
        let started = Instant::now();
        let mut interval = interval(TICK);
        // The first tick of the interval comes at once.
        interval.tick().await;
        loop {
            interval.tick().await;
            let tick = Tick { uptime_s: started.elapsed().as_secs(), clients: self.server.local().client_count() };
            self.server.to(LOBBY).volatile().emit("tick", tick);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChatModule;
    use switchboard::testing::TestApp;

    fn author() -> Author {
        serde_json::from_str("\"ada\"").unwrap()
    }

    fn room(name: &str) -> Room {
        serde_json::from_value(name.into()).unwrap()
    }

    #[tokio::test]
    async fn history_is_bounded_and_the_lobby_is_not_forgotten() {
        let rooms = TestApp::of::<ChatModule>().start().await.resolve::<RoomService>();
        rooms.record(&Room::default(), author(), "first".to_owned());
        for n in 0..ROOMS + 10 {
            rooms.record(&room(&format!("room {n}")), author(), "hi".to_owned());
        }
        for n in 0..MESSAGES + 5 {
            rooms.record(&room("busy"), author(), n.to_string());
        }
        assert_eq!(rooms.histories.lock().len(), ROOMS);
        assert_eq!(rooms.history(&Room::default()).len(), 1);
        assert_eq!(rooms.history(&room("room 0")), []);
        let busy = rooms.history(&room("busy"));
        assert_eq!((busy.len(), busy[0].text.as_str()), (MESSAGES, "5"));
    }
}
