//! The gateway. Nothing in it depends on the kind of client.
use crate::dto::{Draw, Drawn, Name, Room, Said, Text, Typing};
use crate::names::{Named, Person, Visitor};
use crate::people::{People, over};
use std::sync::Arc;
use switchboard::prelude::*;

/// The handlers.
#[gateway(path = "/ws")]
#[use_guards(Named)]
pub struct ChatGateway {
    #[inject]
    people: Arc<People>,
}

#[messages]
impl ChatGateway {
    #[on_connect]
    async fn arrived(&self, visitor: User<Visitor>, person: ConnState<Person>) {
        Person::note(&person, &visitor);
    }

    #[on_disconnect]
    async fn left(&self, client: &Client, visitor: User<Visitor>, reason: DisconnectReason) {
        // At a shutdown all leave, and nobody needs to be told.
        if reason != DisconnectReason::Shutdown {
            self.people.gone(client, &visitor.name);
        }
    }

    #[subscribe_message("join")]
    async fn join(&self, room: Room, client: &Client, visitor: User<Visitor>) -> Result<(), Error> {
        let joined = client.join(&room);
        let is_new = joined.is_new();
        joined.await?;
        if is_new {
            self.people.tell(room.as_ref(), Some(format!("{} joined", visitor.name.as_ref())));
        }
        Ok(())
    }

    /// Two arguments: `socket.emit("say", room, text)`. A raw client sends them as an array. The answer is the number of
    /// those whom it was sent to.
    #[subscribe_message("say")]
    async fn say(
        &self,
        Args((room, text)): Args<(Room, Text)>,
        client: &Client,
        visitor: User<Visitor>,
    ) -> Result<usize, Error> {
        members_only(client, &room)?;
        let said = Said { room: &room, name: visitor.name.clone(), text: &text };
        Ok(client.broadcast_to(&room, "said", said).queued)
    }

    /// The picture is bytes: attachments of Socket.IO's packets, in both directions.
    #[subscribe_message("draw")]
    async fn draw(&self, draw: Draw, client: &Client, visitor: User<Visitor>) -> Result<usize, Error> {
        members_only(client, &draw.room)?;
        let drawn = Drawn { room: &draw.room, name: visitor.name.clone(), picture: &draw.picture };
        Ok(client.broadcast_to(&draw.room, "drawn", drawn).queued)
    }

    #[subscribe_message("typing")]
    async fn typing(&self, room: Room, client: &Client, visitor: User<Visitor>) -> Result<(), Error> {
        members_only(client, &room)?;
        let typing = Typing { room: &room, name: visitor.name.clone() };
        client.to(&room).volatile().emit("typing", typing);
        Ok(())
    }

    /// What carries the messages of this client. The page asks after each upgrade, and the rooms are told.
    #[subscribe_message("transport")]
    async fn transport(&self, client: &Client) -> &'static str {
        for room in client.rooms() {
            self.people.tell(&room, None);
        }
        over(client)
    }

    /// Everybody may remove anybody else of the room. The answer is the number of connections that this ended.
    #[subscribe_message("kick")]
    async fn kick(
        &self,
        Args((room, name)): Args<(Room, Name)>,
        client: &Client,
        visitor: User<Visitor>,
    ) -> Result<usize, Error> {
        members_only(client, &room)?;
        Ok(self.people.remove(room.as_ref(), &name, &visitor.name))
    }
}

fn members_only(client: &Client, room: &Room) -> Result<(), Error> {
    if client.is_in(room) { Ok(()) } else { Err(Error::forbidden("Join the room first")) }
}
