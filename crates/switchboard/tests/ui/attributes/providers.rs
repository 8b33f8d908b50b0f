//! Functions are no providers by themselves.
use switchboard::{injectable, module};

#[injectable]
struct Clock;

struct Rooms;
impl Rooms {
    fn new(clock: std::sync::Arc<Clock>) -> Rooms {
        drop(clock);
        Rooms
    }
}

#[module(providers(Clock, Rooms::new))]
struct One;

#[module(providers(Rooms::new()))]
struct Two;

#[module(providers(try_factory(Rooms::new)))]
struct Three;

#[module(providers(value(1, 2)))]
struct Four;

#[module(gateways(Clock))]
struct Five;

fn main() {}
