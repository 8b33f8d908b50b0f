//! The table of servers.

/// A server that is measured.
pub(crate) struct Peer {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) program: Program,
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// How the load generator speaks to it.
    pub(crate) dialect: &'static str,
    /// Its colour in the plot.
    pub(crate) colour: &'static str,
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

    pub(crate) fn is_switchboard(&self) -> bool {
        self.name == "switchboard"
    }
}

#[rustfmt::skip]
pub(crate) const PEERS: &[Peer] = &[
    Peer { name: "raw-tcp", label: "raw TCP", program: Program::Rust("bench-raw-tcp"), env: &[], dialect: "raw", colour: "#8c959f" },
    Peer { name: "switchboard", label: "Switchboard", program: Program::Rust("switchboard-bench"), env: &[("WORKERS", "1")], dialect: "json", colour: "#d1242f" },
    Peer { name: "sketch", label: "sketch", program: Program::Rust("bench-sketch"), env: &[], dialect: "json", colour: "#e8894a" },
    Peer { name: "axum-tuned", label: "axum, tuned", program: Program::Rust("bench-axum-ws"), env: &[("TUNED", "1")], dialect: "json", colour: "#2f81f7" },
    Peer { name: "axum", label: "axum", program: Program::Rust("bench-axum-ws"), env: &[], dialect: "json", colour: "#76b0fb" },
    Peer { name: "tokio-websockets", label: "tokio-websockets", program: Program::Rust("bench-tokio-websockets"), env: &[], dialect: "json", colour: "#2da44e" },
    Peer { name: "socketioxide", label: "socketioxide", program: Program::Rust("bench-socketioxide"), env: &[], dialect: "sio", colour: "#a371f7" },
    Peer { name: "ws", label: "ws (Node.js)", program: Program::Node("ws.js"), env: &[], dialect: "json", colour: "#bf8700" },
    Peer { name: "nest", label: "NestJS", program: Program::Node("nest.js"), env: &[], dialect: "json", colour: "#e85aad" },
];
