//! [`Ctx`]: the context of a message as an owned value.
use super::EventName;
use crate::di::Container;
use crate::handler::{Context, FromMessage, MessageContext};
use crate::hub::Client;
use crate::{Error, User};
use std::sync::Arc;

/// The client, the event's name, the user and the application's services in one parameter. It owns its contents, so it
/// can be moved into a task. It can be a parameter of handlers, hooks and raw loops.
///
/// ```
/// use switchboard::{Ctx, Error, Gateway, Socket};
/// struct Greeting(String);
/// struct Raw;
/// impl Raw {
///     async fn on_connect(&self, ctx: Ctx, mut socket: Socket) -> Result<(), Error> {
///         let greeting = ctx.resolve::<Greeting>()?;
///         socket.send(greeting.0.as_str()).await?;
///         Ok(())
///     }
/// }
/// let raw = Gateway::new(Raw).raw(Raw::on_connect);
/// ```
#[derive(Clone, Debug)]
pub struct Ctx {
    client: Client,
    event: EventName,
    container: Container,
}

impl Ctx {
    /// Returns the client of the connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the event's name; "" in a hook and in a raw loop.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The user of the connection, as a plain [`User`] without your custom data (for the data, see
    /// [`Client::user_with`]). `None` if neither a guard nor [`Client::set_user`] has set a user.
    pub fn user(&self) -> Option<User> {
        self.client.user()
    }

    /// Resolves the service `T`, whichever module provides it: the instance of the application, or that of this
    /// connection or message if `T` has that scope.
    ///
    /// Errors: `internal` if no module provides `T`; the log names the type. This is found only at run time, while
    /// [`Inject<T>`](crate::Inject) is validated at boot.
    pub fn resolve<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        Ok(self.container.resolve()?)
    }
}

impl FromMessage for Ctx {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Ctx, Error> {
        let (event, container) = (EventName::from_message(cx)?, Container::from_message(cx)?);
        Ok(Ctx { client: cx.caller().connected().clone(), event, container })
    }
}
