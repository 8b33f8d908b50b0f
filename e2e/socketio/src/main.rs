//! The application of the Socket.IO tests: `/ws` and `/socket.io/` lead to the same gateway, and a page opens both.
//!
//! `E2E_SOCKETIO_ADDR` is where it listens. `SOCKETIO_CLIENT` is the file of the client library, which the page loads.

mod admin;
mod departures;
mod page;
mod play;
mod project;

use admin::Panel;
use departures::Departures;
use play::Play;
use project::Project;
use switchboard::{App, BootError, SocketIo, module};
use tracing_subscriber::EnvFilter;

#[module(providers(Departures), gateways(Play, Panel, Project))]
struct PlayModule;

#[tokio::main]
async fn main() -> Result<(), BootError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).init();

    let address = std::env::var("E2E_SOCKETIO_ADDR").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let mut socketio = SocketIo::default();
    if let Ok(path) = std::env::var("SOCKETIO_CLIENT") {
        let library = std::fs::read(&path).unwrap_or_else(|why| panic!("SOCKETIO_CLIENT is {path}: {why}"));
        socketio = socketio.serve_client(library);
    }
    let app = App::create::<PlayModule>().await?;
    app.socketio(socketio).mount(page::routes()).bind(address).await?.serve().await;
    Ok(())
}
