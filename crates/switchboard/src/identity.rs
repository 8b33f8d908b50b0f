//! What handlers ask about the user of a connection: [`User`] and [`MaybeUser`] as parameters, and the guard [`Roles`].
use crate::handler::{Context, FromMessage, MessageContext};
use crate::hub::{Client, owner};
use crate::pipeline::{Call, ConnectGuard, Guard};
use crate::user::{Identity, RoleNames, User, nobody};
use crate::{Error, Handshake};
use std::ops::Deref;

impl Client {
    /// Who this connection belongs to at this moment, without data of your own; `None` when nobody has set it.
    pub fn user(&self) -> Option<User> {
        self.endpoint().identity().map(Identity::into_plain)
    }

    /// [`Client::user`] with the data.
    ///
    /// Errors: `unauthenticated` where there is none; `internal` where it has data of another type.
    pub fn user_with<T: Send + Sync + 'static>(&self) -> Result<User<T>, Error> {
        self.endpoint().identity().ok_or_else(nobody)?.user()
    }

    /// Says who this connection belongs to from now on: a guest has logged in, or the same person has other roles. A
    /// guard before the upgrade does it by [`Handshake::set_user`].
    ///
    /// It takes effect at once: [`Server::user`](crate::Server::user) finds the connection by the new id, and whoever
    /// asks for the user gets the new one. A handler keeps the user that it was called with. The data is kept as long
    /// as any handle of the client: if it holds a `Client`, let it not be this one.
    ///
    /// Errors: `user_connections` when [`Limits::user_connections`](crate::Limits::user_connections) leaves no room for
    /// one more connection of the new user; returned from a handler, it closes the connection with 4504. `not_found`
    /// when the client has left. The connection then keeps the user that it had.
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
    /// Who the connection belongs to, without data of your own; `None` when no guard has set it.
    pub fn user(&self) -> Option<User> {
        self.caller.connected().user()
    }

    /// [`Client::user_with`].
    ///
    /// Errors: `unauthenticated` where there is none; `internal` where it has data of another type.
    pub fn user_with<T: Send + Sync + 'static>(&self) -> Result<User<T>, Error> {
        self.caller.connected().user_with()
    }
}

impl Call {
    /// [`MessageContext::user`].
    pub fn user(&self) -> Option<User> {
        self.caller().connected().user()
    }

    /// [`Client::user_with`].
    ///
    /// Errors: `unauthenticated` where there is none; `internal` where it has data of another type.
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

/// A user, or nobody: the parameter of a handler that serves both.
///
/// It is answered `internal` where the user was set with data of another type.
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

/// Refuses who has not the roles: `unauthenticated` where no guard has set a user, else `forbidden`. It stands on
/// messages, gateways and applications, and with [`GuardDef::connect`](crate::pipeline::GuardDef::connect) before the
/// upgrade, behind the guard that sets the user.
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
    /// One of these roles is enough; with none of them named, nobody passes.
    pub fn any<Via: ?Sized>(roles: impl RoleNames<Via>) -> Roles {
        Roles { wanted: roles.names(), all: false }
    }

    /// Every one of these roles is wanted; with none of them named, every user passes.
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
