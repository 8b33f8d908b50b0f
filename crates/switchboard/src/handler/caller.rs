//! [`Caller`]: the sender of a message.
use crate::Client;
use crate::hub::Endpoint;

/// The sender of a message.
///
/// More kinds may be added, such as a service that sends requests through a broker. Code that needs a connection calls
/// [`client`](Caller::client), and decides what to do if there is none.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Caller<'a> {
    /// A connected client, on any transport.
    Client(&'a Client),
}

impl<'a> Caller<'a> {
    /// Returns the connected client; `None` for any other caller.
    pub fn client(self) -> Option<&'a Client> {
        match self {
            Caller::Client(client) => Some(client),
        }
    }

    /// Returns the client that a handler's parameters and hooks are for.
    pub(crate) fn connected(self) -> &'a Client {
        match self {
            Caller::Client(client) => client,
        }
    }

    pub(crate) fn endpoint(self) -> &'a Endpoint {
        self.connected().endpoint()
    }
}
