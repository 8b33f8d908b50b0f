//! The formats that an application speaks.
use super::{Codec, Encoding, FrameKind};
use crate::problem::Problem;
use std::panic::Location;
use std::sync::Arc;
use switchboard_core::ws::handshake::is_protocol;

pub(super) const JSON: &str = "switchboard.v1.json";
pub(super) const MESSAGE_PACK: &str = "switchboard.v1.msgpack";
/// The prefix of Switchboard's own subprotocols.
const OURS: &str = "switchboard.";
/// The one version that is spoken.
const VERSION: &str = "1";

/// True for a subprotocol of ours in another version, such as `switchboard.v2.json`.
pub(crate) fn is_unknown_version(protocol: &str) -> bool {
    let name = protocol.strip_prefix(OURS).and_then(|name| name.strip_prefix('v')?.split_once('.'));
    name.is_some_and(|(version, format)| {
        let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        is_number && version != VERSION && !format.is_empty()
    })
}

/// The format of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    #[default]
    Json,
    MessagePack,
    /// The packets of Socket.IO. It is no subprotocol: its transport alone chooses it.
    #[cfg(feature = "socketio")]
    SocketIo,
    /// The application's codec of this number.
    Own(u8),
}

/// The kinds of frames that a gateway accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Frames {
    #[default]
    Any,
    Text,
    Binary,
}

/// The application's codecs, which all its gateways share.
#[derive(Clone, Default)]
pub(crate) struct Codecs(Arc<[Registered]>);

#[derive(Clone)]
pub(crate) struct Registered {
    codec: Arc<dyn Codec>,
    protocol: Box<str>,
    frames: FrameKind,
    place: &'static Location<'static>,
}

impl Codecs {
    /// The encoding of a format. `namespace` is asked by Socket.IO, whose packets begin with it.
    #[cfg_attr(not(feature = "socketio"), expect(unused_variables, reason = "no other format has it in its frames"))]
    pub(crate) fn encoding<'a>(&'a self, format: Format, namespace: impl FnOnce() -> &'a str) -> Encoding<'a> {
        match format {
            Format::Json => Encoding::Json,
            Format::MessagePack => Encoding::MessagePack,
            #[cfg(feature = "socketio")]
            Format::SocketIo => Encoding::SocketIo { namespace: namespace() },
            // The number is from the list in `offers`, so there is such a codec.
            Format::Own(at) => match self.0.get(usize::from(at)) {
                Some(own) => Encoding::Own { codec: &own.codec, frames: own.frames },
                None => Encoding::Json,
            },
        }
    }

    /// The subprotocol of a format that was offered.
    pub(crate) fn protocol(&self, format: Format) -> &str {
        match format {
            Format::Json => JSON,
            Format::MessagePack => MESSAGE_PACK,
            // It is never offered.
            #[cfg(feature = "socketio")]
            Format::SocketIo => "",
            Format::Own(at) => self.0.get(usize::from(at)).map_or(JSON, |own| &own.protocol),
        }
    }

    /// The subprotocols of a gateway that accepts these frames, each with its format.
    pub(crate) fn offers(&self, frames: Frames) -> impl Iterator<Item = (&str, Format)> {
        let built_in = [(JSON, Format::Json, None), (MESSAGE_PACK, Format::MessagePack, Some(FrameKind::Binary))];
        let own = self.0.iter().zip(0u8..).map(|(own, at)| (&*own.protocol, Format::Own(at), Some(own.frames)));
        let taken = move |kind: Option<FrameKind>| match kind {
            None => true,
            Some(FrameKind::Text) => frames != Frames::Binary,
            Some(FrameKind::Binary) => frames != Frames::Text,
        };
        let all = built_in.into_iter().chain(own).filter(move |(_, _, kind)| taken(*kind));
        all.map(|(protocol, format, _)| (protocol, format))
    }
}

impl Codecs {
    /// These codecs and one more.
    ///
    /// Errors: its subprotocol is taken, reserved or no token; or there are too many.
    pub(crate) fn with(&self, codec: impl Codec, place: &'static Location<'static>) -> Result<Codecs, Problem> {
        let Codecs(known) = self;
        let (protocol, frames) = (Box::<str>::from(codec.protocol()), codec.frames());
        if let Some(other) = known.iter().find(|other| other.protocol == protocol) {
            let message = format!("two codecs have the subprotocol {protocol:?}; rename or remove one");
            return Err(Problem::new(message, &[other.place, place]));
        }
        if protocol.starts_with(OURS) {
            let message = format!("the subprotocol {protocol:?} belongs to Switchboard; choose a name of your own");
            return Err(Problem::new(message, &[place]));
        }
        if !is_protocol(&protocol) {
            let message =
                format!("the subprotocol {protocol:?} is no token: use letters, digits and `.`, as in \"mine.v1\"");
            return Err(Problem::new(message, &[place]));
        }
        if known.len() > usize::from(u8::MAX) {
            return Err(Problem::new("there are more than 256 codecs; remove some", &[place]));
        }
        let own = Registered { codec: Arc::new(codec), protocol, frames, place };
        Ok(Codecs(known.iter().cloned().chain([own]).collect()))
    }
}
