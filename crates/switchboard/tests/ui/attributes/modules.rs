//! What a module lists is what it says.
use switchboard::{gateway, injectable, module};

struct Plain;

#[injectable]
struct Service;

#[gateway(path = "/ws")]
struct Silent;

#[module(providers(Plain), gateways(Service), imports(Service))]
struct ChatModule;

#[module(providers(factory(not_a_factory)))]
struct Made;

fn not_a_factory(text: String) -> Plain {
    drop(text);
    Plain
}

#[injectable(on_init = open, on_shutdown = Service::nothing)]
struct Opened;

fn main() {}
