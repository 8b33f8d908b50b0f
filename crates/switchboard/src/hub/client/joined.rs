//! [`Joined`]: the outcome of a join.
use crate::hub::Client;
use crate::outbound::Class;
use crate::outbound::Event;
use crate::{Error, log};
use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The outcome of [`Client::join`]. Await it for the error, call [`is_new`](Joined::is_new), or ignore it.
///
/// If it is not awaited, a failure is sent to the client as `exception`, and counted.
pub struct Joined {
    is_new: bool,
    failure: Option<Box<(Client, Error)>>,
}

impl Joined {
    pub(crate) fn new(client: &Client, outcome: Result<bool, Error>) -> Joined {
        let is_new = matches!(outcome, Ok(true));
        Joined { is_new, failure: outcome.err().map(|error| Box::new((client.clone(), error))) }
    }

    /// True if the client is in the room now and was not before.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    fn result(mut self) -> Result<(), Error> {
        self.failure.take().map_or(Ok(()), |failure| Err(failure.1))
    }
}

impl IntoFuture for Joined {
    type Output = Result<(), Error>;
    type IntoFuture = Joining;

    fn into_future(self) -> Joining {
        Joining(ready(self.result()))
    }
}

/// The future of a [`Joined`].
#[must_use = "await it"]
pub struct Joining(Ready<Result<(), Error>>);

impl Future for Joining {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(failure) = self.failure.take() {
            let (client, error) = *failure;
            client.endpoint().node().rejected("join", error.code().label());
            log::failed(&error, "join", client.endpoint());
            let conn = client.endpoint();
            match Event::exception(conn.encoding(), conn.profile.limits.max_message_out, &error, None, None) {
                Ok(event) => drop(client.endpoint_arc().push_event(&mut event.frame(), Class::Reply)),
                Err(unspeakable) => {
                    log::failed(&unspeakable, "join", client.endpoint());
                    client.endpoint().node().counters.dropped(1);
                }
            }
        }
    }
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.failure.as_ref().map(|failure| &failure.1);
        f.debug_struct("Joined").field("is_new", &self.is_new).field("error", &error).finish()
    }
}

impl fmt::Debug for Joining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").finish_non_exhaustive()
    }
}
