//! `cargo run -p auth-and-rooms`, then open <http://localhost:3006/> in two tabs.
//!
//! `AUTH_AND_ROOMS_ADDR` sets another address, `RUST_LOG` another log level.

use auth_and_rooms::{RoomModule, accounts::Accounts, login, page, tickets::Tickets};
use std::io::IsTerminal;
use switchboard::{App, BootError};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), BootError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stdout().is_terminal()).init();

    let address = std::env::var("AUTH_AND_ROOMS_ADDR").unwrap_or_else(|_| "127.0.0.1:3006".to_owned());
    let app = App::create::<RoomModule>().await?;
    let login = login::routes(app.resolve::<Accounts>()?, app.resolve::<Tickets>()?);
    // If a message had no guard, the application would not boot.
    let bound = app.require_posture(true).mount(page::routes()).mount(login).bind(address).await?;
    tracing::info!("open http://localhost:{}/ in two tabs", bound.local_addr().port());
    bound.serve().await;
    Ok(())
}
