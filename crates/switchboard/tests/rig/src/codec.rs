//! A codec of an application, in which the test runs code.
use std::error::Error;
use switchboard::codec::{Codec, FrameKind, Incoming, Json, Lend, Outgoing, Rejected};

/// What a codec is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecStep {
    /// A frame is decoded.
    Decode,
    /// A payload is read.
    Read,
    /// A frame is encoded.
    Encode,
}

/// JSON under the subprotocol `chatty`, which calls a function before each step.
pub struct ChattyCodec<F>(F);

impl<F: Fn(CodecStep)> ChattyCodec<F> {
    /// Calls this function before each step.
    pub fn new(before: F) -> ChattyCodec<F> {
        ChattyCodec(before)
    }
}

impl<F> std::fmt::Debug for ChattyCodec<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChattyCodec")
    }
}

impl<F: Fn(CodecStep) + Send + Sync + 'static> Codec for ChattyCodec<F> {
    fn protocol(&self) -> &str {
        "chatty"
    }

    fn frames(&self) -> FrameKind {
        FrameKind::Text
    }

    fn decode<'a>(&self, frame: &'a [u8]) -> Result<Incoming<'a>, Rejected<'a>> {
        (self.0)(CodecStep::Decode);
        Json.decode(frame)
    }

    fn read(&self, payload: &[u8], lend: &mut Lend<'_>) {
        (self.0)(CodecStep::Read);
        Json.read(payload, lend);
    }

    fn encode(&self, frame: &Outgoing<'_>, out: &mut Vec<u8>) -> Result<(), Box<dyn Error + Send + Sync>> {
        (self.0)(CodecStep::Encode);
        Json.encode(frame, out)
    }
}
