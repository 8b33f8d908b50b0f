//! [`Panel`]: a namespace behind a guard that sees the handshake's `auth`.

use serde::Deserialize;
use switchboard::pipeline::ConnectGuard;
use switchboard::{Client, Error, Handshake, Namespace, User, gateway, injectable, messages};

pub(crate) enum Admin {}

impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

/// What a client sends as its `auth`.
#[derive(Default, Deserialize)]
struct Credentials {
    token: Option<String>,
}

/// Lets those in who have the token. What it refuses has data of its own, by which a page can tell the cases apart.
#[injectable]
pub(crate) struct Auth;

impl ConnectGuard for Auth {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        let Credentials { token } = upgrade.auth::<Option<Credentials>>()?.unwrap_or_default();
        match token.as_deref() {
            Some("secret") => {
                upgrade.set_user(User::new("ada").roles(["admin"]));
                Ok(())
            }
            Some(_) => Err(Error::forbidden("Another token")),
            None => Err(Error::unauthenticated("Log in first")),
        }
    }
}

#[gateway(path = "/admin/ws", namespace = Admin)]
#[use_guards(Auth)]
pub(crate) struct Panel;

#[messages]
impl Panel {
    #[subscribe_message("who")]
    async fn who(&self, user: User, client: &Client) -> (String, String) {
        (user.id().to_owned(), client.namespace().to_owned())
    }

    /// Leaves this namespace alone: the others that the client is in stay.
    #[subscribe_message("kick-me")]
    async fn kick_me(&self, client: &Client) {
        client.disconnect();
    }
}
