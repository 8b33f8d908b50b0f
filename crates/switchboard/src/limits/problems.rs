//! Finds limits that make no sense; each problem says how to fix it.
use super::{GatewayLimits, NodeLimits};
use crate::Rate;
use std::time::Duration;

/// A size in bytes above this is taken for a typing mistake.
const ABSURD: usize = 1 << 30;
/// A time above this is taken for a typing mistake.
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
const LEAST_MEMORY: usize = 16 << 20;
/// The largest sensible `payload_factor`: a `serde_json::Value` takes up to a few hundred times the bytes of its JSON.
const MOST_OF_PAYLOAD: usize = 1024;

impl NodeLimits {
    pub(crate) fn problems(&self) -> Vec<String> {
        let rates = [("accept_rate", self.accept_rate), ("address_rate", self.address_rate)];
        let mut problems = Vec::new();
        zeros(
            &[
                ("handlers", self.handlers == 0),
                ("runtime_namespaces", self.runtime_namespaces == 0),
                ("max_connections", self.max_connections == Some(0)),
                ("address_connections", self.address_connections == Some(0)),
                ("user_connections", self.user_connections == Some(0)),
                ("handshake_timeout", self.handshake_timeout.is_zero()),
            ],
            &mut problems,
        );
        zero_rates(&rates, &mut problems);
        if self.max_header > self.max_head || self.max_uri > self.max_head {
            problems.push(
                "`max_header` or `max_uri` is more than `max_head`, which holds them; make `max_head` more".into(),
            );
        }
        if self.memory.is_some_and(|memory| memory < LEAST_MEMORY) {
            problems
                .push("`memory` is less than 16 MiB, which a process has before anybody connects; make it more".into());
        }
        absurd(&[("max_head", self.max_head)], &mut problems);
        long(
            &[("handshake_timeout", Some(self.handshake_timeout)), ("shutdown_timeout", Some(self.shutdown_timeout))],
            &mut problems,
        );
        problems
    }
}

impl GatewayLimits {
    pub(crate) fn problems(&self) -> Vec<String> {
        let websocket = &self.websocket;
        let mut problems = Vec::new();
        zeros(
            &[
                ("max_message", self.max_message == 0),
                ("max_fragments", websocket.max_fragments == 0),
                ("inbound_messages", self.inbound_messages == 0),
                ("inbound_bytes", self.inbound_bytes == 0),
                ("inflated_per_second", websocket.inflated_per_second == 0),
                ("payload_factor", self.payload_factor == 0),
                ("outbound_bytes", self.outbound_bytes == 0),
                ("max_message_out", self.max_message_out == 0),
            ],
            &mut problems,
        );
        let rates = [("message_rate", websocket.message_rate), ("byte_rate", websocket.byte_rate)];
        zero_rates(&rates, &mut problems);
        zeros(
            &[
                ("idle_timeout", self.idle_timeout == Some(Duration::ZERO)),
                ("max_lifetime", self.max_lifetime == Some(Duration::ZERO)),
                ("handler_timeout", self.handler_timeout.is_zero()),
                ("stream_timeout", self.stream_timeout.is_zero()),
                ("deferred_reply_timeout", self.deferred_reply_timeout.is_zero()),
                ("write_timeout", self.write_timeout.is_zero()),
                ("partial_timeout", websocket.partial_timeout.is_zero()),
                ("ping_interval", websocket.ping_interval.is_zero()),
                ("ping_timeout", websocket.ping_timeout.is_zero()),
            ],
            &mut problems,
        );
        if self.outbound_reserved >= self.outbound_messages {
            problems.push("`outbound_reserved` leaves nothing of `outbound_messages` for pushes; make it less".into());
        }
        if self.outbound_soft_bytes > self.outbound_bytes {
            problems.push("`outbound_soft_bytes` is more than `outbound_bytes`; make it less".into());
        }
        let most = websocket.ping_interval.saturating_mul(10);
        if websocket.ping_timeout >= most && !websocket.ping_interval.is_zero() {
            problems.push("`ping_timeout` is ten times `ping_interval` or more; make it less".into());
        }
        if websocket.byte_rate.is_some_and(|rate| rate.burst > 0 && (rate.burst as usize) < self.max_message) {
            problems.push(
                "`byte_rate.burst` is less than `max_message`, so that a long message never passes; make it more"
                    .into(),
            );
        }
        absurd(
            &[
                ("max_message", self.max_message),
                ("max_message_out", self.max_message_out),
                ("inbound_bytes", self.inbound_bytes),
                ("outbound_bytes", self.outbound_bytes),
            ],
            &mut problems,
        );
        if self.payload_factor > MOST_OF_PAYLOAD {
            problems
                .push(format!("`payload_factor` is above {MOST_OF_PAYLOAD}; no decoded payload takes that many times the bytes of its message; lower it"));
        }
        long(
            &[
                ("partial_timeout", Some(websocket.partial_timeout)),
                ("handler_timeout", Some(self.handler_timeout)),
                ("stream_timeout", Some(self.stream_timeout)),
                ("deferred_reply_timeout", Some(self.deferred_reply_timeout)),
                ("outbound_soft_time", Some(self.outbound_soft_time)),
                ("write_timeout", Some(self.write_timeout)),
                ("ping_interval", Some(websocket.ping_interval)),
                ("ping_timeout", Some(websocket.ping_timeout)),
                ("idle_timeout", self.idle_timeout),
                ("max_lifetime", self.max_lifetime),
                ("linger", Some(websocket.linger)),
            ],
            &mut problems,
        );
        problems
    }
}

fn zeros(limits: &[(&str, bool)], problems: &mut Vec<String>) {
    for (name, _) in limits.iter().filter(|(_, is_zero)| *is_zero) {
        problems.push(format!("`{name}` is 0, with which nothing works; set it to 1 or more"));
    }
}

fn zero_rates(rates: &[(&str, Option<Rate>)], problems: &mut Vec<String>) {
    for (name, rate) in rates.iter().filter_map(|(name, rate)| Some((name, (*rate)?))) {
        let (per_second, burst) = (format!("{name}.per_second"), format!("{name}.burst"));
        zeros(&[(&per_second, rate.per_second == 0), (&burst, rate.burst == 0)], problems);
    }
}

fn absurd(limits: &[(&str, usize)], problems: &mut Vec<String>) {
    for (name, _) in limits.iter().filter(|(_, bytes)| *bytes > ABSURD) {
        problems.push(format!("`{name}` is more than 1 GiB for one connection; make it less"));
    }
}

fn long(times: &[(&str, Option<Duration>)], problems: &mut Vec<String>) {
    for (name, _) in times.iter().filter(|(_, time)| time.is_some_and(|time| time > YEAR)) {
        problems.push(format!("`{name}` is more than a year; make it less"));
    }
}
