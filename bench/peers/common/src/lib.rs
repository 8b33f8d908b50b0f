//! What the Rust peers share: the envelope with its typed dispatch, rooms, and the runtime.

mod envelope;
mod rooms;

pub use envelope::{Echo, In, Out, Publish, Request, handle};
pub use rooms::{Rooms, next};

use std::net::Ipv4Addr;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Builder;

/// Runs a server: `WORKERS=1`, the default, is tokio's current-thread runtime, any other number that many workers.
pub fn run<F: Future>(server: F) -> F::Output {
    let runtime = match number("WORKERS").unwrap_or(1) {
        1 => Builder::new_current_thread().enable_all().build(),
        workers => Builder::new_multi_thread().worker_threads(workers.into()).enable_all().build(),
    };
    runtime.expect("a runtime").block_on(server)
}

/// Listens on 127.0.0.1 at `PORT` (0, the default: one that is free), and prints the address.
pub async fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    let listen = move || {
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, number("PORT").unwrap_or(0)).into())?;
        socket.listen(4096)
    };
    let listener = listen().expect("the address");
    println!("{}", listener.local_addr().expect("an address"));
    listener
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u16> {
    std::env::var(name).ok()?.parse().ok()
}
