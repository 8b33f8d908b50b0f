//! Into an axum application, beside it, and under it; and what goes wrong at boot.
mod forms;
mod log;
mod paths;
mod routers;
mod socketio;

use std::io::Write;
use std::sync::{Arc, Mutex};
use switchboard::{Client, Gateway};

struct Named(&'static str);

impl Named {
    async fn name(&self) -> &'static str {
        self.0
    }
    async fn joined(&self, client: &Client) {
        client.join(self.0);
    }
}

fn named(name: &'static str) -> Gateway<Named> {
    Gateway::new(Named(name)).on("name", Named::name).on_connect(Named::joined)
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
