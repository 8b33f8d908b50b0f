//! The application that is measured: `/ws` for the load generator, `/echo` for protocol suites.
//!
//! It listens on 127.0.0.1 at `PORT` (0, the default: one that is free) and prints the address. `WORKERS=1`, the
//! default, is tokio's current-thread runtime, any other number that many workers. `MAX_MESSAGE` (bytes) and
//! `MAX_FRAGMENTS` raise the limits of `/echo`.

#[cfg(feature = "count-allocations")]
mod allocations;
mod gateway;
mod raw;

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use gateway::Bench;
use raw::Echo;
use switchboard::{App, BootError};
use tokio::runtime::{Builder, Runtime};

fn main() -> Result<(), BootError> {
    let runtime = match number("WORKERS").unwrap_or(1) {
        1 => Builder::new_current_thread().enable_all().build(),
        workers => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
    };
    let runtime: Runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let app = App::new();
        let bench = Bench::gateway(app.server());
        let app = app.gateway("/ws", bench).gateway("/echo", Echo::gateway());
        let port = number("PORT").unwrap_or(0);
        let bound = app.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        println!("{}", bound.local_addr());
        bound.serve().await;
        Ok(())
    })
}

/// A number from the environment.
fn number<T: FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, which is not a number it can be")))
}
