//! [`TestHandshake`]: a handshake request without an application.
use super::head::{Head, of_the_request};
use crate::pipeline::ConnectGuard;
use crate::{Error, Handshake};
use std::fmt;

/// A handshake request for testing a guard's connect half by itself.
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
/// Only the guard runs: neither the protocol, nor the origin, nor the node's limits are checked.
#[must_use = "it is for `check`"]
pub struct TestHandshake {
    head: Head,
}

/// Makes a request without an application: [`TestHandshake`]. The path may have a query string: `/ws?room=7`.
pub fn upgrade(path: &str) -> TestHandshake {
    TestHandshake { head: Head::new(path) }
}

impl TestHandshake {
    of_the_request!(head);

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    /// Runs a guard. Returns the request with the user and everything else that the guard has set.
    ///
    /// Errors: the guard's, with which the handshake would be refused.
    ///
    /// # Panics
    /// If the path is not valid in a request, or does not fit the [route](TestHandshake::route).
    pub async fn check(self, guard: &impl ConnectGuard) -> Result<Handshake, Error> {
        let mut upgrade = self.into_upgrade();
        guard.connect(&mut upgrade).await?;
        Ok(upgrade)
    }

    /// Returns the request unchanged, to run several guards one after the other.
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
