//! The errors, and what the client receives for each.
use std::time::Duration;
use switchboard::WireError;

/// Each variant has a code for programs and a message for people.
#[derive(Debug, PartialEq, Eq, WireError)]
pub enum RoomError {
    /// Also for rooms that do not exist, so that clients cannot find out which private rooms exist.
    #[wire(status = 403, message = "There is no room `{room}`, or you are not a member of it")]
    NotAMember {
        /// As in the request.
        room: String,
    },
    /// Only users in the room may speak.
    #[wire(message = "Enter `{room}` before you speak in it")]
    NotInRoom {
        /// As in the request.
        room: String,
    },
    /// There is no user with this id.
    #[wire(code = "not_found", message = "There is nobody called `{user}`")]
    NoSuchUser {
        /// As in the request.
        user: String,
    },
    /// The room is open to everyone, so it has no invitations.
    #[wire(message = "Everybody may enter `{room}`: nobody has to be invited")]
    NotPrivate {
        /// As in the request.
        room: String,
    },
    /// A moderator has muted the user.
    #[wire(message = "A moderator has muted you", retry_after = left)]
    Muted {
        /// How long the user stays muted.
        left: Duration,
    },
    /// A moderator has kicked the user.
    #[wire(status = 403, message = "A moderator has put you out for a while")]
    Barred,
}
