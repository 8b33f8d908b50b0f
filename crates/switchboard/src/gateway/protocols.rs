//! The subprotocols of a raw gateway, and the default format of clients that ask for no subprotocol.
use super::Gateway;
use crate::codec::{Codecs, Format, Frames};
use crate::problem::Problem;
use std::borrow::Cow;
use std::panic::Location;
use switchboard_core::ws::handshake::{Refusal, Upgrade as Asked, is_protocol};

type Place = &'static Location<'static>;

/// The most subprotocols of a gateway: a connection stores the index of its subprotocol in a byte.
const MOST: usize = 256;

/// A gateway's settings for subprotocols.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protocols {
    /// The subprotocols of a raw gateway.
    names: Vec<Cow<'static, str>>,
    named_at: Option<Place>,
    required_at: Option<Place>,
    /// The format of clients that ask for no subprotocol, by its name, and where it was set.
    default_format: Option<(Cow<'static, str>, Place)>,
}

impl Protocols {
    /// Returns the index of the first subprotocol of the client that the raw loop speaks.
    pub(crate) fn select(&self, asked: &Asked<'_>) -> Result<Option<u8>, Refusal> {
        let names: Vec<&str> = self.names.iter().map(AsRef::as_ref).collect();
        let chosen = asked.select_protocol(&names, self.required_at.is_some())?;
        Ok(chosen.and_then(|chosen| names.iter().position(|name| *name == chosen)?.try_into().ok()))
    }

    /// Returns the subprotocols of a raw gateway.
    pub(crate) fn names(&self) -> &[Cow<'static, str>] {
        &self.names
    }

    /// Returns the name of the subprotocol with this index.
    pub(crate) fn name(&self, number: u8) -> Option<&str> {
        self.names.get(usize::from(number)).map(AsRef::as_ref)
    }

    /// Adds mistakes to `problems`. `raw` is where the raw loop was registered.
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

    /// Returns the format of clients that ask for no subprotocol. Adds mistakes to `problems`.
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
    /// Sets the subprotocols of a raw gateway, such as `"ocpp1.6"`, `"graphql-transport-ws"` or `"wamp.2.json"`. The
    /// client's first subprotocol that is among them is named in the 101 response and returned by
    /// [`Socket::protocol`](crate::Socket::protocol). A client that offers none of them is connected without one,
    /// unless [one is required](Gateway::require_protocol). Further calls add subprotocols.
    ///
    /// A gateway without a raw loop that has them is a problem at boot: the subprotocols of messages are
    /// [formats](crate::codec).
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

    /// Refuses a client that offers none of the [`protocols`](Gateway::protocols) with 400. Default: it is connected
    /// without one, and [`Socket::protocol`](crate::Socket::protocol) is `None`.
    #[track_caller]
    pub fn require_protocol(mut self) -> Gateway<S> {
        self.protocols.required_at = Some(Location::caller());
        self
    }

    /// Sets the format of clients that offer no subprotocol that this gateway speaks, by its name:
    /// `"switchboard.v1.msgpack"`, or that of one of the application's [codecs](crate::App::codec). Default: JSON. It
    /// is meant for clients that cannot offer a subprotocol, such as devices with fixed firmware.
    ///
    /// A format that this gateway does not speak is reported as a problem at boot.
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
