//! [`Owner`]: the user that a connection belongs to, where the user's connections are counted and found.
use crate::Error;
use crate::contain::drop_contained;
use crate::hub::Endpoint;
use crate::hub::acks::left;
use crate::node::{Full, UserPlace};
use crate::user::Identity;
use std::mem::replace;
use std::sync::Arc;
use switchboard_core::CloseCode;

/// The user of a connection, and what it takes up for it.
pub(crate) struct Owner {
    pub(crate) identity: Identity,
    /// Where users have a limit of connections, and the connection has not ended.
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

/// The first user of a connection, which is about to be registered, is found from now on.
pub(super) fn enter(conn: &Arc<Endpoint>) {
    if let Some(owner) = &conn.membership.lock().owner {
        conn.space.local.users().insert(owner.id(), conn);
    }
}

/// Gives a live connection another user, or its first one. The place among a user's connections moves with it.
///
/// Errors: `user_connections`, which closes with 4504, when the new user has as many connections as one may have;
/// `not_found` when the client has left. The connection then keeps the user that it had.
pub(crate) fn set(conn: &Arc<Endpoint>, identity: Identity) -> Result<(), Error> {
    let before = {
        let mut membership = conn.membership.lock();
        if membership.is_over() {
            return Err(left());
        }
        match &mut membership.owner {
            // The same person, with other roles or data: nothing moves.
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
    // Its data is the application's.
    drop_contained(before);
    Ok(())
}

fn full(_: Full) -> Error {
    Error::new("user_connections", "This user has as many connections as one may have: close one, or try again later")
        .retryable(true)
        .closing(CloseCode::CONNECTION_LIMIT)
}

#[cfg(test)]
#[path = "owner_tests.rs"]
mod tests;
