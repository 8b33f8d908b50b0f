//! The methods of a [`TestSocketIo`] that wait for packets.
use super::client::TestSocketIo;
use super::packet::{Content, Packet};
use super::request::SocketIoRequest;
use crate::testing::call::Call;
use crate::testing::error::WireError;
use crate::testing::inbox::Missing;
use crate::testing::received::Received;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::panic::Location;
use std::time::Duration;
use tokio::time::Instant;

impl TestSocketIo {
    /// Sends an event and returns the data of its ack; an ack without arguments is `()` or `None`. Packets that arrive before
    /// it are kept for later `expect…`s.
    ///
    /// # Panics
    /// If the ack has an error (the message has it), if the data is not a `T`, if the server ends what the client has in the
    /// namespace, or the connection, or if no ack comes.
    #[track_caller]
    pub fn request<T: DeserializeOwned>(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = T> {
        let place = Location::caller();
        let (call, outgoing) = self.call(place, event, &data);
        async move {
            self.put(place, outgoing).await;
            self.reply(place, &call).await
        }
    }

    /// Sends an event and returns the error in its ack, `{"error":{…}}`. Packets that arrive before it are kept for
    /// later `expect…`s.
    ///
    /// # Panics
    /// If the ack is no error (the message has it); otherwise as [`request`](TestSocketIo::request).
    #[track_caller]
    pub fn request_error(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = WireError> {
        let place = Location::caller();
        let (call, outgoing) = self.call(place, event, &data);
        async move {
            self.put(place, outgoing).await;
            self.error(place, &call).await
        }
    }

    /// Returns the data of the ack of an event that [`begin`](TestSocketIo::begin) has sent. Packets that arrive before it are
    /// kept for later `expect…`s.
    ///
    /// # Panics
    /// As [`request`](TestSocketIo::request).
    #[track_caller]
    pub fn expect_reply<T: DeserializeOwned>(&mut self, call: Call) -> impl Future<Output = T> {
        let place = Location::caller();
        async move { self.reply(place, &call).await }
    }

    /// Returns the error in the ack of an event that [`begin`](TestSocketIo::begin) has sent. Packets that arrive before it are
    /// kept for later `expect…`s.
    ///
    /// # Panics
    /// As [`request_error`](TestSocketIo::request_error).
    #[track_caller]
    pub fn expect_error(&mut self, call: Call) -> impl Future<Output = WireError> {
        let place = Location::caller();
        async move { self.error(place, &call).await }
    }

    /// Returns the data of the next packet, which must be this event. If the data does not matter, use the type
    /// `serde::de::IgnoredAny`.
    ///
    /// # Panics
    /// If something else arrives first, or nothing; if the data is not a `T`.
    #[track_caller]
    pub fn expect<T: DeserializeOwned>(&mut self, event: &str) -> impl Future<Output = T> {
        let place = Location::caller();
        async move {
            let expected = format!("the event {event:?}");
            let packet = self.next(place, &expected).await;
            match packet.as_event(event) {
                Some(content) => self.data(place, content),
                None => self.came(place, &expected, &packet),
            }
        }
    }

    /// Returns the data of the next event of this name. Packets that arrive before it are discarded.
    ///
    /// # Panics
    /// If the server ends what the client has in the namespace, or the connection; if no such event comes; if the data is not
    /// a `T`.
    #[track_caller]
    pub fn skip_until<T: DeserializeOwned>(&mut self, event: &str) -> impl Future<Output = T> {
        let place = Location::caller();
        async move {
            let deadline = self.deadline();
            let mut skipped = 0;
            loop {
                let expected = format_args!("the event {event:?} after {skipped} skipped packet(s)");
                match self.inbox.next(deadline).await {
                    Ok(Received::Packet(packet)) => match packet.as_event(event) {
                        Some(content) => return self.data(place, content),
                        None if matches!(packet, Packet::Disconnect | Packet::Closed(_)) => {
                            self.came(place, &expected.to_string(), &packet)
                        }
                        None => skipped += 1,
                    },
                    Ok(_) => skipped += 1,
                    Err(missing) => self.failure(place).expected(expected, missing),
                }
            }
        }
    }

    /// Returns the error of the next packet, which must be the event `exception` with this code.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_exception(&mut self, code: &str) -> impl Future<Output = WireError> {
        let place = Location::caller();
        async move {
            let expected = format!("the exception {code:?}");
            let packet = self.next(place, &expected).await;
            let error = packet.as_event("exception").map(|content| self.data::<WireError>(place, content));
            match error {
                Some(error) if error.code == code => error,
                _ => self.came(place, &expected, &packet),
            }
        }
    }

    /// Returns the next packet, which must be a request of the server (`emit_with_ack`) with this event.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_request(&mut self, event: &str) -> impl Future<Output = SocketIoRequest> {
        let place = Location::caller();
        async move {
            let expected = format!("the server's request {event:?}");
            match self.next(place, &expected).await {
                Packet::Event { event: came, ack: Some(ack), content } if came == event => SocketIoRequest {
                    event: came,
                    ack,
                    content,
                    namespace: self.namespace.clone(),
                    link: self.link.clone(),
                    logs: self.logs.clone(),
                },
                packet => self.came(place, &expected, &packet),
            }
        }
    }

