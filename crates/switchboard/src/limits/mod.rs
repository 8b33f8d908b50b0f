//! All limits with their defaults, as typed fields in three scopes: the node, a transport, a gateway.
mod problems;
mod table;

pub use table::{GatewayLimits, NodeLimits, WebSocketLimits};

use crate::Rate;
use std::time::Duration;
use switchboard_core::ws::FrameLimits;

/// What happens to a volatile message while its receiver's socket accepts no bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolatilePolicy {
    /// It is dropped.
    #[default]
    DropNewest,
    /// It is queued; if the outbox is full, the oldest queued volatile messages are dropped to make room.
    DropOldest,
}

/// The limits of an application: those of its node, and those of each gateway that has no limits of its own. Sizes are
/// in bytes.
///
/// Sizes, counts and times are limited by default. Rates, and the connections of one address or user, are not, because
/// an address may belong to a whole company. [`Limits::public`] limits rates and addresses too.
///
/// Each limit has a setter, here and on the type of its scope. A gateway takes [`GatewayLimits`], which has no limits
/// of the node.
///
/// ```
/// use std::time::Duration;
/// use switchboard::{App, Gateway, GatewayLimits, Limits};
/// let limits = Limits::default().max_connections(Some(10_000)).max_message(1 << 20).ping_interval(Duration::from_secs(10));
/// assert_eq!(limits.node.max_connections, Some(10_000));
/// assert_eq!(limits.gateway.max_message, 1 << 20);
/// assert_eq!(limits.gateway.websocket.ping_interval, Duration::from_secs(10));
///
/// let uploads = Gateway::new(()).limits(GatewayLimits::default().max_message(16 << 20));
/// let app = App::new().limits(limits).gateway("/uploads", uploads);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The limits of the node.
    pub node: NodeLimits,
    /// The limits of each gateway that has no limits of its own.
    pub gateway: GatewayLimits,
}

/// The parameter of the setters that [`GatewayLimits`] has for limits of the node. No type implements it, so the
/// compile error says where to set the limit.
#[diagnostic::on_unimplemented(
    message = "this limit is the node's: a gateway cannot have its own",
    label = "set it on the application, by `App::limits(Limits::default()..)`",
    note = "`GatewayLimits` has the limits of one gateway, and `NodeLimits` those of the whole process"
)]
#[doc(hidden)]
pub trait OnTheApplication {}

/// The most control frames that wait; they wait only while the socket accepts no bytes. Above: pongs are not sent.
pub(crate) const CONTROL_LANE: u16 = 32;

impl NodeLimits {
    /// Returns the limits of the node in [`Limits::public`].
    #[must_use]
    pub fn public() -> NodeLimits {
        NodeLimits {
            accept_rate: Some(Rate::new(2000, 4000)),
            address_connections: Some(64),
            address_rate: Some(Rate::new(20, 20)),
            ..NodeLimits::default()
        }
    }
}

impl WebSocketLimits {
    /// Returns the limits of the transport in [`Limits::public`].
    #[must_use]
    pub fn public() -> WebSocketLimits {
        WebSocketLimits {
            message_rate: Some(Rate::new(100, 200)),
            byte_rate: Some(Rate::new(1 << 20, 4 << 20)),
            ..WebSocketLimits::default()
        }
    }
}

impl GatewayLimits {
    /// Returns the limits of a gateway in [`Limits::public`].
    #[must_use]
    pub fn public() -> GatewayLimits {
        GatewayLimits { websocket: WebSocketLimits::public(), ..GatewayLimits::default() }
    }

    /// Sets all limits of the WebSocket transport.
    #[must_use]
    pub fn websocket(mut self, websocket: WebSocketLimits) -> GatewayLimits {
        self.websocket = websocket;
        self
    }

    pub(crate) fn frames(&self) -> FrameLimits {
        FrameLimits {
            max_message: self.max_message,
            max_frame: self.max_message,
            max_fragments: self.websocket.max_fragments,
        }
    }

    /// Returns the step of the clock that deadlines are compared with: a 32nd of the shortest of them, from 5 ms to 500
    /// ms. Each of these deadlines is noticed at most two steps late.
    pub(crate) fn tick(&self) -> Duration {
        let always = [
            self.websocket.partial_timeout,
            self.handler_timeout,
            self.stream_timeout,
            self.deferred_reply_timeout,
            self.outbound_soft_time,
            self.write_timeout,
            self.websocket.ping_interval,
            self.websocket.ping_timeout,
        ];
        let shortest = always.into_iter().chain(self.idle_timeout).chain(self.max_lifetime).min().unwrap_or_default();
        (shortest / 32).clamp(Duration::from_millis(5), Duration::from_millis(500))
    }
}

impl Limits {
    /// Returns limits for a server to which anyone on the internet may connect: the defaults, and
    ///
    /// | limit | value | above |
    /// |---|---|---|
    /// | `accept_rate` | 2,000 in a second, 4,000 at once | 503 |
    /// | `address_connections` | 64 | 429 |
    /// | `address_rate` | 20 in a second, 20 at once | 429 |
    /// | `message_rate` | 100 in a second, 200 at once | `rate_limited`, then 4003 |
    /// | `byte_rate` | 1 MiB in a second, 4 MiB at once | `rate_limited`, then 4003 |
    ///
    /// A gateway with limits of its own gets the last two from [`GatewayLimits::public`].
    ///
    /// If the server runs after a proxy, [trust it](crate::App::trust_proxies); otherwise all clients have the proxy's
    /// address. In tests, all clients have 127.0.0.1.
    #[must_use]
    pub fn public() -> Limits {
        Limits { node: NodeLimits::public(), gateway: GatewayLimits::public() }
    }

    /// Sets all limits of the node.
    #[must_use]
    pub fn node(mut self, node: NodeLimits) -> Limits {
        self.node = node;
        self
    }

    /// Sets all limits of each gateway that has no limits of its own.
    #[must_use]
    pub fn gateway(mut self, gateway: GatewayLimits) -> Limits {
        self.gateway = gateway;
        self
    }

    /// Sets all limits of the WebSocket transport.
    #[must_use]
    pub fn websocket(mut self, websocket: WebSocketLimits) -> Limits {
        self.gateway.websocket = websocket;
        self
    }
}
