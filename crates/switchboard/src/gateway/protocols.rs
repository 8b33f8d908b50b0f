//! The subprotocols of a gateway: those of a raw loop, and the format of clients that ask for none.
use super::Gateway;
use crate::codec::{Codecs, Format, Frames};
use crate::problem::Problem;
use std::borrow::Cow;
use std::panic::Location;
use switchboard_core::ws::handshake::{Refusal, Upgrade as Asked, is_protocol};

type Place = &'static Location<'static>;

/// A connection keeps the number of its subprotocol in a byte.
const MOST: usize = 256;

/// What a gateway says of subprotocols.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protocols {
    /// Of a raw gateway.
    names: Vec<Cow<'static, str>>,
    named_at: Option<Place>,
    required_at: Option<Place>,
    /// The format of clients that ask for none, by its subprotocol.
    default_format: Option<(Cow<'static, str>, Place)>,
}

impl Protocols {
    /// The number of the client's first subprotocol that the raw loop speaks.
    pub(crate) fn select(&self, asked: &Asked<'_>) -> Result<Option<u8>, Refusal> {
        let names: Vec<&str> = self.names.iter().map(AsRef::as_ref).collect();
        let chosen = asked.select_protocol(&names, self.required_at.is_some())?;
        Ok(chosen.and_then(|chosen| names.iter().position(|name| *name == chosen)?.try_into().ok()))
    }

    /// Those of a raw gateway.
    pub(crate) fn names(&self) -> &[Cow<'static, str>] {
        &self.names
    }

    /// The subprotocol of this number.
    pub(crate) fn name(&self, number: u8) -> Option<&str> {
        self.names.get(usize::from(number)).map(AsRef::as_ref)
    }

    /// Adds what is wrong. `raw`: where the raw loop is.
    pub(super) fn check(&self, gateway: &str, raw: Option<Place>, problems: &mut Vec<Problem>) {
        let mut add = |message: String, places: &[Place]| problems.push(Problem::new(message, places));
        if let Some(named_at) = self.named_at {
            if raw.is_none() {
                let message = format!(
                    "{gateway} has `protocols` and no raw loop; the subprotocols of messages are formats, which `App::codec` adds"
                );
                add(message, &[named_at]);
            }
            if self.names.is_empty() {
                add(format!("the `protocols` of {gateway} are none; name one, or leave them out"), &[named_at]);
            }
            if self.names.len() > MOST {
                add(format!("{gateway} has more than {MOST} `protocols`; remove some"), &[named_at]);
            }
            for (at, name) in self.names.iter().enumerate() {
                if !is_protocol(name) {
                    let message = format!(
                        "the subprotocol {name:?} of {gateway} is no token: use letters, digits and `.`, as in \"ocpp1.6\""
                    );
                    add(message, &[named_at]);
                }
                if self.names[..at].contains(name) {
                    add(format!("{gateway} has the subprotocol {name:?} twice; remove one"), &[named_at]);
                }
            }
        }
        if let (Some(required_at), None) = (self.required_at, self.named_at) {
            add(format!("{gateway} requires a subprotocol and has no `protocols`; name them"), &[required_at]);
        }
        if let (Some((_, chosen_at)), Some(raw)) = (&self.default_format, raw) {
            add(
                format!("{gateway} has a raw loop, which has no format, and a `default_format`; remove it"),
                &[chosen_at, raw],
            );
        }
    }

    /// The format of clients that ask for none. Adds what is wrong.
    pub(super) fn settle(&self, gateway: &str, codecs: &Codecs, frames: Frames, problems: &mut Vec<Problem>) -> Format {
        let Some((wanted, place)) = &self.default_format else { return Format::default() };
        let found = codecs.offers(frames).find(|(protocol, _)| protocol == wanted);
        found.map_or_else(
            || {
                let known: Vec<String> = codecs.offers(frames).map(|(protocol, _)| format!("{protocol:?}")).collect();
                let message = format!(
                    "the default format {wanted:?} of {gateway} is not spoken there; there is {}",
                    known.join(", ")
                );
                problems.push(Problem::new(message, &[place]));
                Format::default()
            },
            |(_, format)| format,
        )
    }
}

impl<S: Send + Sync + 'static> Gateway<S> {
    /// The subprotocols of a raw gateway, as `"ocpp1.6"`, `"graphql-transport-ws"` or `"wamp.2.json"`. The first one of the client's
    /// that is among them is named in the 101, and told to the loop by [`Socket::protocol`](crate::Socket::protocol). A client that
    /// offers none of them is connected without one, unless there [has to be](Gateway::require_protocol) one. Called again, it adds.
    ///
    /// Without a raw loop it is a problem at boot: the subprotocols of messages are [formats](crate::codec).
    ///
    /// ```
    /// use switchboard::{Gateway, Socket};
    /// struct ChargePoints;
    /// impl ChargePoints {
    ///     async fn run(&self, mut socket: Socket) {
    ///         let is_2 = socket.protocol() == Some("ocpp2.0.1");
    ///         while let Some(call) = socket.recv().await {
    ///             // answered as OCPP 2.0.1 or 1.6 has it
    /// #           let _ = (is_2, call);
    ///         }
    ///     }
    /// }
    /// let charging = Gateway::new(ChargePoints).raw(ChargePoints::run).protocols(["ocpp2.0.1", "ocpp1.6"]);
    /// ```
    #[track_caller]
    pub fn protocols<P: Into<Cow<'static, str>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Gateway<S> {
        self.protocols.names.extend(protocols.into_iter().map(Into::into));
        self.protocols.named_at = Some(Location::caller());
        self
    }

    /// Refuses a client that offers none of the [`protocols`](Gateway::protocols): 400. Default: it is connected without one, and
    /// [`Socket::protocol`](crate::Socket::protocol) is `None`.
    #[track_caller]
    pub fn require_protocol(mut self) -> Gateway<S> {
        self.protocols.required_at = Some(Location::caller());
        self
    }

    /// The format of clients that offer no subprotocol that is spoken here, by its name: `"switchboard.v1.msgpack"`, or that of a
    /// [codec](crate::App::codec) of the application. Default: JSON. For clients that cannot offer one, such as devices whose firmware
    /// is fixed.
    ///
    /// A format that this gateway does not speak is a problem at boot.
    ///
    /// ```
    /// use switchboard::Gateway;
    /// let sensors = Gateway::functions()
    ///     .on_fn("measured", |celsius: f32| async move { celsius > 90.0 })
    ///     .default_format("switchboard.v1.msgpack");
    /// ```
    #[track_caller]
    pub fn default_format(mut self, protocol: impl Into<Cow<'static, str>>) -> Gateway<S> {
        self.protocols.default_format = Some((protocol.into(), Location::caller()));
        self
    }
}
