//! `#[inject]` on a field of a struct that the container does not make.
use switchboard::Server;
use switchboard::attributes::inject;

struct Service {
    #[inject]
    server: Server,
}

fn main() {}
