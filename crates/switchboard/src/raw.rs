//! Raw gateways: the gateway owns the socket and writes its own loop. See [`Gateway::raw`](crate::Gateway::raw).
//!
//! `axum::extract::ws` and tungstenite have a `Message` too, so this one is not at the root of the crate.
use crate::Error;
use crate::buffers::{give, take};
use crate::handler::{FromMessage, MessageContext, OwnedSocket};
use crate::hub::Client;
use crate::hub::Port;
pub use crate::hub::{Message, SendError};
use crate::outbound::{Class, Frame, Pushed};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use switchboard_core::ws::{self, Opcode};
use switchboard_core::{Close, CloseCode};

/// The socket of a raw gateway: a parameter of the function given to [`crate::Gateway::raw`].
///
/// When the function returns, the connection is closed with 1000, unless the function has already closed it with its
/// own code. When it returns an error, the connection is closed with the code of that error.
pub struct Socket {
    client: Client,
    port: Arc<Port>,
}

impl Socket {
    /// Returns the next message. Returns `None` once the peer has closed or is gone and everything it sent has been
    /// received, and at once if the connection was closed from this side. Messages sent before that `None` are still
    /// delivered, within `Limits::linger`; messages sent after it are not.
    ///
    /// Cancel-safe. At most `inbound_messages` are queued for `recv`; beyond that, nothing more is read from the peer.
    pub async fn recv(&mut self) -> Option<Message> {
        poll_fn(|cx| self.port.poll_recv(cx, &self.client)).await
    }

    /// Sends a message. Waits while more than `outbound_soft_bytes` are queued for the peer.
    ///
    /// Cancel-safe: a message is queued whole or not at all. Errors: the connection is closed, or the message is too
    /// long.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = message.into();
        poll_fn(|cx| self.port.poll_writable(cx, &self.client)).await?;
        let opcode = if message.as_text().is_some() { Opcode::Text } else { Opcode::Binary };
        let payload = message.as_bytes();
        if payload.len() > self.client.endpoint().profile.limits.max_message_out {
            return Err(SendError::TooLong);
        }
        let mut frame = take();
        frame.resize(ws::HEADER_ROOM, 0);
        frame.extend_from_slice(payload);
        let start = ws::finish_frame(&mut frame, 0, opcode);
        let pushed = self.client.endpoint_arc().push(&mut Frame::new(&frame[start..]), Class::Reply);
        give(frame);
        if pushed == Pushed::Queued { Ok(()) } else { Err(SendError::Closed) }
    }

    /// Returns the selected subprotocol: one of [`Gateway::protocols`](crate::Gateway::protocols) that the client
    /// offered. `None` if the client offered none of them.
    pub fn protocol(&self) -> Option<&str> {
        let conn = self.client.endpoint();
        let number = conn.extras.lock().as_ref().and_then(|extras| extras.protocol)?;
        conn.profile.protocols.get(usize::from(number)).map(AsRef::as_ref)
    }

    /// Returns the client as other gateways see it: rooms, state, `disconnect`.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Closes the connection after everything that was sent.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.client.close(Close::new(code, reason.to_owned()));
    }
}

impl FromMessage for Socket {
    type Kind = OwnedSocket;

    fn from_message(cx: &MessageContext<'_>) -> Result<Socket, Error> {
        let port = cx.endpoint().extras.lock().as_ref().and_then(|extras| extras.port.clone());
        let port = port.ok_or_else(|| Error::internal("`Socket` is a parameter of raw gateways only"))?;
        Ok(Socket { client: cx.caller().connected().clone(), port })
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("client", &self.client).finish_non_exhaustive()
    }
}
