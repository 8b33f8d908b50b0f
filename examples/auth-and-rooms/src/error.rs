//! What can go wrong, and what the client is told of it.
use switchboard::WireError;

/// Each is a code for programs and a sentence for people.
#[derive(Debug, PartialEq, Eq, WireError)]
pub enum RoomError {
    /// The same for a room that is not there: nobody learns which private rooms there are.
    #[wire(status = 403, message = "There is no room `{room}`, or you are not a member of it")]
    NotAMember {
        /// As it was asked for.
        room: String,
    },
    /// Who speaks has to be in the room.
    #[wire(message = "Enter `{room}` before you speak in it")]
    NotInRoom {
        /// As it was asked for.
        room: String,
    },
    /// Nobody has this id.
    #[wire(code = "not_found", message = "There is nobody called `{user}`")]
    NoSuchUser {
        /// As it was asked for.
        user: String,
    },
    /// Nobody can be invited to where all may come.
    #[wire(message = "Everybody may enter `{room}`: nobody has to be invited")]
    NotPrivate {
        /// As it was asked for.
        room: String,
    },
    /// A moderator has muted the user.
    #[wire(message = "A moderator has muted you", retry_after_ms = wait_ms)]
    Muted {
        /// Until when, in milliseconds.
        wait_ms: u32,
    },
    /// A moderator has put the user out.
    #[wire(status = 403, message = "A moderator has put you out for a while")]
    Barred,
}
