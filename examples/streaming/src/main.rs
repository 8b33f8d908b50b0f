//! `cargo run -p streaming`, then open <http://localhost:3007/> in two tabs.
//!
//! `STREAMING_ADDR` sets another address, `RUST_LOG` another log level.

use std::io::IsTerminal;
use streaming::{JobModule, page};
use switchboard::{App, BootError};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), BootError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stdout().is_terminal()).init();

    let address = std::env::var("STREAMING_ADDR").unwrap_or_else(|_| "127.0.0.1:3007".to_owned());
    let bound = App::create::<JobModule>().await?.mount(page::routes()).bind(address).await?;
    tracing::info!("open http://localhost:{}/ in two tabs", bound.local_addr().port());
    bound.serve().await;
    Ok(())
}
