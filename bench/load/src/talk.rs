//! Requests and expected answers, plain or compressed.

use crate::Result;
use crate::dialect::Exchange;
use crate::options::{Deflate, Options};
use crate::packed::{self, Inbound, Outbound};
use crate::tag::{Incoming, NUMBERS, Outgoing};

/// Requests and their answers.
pub(crate) struct Talk {
    pub(crate) requests: Requests,
    pub(crate) answers: Answers,
    /// The numbers of a sender start again after this many.
    pub(crate) numbers: u32,
}

pub(crate) enum Requests {
    Plain(Outgoing),
    Packed(Outbound),
}

pub(crate) enum Answers {
    Plain(Incoming),
    Packed(Box<Inbound>),
}

impl Talk {
    /// As the options say, between this many senders and the server.
    pub(crate) fn new(options: &Options, exchange: Exchange, senders: usize) -> Talk {
        let Exchange { request, answer, texts } = exchange;
        Talk {
            requests: match options.deflate {
                Deflate::Off | Deflate::Answers => Requests::Plain(request),
                Deflate::Both => Requests::Packed(Outbound::new(&texts.request, senders)),
            },
            answers: match options.deflate {
                Deflate::Off => Answers::Plain(answer),
                Deflate::Answers | Deflate::Both => Answers::Packed(Box::new(Inbound::new(&texts.answer))),
            },
            numbers: if options.deflate == Deflate::Off { NUMBERS } else { packed::NUMBERS },
        }
    }
}

impl Requests {
    /// `count` frames, tagged in turn.
    pub(crate) fn tagged(&mut self, count: usize, tags: impl FnMut() -> u64) -> &[u8] {
        match self {
            Requests::Plain(plain) => plain.tagged(count, tags),
            Requests::Packed(packed) => packed.tagged(count, tags),
        }
    }
}

impl Answers {
    /// The tag and the length of the answer that the bytes begin with.
    #[inline]
    pub(crate) fn tag_of(&mut self, bytes: &[u8]) -> Result<Option<(u64, usize)>> {
        match self {
            Answers::Plain(plain) => Ok(plain.tag_of(bytes).map(|tag| (tag, plain.length()))),
            Answers::Packed(packed) => packed.tag_of(bytes),
        }
    }
}