    /// Returns the next packet unchanged, as a packet of Engine.IO such as `42["said","hi"]`; it must be an event or an ack. Its
    /// attachments are left out.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_text(&mut self) -> impl Future<Output = String> {
        let place = Location::caller();
        async move {
            match self.next(place, "an event or an ack").await {
                Packet::Event { content, .. } | Packet::Ack { content, .. } => content.text(),
                packet => self.came(place, "an event or an ack", &packet),
            }
        }
    }

    /// Expects that nothing but pings arrives for `duration`.
    ///
    /// # Panics
    /// If a packet arrives, if an earlier packet has not been taken, or if the connection ends.
    #[track_caller]
    pub fn expect_silence(&mut self, duration: Duration) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let expected = format!("silence for {duration:?}");
            match self.inbox.next(Instant::now() + duration).await {
                Err(Missing::TimedOut { .. }) => {}
                Err(missing) => self.failure(place).expected(expected, missing),
                Ok(received) => self.failure(place).expected(expected, format_args!("there came {received}")),
            }
        }
    }

    /// Expects a DISCONNECT packet: the server has ended what the client has in the namespace, and the client does not come
    /// back by itself. So end a kick, and every other close that is not to be retried.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_disconnect(&mut self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            match self.next(place, "a DISCONNECT packet").await {
                Packet::Disconnect => {}
                packet => self.came(place, "a DISCONNECT packet", &packet),
            }
        }
    }

    /// Expects the end of the connection without a DISCONNECT packet, after which a client comes back by itself. So end a
    /// shutdown, and every other close that may be retried.
    ///
    /// # Panics
    /// If something else arrives first, or nothing.
    #[track_caller]
    pub fn expect_closed(&mut self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            match self.next(place, "the end of the connection").await {
                Packet::Closed(_) => {}
                packet => self.came(place, "the end of the connection", &packet),
            }
        }
    }

    /// Expects that the on-connect hook refuses this client, with an exception and then a DISCONNECT packet. Returns the
    /// error.
    ///
    /// # Panics
    /// If something else arrives, or nothing.
    #[track_caller]
    pub fn expect_refused(&mut self) -> impl Future<Output = WireError> {
        let place = Location::caller();
        async move {
            let expected = "an exception and a DISCONNECT packet";
            let packet = self.next(place, expected).await;
            let error = match packet.as_event("exception") {
                Some(content) => self.data(place, content),
                None => self.came(place, expected, &packet),
            };
            match self.next(place, expected).await {
                Packet::Disconnect => error,
                packet => self.came(place, expected, &packet),
            }
        }
    }

    async fn reply<T: DeserializeOwned>(&self, place: &'static Location<'static>, call: &Call) -> T {
        let expected = format!("the ack of {:?}", call.event());
        match self.answer(place, call, &expected).await {
            (content, None) => self.data(place, &content),
            (content, Some(_)) => {
                self.failure(place).expected(expected, format_args!("there came the error {content}"))
            }
        }
    }

    async fn error(&self, place: &'static Location<'static>, call: &Call) -> WireError {
        let expected = format!("an error as the ack of {:?}", call.event());
        match self.answer(place, call, &expected).await {
            (_, Some(error)) => error,
            (content, None) => self.failure(place).expected(expected, format_args!("there came the ack {content}")),
        }
    }

    /// Takes the ack of the event, and the error that it may be.
    async fn answer(
        &self,
        place: &'static Location<'static>,
        call: &Call,
        expected: &str,
    ) -> (Content, Option<WireError>) {
        let answers = |received: &Received| match received {
            Received::Packet(Packet::Ack { id, .. }) => id.to_string() == call.id(),
            // No ack comes after it.
            Received::Packet(Packet::Disconnect) => true,
            _ => false,
        };
        match self.inbox.find(self.deadline(), answers).await {
            Ok(Received::Packet(Packet::Ack { content, .. })) => {
                let error = content.error();
                (content, error)
            }
            Ok(received) => self.failure(place).expected(expected, format_args!("there came {received}")),
            Err(missing) => self.failure(place).expected(expected, missing),
        }
    }

    fn came(&self, place: &'static Location<'static>, expected: &str, packet: &Packet) -> ! {
        self.failure(place).expected(expected, format_args!("there came {packet}"))
    }
}
