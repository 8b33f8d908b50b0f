//! [`TestHandshake`]: a request that may become a connection, without an application.
use super::head::{Head, of_the_request};
use crate::pipeline::ConnectGuard;
use crate::{Error, Handshake};
use std::fmt;

/// A request for a guard's connect half that is tested by itself.
///
/// ```
/// use switchboard::pipeline::ConnectGuard;
/// use switchboard::{Error, Handshake, User, testing};
///
/// struct Auth;
/// impl ConnectGuard for Auth {
///     async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
///         match upgrade.bearer() {
///             Some("t0k3n") => Ok(upgrade.set_user(User::new("ada").roles(["admin"]))),
///             _ => Err(Error::unauthenticated("Log in first")),
///         }
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let passed = testing::upgrade("/ws").bearer("t0k3n").check(&Auth).await.unwrap();
/// assert!(passed.user().unwrap().has_role("admin"));
/// let refused = testing::upgrade("/ws").bearer("forged").check(&Auth).await.unwrap_err();
/// assert_eq!(refused.code().as_str(), "unauthenticated");
/// # });
/// ```
///
/// Nothing but the guard is asked: no check of the protocol, of the origin or of the node's room.
#[must_use = "it is for `check`"]
pub struct TestHandshake {
    head: Head,
}

/// A request without an application: [`TestHandshake`]. With its query string: `/ws?room=7`.
pub fn upgrade(path: &str) -> TestHandshake {
    TestHandshake { head: Head::new(path) }
}

impl TestHandshake {
    of_the_request!(head);

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    /// What a guard makes of it: the request with the user and whatever else the guard has set.
    ///
    /// Errors: the guard's, with which the handshake would be refused.
    ///
    /// # Panics
    /// When the path cannot stand in a request, or does not fit the [route](TestHandshake::route).
    pub async fn check(self, guard: &impl ConnectGuard) -> Result<Handshake, Error> {
        let mut upgrade = self.into_upgrade();
        guard.connect(&mut upgrade).await?;
        Ok(upgrade)
    }

    /// The request as it stands: for several guards, one behind the other.
    ///
    /// # Panics
    /// As [`check`](TestHandshake::check).
    pub fn into_upgrade(self) -> Handshake {
        self.head.upgrade()
    }
}

impl fmt::Debug for TestHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHandshake").finish_non_exhaustive()
    }
}
