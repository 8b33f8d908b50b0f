//! `cargo run -p chat`, then open <http://localhost:3005/> in two tabs.
//!
//! `CHAT_ADDR` sets another address, `RUST_LOG` another log level.

use chat::{ChatModule, page, rooms::RoomService, routes};
use std::io::IsTerminal;
use switchboard::{App, BootError, Compression};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), BootError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stdout().is_terminal()).init();

    let address = std::env::var("CHAT_ADDR").unwrap_or_else(|_| "0.0.0.0:3005".to_owned());
    let app = App::create::<ChatModule>().await?;
    let rooms = app.resolve::<RoomService>()?;
    let app = app.compression(Compression::default()).mount(page::routes()).mount(routes::routes(rooms.clone()));
    let bound = app.bind(address).await?;
    tracing::info!("open http://localhost:{}/ in two tabs", bound.local_addr().port());

    tokio::select! {
        () = bound.serve() => Ok(()),
        never = rooms.tick() => match never {},
    }
}
