//! `#[inject]` stands on a field, inside of another attribute.
use switchboard::attributes::inject;
use switchboard::injectable;

#[inject]
struct Rooms;

#[injectable]
struct Service {
    #[inject]
    #[inject]
    server: switchboard::Server,
}

#[inject]
fn made() {}

fn main() {}
