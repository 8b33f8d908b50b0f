//! The gateway: what is done with each message.
use crate::dto::{Change, ChatMessage, Join, LOBBY, Room, Say, SendMessage, Told, Typing, WELCOME};
use crate::rooms::RoomService;
use std::sync::Arc;
use switchboard::{Client, DisconnectReason, Error, Gateway, Valid};

/// The handlers, over the service that they share with the routes.
pub struct Chat {
    rooms: Arc<RoomService>,
}

impl Chat {
    /// Which event is handled by which function.
    pub fn gateway(rooms: Arc<RoomService>) -> Gateway<Chat> {
        Gateway::new(Chat { rooms })
            .on_connect(Chat::arrived)
            .on("join", Chat::join)
            .on("leave", Chat::leave)
            .on("message", Chat::message)
            .on("history", Chat::history)
            .on("presence", Chat::presence)
            .on("typing", Chat::typing)
            .on("say", Chat::say)
            .on_disconnect(Chat::left)
    }

    async fn arrived(&self, client: &Client) {
        // Before the join, so that nothing of the lobby comes before it.
        client.emit("welcome", WELCOME);
        client.join(LOBBY);
        self.rooms.tell_others(client, LOBBY, None);
    }

    async fn left(&self, client: &Client, reason: DisconnectReason) {
        let reason = match reason {
            // Everybody leaves: there is nobody to tell.
            DisconnectReason::Shutdown => return,
            DisconnectReason::Client { .. } => "closed",
            _ => "lost",
        };
        self.rooms.gone(client, reason);
    }

    async fn join(&self, join: Valid<Join>, client: &Client) -> Result<(), Error> {
        let Join { room, author } = join.0;
        if let Some(author) = author {
            self.rooms.introduce(client, author);
        }
        let joined = client.join(&room);
        let is_new = joined.is_new();
        joined.await?;
        if is_new {
            let joined = self.rooms.name_of(client).map(|author| Change::Joined { author });
            self.rooms.tell_others(client, room.as_ref(), joined);
        }
        client.emit("people", self.rooms.people(room.as_ref()));
        Ok(())
    }

    async fn leave(&self, room: Valid<Option<Room>>, client: &Client) {
        let room = room.0.unwrap_or_default();
        if client.leave(&room) {
            let left = self.rooms.name_of(client).map(|author| Change::Left { author, reason: "left" });
            self.rooms.tell_others(client, room.as_ref(), left);
        }
    }

    async fn message(&self, message: Valid<SendMessage>, client: &Client) -> Result<(), Error> {
        let SendMessage { author, text, room } = message.0;
        let room = room.unwrap_or_default();
        members_only(client, &room)?;
        self.rooms.introduce(client, author.clone());
        let message = self.rooms.record(&room, author, text);
        client.broadcast_to(&room, "message", Told { room: &room, message: &message });
        Ok(())
    }

    async fn history(&self, room: Valid<Option<Room>>) -> Vec<ChatMessage> {
        self.rooms.history(&room.0.unwrap_or_default())
    }

    async fn presence(&self, room: Valid<Option<Room>>) -> usize {
        self.rooms.present(&room.0.unwrap_or_default())
    }

    async fn typing(&self, typing: Valid<Typing>, client: &Client) -> Result<(), Error> {
        match &typing.room {
            None => client.broadcast("typing", &*typing),
            Some(room) => {
                members_only(client, room)?;
                client.broadcast_to(room, "typing", &*typing)
            }
        };
        Ok(())
    }

    async fn say(&self, say: Valid<Say>, client: &Client) -> Result<(), Error> {
        match &say.room {
            None => client.broadcast("said", &*say),
            Some(room) => {
                members_only(client, room)?;
                client.broadcast_to(room, "said", &*say)
            }
        };
        Ok(())
    }
}

fn members_only(client: &Client, room: &Room) -> Result<(), Error> {
    if client.is_in(room) { Ok(()) } else { Err(Error::forbidden("Join the room before you speak in it")) }
}
