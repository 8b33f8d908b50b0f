//! [`Ctx`]: everything around a message, owned.
use super::EventName;
use crate::di::Container;
use crate::handler::{Context, FromMessage, MessageContext};
use crate::hub::Client;
use crate::{Error, User};
use std::sync::Arc;

/// The client, the event's name, the user and the services of the application, in one parameter that owns what it gives: it may
/// be moved into a task. It stands in handlers, hooks and raw loops.
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
    /// The connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The event's name; "" in a hook and in a raw loop.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Who the connection belongs to, without data of your own; `None` when no guard has set it.
    pub fn user(&self) -> Option<User> {
        self.client.user()
    }

    /// The `T` of the application, or of this connection or message where it has that scope, whichever module provides it.
    ///
    /// Errors: `internal` when nobody does; the log says which type. Boot cannot tell: [`Inject<T>`](crate::Inject) is checked.
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
