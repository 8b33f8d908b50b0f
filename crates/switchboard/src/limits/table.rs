//! Every limit, with its default, in the type of its scope.
use super::{Limits, OnTheApplication, VolatilePolicy};
use crate::Rate;
use std::time::Duration;

/// The three types, with a setter for each limit on the type of its scope and on each type that contains it. A name
/// occurs once in the whole table, because `Limits` has a setter for each.
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
            /// Those of the WebSocket transport.
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
    /// The limits of a node: of the whole process, whatever gateways it has. [`App::limits`](crate::App::limits) alone
    /// sets them. Sizes are bytes.
    node {
        /// The most handlers in flight on this node. Default 4,096; above: `overloaded`.
        handlers: usize = 4096;
        /// The most unanswered `emit_with_ack` on this node. Default 100,000; above: `rate_limited`.
        pending_acks_node: usize = 100_000;
        /// The most connections on this node. Default, and at most: what the process may open, less 256, less up to 512
        /// for connections that have sent no request yet, and less `http_connections`; no limit where
        /// `/proc/self/limits` does not tell. More than that is lowered, with a warning in the log. Above: 503.
        max_connections: Option<usize> = None;
        /// The most HTTP connections of [`App::listen`](crate::App::listen) that are kept behind their first request:
        /// until their answer, which may be a stream that never ends, and between two requests. Default: 1,024, or an
        /// eighth of what the process may open; at most half of that. Above: a connection ends with its answer, which
        /// has `handshake_timeout` for itself.
        http_connections: Option<usize> = None;
        /// The most namespaces of [`Gateway::namespace_by`](crate::Gateway::namespace_by) that have clients on this
        /// node. Default 10,000; above: 503, to who would be the first in one more.
        runtime_namespaces: usize = 10_000;
        /// How many upgrades this node accepts. Default: no limit; above: 503.
        accept_rate: Option<Rate> = None;
        /// The most connections of one address. Default: no limit; above: 429. On [`App::listen`](crate::App::listen)
        /// as many more may be silent, before a first request; above: closed unheard, but for trusted proxies.
        ///
        /// An IPv6 address counts by its /64, which is what one subscriber has; behind [trusted
        /// proxies](crate::App::trust_proxies) the client's address counts. It is known on `App::listen`, and with
        /// `axum::serve` by `into_make_service_with_connect_info::<SocketAddr>()`. The node remembers 65,536 addresses;
        /// where more are active than that, the rest is held to the node's limits alone.
        address_connections: Option<usize> = None;
        /// How many upgrades of one address are accepted. Default: no limit; above: 429. Addresses as in
        /// `address_connections`.
        address_rate: Option<Rate> = None;
        /// The most connections of one user on this node: of the id that a guard gave to
        /// [`Handshake::set_user`](crate::Handshake::set_user). Default: no limit; above: 429. Where no guard sets a
        /// user, nobody is counted.
        user_connections: Option<usize> = None;
        /// The memory that this process shall stay under. Default: the limit of its cgroup, if there is one, else none;
        /// `Some(usize::MAX)`: none. What is held against it is the resident memory of the process and the socket
        /// buffers of its cgroup, looked at twice a second and as more comes; and at any moment the sum of what is
        /// known of messages: those that wait for clients whose sockets refuse bytes, or to be handled, those that are
        /// not whole, and `payload_factor` times the bytes of those whose handlers are in flight (`Stats::held_bytes`).
        ///
        /// From 70 % of it on: no further connections (503). From 80 %: volatile messages are dropped. From 80 % by the
        /// sum, or by what the process has where handlers in flight are a part of it: messages are answered
        /// `overloaded`, and those who have messages in flight or waiting are not read. From 90 %: the clients for
        /// which most waits are closed with 4008, until there is less; by the sum, those of whose messages most waits,
        /// too, and nobody is read but a little. A level is left 3 % below where it begins. And what waits in front of
        /// sockets that refuse bytes, of all clients together, stays under 25 % of it in the same way.
        memory: Option<usize> = None;
        /// How long a request's head may take, and an upgrade after its answer. Default 10 s. The head's time only on
        /// [`App::listen`](crate::App::listen), where it also bounds the pause between two requests. Guards have as
        /// long, all together, before the answer; above: 503.
        handshake_timeout: Duration = Duration::from_secs(10);
        /// The most headers of a request. Default 64; above: 431.
        max_headers: usize = 64;
        /// The longest header, name and value. Default 8 KiB; above: 431.
        max_header: usize = 8 * KIB;
        /// The longest request head. Default 16 KiB; above: 431.
        max_head: usize = 16 * KIB;
        /// The longest URI. Default 4 KiB; above: 414.
        max_uri: usize = 4 * KIB;
        /// How long a shutdown waits for handlers in flight. Default 20 s; after: they are dropped.
        shutdown_timeout: Duration = Duration::from_secs(20);
    }

    /// The limits of the WebSocket transport: of frames, pings, compressed bytes, what one connection may send, and how
    /// it is closed. A part of [`GatewayLimits`]. Sizes are bytes.
    websocket {
        /// The most fragments of one message. Default 128; above: close 1008.
        max_fragments: u32 = 128;
        /// How long an unfinished message may go without a byte. Default 10 s; after: close 1008. While what clients
        /// send is 80 % of [`memory`](Limits::memory), how long it may be unfinished; after: close 4008.
        partial_timeout: Duration = Duration::from_secs(10);
        /// The most pings of a client in a second, and pongs that nobody asked for, together. Default 100; above: close
        /// 1008.
        pings_per_second: u32 = 100;
        /// The most malformed messages in ten seconds. Default 100; above: close 4507.
        malformed_per_10s: u32 = 100;
        /// How many messages one connection may send; answers to `emit_with_ack` and `cancel` count, but are never
        /// refused. Default: no limit; above: `rate_limited` with `retry_after_ms`. Who is refused more messages than
        /// `burst` (100, where only `byte_rate` is set) in ten seconds is closed with 4003. A raw gateway, which has no
        /// such answer, closes at once.
        message_rate: Option<Rate> = None;
        /// How many bytes of messages one connection may send, compressed ones inflated, if they are longer so.
        /// Default: no limit; above: as `message_rate`, and who is refused more bytes than `burst` in ten seconds is
        /// closed, too: make it several times `max_message`.
        byte_rate: Option<Rate> = None;
        /// The most bytes that the compressed messages of one connection may have in a second, inflated; each counts
        /// for at least 16 times its compressed bytes. Default 64 MiB; then reading pauses until the second is over.
        inflated_per_second: usize = 64 * KIB * KIB;
        /// Time between pings. Default 25 s. The first one comes at a random point of it.
        ping_interval: Duration = Duration::from_secs(25);
        /// How long a ping may go unanswered. Default 20 s; after: close 4002.
        ping_timeout: Duration = Duration::from_secs(20);
        /// How long what a client sent before its close frame or violation may take to be answered before the
        /// connection is closed, and how long a closed connection is kept for the peer's close frame. Default 2 s;
        /// after: what is answered later is dropped and counted; the stream is ended.
        linger: Duration = Duration::from_secs(2);
    }

    /// The limits of a gateway's clients, whatever transport they come by; [`websocket`](GatewayLimits::websocket) has
    /// those of that transport. Of one gateway by [`Gateway::limits`](crate::Gateway::limits), or of all that have none
    /// of their own by [`App::limits`](crate::App::limits). Sizes are bytes.
    gateway {
        /// The longest message that is accepted, fragments together. Default 64 KiB; above: close 1009.
        max_message: usize = 64 * KIB;
        /// The most messages that wait while a handler of the connection runs. Default 16; then reading pauses.
        inbound_messages: usize = 16;
        /// The most bytes of messages that wait. Default 256 KiB; then reading pauses.
        inbound_bytes: usize = 256 * KIB;
        /// How long a handler or hook may run. Default 30 s; after: it is dropped and answered `timeout`.
        handler_timeout: Duration = Duration::from_secs(30);
        /// The most streams of replies that run for one client. Default 32; above: `rate_limited`.
        streams: usize = 32;
        /// How long a stream of replies may be silent. Default 5 min; after: it is dropped and answered `timeout`.
        stream_timeout: Duration = Duration::from_secs(300);
        /// The most requests of one client that wait for an [`Ack`](crate::Ack). Default 64; above: `rate_limited`.
        deferred_replies: usize = 64;
        /// How long an [`Ack`](crate::Ack) may take once its handler has returned. Default 60 s; after: `timeout`.
        deferred_reply_timeout: Duration = Duration::from_secs(60);
        /// The most messages that wait for one client to read, counted once its socket has refused bytes. Default
        /// 1,024; above: close 4001.
        outbound_messages: usize = 1024;
        /// The most bytes that wait for one client to read. Default 1 MiB; above: close 4001. Four times as many may
        /// stand in the outbox until its socket was tried.
        outbound_bytes: usize = 1024 * KIB;
        /// How many of `outbound_messages` only replies and errors may use. Default 32.
        outbound_reserved: usize = 32;
        /// The longest message that is sent, whatever it is: a reply, which is `internal` above it, an item of a
        /// stream, an event, of which each member of a room is held to its own gateway's limit, a request, an error (of
        /// which the code alone is told above it), a goodbye, or a message of a raw gateway. Default 16 MiB. One longer
        /// than `outbound_bytes` goes only to a client that has read all, or, as a reply, to one with at most
        /// `outbound_soft_bytes` waiting. What is left of such a reply is not counted: pushes have `outbound_bytes`
        /// beside it.
        max_message_out: usize = 16 * KIB * KIB;
        /// A client with more bytes than this waiting … Default 256 KiB.
        outbound_soft_bytes: usize = 256 * KIB;
        /// … for longer than this is a slow consumer. Default 10 s; after: close 4001.
        outbound_soft_time: Duration = Duration::from_secs(10);
        /// How long a write may go without progress. Default 10 s; after: the connection ends (4001).
        write_timeout: Duration = Duration::from_secs(10);
        /// What a volatile message does in front of a full socket. Default: it is dropped.
        volatile: VolatilePolicy = VolatilePolicy::DropNewest;
        /// How long a client may send no message. Default: for ever; after: close 1001.
        idle_timeout: Option<Duration> = None;
        /// How long a connection may live. Default: for ever; after: close 1001.
        max_lifetime: Option<Duration> = None;
        /// The most rooms of one client. Default 128.
        rooms: usize = 128;
        /// The most unanswered `emit_with_ack` of one client. Default 64; above: `rate_limited`.
        pending_acks: usize = 64;
        /// What a handler in flight keeps of its message is held against `memory` as this many times the message's
        /// bytes. Default 8: a typed value mostly takes less, a `serde_json::Value` of many small objects takes more.
        payload_factor: usize = 8;
    }
}
