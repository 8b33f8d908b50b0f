//! [`Encoding`]: reads and writes the frames of a connection. No other code looks at the format.
#[cfg(feature = "socketio")]
use super::socketio::{self, Packets};
use super::{Codec, FrameKind, Held, Outgoing, Part};
use crate::Error;
use crate::buffers::{give, take};
use crate::codec::Received;
use crate::contain::contained;
use serde::Serialize;
use std::sync::Arc;
use switchboard_core::codec::{ErrorBody, GoAway, Rejected, json, msgpack};
#[cfg(feature = "socketio")]
use switchboard_core::socketio::json_without_bytes;
use switchboard_core::ws::{self, Opcode};
use switchboard_core::{Code, Id, Incoming};

/// A connection's format, and its codec if the format is the application's.
#[derive(Clone, Copy)]
pub(crate) enum Encoding<'a> {
    Json,
    MessagePack,
    Own {
        codec: &'a Arc<dyn Codec>,
        frames: FrameKind,
    },
    /// The packets of a Socket.IO namespace.
    #[cfg(feature = "socketio")]
    SocketIo {
        namespace: &'a str,
    },
}

/// Each function that writes appends the payload of one frame to `out`, after the room for its header (`HEADER_ROOM` zeros).
/// [`finish`](Encoding::finish) then makes a frame of it. (Socket.IO may write several frames: see `codec::socketio`.)
///
/// Errors: internal, if the value cannot be serialised; `out` is then as it was.
impl<'a> Encoding<'a> {
    fn opcode(self) -> Opcode {
        match self {
            Encoding::Json | Encoding::Own { frames: FrameKind::Text, .. } => Opcode::Text,
            Encoding::MessagePack | Encoding::Own { frames: FrameKind::Binary, .. } => Opcode::Binary,
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { .. } => Opcode::Text,
        }
    }

    /// Finishes the frame in `out`, which begins with the room for its header. Returns where the frame begins.
    #[inline(always)]
    pub(crate) fn finish(self, out: &mut [u8]) -> usize {
        #[cfg(feature = "socketio")]
        if let Encoding::SocketIo { .. } = self {
            return socketio::finish(out);
        }
        ws::finish_frame(out, 0, self.opcode())
    }

    /// How many WebSocket messages a finished frame is.
    #[inline(always)]
    #[cfg_attr(not(feature = "socketio"), expect(unused_variables, reason = "one in all other formats"))]
    pub(crate) fn messages(self, frame: &[u8]) -> u32 {
        match self {
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { .. } => socketio::frames(frame),
            _ => 1,
        }
    }

    /// A push.
    pub(crate) fn event<T: Serialize + ?Sized>(self, out: &mut Vec<u8>, event: &str, data: &T) -> Result<(), Error> {
        match self {
            Encoding::Json => json::encode_event(out, event, data).map(drop),
            Encoding::MessagePack => msgpack::encode_event(out, event, data).map(drop),
            Encoding::Own { codec, .. } => own(codec, out, &Outgoing::new(event, &data)),
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { namespace } => Packets(namespace).event(out, event, data, None),
        }
    }

