//! What hooks take and return.
use switchboard::{ConnState, messages};

struct Unknown;
struct Name(String);

struct Chat;

#[messages]
impl Chat {
    #[on_connect]
    async fn joined(&self, what: Unknown) {
        drop(what);
    }
    #[on_disconnect]
    async fn left(&self, name: ConnState<Name>) {
        name.with(|name| name.0.clear());
    }
    #[after_init]
    async fn ready(&self) -> Option<u8> {
        None
    }
}

fn main() {}
