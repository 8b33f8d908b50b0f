//! The application that is measured: `/ws` and `/socket.io/` for the load generator, `/echo` for protocol suites.
//!
//! It listens on 127.0.0.1 at `PORT` (0, the default: one that is free) and prints the address. `WORKERS=1` is
//! tokio's current-thread runtime, any other number that many workers; without it there is one a core. `THREADS`
//! is how many threads with a runtime of their own serve the connections in its place. `MAX_MESSAGE` (bytes) and
//! `MAX_FRAGMENTS` raise the limits of `/echo`. `STAGE` puts a stage around `/ws`: see `stages`. Built with the feature
//! `deflate` it compresses for every client that offers it. `CONFORMANCE=socketio` is another application, for the suites of
//! Socket.IO's protocol: see `conformance`.

#[cfg(feature = "count-allocations")]
mod allocations;
mod conformance;
mod gateway;
mod raw;
mod stages;

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use gateway::Bench;
use raw::Echo;
use switchboard::{App, BootError, Gateway, SocketIo, module};
use tokio::runtime::Builder;

#[module(gateways(Bench, Echo))]
struct BenchModule;

fn main() -> Result<(), BootError> {
    let runtime = match number("WORKERS") {
        Some(1) => Builder::new_current_thread().enable_all().build(),
        Some(workers) => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
        None => Builder::new_multi_thread().enable_all().build(),
    };
    runtime.expect("a runtime").block_on(async {
        let port = number("PORT").unwrap_or(0);
        let app = match (variable("CONFORMANCE").as_deref(), variable("STAGE")) {
            (Some("socketio"), _) => conformance::app(),
            (Some(other), _) => panic!("CONFORMANCE is {other:?}, and may be `socketio`"),
            (None, Some(stage)) => staged(&stage),
            (None, None) => App::create::<BenchModule>().await?.socketio(SocketIo::default()),
        };
        #[cfg(feature = "deflate")]
        let app = app.compression(switchboard::Compression::default());
        let app = app.threads(number("THREADS").unwrap_or(0));
        let bound = app.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        println!("{}", bound.local_addr());
        bound.serve().await;
        Ok(())
    })
}

/// `/ws` alone, with a stage around it.
fn staged(stage: &str) -> App {
    let app = App::new();
    let bench = Gateway::of(Bench::new(app.server()));
    app.gateway("/ws", stages::around(bench, stage))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A number from the environment.
fn number<T: FromStr>(name: &str) -> Option<T> {
    let value = variable(name)?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, which is not a number it can be")))
}
