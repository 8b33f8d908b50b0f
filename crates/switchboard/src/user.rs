//! [`User`]: the person or program that a connection belongs to.
use crate::Error;
use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The user that a connection belongs to: an id, roles, and data of your own. The connect half of a guard sets it
/// ([`Handshake::set_user`](crate::Handshake::set_user)); handlers, hooks, raw loops and later guards read it. Cheap to clone.
///
/// ```
/// use switchboard::{Error, MaybeUser, Handshake, User};
///
/// struct Account { tenant: u32 }
///
/// fn log_in(handshake: &mut Handshake) -> Result<(), Error> {
///     match handshake.bearer() {
///         Some("secret") => {
///             handshake.set_user(User::new("ada").roles(["admin"]).with(Account { tenant: 7 }));
///             Ok(())
///         }
///         _ => Err(Error::unauthenticated("Log in first")),
///     }
/// }
///
/// struct Chat;
/// impl Chat {
///     async fn tenant(&self, user: User<Account>) -> u32 {
///         user.tenant
///     }
///     // Without a type it is the id and the roles, whatever the data is.
///     async fn name(&self, user: User) -> String {
///         user.id().to_owned()
///     }
///     async fn greeting(&self, MaybeUser(user): MaybeUser) -> String {
///         user.map_or("welcome".into(), |user| format!("welcome, {}", user.id()))
///     }
/// }
/// ```
///
/// As a parameter of a handler, it is answered `unauthenticated` if no user was set, and `internal` if the user was set with data
/// of another type; the log then names both types. The data is never logged.
pub struct User<T = ()> {
    who: Arc<Who>,
    data: Arc<T>,
}

struct Who {
    id: Box<str>,
    roles: Box<[Box<str>]>,
}

impl User {
    /// A user without roles and data.
    pub fn new(id: impl Into<String>) -> User {
        User { who: Arc::new(Who { id: id.into().into(), roles: Box::default() }), data: Arc::new(()) }
    }
}

impl<T> User<T> {
    /// Sets its roles, instead of those that it had.
    #[must_use]
    pub fn roles<Via: ?Sized>(self, roles: impl RoleNames<Via>) -> User<T> {
        User { who: Arc::new(Who { id: self.who.id.clone(), roles: roles.names() }), ..self }
    }

    /// Sets data of your own, which `User<U>` dereferences to.
    #[must_use]
    pub fn with<U: Send + Sync + 'static>(self, data: U) -> User<U> {
        User { who: self.who, data: Arc::new(data) }
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.who.id
    }

    /// The roles, in the order in which they were given.
    pub fn role_names(&self) -> impl Iterator<Item = &str> {
        self.who.roles.iter().map(|role| &**role)
    }

    /// True when it has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.role_names().any(|known| known == role)
    }
}

impl<T> Deref for User<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T> Clone for User<T> {
    fn clone(&self) -> User<T> {
        User { who: self.who.clone(), data: self.data.clone() }
    }
}

/// Prints the id and the roles, and not the data.
impl<T> fmt::Debug for User<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.who.id).field("roles", &self.who.roles).finish_non_exhaustive()
    }
}

/// A [`User`] with the type of its data erased.
#[derive(Clone)]
pub(crate) struct Identity {
    plain: User,
    data: Arc<dyn Any + Send + Sync>,
    of: &'static str,
}

impl Identity {
    pub(crate) fn new<T: Send + Sync + 'static>(user: User<T>) -> Identity {
        Identity { plain: User { who: user.who, data: Arc::new(()) }, data: user.data, of: type_name::<T>() }
    }

    /// The id and the roles.
    pub(crate) fn plain(&self) -> &User {
        &self.plain
    }

    /// The id and the roles.
    pub(crate) fn into_plain(self) -> User {
        self.plain
    }

    /// The user with its data, or without it for `T = ()`. Errors: internal, if the data is of another type.
    pub(crate) fn user<T: Send + Sync + 'static>(self) -> Result<User<T>, Error> {
        let bare = TypeId::of::<T>() == TypeId::of::<()>();
        let data = if bare { self.plain.data } else { self.data };
        match data.downcast::<T>() {
            Ok(data) => Ok(User { who: self.plain.who, data }),
            Err(_) => Err(Error::internal(format!(
                "the user was set with data of the type {}, and is asked for with {}",
                self.of,
                type_name::<T>()
            ))),
        }
    }
}

pub(crate) fn nobody() -> Error {
    Error::unauthenticated("This needs a user who is logged in")
}

/// The names of roles: one text, or a list of texts. `Via` is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name roles",
    label = "neither a text nor a list of texts",
    note = "write `\"admin\"`, or `[\"admin\", \"moderator\"]`"
)]
pub trait RoleNames<Via: ?Sized> {
    #[doc(hidden)]
    fn names(self) -> Box<[Box<str>]>;
}

macro_rules! one_role {
    ($($text:ty)*) => { $(
        impl RoleNames<str> for $text {
            fn names(self) -> Box<[Box<str>]> {
                Box::new([self.into()])
            }
        }
    )* };
}
one_role! { &str String }

impl RoleNames<str> for &String {
    fn names(self) -> Box<[Box<str>]> {
        self.as_str().names()
    }
}

#[diagnostic::do_not_recommend]
impl<R: Into<String>, L: IntoIterator<Item = R>> RoleNames<[String]> for L {
    fn names(self) -> Box<[Box<str>]> {
        self.into_iter().map(|role| role.into().into()).collect()
    }
}