    /// A request of the server to a client.
    pub(crate) fn request<T: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        event: &str,
        data: &T,
        ack: u64,
    ) -> Result<(), Error> {
        match self {
            Encoding::Json => json::encode_request(out, event, data, ack).map(drop),
            Encoding::MessagePack => msgpack::encode_request(out, event, data, ack).map(drop),
            Encoding::Own { codec, .. } => own(codec, out, &Outgoing { ack: Some(ack), ..Outgoing::new(event, &data) }),
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { namespace } => Packets(namespace).event(out, event, data, Some(ack)),
        }
    }

    /// A reply, or an item of a stream; without an id it is a push. (A plain reply in JSON takes a shorter way, in `ReplySink`.)
    pub(crate) fn answer<T: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        event: &str,
        id: Option<&Id<'_>>,
        item: bool,
        data: &T,
    ) -> Result<(), Error> {
        // Erased, so that `T`'s `Serialize` for JSON is compiled in one place only.
        let erased: &dyn erased_serde::Serialize = &data;
        match (self, id.filter(|_| item)) {
            (Encoding::Json, _) => json::encode_erased(out, event, id, item, erased).map(drop),
            (Encoding::MessagePack, None) => msgpack::encode_reply(out, event, id, data).map(drop),
            (Encoding::MessagePack, Some(id)) => msgpack::encode_stream_item(out, event, id, data).map(drop),
            (Encoding::Own { codec, .. }, more) => {
                own(codec, out, &Outgoing { id, more: more.is_some(), ..Outgoing::new(event, &data) })
            }
            #[cfg(feature = "socketio")]
            (Encoding::SocketIo { namespace }, _) => Packets(namespace).answer(out, event, id, item, erased),
        }
    }

    /// A reply, or an item of a stream, under another name than the request's event.
    pub(crate) fn answer_as<T: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        event: &str,
        id: Option<&Id<'_>>,
        item: bool,
        data: &T,
    ) -> Result<(), Error> {
        match self {
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { namespace } => {
                let erased: &dyn erased_serde::Serialize = &data;
                Packets(namespace).named(out, event, id, item, erased)
            }
            _ => self.answer(out, event, id, item, data),
        }
    }

    /// The answer to a message pattern, or an item of a stream of them; without an id it is no item.
    pub(crate) fn pattern<T: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        pattern: &str,
        id: Option<&Id<'_>>,
        item: bool,
        payload: &T,
    ) -> Result<(), Error> {
        let erased: &dyn erased_serde::Serialize = &payload;
        let more = item && id.is_some();
        match self {
            Encoding::Json => json::encode_pattern(out, pattern, id, more, erased).map(drop),
            Encoding::MessagePack => msgpack::encode_pattern(out, pattern, id, more, payload).map(drop),
            Encoding::Own { codec, .. } => {
                own(codec, out, &Outgoing { id, more, pattern: true, ..Outgoing::new(pattern, &payload) })
            }
            // Its clients send no message patterns.
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { namespace } => Packets(namespace).answer(out, pattern, id, item, erased),
        }
    }

    /// The end of a stream of answers to a message pattern.
    pub(crate) fn pattern_end(self, out: &mut Vec<u8>, pattern: &str, id: &Id<'_>) -> Result<(), Error> {
        match self {
            Encoding::Json => json::encode_pattern_end(out, pattern, id),
            Encoding::MessagePack => msgpack::encode_pattern_end(out, pattern, id),
            Encoding::Own { codec, .. } => {
                let end =
                    Outgoing { data: None, id: Some(id), done: true, pattern: true, ..Outgoing::new(pattern, &()) };
                return own(codec, out, &end);
            }
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { namespace } => Packets(namespace).end(out, id),
        }
        Ok(())
    }

    pub(crate) fn is_json(self) -> bool {
        matches!(self, Encoding::Json)
    }

    /// The end of a stream.
    pub(crate) fn end(self, out: &mut Vec<u8>, event: &str, id: &Id<'_>) -> Result<(), Error> {
        match self {
            Encoding::Json => json::encode_stream_end(out, event, id),
            Encoding::MessagePack => msgpack::encode_stream_end(out, event, id),
            Encoding::Own { codec, .. } => {
                let end = Outgoing { data: None, id: Some(id), done: true, ..Outgoing::new(event, &()) };
                return own(codec, out, &end);
            }
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { namespace } => Packets(namespace).end(out, id),
        }
        Ok(())
    }

    /// False only if the payload of the frame at the end of `out`, a push or a reply without an id, is certainly not null.
    pub(crate) fn may_end_in_null(self, out: &[u8]) -> bool {
        match self {
            Encoding::Json => out.ends_with(b":null}"),
            Encoding::MessagePack => out.ends_with(b"\xa4data\xc0"),
            Encoding::Own { .. } => true,
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { .. } => out.ends_with(b",null]"),
        }
    }

    /// True if serde_json's `RawValue` is written as the JSON that it holds.
    pub(crate) fn knows_raw_json(self) -> bool {
        !matches!(self, Encoding::Own { .. })
    }

    /// True if an [`Args`](crate::Args) is written as several arguments, and not as one value.
    pub(crate) fn spreads_args(self) -> bool {
        match self {
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { .. } => true,
            _ => false,
        }
    }

    /// Encodes a value alone, which is kept until it is decided whether it is sent. A codec of the application cannot encode a
    /// value alone, so for it the value is kept as JSON.
    pub(crate) fn hold<T: Serialize + ?Sized>(self, value: &T) -> Result<Held, Error> {
        match self {
            Encoding::MessagePack => msgpack::RawBuf::of(value).map(Held::MessagePack),
            Encoding::Json | Encoding::Own { .. } => {
                let erased: &dyn erased_serde::Serialize = &value;
                json::raw_value(erased).map(Held::Json)
            }
            // JSON keeps more of a value (all digits of an integer, for example), and MessagePack the bytes in it.
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { .. } => {
                let erased: &dyn erased_serde::Serialize = &value;
                match json_without_bytes(erased)? {
                    Some(json) => Ok(Held::Json(json)),
                    None => msgpack::RawBuf::of(erased).map(Held::MessagePack),
                }
            }
        }
    }

    /// An error. `event` and `id` are those of the request, where they are known.
    ///
    /// Errors: a codec of the application failed, or panicked, which is logged.
    pub(crate) fn exception(
        self,
        out: &mut Vec<u8>,
        error: &Error,
        event: Option<&str>,
        id: Option<&Id<'_>>,
    ) -> Result<(), Error> {
        match self {
            Encoding::Json => json::encode_exception(out, error, event, id),
            Encoding::MessagePack => msgpack::encode_exception(out, error, event, id),
            Encoding::Own { codec, .. } => {
                let body = ErrorBody::new(error, event);
                let frame = Outgoing { id, ..Outgoing::new("exception", &body) };
                return contained("codec", || own(codec, out, &frame));
            }
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { namespace } => return Packets(namespace).exception(out, error, event, id),
        }
        Ok(())
    }

    /// [`exception`](Encoding::exception), in at most `most` bytes: of a longer error, only the code is sent, with a text of
    /// ours.
    ///
    /// Errors: as [`exception`](Encoding::exception), and if not even that fits.
    pub(crate) fn exception_within(
        self,
        most: usize,
        out: &mut Vec<u8>,
        error: &Error,
        event: Option<&str>,
        id: Option<&Id<'_>>,
    ) -> Result<(), Error> {
        let start = out.len();
        self.exception(out, error, event, id)?;
        if out.len() - start <= most { Ok(()) } else { self.short_exception(most, start, out, error, event, id) }
    }

    #[cold]
    fn short_exception(
        self,
        most: usize,
        start: usize,
        out: &mut Vec<u8>,
        error: &Error,
        event: Option<&str>,
        id: Option<&Id<'_>>,
    ) -> Result<(), Error> {
        const TEXT: &str = "The error is too long to be sent";
        let mut short = Error::new(error.code().clone(), TEXT);
        if let Some(after) = error.retry_delay() {
            short = short.retry_after(after);
        }
        // The code may be long, too. Then it is `internal`.
        for short in [short, Error::new(Code::Internal, TEXT)] {
            out.truncate(start);
            self.exception(out, &short, event, id)?;
            if out.len() - start <= most {
                return Ok(());
            }
        }
        out.truncate(start);
        Err(Error::internal("not even a short error fits into `max_message_out`"))
    }

    /// `sys.goaway`: sent before a close that the server decides.
    ///
    /// Errors: as [`exception`](Encoding::exception).
    pub(crate) fn goaway(self, out: &mut Vec<u8>, goaway: &GoAway<'_>) -> Result<(), Error> {
        let GoAway { code, reason, retryable, retry_after_ms } = *goaway;
        match self {
            Encoding::Json => json::encode_goaway(out, code, reason, retryable, retry_after_ms),
            Encoding::MessagePack => msgpack::encode_goaway(out, code, reason, retryable, retry_after_ms),
            Encoding::Own { codec, .. } => {
                return contained("codec", || own(codec, out, &Outgoing::new("sys.goaway", goaway)));
            }
            #[cfg(feature = "socketio")]
            Encoding::SocketIo { .. } => return Err(Error::internal("Socket.IO has no `sys.goaway`")),
        }
        Ok(())
    }

    /// Reads a frame. `patterns`: whether frames of message patterns are accepted.
    pub(crate) fn decode<'f>(
        self,
        message: &'f Received<'_>,
        patterns: bool,
    ) -> Result<Incoming<'f, Part<'f>>, Rejected<'f>>
    where
        'a: 'f,
    {
        match (self, message) {
            (Encoding::Json, Received::Text(text)) => {
                let decode = if patterns { json::decode_with_patterns } else { json::decode };
                decode(text).map(|message| message.map(Part::Json))
            }
            (Encoding::MessagePack, Received::Bytes(bytes)) => {
                let decode = if patterns { msgpack::decode_with_patterns } else { msgpack::decode };
                decode(bytes).map(|message| message.map(Part::MessagePack))
            }
            (Encoding::Own { codec, frames: FrameKind::Text }, Received::Text(text)) => {
                decode(codec, text.as_bytes(), patterns)
            }
            (Encoding::Own { codec, frames: FrameKind::Binary }, Received::Bytes(bytes)) => {
                decode(codec, bytes, patterns)
            }
            #[cfg(feature = "socketio")]
            (Encoding::SocketIo { .. }, message) => socketio::read(message),
            #[cfg(feature = "socketio")]
            (_, Received::Packet(_)) => Err(wrong_kind("The format of this connection has no attachments")),
            (_, Received::Text(_)) => Err(wrong_kind("The format of this connection has binary frames: send no text")),
            (_, Received::Bytes(_)) => Err(wrong_kind("The format of this connection has text frames: send no binary")),
        }
    }
}

fn wrong_kind(message: &'static str) -> Rejected<'static> {
    Rejected::new(Error::bad_request(message)).with_reason("frame_kind")
}

fn own(codec: &Arc<dyn Codec>, out: &mut Vec<u8>, frame: &Outgoing<'_>) -> Result<(), Error> {
    let mut payload = take();
    let encoded = codec.encode(frame, &mut payload).map_err(Error::internal);
    if encoded.is_ok() {
        out.extend_from_slice(&payload);
    }
    give(payload);
    encoded
}

fn decode<'f>(
    codec: &'f Arc<dyn Codec>,
    frame: &'f [u8],
    patterns: bool,
) -> Result<Incoming<'f, Part<'f>>, Rejected<'f>> {
    let decoded = contained("codec", || Ok(codec.decode(frame)))??;
    let taken = if patterns { decoded } else { decoded.without_patterns()? };
    taken.check().map(|message| message.map(|bytes| Part::Own(codec, bytes)))
}
