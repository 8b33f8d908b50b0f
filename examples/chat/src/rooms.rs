//! The service: what is remembered of rooms and people, and what they are told.
use crate::clock::Clock;
use crate::dto::{Author, Change, ChatMessage, LOBBY, OpenRoom, People, Room, Tick};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use switchboard::{Client, Delivery, Server, injectable};
use tokio::time::{Instant, interval};

/// The messages that are kept of a room.
const MESSAGES: usize = 100;
/// The rooms whose messages are kept.
const ROOMS: usize = 64;
/// The names, and the open rooms, that are listed.
const LISTED: usize = 100;
const TICK: Duration = Duration::from_secs(30);

/// History and presence. Shared by the gateway, the routes and a background task.
#[injectable]
pub struct RoomService {
    #[inject]
    server: Server,
    #[inject]
    clock: Arc<Clock>,
    /// The room that was spoken in last is last.
    histories: Mutex<VecDeque<History>>,
    /// Held from looking who is there to queueing the push, so that the last list that a room hears is the newest.
    telling: Mutex<()>,
}

struct History {
    room: Room,
    messages: VecDeque<ChatMessage>,
}

/// What is remembered of a connection.
#[derive(Clone, Default)]
struct Person {
    name: Option<Author>,
}

impl RoomService {
    /// Keeps a message; the oldest of its room makes place for it, and the room of the longest silence for a new room.
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

    /// The messages that are kept of a room, oldest first.
    pub fn history(&self, room: &Room) -> Vec<ChatMessage> {
        let histories = self.histories.lock();
        let history = histories.iter().find(|history| history.room == *room);
        history.map(|history| history.messages.iter().cloned().collect()).unwrap_or_default()
    }

    /// How many are in a room.
    pub fn present(&self, room: &Room) -> usize {
        self.server.count_in(room)
    }

    /// Who is in a room.
    pub fn people<'a>(&self, room: &'a str) -> People<'a> {
        let members = self.server.clients_in(room);
        let mut names: Vec<Author> = members.iter().filter_map(|member| self.name_of(member)).collect();
        names.sort_unstable();
        names.truncate(LISTED);
        People { room, count: members.len(), names, change: None }
    }

    /// The rooms that somebody is in, the fullest first.
    pub fn open(&self) -> Vec<OpenRoom> {
        let name = |room: &str| OpenRoom { room: room.to_owned(), count: self.server.count_in(room) };
        let mut rooms: Vec<OpenRoom> = self.server.rooms().iter().map(|room| name(room)).collect();
        rooms.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.room.cmp(&b.room)));
        rooms.truncate(LISTED);
        rooms
    }

    /// The name that a client goes by, if it has given one.
    pub fn name_of(&self, client: &Client) -> Option<Author> {
        client.state::<Person>().get().name
    }

    /// Remembers a client's name, and tells everybody who shares a room with it if that is news.
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

    /// Takes a client that is gone out of its rooms, and tells the others.
    pub fn gone(&self, client: &Client, reason: &'static str) {
        for room in client.rooms() {
            client.leave(&room);
            let left = self.name_of(client).map(|author| Change::Left { author, reason });
            self.tell_others(client, &room, left);
        }
    }

    /// Tells a room who is in it, except for the client that the change is about.
    pub fn tell_others(&self, client: &Client, room: &str, change: Option<Change>) {
        let others = client.to(room);
        // A mere number is soon out of date: a client that is slow to read needs only the last.
        let others = if change.is_none() { others.latest(format!("people {room}")) } else { others };
        let _one_at_a_time = self.telling.lock();
        others.emit("people", People { change, ..self.people(room) });
    }

    /// Tells everybody in the lobby.
    pub fn announce(&self, text: &str) -> Delivery {
        self.server.broadcast_to(LOBBY, "announce", text)
    }

    /// Tells the lobby every half a minute that the server is there; a client that is slow to read is spared.
    pub async fn tick(&self) -> Infallible {
        let started = Instant::now();
        let mut interval = interval(TICK);
        // The first one comes at once.
        interval.tick().await;
        loop {
            interval.tick().await;
            let tick = Tick { uptime_s: started.elapsed().as_secs(), clients: self.server.client_count() };
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
