//! The gateway: how each message is handled.
use crate::dto::{Change, ChatMessage, Join, LOBBY, Room, Say, SendMessage, Told, Typing, WELCOME};
use crate::rooms::RoomService;
use std::sync::Arc;
use switchboard::prelude::*;

/// The handlers. They share the service with the routes.
#[gateway(path = "/ws")]
pub struct ChatGateway {
    #[inject]
    rooms: Arc<RoomService>,
}

#[messages]
impl ChatGateway {
    #[on_connect]
    async fn arrived(&self, client: &Client) {
        // Before the join, so that no event of the lobby precedes it.
        client.emit("welcome", WELCOME);
        client.join(LOBBY);
        self.rooms.tell_others(client, LOBBY, None);
    }

    #[on_disconnect]
    async fn left(&self, client: &Client, reason: DisconnectReason) {
        let reason = match reason {
            // At a shutdown every client leaves, so no client needs to be told.
            DisconnectReason::Shutdown => return,
            DisconnectReason::Client { .. } => "closed",
            _ => "lost",
        };
        self.rooms.gone(client, reason);
    }

    #[subscribe_message("join")]
    async fn join(&self, join: Join, client: &Client) -> Result<(), Error> {
        let Join { room, author } = join;
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

    #[subscribe_message("leave")]
    async fn leave(&self, room: Option<Room>, client: &Client) {
        let room = room.unwrap_or_default();
        if client.leave(&room) {
            let left = self.rooms.name_of(client).map(|author| Change::Left { author, reason: "left" });
            self.rooms.tell_others(client, room.as_ref(), left);
        }
    }

    #[subscribe_message("message")]
    async fn message(&self, message: SendMessage, client: &Client) -> Result<(), Error> {
        let SendMessage { author, text, room } = message;
        let room = room.unwrap_or_default();
        members_only(client, &room)?;
        self.rooms.introduce(client, author.clone());
        let message = self.rooms.record(&room, author, text);
        client.broadcast_to(&room, "message", Told { room: &room, message: &message });
        Ok(())
    }

    #[subscribe_message("history")]
    async fn history(&self, room: Option<Room>) -> Vec<ChatMessage> {
        self.rooms.history(&room.unwrap_or_default())
    }

    #[subscribe_message("presence")]
    async fn presence(&self, room: Option<Room>) -> usize {
        self.rooms.present(&room.unwrap_or_default())
    }

    #[subscribe_message("typing")]
    async fn typing(&self, typing: Typing, client: &Client) -> Result<(), Error> {
        match &typing.room {
            None => client.broadcast("typing", &typing),
            Some(room) => {
                members_only(client, room)?;
                client.broadcast_to(room, "typing", &typing)
            }
        };
        Ok(())
    }

    #[subscribe_message("say")]
    async fn say(&self, say: Say, client: &Client) -> Result<(), Error> {
        match &say.room {
            None => client.broadcast("said", &say),
            Some(room) => {
                members_only(client, room)?;
                client.broadcast_to(room, "said", &say)
            }
        };
        Ok(())
    }
}

fn members_only(client: &Client, room: &Room) -> Result<(), Error> {
    if client.is_in(room) { Ok(()) } else { Err(Error::forbidden("Join the room before you speak in it")) }
}
