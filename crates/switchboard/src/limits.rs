//! Every limit, typed, with its default.
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

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)*) => {
        /// The limits of an application or of one gateway. Sizes are bytes.
        ///
        /// Sizes, counts and times are limited by default. Rates, and what one address or user may have, are not: an address may
        /// be a whole company. [`Limits::public`] limits rates and addresses too.
        ///
        /// ```
        /// use std::time::Duration;
        /// use switchboard::Limits;
        /// let limits = Limits::default().max_message(1 << 20).handler_timeout(Duration::from_secs(5));
        /// assert_eq!(limits.max_message, 1 << 20);
        /// ```
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct Limits {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for Limits {
            fn default() -> Limits {
                Limits { $($name: $default,)* }
            }
        }

        impl Limits {
            $($(#[$doc])* #[must_use] pub fn $name(mut self, $name: $type) -> Limits {
                self.$name = $name;
                self
            })*
        }
    };
}

const KIB: usize = 1024;

limits! {
    /// The longest message that is accepted, fragments together. Default 64 KiB; above: close 1009.
    max_message: usize = 64 * KIB;
    /// The most fragments of one message. Default 128; above: close 1008.
    max_fragments: u32 = 128;
    /// How long an unfinished message may go without a byte. Default 10 s; after: close 1008. While what clients send is 80 % of
    /// [`memory`](Limits::memory), how long it may be unfinished; after: close 4008.
    partial_timeout: Duration = Duration::from_secs(10);
    /// The most pings of a client in a second, and pongs that nobody asked for, together. Default 100; above: close 1008.
    pings_per_second: u32 = 100;
    /// The most malformed messages in ten seconds. Default 100; above: close 4507.
    malformed_per_10s: u32 = 100;
    /// How many messages one connection may send; answers to `emit_with_ack` and `cancel` count, but are never refused. Default:
    /// no limit; above: `rate_limited` with `retry_after_ms`. Who is refused more messages than `burst` (100, where only
    /// `byte_rate` is set) in ten seconds is closed with 4003. A raw gateway, which has no such answer, closes at once.
    message_rate: Option<Rate> = None;
    /// How many bytes of messages one connection may send, compressed ones inflated, if they are longer so. Default: no limit; above: as `message_rate`, and who is refused
    /// more bytes than `burst` in ten seconds is closed, too: make it several times `max_message`.
    byte_rate: Option<Rate> = None;

    /// The most messages that wait while a handler of the connection runs. Default 16; then reading pauses.
    inbound_messages: usize = 16;
    /// The most bytes of messages that wait. Default 256 KiB; then reading pauses.
    inbound_bytes: usize = 256 * KIB;
    /// The most bytes that the compressed messages of one connection may have in a second, inflated; each counts for at least 16 times
    /// its compressed bytes. Default 64 MiB; then reading pauses until the second is over.
    inflated_per_second: usize = 64 * KIB * KIB;
    /// How long a handler or hook may run. Default 30 s; after: it is dropped and answered `timeout`.
    handler_timeout: Duration = Duration::from_secs(30);
    /// The most handlers in flight on this node. Default 4,096; above: `overloaded`.
    handlers: usize = 4096;
    /// The most streams of replies that run for one client. Default 32; above: `rate_limited`.
    streams: usize = 32;
    /// How long a stream of replies may be silent. Default 5 min; after: it is dropped and answered `timeout`.
    stream_timeout: Duration = Duration::from_secs(300);
    /// The most requests of one client that wait for an [`Ack`](crate::Ack). Default 64; above: `rate_limited`.
    deferred_replies: usize = 64;
    /// How long an [`Ack`](crate::Ack) may take once its handler has returned. Default 60 s; after: `timeout`.
    deferred_reply_timeout: Duration = Duration::from_secs(60);

    /// The most messages that wait for one client to read, counted once its socket has refused bytes. Default 1,024; above:
    /// close 4001.
    outbound_messages: usize = 1024;
    /// The most bytes that wait for one client to read. Default 1 MiB; above: close 4001. Four times as many may stand in the
    /// outbox until its socket was tried.
    outbound_bytes: usize = 1024 * KIB;
    /// How many of `outbound_messages` only replies and errors may use. Default 32.
    outbound_reserved: usize = 32;
    /// The longest message that is sent, whatever it is: a reply, which is `internal` above it, an item of a stream, an event, of
    /// which each member of a room is held to its own gateway's limit, a request, an error (of which the code alone is told above it),
    /// a goodbye, or a message of a raw gateway. Default 16 MiB. One longer than `outbound_bytes` goes only to a client that has read all,
    /// or, as a reply, to one with at most `outbound_soft_bytes` waiting. What is left of such a reply is not counted: pushes have
    /// `outbound_bytes` beside it.
    max_message_out: usize = 16 * KIB * KIB;
    /// A client with more bytes than this waiting … Default 256 KiB.
    outbound_soft_bytes: usize = 256 * KIB;
    /// … for longer than this is a slow consumer. Default 10 s; after: close 4001.
    outbound_soft_time: Duration = Duration::from_secs(10);
    /// How long a write may go without progress. Default 10 s; after: the connection ends (4001).
    write_timeout: Duration = Duration::from_secs(10);
    /// What a volatile message does in front of a full socket. Default: it is dropped.
    volatile: VolatilePolicy = VolatilePolicy::DropNewest;

    /// Time between pings. Default 25 s. The first one comes at a random point of it.
    ping_interval: Duration = Duration::from_secs(25);
    /// How long a ping may go unanswered. Default 20 s; after: close 4002.
    ping_timeout: Duration = Duration::from_secs(20);
    /// How long a client may send no message. Default: for ever; after: close 1001.
    idle_timeout: Option<Duration> = None;
    /// How long a connection may live. Default: for ever; after: close 1001.
    max_lifetime: Option<Duration> = None;
    /// How long what a client sent before its close frame or violation may take to be answered before the connection is closed, and how
    /// long a closed connection is kept for the peer's close frame. Default 2 s; after: what is answered later is dropped and counted;
    /// the stream is ended.
    linger: Duration = Duration::from_secs(2);

    /// The most rooms of one client. Default 128.
    rooms: usize = 128;
    /// The most unanswered `emit_with_ack` of one client. Default 64; above: `rate_limited`.
    pending_acks: usize = 64;
    /// The most unanswered `emit_with_ack` on this node. Default 100,000; above: `rate_limited`.
    pending_acks_node: usize = 100_000;

    /// The most connections on this node. Default, and at most: what the process may open, less 256, less up to 512 for
    /// connections that have sent no request yet, and less `http_connections`; no limit where `/proc/self/limits` does not tell. More
    /// than that is lowered, with a warning in the log. Above: 503.
    max_connections: Option<usize> = None;
    /// The most HTTP connections of [`App::listen`](crate::App::listen) that are kept behind their first request: until their
    /// answer, which may be a stream that never ends, and between two requests. Default: 1,024, or an eighth of what the process
    /// may open; at most half of that. Above: a connection ends with its answer, which has `handshake_timeout` for itself.
    http_connections: Option<usize> = None;
    /// The most namespaces of [`Gateway::namespace_by`](crate::Gateway::namespace_by) that have clients on this node. Default
    /// 10,000; above: 503, to who would be the first in one more.
    runtime_namespaces: usize = 10_000;
    /// How many upgrades this node accepts. Default: no limit; above: 503.
    accept_rate: Option<Rate> = None;
    /// The most connections of one address. Default: no limit; above: 429. On [`App::listen`](crate::App::listen) as many more may
    /// be silent, before a first request; above: closed unheard, but for trusted proxies.
    ///
    /// An IPv6 address counts by its /64, which is what one subscriber has; behind
    /// [trusted proxies](crate::App::trust_proxies) the client's address counts. It is known on `App::listen`, and with
    /// `axum::serve` by `into_make_service_with_connect_info::<SocketAddr>()`. The node remembers 65,536 addresses; where more are
    /// active than that, the rest is held to the node's limits alone.
    address_connections: Option<usize> = None;
    /// How many upgrades of one address are accepted. Default: no limit; above: 429. Addresses as in `address_connections`.
    address_rate: Option<Rate> = None;
    /// The most connections of one user on this node: of the id that a guard gave to
    /// [`Handshake::set_user`](crate::Handshake::set_user). Default: no limit; above: 429. Where no guard sets a user, nobody is counted.
    user_connections: Option<usize> = None;
    /// The memory that this process shall stay under. Default: the limit of its cgroup, if there is one, else none;
    /// `Some(usize::MAX)`: none. What is held against it is the resident memory of the process and the socket buffers of its
    /// cgroup, looked at twice a second and as more comes; and at any moment the sum of what is known of messages: those that wait for
    /// clients whose sockets refuse bytes, or to be handled, those that are not whole, and `payload_factor` times the bytes of those
    /// whose handlers are in flight (`Stats::held_bytes`).
    ///
    /// From 70 % of it on: no further connections (503). From 80 %: volatile messages are dropped. From 80 % by the sum, or by what the
    /// process has where handlers in flight are a part of it: messages are answered `overloaded`, and those who have messages in
    /// flight or waiting are not read. From 90 %: the clients for which most waits are closed with 4008, until there is less; by
    /// the sum, those of whose messages most waits, too, and nobody is read but a little. A level is left 3 % below where it
    /// begins. And what waits in front of sockets that refuse bytes, of all clients together, stays under 25 % of it in the same way.
    memory: Option<usize> = None;
    /// What a handler in flight keeps of its message is held against `memory` as this many times the message's bytes. Default 8:
    /// a typed value mostly takes less, a `serde_json::Value` of many small objects takes more.
    payload_factor: usize = 8;
    /// How long a request's head may take, and an upgrade after its answer. Default 10 s. The head's time only on
    /// [`App::listen`](crate::App::listen), where it also bounds the pause between two requests. Guards have as long, all together, before
    /// the answer; above: 503.
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

/// A limit above this is a slip of the keyboard.
const ABSURD: usize = 1 << 30;
/// So is a time above this.
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
const LEAST_MEMORY: usize = 16 << 20;
/// A `serde_json::Value` takes up to some hundred times the bytes of its JSON.
const MOST_OF_PAYLOAD: usize = 1024;

/// Frames wait in the control lane only while the socket refuses bytes; further pongs are not sent.
pub(crate) const CONTROL_LANE: u16 = 32;

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
    /// Behind a proxy, [trust it](crate::App::trust_proxies): else all clients have its address. In tests they all have 127.0.0.1.
    #[must_use]
    pub fn public() -> Limits {
        Limits {
            accept_rate: Some(Rate::new(2000, 4000)),
            address_connections: Some(64),
            address_rate: Some(Rate::new(20, 20)),
            message_rate: Some(Rate::new(100, 200)),
            byte_rate: Some(Rate::new(1 << 20, 4 << 20)),
            ..Limits::default()
        }
    }

    pub(crate) fn frames(&self) -> FrameLimits {
        FrameLimits { max_message: self.max_message, max_frame: self.max_message, max_fragments: self.max_fragments }
    }

    /// What makes no sense, each with the fix.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut positive = |name: &str, is_zero: bool| {
            if is_zero {
                problems.push(format!("`{name}` is 0, with which nothing works; set it to 1 or more"));
            }
        };
        positive("max_message", self.max_message == 0);
        positive("max_fragments", self.max_fragments == 0);
        positive("inbound_messages", self.inbound_messages == 0);
        positive("inbound_bytes", self.inbound_bytes == 0);
        positive("handlers", self.handlers == 0);
        positive("inflated_per_second", self.inflated_per_second == 0);
        positive("payload_factor", self.payload_factor == 0);
        positive("outbound_bytes", self.outbound_bytes == 0);
        positive("max_message_out", self.max_message_out == 0);
        positive("runtime_namespaces", self.runtime_namespaces == 0);
        positive("max_connections", self.max_connections == Some(0));
        positive("address_connections", self.address_connections == Some(0));
        positive("user_connections", self.user_connections == Some(0));
        for (name, rate) in self.rates() {
            positive(&format!("{name}.per_second"), rate.per_second == 0);
            positive(&format!("{name}.burst"), rate.burst == 0);
        }
        positive("idle_timeout", self.idle_timeout == Some(Duration::ZERO));
        positive("max_lifetime", self.max_lifetime == Some(Duration::ZERO));
        positive("handler_timeout", self.handler_timeout.is_zero());
        positive("stream_timeout", self.stream_timeout.is_zero());
        positive("deferred_reply_timeout", self.deferred_reply_timeout.is_zero());
        positive("write_timeout", self.write_timeout.is_zero());
        positive("partial_timeout", self.partial_timeout.is_zero());
        positive("ping_interval", self.ping_interval.is_zero());
        positive("ping_timeout", self.ping_timeout.is_zero());
        positive("handshake_timeout", self.handshake_timeout.is_zero());
        if self.outbound_reserved >= self.outbound_messages {
            problems.push("`outbound_reserved` leaves nothing of `outbound_messages` for pushes; make it less".into());
        }
        if self.outbound_soft_bytes > self.outbound_bytes {
            problems.push("`outbound_soft_bytes` is more than `outbound_bytes`; make it less".into());
        }
        if self.ping_timeout >= self.ping_interval.saturating_mul(10) && !self.ping_interval.is_zero() {
            problems.push("`ping_timeout` is ten times `ping_interval` or more; make it less".into());
        }
        if self.max_header > self.max_head || self.max_uri > self.max_head {
            problems.push(
                "`max_header` or `max_uri` is more than `max_head`, which holds them; make `max_head` more".into(),
            );
        }
        if self.byte_rate.is_some_and(|rate| rate.burst > 0 && (rate.burst as usize) < self.max_message) {
            problems.push(
                "`byte_rate.burst` is less than `max_message`, so that a long message never passes; make it more"
                    .into(),
            );
        }
        if self.memory.is_some_and(|memory| memory < LEAST_MEMORY) {
            problems
                .push("`memory` is less than 16 MiB, which a process has before anybody connects; make it more".into());
        }
        let absurd = [
            ("max_message", self.max_message > ABSURD),
            ("max_message_out", self.max_message_out > ABSURD),
            ("inbound_bytes", self.inbound_bytes > ABSURD),
            ("outbound_bytes", self.outbound_bytes > ABSURD),
            ("max_head", self.max_head > ABSURD),
        ];
        for (name, _) in absurd.into_iter().filter(|(_, absurd)| *absurd) {
            problems.push(format!("`{name}` is more than 1 GiB for one connection; make it less"));
        }
        if self.payload_factor > MOST_OF_PAYLOAD {
            problems
                .push(format!("`payload_factor` is more than {MOST_OF_PAYLOAD}, which no value takes; make it less"));
        }
        for (name, _) in self.times().filter(|(_, time)| *time > YEAR) {
            problems.push(format!("`{name}` is more than a year; make it less"));
        }
        problems
    }

    fn times(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let times = [
            ("partial_timeout", Some(self.partial_timeout)),
            ("handler_timeout", Some(self.handler_timeout)),
            ("stream_timeout", Some(self.stream_timeout)),
            ("deferred_reply_timeout", Some(self.deferred_reply_timeout)),
            ("outbound_soft_time", Some(self.outbound_soft_time)),
            ("write_timeout", Some(self.write_timeout)),
            ("ping_interval", Some(self.ping_interval)),
            ("ping_timeout", Some(self.ping_timeout)),
            ("idle_timeout", self.idle_timeout),
            ("max_lifetime", self.max_lifetime),
            ("linger", Some(self.linger)),
            ("handshake_timeout", Some(self.handshake_timeout)),
            ("shutdown_timeout", Some(self.shutdown_timeout)),
        ];
        times.into_iter().filter_map(|(name, time)| Some((name, time?)))
    }

    fn rates(&self) -> impl Iterator<Item = (&'static str, Rate)> {
        let rates = [
            ("accept_rate", self.accept_rate),
            ("address_rate", self.address_rate),
            ("message_rate", self.message_rate),
            ("byte_rate", self.byte_rate),
        ];
        rates.into_iter().filter_map(|(name, rate)| Some((name, rate?)))
    }

    /// The step of the clock that deadlines are held against: a 32nd of the shortest of them, 5 ms to 500 ms. Of these
    /// deadlines each is late by two steps at most.
    pub(crate) fn tick(&self) -> Duration {
        let always = [
            self.partial_timeout,
            self.handler_timeout,
            self.stream_timeout,
            self.deferred_reply_timeout,
            self.outbound_soft_time,
            self.write_timeout,
            self.ping_interval,
            self.ping_timeout,
        ];
        let shortest = always.into_iter().chain(self.idle_timeout).chain(self.max_lifetime).min().unwrap_or_default();
        (shortest / 32).clamp(Duration::from_millis(5), Duration::from_millis(500))
    }
}
