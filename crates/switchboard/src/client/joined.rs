//! The outcome of a join.
use super::Client;
use crate::Error;
use crate::conn::Class;
use crate::hub::Event;
use std::future::{Ready, ready};

/// The outcome of [`Client::join`]: await it, ask it, or ignore it.
///
/// Ignored, a failure is sent to the client as `exception`, and counted.
pub struct Joined {
    is_new: bool,
    failure: Option<Box<(Client, Error)>>,
}

impl Joined {
    pub(super) fn new(client: &Client, outcome: Result<bool, Error>) -> Joined {
        let is_new = matches!(outcome, Ok(true));
        Joined { is_new, failure: outcome.err().map(|error| Box::new((client.clone(), error))) }
    }

    /// True when the client is in the room now, and was not before.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The outcome, now.
    pub fn result(mut self) -> Result<(), Error> {
        self.failure.take().map_or(Ok(()), |failure| Err(failure.1))
    }
}

impl IntoFuture for Joined {
    type Output = Result<(), Error>;
    type IntoFuture = Ready<Result<(), Error>>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.result())
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(failure) = self.failure.take() {
            let (client, error) = *failure;
            client.conn().hub.rejected("join", error.code().label());
            let event = Event::exception(&error, None);
            client.conn_arc().push(&mut event.frame(), Class::Reply);
        }
    }
}
