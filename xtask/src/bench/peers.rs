//! The table of servers.

use crate::bench::measurements::Measurement;

/// A server that is measured.
pub(crate) struct Peer {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) program: Program,
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// How the load generator speaks to it.
    pub(crate) dialect: &'static str,
    /// In which of the measurements it takes part that are over Socket.IO, and in which of the others.
    pub(crate) takes_part: TakesPart,
    /// Its colour in the plot.
    pub(crate) colour: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum TakesPart {
    /// In those over any other dialect.
    InOthers,
    /// In those over Socket.IO alone.
    OverSocketIo,
    InAll,
}

pub(crate) enum Program {
    /// A binary of ours.
    Rust(&'static str),
    /// A script in `bench/peers/node`.
    Node(&'static str),
}

impl Peer {
    pub(crate) fn is_raw(&self) -> bool {
        self.dialect == "raw"
    }

    /// How the load generator speaks to it for a measurement; `None`: the two do not fit. Raw TCP, which all are compared with,
    /// fits each.
    pub(crate) fn dialect_of(&self, measurement: &Measurement) -> Option<&'static str> {
        match measurement.dialect {
            _ if self.is_raw() => Some(self.dialect),
            Some(dialect) => (self.takes_part != TakesPart::InOthers).then_some(dialect),
            None => (self.takes_part != TakesPart::OverSocketIo).then_some(self.dialect),
        }
    }

    pub(crate) fn is_switchboard(&self) -> bool {
        self.name == "switchboard"
    }
}

#[rustfmt::skip]
pub(crate) const PEERS: &[Peer] = &[
    Peer { name: "raw-tcp", label: "raw TCP", program: Program::Rust("bench-raw-tcp"), env: &[], dialect: "raw", takes_part: TakesPart::InOthers, colour: "#8c959f" },
    Peer { name: "switchboard", label: "Switchboard", program: Program::Rust("switchboard-bench"), env: &[("WORKERS", "1")], dialect: "json", takes_part: TakesPart::InAll, colour: "#d1242f" },
    Peer { name: "sketch", label: "sketch", program: Program::Rust("bench-sketch"), env: &[], dialect: "json", takes_part: TakesPart::InOthers, colour: "#e8894a" },
    Peer { name: "axum-tuned", label: "axum, tuned", program: Program::Rust("bench-axum-ws"), env: &[("TUNED", "1")], dialect: "json", takes_part: TakesPart::InOthers, colour: "#2f81f7" },
    Peer { name: "axum", label: "axum", program: Program::Rust("bench-axum-ws"), env: &[], dialect: "json", takes_part: TakesPart::InOthers, colour: "#76b0fb" },
    Peer { name: "tokio-websockets", label: "tokio-websockets", program: Program::Rust("bench-tokio-websockets"), env: &[], dialect: "json", takes_part: TakesPart::InOthers, colour: "#2da44e" },
    Peer { name: "socketioxide", label: "socketioxide", program: Program::Rust("bench-socketioxide"), env: &[], dialect: "sio", takes_part: TakesPart::InAll, colour: "#a371f7" },
    Peer { name: "socket.io", label: "Socket.IO (Node.js)", program: Program::Node("socketio.js"), env: &[], dialect: "sio", takes_part: TakesPart::OverSocketIo, colour: "#1b7c83" },
    Peer { name: "ws", label: "ws (Node.js)", program: Program::Node("ws.js"), env: &[], dialect: "json", takes_part: TakesPart::InOthers, colour: "#bf8700" },
    Peer { name: "nest", label: "NestJS", program: Program::Node("nest.js"), env: &[], dialect: "json", takes_part: TakesPart::InOthers, colour: "#e85aad" },
];
