//! [`Owner`]: the user of a connection, and the connection's entries in the index and the count of that user's
//! connections.
use crate::Error;
use crate::contain::drop_contained;
use crate::hub::Endpoint;
use crate::hub::acks::left;
use crate::node::{Full, UserPlace};
use crate::user::Identity;
use std::mem::replace;
use std::sync::Arc;
use switchboard_core::CloseCode;

/// The user of a connection, and the connection's place in the user's limit of connections.
pub(crate) struct Owner {
    pub(crate) identity: Identity,
    /// `None` if users have no limit of connections, or if the connection has ended.
    pub(super) place: Option<UserPlace>,
}

impl Owner {
    pub(crate) fn new(identity: Identity, place: Option<UserPlace>) -> Box<Owner> {
        Box::new(Owner { identity, place })
    }

    pub(crate) fn id(&self) -> &str {
        self.identity.plain().id()
    }
}

/// Adds a connection that is being registered to the index of users, if it has a user.
pub(super) fn enter(conn: &Arc<Endpoint>) {
    if let Some(owner) = &conn.membership.lock().owner {
        conn.space.local.users().insert(owner.id(), conn);
    }
}

/// Sets the user of a live connection, or replaces it. The connection is then counted and found under the new user.
///
/// Errors: `user_connections`, which closes with 4504, if the new user has reached the limit of connections;
/// `not_found` if the client has left. On an error the connection keeps its previous user.
pub(crate) fn set(conn: &Arc<Endpoint>, identity: Identity) -> Result<(), Error> {
    let before = {
        let mut membership = conn.membership.lock();
        if membership.is_over() {
            return Err(left());
        }
        match &mut membership.owner {
            // The same user with other roles or data: the index and the count stay as they are.
            Some(owner) if owner.id() == identity.plain().id() => replace(&mut owner.identity, identity).into(),
            owner => {
                let place = UserPlace::new(conn.node(), identity.plain()).map_err(full)?;
                let users = conn.space.local.users();
                users.insert(identity.plain().id(), conn);
                let before = owner.replace(Owner::new(identity, place));
                before.iter().for_each(|owner| users.remove(owner.id(), conn.id));
                before.map(|owner| owner.identity)
            }
        }
    };
    // The user's data is a type of the application, whose `Drop` may panic.
    drop_contained(before);
    Ok(())
}

/// The error of a user who has reached the limit of connections.
pub(crate) fn full(_: Full) -> Error {
    Error::new("user_connections", "This user has as many connections as one may have: close one, or try again later")
        .retryable(true)
        .closing(CloseCode::CONNECTION_LIMIT)
}

#[cfg(test)]
#[path = "owner_tests.rs"]
mod tests;
