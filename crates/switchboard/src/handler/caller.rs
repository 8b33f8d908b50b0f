//! [`Caller`]: the sender of a message.
use crate::Client;
use crate::hub::Endpoint;

/// The sender of a message.
///
/// Further kinds may come, such as a service that asks over a broker. Code that needs a connection asks for
/// [`client`](Caller::client), and decides what to do where there is none.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Caller<'a> {
    /// A client that is connected, over whatever transport.
    Client(&'a Client),
}

impl<'a> Caller<'a> {
    /// The connected client; `None` for any other caller.
    pub fn client(self) -> Option<&'a Client> {
        match self {
            Caller::Client(client) => Some(client),
        }
    }

    /// The client that a handler's parameters and hooks are for.
    pub(crate) fn connected(self) -> &'a Client {
        match self {
            Caller::Client(client) => client,
        }
    }

    pub(crate) fn endpoint(self) -> &'a Endpoint {
        self.connected().endpoint()
    }
}
