//! The guard: which clients may connect, and as which user.
use crate::accounts::{Account, Accounts, Person};
use crate::sanctions::Sanctions;
use crate::tickets::Tickets;
use std::sync::Arc;
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{ConnectGuard, Guard};
use switchboard::{Error, Handshake, User, injectable};
use tokio::time::Instant;

/// The cookie with the ticket.
pub const COOKIE: &str = "ticket";
/// How long a session lasts after a login.
pub const SESSION: Duration = Duration::from_secs(60 * 60);

/// The data of a connection's user besides the id and the roles: `User<Claims>`.
pub struct Claims {
    /// `Ada Lovelace`.
    pub name: &'static str,
    /// When the session ends.
    pub until: Instant,
}

/// The public data of a user.
pub fn person(user: &User<Claims>) -> Person {
    Person { id: user.id().to_owned(), name: user.name.to_owned() }
}

/// Accepts clients that have a token or a ticket, and their messages until their session ends.
#[injectable]
pub struct Auth {
    #[inject]
    accounts: Arc<Accounts>,
    #[inject]
    tickets: Arc<Tickets>,
    #[inject]
    sanctions: Arc<Sanctions>,
}

impl Auth {
    fn account(&self, upgrade: &Handshake) -> Option<Arc<Account>> {
        match upgrade.bearer() {
            Some(token) => self.accounts.by_token(token),
            None => self.tickets.redeem(upgrade.cookie(COOKIE)?),
        }
    }
}

/// Before the upgrade: a refused client gets HTTP 401 or 403, and no socket is opened.
impl ConnectGuard for Auth {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        let account = self.account(upgrade).ok_or_else(|| Error::unauthenticated("Log in, or send a bearer token"))?;
        self.sanctions.check_bar(account.id)?;
        let claims = Claims { name: account.name, until: Instant::now() + SESSION };
        let roles = account.roles.iter().copied();
        upgrade.set_user(User::new(account.id).roles(roles).with(claims));
        Ok(())
    }
}

/// Before each message.
impl Guard for Auth {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        if cx.user_with::<Claims>()?.until > Instant::now() {
            return Ok(());
        }
        Err(Error::unauthenticated("Your session has ended: log in again").closing(CloseCode::TOKEN_EXPIRED))
    }
}
