//! The table of measurements.

/// One figure of every server.
pub(crate) struct Measurement {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// The load generator's mode and options.
    pub(crate) load: &'static [&'static str],
    pub(crate) kind: Kind,
    /// What the servers are spoken to in; `None`: each in its own.
    pub(crate) dialect: Option<&'static str>,
    /// Multiplies the rounds and divides their length: for measurements with few connections, which open quickly.
    pub(crate) finer: u32,
    /// It is the same every time: taken once, of a new server.
    pub(crate) is_steady: bool,
}

/// [`Measurement::finer`] of the echoes.
pub(crate) const ECHOES: u32 = 6;

/// What a figure is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Messages a second: more is better; shown as a ratio to raw TCP.
    Rate,
    /// Bytes of memory: less is better.
    Bytes,
    /// Microseconds of CPU: less is better.
    Micros,
}

impl Kind {
    /// What the load generator calls it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Kind::Rate => "per_second",
            Kind::Bytes => "bytes_per_connection",
            Kind::Micros => "server_us_per_handshake",
        }
    }

    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Kind::Rate => format!("{} k/s", thousands((value / 1000.0).round() as u64)),
            Kind::Bytes => format!("{} B", thousands(value.round() as u64)),
            Kind::Micros => format!("{value:.1} µs"),
        }
    }
}

/// `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group));
    grouped.collect::<Vec<_>>().join(",")
}

#[rustfmt::skip]
pub(crate) const MEASUREMENTS: &[Measurement] = &[
    echo("echo-1", "Echo, 64 connections × 1 in flight", &["echo"]),
    echo("echo-16", "Echo, 64 connections × 16 in flight", &["echo", "--in-flight", "16"]),
    echo("echo-4k", "Echo of 4 KB, 64 connections × 1", &["echo", "--text", "4096"]),
    rate("fanout-1000", "Room of 1,000, one publish at a time", &["fanout", "--connections", "1000"]),
    rate("fanout-5000", "Room of 5,000, one publish at a time", &["fanout", "--connections", "5000"]),
    rate("fanout-8", "Room of 1,000, 8 publishes in flight", &["fanout", "--connections", "1000", "--in-flight", "8"]),
    rate("fanout-64", "Room of 1,000, 64 publishers",
         &["fanout", "--connections", "1000", "--in-flight", "64", "--publishers", "64"]),
    Measurement {
        name: "handshake", title: "Server CPU a handshake", load: &["handshakes"], kind: Kind::Micros,
        dialect: None, finer: 1, is_steady: false,
    },
    Measurement {
        name: "idle", title: "Memory an idle connection, of 10,000", load: &["idle", "--connections", "10000"],
        kind: Kind::Bytes, dialect: None, finer: 1, is_steady: true,
    },
    over_socketio(echo("sio-echo-1", "Socket.IO: echo, 64 connections × 1 in flight", &["echo"])),
    over_socketio(echo("sio-echo-16", "Socket.IO: echo, 64 connections × 16 in flight", &["echo", "--in-flight", "16"])),
    over_socketio(rate("sio-fanout-1000", "Socket.IO: room of 1,000, one publish at a time",
                       &["fanout", "--connections", "1000"])),
];

const fn rate(name: &'static str, title: &'static str, load: &'static [&'static str]) -> Measurement {
    Measurement { name, title, load, kind: Kind::Rate, dialect: None, finer: 1, is_steady: false }
}

const fn echo(name: &'static str, title: &'static str, load: &'static [&'static str]) -> Measurement {
    Measurement { finer: ECHOES, ..rate(name, title, load) }
}

/// Of the servers that speak Socket.IO, over its WebSocket transport.
const fn over_socketio(measurement: Measurement) -> Measurement {
    Measurement { dialect: Some("sio"), ..measurement }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn figures_are_shown_with_their_unit() {
        assert_eq!(Kind::Rate.show(3_449_800.0), "3,450 k/s");
        assert_eq!(Kind::Bytes.show(999.6), "1,000 B");
        assert_eq!(Kind::Micros.show(22.68), "22.7 µs");
    }
}
