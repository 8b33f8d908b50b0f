//! Every limit, typed, with its default, in three scopes: the node, a transport, a gateway.
mod problems;
mod table;

pub use table::{GatewayLimits, NodeLimits, WebSocketLimits};

use crate::Rate;
use std::time::Duration;
use switchboard_core::ws::FrameLimits;

/// What a volatile message may do while its receiver's socket refuses bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolatilePolicy {
    /// It is dropped.
    #[default]
    DropNewest,
    /// It is queued; when the outbox is full the oldest queued volatile messages make room.
    DropOldest,
}

/// The limits of an application: those of its node, and those of each gateway that has none of its own. Sizes are bytes.
///
/// Sizes, counts and times are limited by default. Rates, and what one address or user may have, are not: an address may
/// be a whole company. [`Limits::public`] limits rates and addresses too.
///
/// There is a setter for each limit of each scope. A gateway takes [`GatewayLimits`], which have no limit of the node.
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
    /// Those of the node.
    pub node: NodeLimits,
    /// Those of each gateway without limits of its own.
    pub gateway: GatewayLimits,
}

/// A value that sets a limit of the node on [`GatewayLimits`]: no type implements it, so that the compiler says where to set it.
#[diagnostic::on_unimplemented(
    message = "this limit is the node's: a gateway cannot have its own",
    label = "set it on the application, by `App::limits(Limits::default()..)`",
    note = "`GatewayLimits` has the limits of one gateway, and `NodeLimits` those of the whole process"
)]
#[doc(hidden)]
pub trait OnTheApplication {}

/// Frames wait in the control lane only while the socket refuses bytes; further pongs are not sent.
pub(crate) const CONTROL_LANE: u16 = 32;

impl NodeLimits {
    /// Those of the node in [`Limits::public`].
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
    /// Those of the transport in [`Limits::public`].
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
    /// Those of a gateway in [`Limits::public`].
    #[must_use]
    pub fn public() -> GatewayLimits {
        GatewayLimits { websocket: WebSocketLimits::public(), ..GatewayLimits::default() }
    }

    /// All limits of the WebSocket transport.
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

    /// The step of the clock that deadlines are held against: a 32nd of the shortest of them, 5 ms to 500 ms. Of these
    /// deadlines each is late by two steps at most.
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
    /// For a server that anybody on the internet may connect to: the default, and
    ///
    /// | limit | value | above |
    /// |---|---|---|
    /// | `accept_rate` | 2,000 in a second, 4,000 at once | 503 |
    /// | `address_connections` | 64 | 429 |
    /// | `address_rate` | 20 in a second, 20 at once | 429 |
    /// | `message_rate` | 100 in a second, 200 at once | `rate_limited`, then 4003 |
    /// | `byte_rate` | 1 MiB in a second, 4 MiB at once | `rate_limited`, then 4003 |
    ///
    /// A gateway with limits of its own has the last two by [`GatewayLimits::public`].
    ///
    /// Behind a proxy, [trust it](crate::App::trust_proxies): else all clients have its address. In tests they all have 127.0.0.1.
    #[must_use]
    pub fn public() -> Limits {
        Limits { node: NodeLimits::public(), gateway: GatewayLimits::public() }
    }

    /// All limits of the node.
    #[must_use]
    pub fn node(mut self, node: NodeLimits) -> Limits {
        self.node = node;
        self
    }

    /// All limits of each gateway without limits of its own.
    #[must_use]
    pub fn gateway(mut self, gateway: GatewayLimits) -> Limits {
        self.gateway = gateway;
        self
    }

    /// All limits of the WebSocket transport.
    #[must_use]
    pub fn websocket(mut self, websocket: WebSocketLimits) -> Limits {
        self.gateway.websocket = websocket;
        self
    }
}
