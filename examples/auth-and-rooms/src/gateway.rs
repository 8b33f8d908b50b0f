//! The gateway: how each message is handled after the guards have accepted it.
use crate::accounts::{Accounts, Person};
use crate::auth::{Auth, Claims, person};
use crate::dto::{Invite, Invited, Mute, Muted, People, RoomName, Said, Say, Welcome};
use crate::error::RoomError;
use crate::rooms::Rooms;
use crate::sanctions::Sanctions;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use switchboard::pipeline::Trim;
use switchboard::{Client, Error, Roles, Server, User, gateway, messages};

/// How long a user who was kicked may not reconnect.
pub const BAR: Duration = Duration::from_secs(60);

/// Rooms with members, and moderators.
#[gateway(path = "/ws")]
#[use_guards(Auth)]
pub struct RoomGateway {
    #[inject]
    accounts: Arc<Accounts>,
    #[inject]
    rooms: Arc<Rooms>,
    #[inject]
    sanctions: Arc<Sanctions>,
    #[inject]
    server: Server,
    /// Held while the members are read and the push is queued, so that the last list that a room receives is the
    /// newest.
    telling: Mutex<()>,
}

#[messages]
impl RoomGateway {
    /// Runs before every join, wherever `join` is called.
    #[on_join]
    fn may_enter(&self, client: &Client, room: &str) -> Result<(), Error> {
        let user = client.user().ok_or_else(|| Error::unauthenticated("Nobody is in a room"))?;
        if room == own_room(user.id()) || self.rooms.is_open_to(room, user.id()) {
            return Ok(());
        }
        Err(RoomError::NotAMember { room: room.to_owned() }.into())
    }

    #[on_connect]
    async fn arrived(&self, user: User<Claims>, client: &Client) -> Result<(), Error> {
        // A room with all connections of one user, for events that concern all of them.
        client.join(own_room(user.id())).await?;
        let (roles, rooms) = (user.role_names().collect(), self.rooms.of(user.id()));
        client.emit("welcome", Welcome { you: person(&user), roles, rooms });
        Ok(())
    }

    #[on_disconnect]
    async fn left(&self, user: User, client: &Client) {
        let own = own_room(user.id());
        for room in client.rooms() {
            if *room != *own && client.leave(&room) {
                self.tell_people(&room);
            }
        }
    }

    #[subscribe_message("enter")]
    async fn enter(&self, room: RoomName, client: &Client) -> Result<(), Error> {
        client.join(&room.0).await?;
        self.tell_people(&room.0);
        Ok(())
    }

    #[subscribe_message("leave")]
    async fn leave(&self, room: RoomName, client: &Client) {
        if client.leave(&room.0) {
            self.tell_people(&room.0);
        }
    }

    #[subscribe_message("say")]
    #[use_pipes(Trim {})]
    async fn say(&self, say: Say, user: User<Claims>, client: &Client) -> Result<(), RoomError> {
        let Say { room: RoomName(room), text } = say;
        if !client.is_in(&room) {
            return Err(RoomError::NotInRoom { room });
        }
        self.sanctions.check_mute(user.id())?;
        self.server.broadcast_to(&room, "said", Said { room: &room, from: person(&user), text: &text });
        Ok(())
    }

    /// A member invites a user.
    #[subscribe_message("invite")]
    async fn invite(&self, invite: Invite, user: User<Claims>) -> Result<(), RoomError> {
        let Invite { room: RoomName(room), user: guest } = invite;
        let guest = self.known(guest)?;
        self.rooms.invite(&room, user.id(), guest)?;
        self.server.broadcast_to(own_room(guest), "invited", Invited { room: &room, by: person(&user) });
        Ok(())
    }

    /// Mutes a user for some minutes.
    #[subscribe_message("mute")]
    #[use_guards(Roles::any(["moderator"]))]
    async fn mute(&self, mute: Mute, user: User<Claims>) -> Result<(), RoomError> {
        let Mute { user: muted, minutes } = mute;
        let muted = self.known(muted)?;
        self.sanctions.mute(muted, Duration::from_secs(60 * u64::from(minutes)));
        self.server.broadcast_to(own_room(muted), "muted", Muted { by: person(&user), minutes });
        Ok(())
    }

    /// Closes all connections of a user, and bars the user for a while. Replies with the number of connections.
    #[subscribe_message("kick")]
    #[use_guards(Roles::any(["moderator"]))]
    async fn kick(&self, #[key("user")] user: String) -> Result<usize, RoomError> {
        let user = self.known(user)?;
        self.sanctions.bar(user, BAR);
        Ok(self.server.disconnect(own_room(user)))
    }

    fn known(&self, user: String) -> Result<&'static str, RoomError> {
        self.accounts.by_id(&user).map(|account| account.id).ok_or(RoomError::NoSuchUser { user })
    }

    /// Sends a room the list of its members. A user with two tabs is listed once.
    fn tell_people(&self, room: &str) {
        let _one_at_a_time = self.telling.lock();
        let members = self.server.local().clients_in(room);
        let people = members.iter().filter_map(|member| member.user_with::<Claims>().ok()).map(|user| person(&user));
        let people: BTreeSet<Person> = people.collect();
        // A client that reads slowly needs only the last list.
        let everybody = self.server.to(room).latest(format!("people {room}"));
        everybody.emit("people", People { room, people: people.into_iter().collect() });
    }
}

/// The room of all connections of a user. No [`RoomName`] can have this form.
fn own_room(user: &str) -> String {
    format!("@{user}")
}
