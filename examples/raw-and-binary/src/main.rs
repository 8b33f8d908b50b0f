//! `cargo run -p raw-and-binary`, then open <http://localhost:3008/>.
//!
//! `RAW_AND_BINARY_ADDR` sets another address, `RUST_LOG` another log level.

use raw_and_binary::{BytesModule, page};
use std::io::IsTerminal;
use switchboard::{App, BootError};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), BootError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stdout().is_terminal()).init();

    let address = std::env::var("RAW_AND_BINARY_ADDR").unwrap_or_else(|_| "127.0.0.1:3008".to_owned());
    let bound = App::create::<BytesModule>().await?.mount(page::routes()).bind(address).await?;
    tracing::info!("open http://localhost:{}/", bound.local_addr().port());
    bound.serve().await;
    Ok(())
}
