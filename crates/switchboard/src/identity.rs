//! The user of a connection: [`User`] and [`MaybeUser`] as parameters, and the guard [`Roles`].
use crate::handler::{Context, FromMessage, MessageContext};
use crate::hub::{Client, owner};
use crate::pipeline::{Call, ConnectGuard, Guard};
use crate::user::{Identity, RoleNames, User, nobody};
use crate::{Error, Handshake};
use std::ops::Deref;

impl Client {
    /// The current user of the connection, as a plain [`User`] without your custom data (for the data, see
    /// [`user_with`](Client::user_with)). `None` if neither a guard nor [`Client::set_user`] has set a user.
    pub fn user(&self) -> Option<User> {
        self.endpoint().identity().map(Identity::into_plain)
    }

    /// Returns the user with your custom data.
    ///
    /// Errors: `unauthenticated` if there is no user; `internal` if its data is of another type.
    pub fn user_with<T: Send + Sync + 'static>(&self) -> Result<User<T>, Error> {
        self.endpoint().identity().ok_or_else(nobody)?.user()
    }

    /// Sets the user of this connection from now on: when a guest has logged in, for example, or a user's roles have
    /// changed. A guard before the upgrade uses [`Handshake::set_user`] instead.
    ///
    /// It takes effect at once: [`Server::user`](crate::Server::user) finds the connection by the new id, and every
    /// later read of the user returns the new one. A handler keeps the user that it was called with. The data is kept
    /// until the last handle of the client is dropped, so it must not hold a `Client` of this same connection.
    ///
    /// Errors: `user_connections` if the new user already has
    /// [`Limits::user_connections`](crate::Limits::user_connections) connections; returned from a handler, it closes
    /// the connection with 4504. `not_found` if the client has left. On an error the connection keeps its previous
    /// user.
    ///
    /// ```
    /// # use switchboard::{Client, Error, User};
    /// # struct Chat;
    /// # fn check(ticket: &str) -> Result<String, Error> { Ok(ticket.to_owned()) }
    /// impl Chat {
    ///     async fn log_in(&self, ticket: String, client: &Client) -> Result<(), Error> {
    ///         client.set_user(User::new(check(&ticket)?).roles("member"))
    ///     }
    /// }
    /// ```
    pub fn set_user<T: Send + Sync + 'static>(&self, user: User<T>) -> Result<(), Error> {
        owner::set(self.endpoint_arc(), Identity::new(user))
    }
}

impl MessageContext<'_> {
    /// The user of the connection, as a plain [`User`] without your custom data (for the data, see
    /// [`user_with`](MessageContext::user_with)). `None` if neither a guard nor [`Client::set_user`] has set a user.
    pub fn user(&self) -> Option<User> {
        self.caller.connected().user()
    }

    /// Returns the user with your custom data: see [`Client::user_with`].
    ///
    /// Errors: `unauthenticated` if there is no user; `internal` if its data is of another type.
    pub fn user_with<T: Send + Sync + 'static>(&self) -> Result<User<T>, Error> {
        self.caller.connected().user_with()
    }
}

impl Call {
    /// Returns the user without your custom data: see [`MessageContext::user`].
    pub fn user(&self) -> Option<User> {
        self.caller().connected().user()
    }

    /// Returns the user with your custom data: see [`Client::user_with`].
    ///
    /// Errors: `unauthenticated` if there is no user; `internal` if its data is of another type.
    pub fn user_with<T: Send + Sync + 'static>(&self) -> Result<User<T>, Error> {
        self.caller().connected().user_with()
    }
}

impl<T: Send + Sync + 'static> FromMessage for User<T> {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<User<T>, Error> {
        cx.user_with()
    }
}

/// The user, or `None`: for handlers that serve both users and guests.
///
/// The message is answered with `internal` if the user was set with data of another type.
#[derive(Clone, Debug)]
pub struct MaybeUser<T = ()>(pub Option<User<T>>);

impl<T> Deref for MaybeUser<T> {
    type Target = Option<User<T>>;

    fn deref(&self) -> &Option<User<T>> {
        &self.0
    }
}

impl<T: Send + Sync + 'static> FromMessage for MaybeUser<T> {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<MaybeUser<T>, Error> {
        cx.endpoint().identity().map(Identity::user).transpose().map(MaybeUser)
    }
}

/// A guard that requires roles. It answers `unauthenticated` if no user is set, and `forbidden` if the user lacks the
/// roles. Use it on messages, gateways and applications. With [`GuardDef::connect`](crate::pipeline::GuardDef::connect)
/// it runs before the upgrade; it must then come after the guard that sets the user.
///
/// ```
/// use switchboard::{Gateway, Roles};
/// # struct Chat;
/// # impl Chat { async fn say(&self, text: String) -> usize { text.len() } }
/// let chat = Gateway::new(Chat).on("say", Chat::say).guard(Roles::any(["admin", "moderator"]));
/// ```
#[derive(Clone, Debug)]
pub struct Roles {
    wanted: Box<[Box<str>]>,
    all: bool,
}

impl Roles {
    /// Requires at least one of these roles. With an empty list, nobody passes.
    pub fn any<Via: ?Sized>(roles: impl RoleNames<Via>) -> Roles {
        Roles { wanted: roles.names(), all: false }
    }

    /// Requires all of these roles. With an empty list, every user passes.
    pub fn all<Via: ?Sized>(roles: impl RoleNames<Via>) -> Roles {
        Roles { wanted: roles.names(), all: true }
    }

    fn pass(&self, user: Option<&User>) -> Result<(), Error> {
        let user = user.ok_or_else(nobody)?;
        let mut wanted = self.wanted.iter();
        let passes =
            if self.all { wanted.all(|role| user.has_role(role)) } else { wanted.any(|role| user.has_role(role)) };
        if passes { Ok(()) } else { Err(Error::forbidden("This needs a role that the user does not have")) }
    }
}

impl Guard for Roles {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        self.pass(cx.endpoint().identity().as_ref().map(Identity::plain))
    }
}

impl ConnectGuard for Roles {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        self.pass(upgrade.user())
    }
}
