//! Every limit, with its default, in the type of its scope.
use super::{Limits, OnTheApplication, VolatilePolicy};
use crate::Rate;
use std::time::Duration;

/// Defines the three types, with a setter for each limit on the type of its scope and on each type that contains that
/// one. The name of a limit must be unique in the whole table, because `Limits` has a setter for every limit.
macro_rules! limits {
    (
        $(#[$node_about:meta])* node { $($(#[$node_doc:meta])* $node:ident: $node_type:ty = $node_default:expr;)* }
        $(#[$ws_about:meta])* websocket { $($(#[$ws_doc:meta])* $ws:ident: $ws_type:ty = $ws_default:expr;)* }
        $(#[$own_about:meta])* gateway { $($(#[$own_doc:meta])* $own:ident: $own_type:ty = $own_default:expr;)* }
    ) => {
        $(#[$node_about])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct NodeLimits {
            $($(#[$node_doc])* pub $node: $node_type,)*
        }

        $(#[$ws_about])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct WebSocketLimits {
            $($(#[$ws_doc])* pub $ws: $ws_type,)*
        }

        $(#[$own_about])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct GatewayLimits {
            $($(#[$own_doc])* pub $own: $own_type,)*
            /// The limits of the WebSocket transport.
            pub websocket: WebSocketLimits,
        }

        impl Default for NodeLimits {
            fn default() -> NodeLimits {
                NodeLimits { $($node: $node_default,)* }
            }
        }

        impl Default for WebSocketLimits {
            fn default() -> WebSocketLimits {
                WebSocketLimits { $($ws: $ws_default,)* }
            }
        }

        impl Default for GatewayLimits {
            fn default() -> GatewayLimits {
                GatewayLimits { $($own: $own_default,)* websocket: WebSocketLimits::default() }
            }
        }

        impl NodeLimits {
            $($(#[$node_doc])* #[must_use] pub fn $node(mut self, $node: $node_type) -> NodeLimits {
                self.$node = $node;
                self
            })*
        }

        impl WebSocketLimits {
            $($(#[$ws_doc])* #[must_use] pub fn $ws(mut self, $ws: $ws_type) -> WebSocketLimits {
                self.$ws = $ws;
                self
            })*
        }

        impl GatewayLimits {
            $($(#[$own_doc])* #[must_use] pub fn $own(mut self, $own: $own_type) -> GatewayLimits {
                self.$own = $own;
                self
            })*

            $($(#[$ws_doc])* #[must_use] pub fn $ws(mut self, $ws: $ws_type) -> GatewayLimits {
                self.websocket.$ws = $ws;
                self
            })*

            $(
                /// Does not compile: see [`OnTheApplication`].
                #[doc(hidden)]
                #[must_use]
                pub fn $node<T: OnTheApplication>(self, _: T) -> GatewayLimits {
                    self
                }
            )*
        }

        impl Limits {
            $($(#[$node_doc])* #[must_use] pub fn $node(mut self, $node: $node_type) -> Limits {
                self.node.$node = $node;
                self
            })*

            $($(#[$own_doc])* #[must_use] pub fn $own(mut self, $own: $own_type) -> Limits {
                self.gateway.$own = $own;
                self
            })*

            $($(#[$ws_doc])* #[must_use] pub fn $ws(mut self, $ws: $ws_type) -> Limits {
                self.gateway.websocket.$ws = $ws;
                self
            })*
        }
    };
}

const KIB: usize = 1024;

limits! {
    /// The limits of a node: of the whole process, whatever gateways it has. They can only be set by
    /// [`App::limits`](crate::App::limits). Sizes are in bytes.
    node {
        /// The most handlers in flight on this node. Default 4,096; above: `overloaded`.
        handlers: usize = 4096;
        /// The most unanswered calls of `emit_with_ack` on this node. Default 100,000; above: `rate_limited`.
        pending_acks_node: usize = 100_000;
        /// The most connections on this node. The default is also the maximum: the number of files that the process may
        /// open, less 256, less up to 512 for connections that have not sent a request yet, and less
        /// `http_connections`. There is no limit if `/proc/self/limits` cannot be read. A higher value is lowered, with
        /// a warning in the log. Above: 503.
        max_connections: Option<usize> = None;
        /// The most HTTP connections of [`App::listen`](crate::App::listen) that are kept after their first request:
        /// until the response is complete, which may be a stream that never ends, and between two requests. Default:
        /// 1,024, or an eighth of the files that the process may open; at most half of those. Above: the connection is
        /// closed after its response, which must be complete within `handshake_timeout`.
        http_connections: Option<usize> = None;
        /// The most namespaces of [`Gateway::namespace_by`](crate::Gateway::namespace_by) that have clients on this
        /// node. Default 10,000; above: 503 for a client that would be the first in another namespace.
        runtime_namespaces: usize = 10_000;
        /// The rate at which this node accepts upgrades. Default: no limit; above: 503.
        accept_rate: Option<Rate> = None;
        /// The most connections of one address. Default: no limit; above: 429. On [`App::listen`](crate::App::listen),
        /// the same number of further connections may wait before their first request; above that, connections are
        /// closed without a response, except those of trusted proxies.
        ///
        /// An IPv6 address counts by its /64, which is what one subscriber has. Through [trusted
        /// proxies](crate::App::trust_proxies), the client's address counts. Addresses are known on `App::listen`, and
        /// with `axum::serve` by `into_make_service_with_connect_info::<SocketAddr>()`. The node remembers 65,536
        /// addresses; if more are active, the others are subject to the node's limits only.
        address_connections: Option<usize> = None;
        /// The rate at which upgrades of one address are accepted. Default: no limit; above: 429. Addresses are counted
        /// as in `address_connections`.
        address_rate: Option<Rate> = None;
        /// The most connections on this node of one user, by the id that a guard passed to
        /// [`Handshake::set_user`](crate::Handshake::set_user). Default: no limit; above: 429. Connections without a
        /// user are not counted.
        user_connections: Option<usize> = None;
        /// The memory that this process should stay below. Default: the limit of its cgroup, if there is one, else
        /// none; `Some(usize::MAX)`: none. Two numbers are compared with it. One is the usage of the process: its
        /// resident memory and the socket buffers of its cgroup, sampled twice a second and when much was added since.
        /// The other is the sum of what is known of messages at any moment (`Stats::held_bytes`): those that wait for
        /// clients whose sockets accept no bytes, or to be handled, those that are incomplete, and `payload_factor`
        /// times the bytes of those whose handlers are in flight.
        ///
        /// From 70 % of it: new connections are refused (503). From 80 %: volatile messages are dropped. From 80 % by
        /// the sum, or by the usage if handlers in flight are a part of it: messages are answered with `overloaded`,
        /// and clients that have messages in flight or waiting are not read. From 90 %: the clients for which the most
        /// bytes wait are closed with 4008, until usage falls. From 90 % by the sum, the clients whose own messages
        /// wait the most are closed, too; by either number, as for 80 %, clients are read only while at most 5 % of the
        /// limit waits or is incomplete. A level ends 3 % below where it begins. In the same way, what waits for
        /// sockets that accept no bytes, of all clients together, is kept below 25 % of the limit.
        memory: Option<usize> = None;
        /// The time for a request's head, and the time for an upgrade after its response. Default 10 s. The time for
        /// the head is limited only on [`App::listen`](crate::App::listen), where the same limit applies to the pause
        /// between two requests. All guards together have the same time before the response; above: 503.
        handshake_timeout: Duration = Duration::from_secs(10);
        /// The most headers of a request. Default 64; above: 431.
        max_headers: usize = 64;
        /// The longest header, name and value together. Default 8 KiB; above: 431.
        max_header: usize = 8 * KIB;
        /// The longest request head. Default 16 KiB; above: 431.
        max_head: usize = 16 * KIB;
        /// The longest URI. Default 4 KiB; above: 414.
        max_uri: usize = 4 * KIB;
        /// How long a shutdown waits for handlers in flight. Default 20 s; after: they are dropped.
        shutdown_timeout: Duration = Duration::from_secs(20);
    }

    /// The limits of the WebSocket transport: of frames, pings, compressed bytes, what one connection may send, and how
    /// it is closed. They are a part of [`GatewayLimits`]. Sizes are in bytes.
    websocket {
        /// The most fragments of one message. Default 128; above: close 1008.
        max_fragments: u32 = 128;
        /// The time that an unfinished message may go without a byte. Default 10 s; after: close 1008. While the
        /// messages that clients send take 80 % of [`memory`](Limits::memory), it is the time that a message may be
        /// unfinished at all; after: close 4008.
        partial_timeout: Duration = Duration::from_secs(10);
        /// The most pings of a client in a second, together with its unsolicited pongs. Default 100; above: close 1008.
        pings_per_second: u32 = 100;
        /// The most malformed messages in ten seconds. Default 100; above: close 4507.
        malformed_per_10s: u32 = 100;
        /// The rate at which one connection may send messages. Replies to `emit_with_ack` and `cancel` count, but are
        /// never refused. Default: no limit; above: `rate_limited` with `retry_after_ms`. If more messages than `burst`
        /// (100 if only `byte_rate` is set) are refused in ten seconds, the connection is closed with 4003. A raw
        /// gateway has no such reply: its connection is closed at once.
        message_rate: Option<Rate> = None;
        /// The rate at which one connection may send bytes of messages; a compressed message counts with its inflated
        /// size if that is larger. Default: no limit; above: as for `message_rate`. The connection is also closed if
        /// more bytes than `burst` are refused in ten seconds, so make `burst` several times `max_message`.
        byte_rate: Option<Rate> = None;
        /// The most inflated bytes that the compressed messages of one connection may have in a second; each message
        /// counts for at least 16 times its compressed bytes. Default 64 MiB; then reading pauses until the second is
        /// over.
        inflated_per_second: usize = 64 * KIB * KIB;
        /// The time between pings. Default 25 s. The first ping is sent at a random point of the first interval.
        ping_interval: Duration = Duration::from_secs(25);
        /// How long a ping may go unanswered. Default 20 s; after: close 4002.
        ping_timeout: Duration = Duration::from_secs(20);
        /// The time within which the messages that a client sent before its close frame or violation must be answered
        /// before the connection is closed, and the time for which a closed connection waits for the peer's close
        /// frame. Default 2 s; after: later replies are dropped and counted; the stream is ended.
        linger: Duration = Duration::from_secs(2);
    }

    /// The limits of a gateway's clients, on any transport; [`websocket`](GatewayLimits::websocket) has those of that
    /// transport. Set them for one gateway by [`Gateway::limits`](crate::Gateway::limits), or for all gateways that
    /// have none of their own by [`App::limits`](crate::App::limits). Sizes are in bytes.
    gateway {
        /// The longest message that is accepted, with all its fragments. Default 64 KiB; above: close 1009.
        max_message: usize = 64 * KIB;
        /// The most messages that wait while a handler of the connection runs. Default 16; then reading pauses.
        inbound_messages: usize = 16;
        /// The most bytes of messages that wait. Default 256 KiB; then reading pauses.
        inbound_bytes: usize = 256 * KIB;
        /// How long a handler or hook may run. Default 30 s; after: it is dropped and answered `timeout`.
        handler_timeout: Duration = Duration::from_secs(30);
        /// The most reply streams that run for one client. Default 32; above: `rate_limited`.
        streams: usize = 32;
        /// How long a reply stream may yield nothing. Default 5 min; after: it is dropped and answered `timeout`.
        stream_timeout: Duration = Duration::from_secs(300);
        /// The most requests of one client whose replies are deferred (see [`Ack`](crate::Ack)). Default 64; above:
        /// `rate_limited`.
        deferred_replies: usize = 64;
        /// How long a deferred reply may take after its handler has returned. Default 60 s; after: `timeout`.
        deferred_reply_timeout: Duration = Duration::from_secs(60);
        /// The most messages that wait for one client to read, counted once its socket has refused bytes. Default
        /// 1,024; above: close 4001.
        outbound_messages: usize = 1024;
        /// The most bytes that wait for one client to read. Default 1 MiB; above: close 4001. Four times as many may be
        /// in the outbox until a write to its socket has been tried.
        outbound_bytes: usize = 1024 * KIB;
        /// How many of `outbound_messages` are reserved for replies and errors. Default 32.
        outbound_reserved: usize = 32;
        /// The longest message that is sent. Default 16 MiB. A longer reply becomes `internal`; of a longer error, only
        /// the code is sent. The limit also applies to items of a stream, events, requests, goodbyes and messages of a
        /// raw gateway; an event to a room is subject to the limit of each member's own gateway. A message longer than
        /// `outbound_bytes` is sent only to a client that has read everything, or, if it is a reply, to one with at
        /// most `outbound_soft_bytes` waiting. The unsent part of such a reply is not counted: pushes have all of
        /// `outbound_bytes` besides it.
        max_message_out: usize = 16 * KIB * KIB;
        /// The number of waiting bytes above which a client is slow; see `outbound_soft_time`. Default 256 KiB.
        outbound_soft_bytes: usize = 256 * KIB;
        /// How long a client may have more than `outbound_soft_bytes` waiting. Default 10 s; after: close 4001.
        outbound_soft_time: Duration = Duration::from_secs(10);
        /// How long a write may go without progress. Default 10 s; after: the connection ends (4001).
        write_timeout: Duration = Duration::from_secs(10);
        /// What happens to a volatile message if the socket is full. Default: it is dropped.
        volatile: VolatilePolicy = VolatilePolicy::DropNewest;
        /// How long a client may send no message. Default: no limit; after: close 1001.
        idle_timeout: Option<Duration> = None;
        /// How long a connection may live. Default: no limit; after: close 1001.
        max_lifetime: Option<Duration> = None;
        /// The most rooms of one client. Default 128.
        rooms: usize = 128;
        /// The most unanswered calls of `emit_with_ack` of one client. Default 64; above: `rate_limited`.
        pending_acks: usize = 64;
        /// The factor by which the bytes of a message are multiplied while its handler is in flight, as an estimate of
        /// what the handler keeps of it, for `memory`. Default 8: a typed value mostly takes less, a
        /// `serde_json::Value` of many small objects takes more.
        payload_factor: usize = 8;
    }
}
