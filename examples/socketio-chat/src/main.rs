//! `cargo run -p socketio-chat`, then open <http://localhost:3009/> in two tabs.
//!
//! `SOCKETIO_CHAT_ADDR` sets another address, `RUST_LOG` another log level.

use socketio_chat::{ChatModule, page, socketio};
use std::io::IsTerminal;
use switchboard::{App, BootError};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), BootError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stdout().is_terminal()).init();

    let address = std::env::var("SOCKETIO_CHAT_ADDR").unwrap_or_else(|_| "127.0.0.1:3009".to_owned());
    let app = App::create::<ChatModule>().await?;
    let bound = app.socketio(socketio()).mount(page::routes()).bind(address).await?;
    tracing::info!("open http://localhost:{}/ in two tabs", bound.local_addr().port());
    bound.serve().await;
    Ok(())
}
