//! A field is injected, or has a `Default`.
use std::sync::Arc;
use switchboard::{gateway, injectable, messages};

struct Rooms {
    server: switchboard::Server,
}

#[gateway(path = "/ws")]
struct Chat {
    rooms: Arc<Rooms>,
}

#[messages]
impl Chat {}

#[injectable]
struct Service {
    #[inject]
    rooms: Rooms,
    #[inject(Rooms)]
    more: Arc<Rooms>,
}

#[injectable]
struct Another {
    #[inject]
    rooms: Rooms,
}

fn main() {}
