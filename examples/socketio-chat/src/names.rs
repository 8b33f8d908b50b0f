//! The guard: a client must say its name.
use crate::dto::Name;
use serde::Deserialize;
use switchboard::pipeline::ConnectGuard;
use switchboard::{ConnState, Error, Handshake, User, injectable};

/// What a client says of itself: `io({ auth: { name: "ada" } })`, or `new WebSocket("/ws?name=ada")`.
#[derive(Deserialize)]
struct Asked {
    name: Option<String>,
}

/// What the guard knows of the client. It is the data of the connection's `User`.
pub struct Visitor {
    /// The name.
    pub name: Name,
    /// Whether it is a client of Socket.IO.
    pub socketio: bool,
}

/// Reads the name of a client. For Socket.IO it is asked at the CONNECT of the namespace, when `auth` is known; for a raw
/// WebSocket before the HTTP upgrade.
///
/// A name is no secret, so it may be in the query, and it proves nothing: see the example `auth-and-rooms` for logins.
#[injectable]
pub struct Named;

impl ConnectGuard for Named {
    async fn connect(&self, request: &mut Handshake) -> Result<(), Error> {
        let auth: Option<Asked> = request.auth()?;
        let socketio = auth.is_some();
        let asked = match auth {
            Some(asked) => asked,
            None => request.query()?,
        };
        let name = asked.name.ok_or_else(|| Error::unauthenticated("Say your name"))?;
        let name = Name::try_from(name).map_err(|_| Error::bad_request("A name has 1 to 24 characters"))?;
        let user = User::new(name.as_ref());
        request.set_user(user.with(Visitor { name, socketio }));
        Ok(())
    }
}

/// What others see of a connection. It is set before the first message is handled.
#[derive(Clone, Default)]
pub struct Person {
    seen: Option<(Name, bool)>,
}

impl Person {
    /// Notes the name of a connection that has just been opened.
    pub fn note(person: &ConnState<Person>, visitor: &Visitor) {
        person.set(Person { seen: Some((visitor.name.clone(), visitor.socketio)) });
    }

    /// The name, and whether it is a client of Socket.IO.
    pub fn seen(self) -> Option<(Name, bool)> {
        self.seen
    }
}
