//! Stages stand on handlers, and below `#[gateway]`.
use switchboard::attributes::{concurrency, key, skip, use_filters, use_guards};
use switchboard::{gateway, injectable, messages};

struct Auth;

#[use_guards(Auth)]
#[gateway(path = "/a")]
struct Above;

#[messages]
impl Above {}

#[gateway(path = "/b")]
#[concurrency(2)]
struct OfAGateway;

#[messages]
impl OfAGateway {}

#[gateway(path = "/c", public)]
#[public]
struct Twice;

#[messages]
impl Twice {}

#[gateway(path = "/d")]
struct OnTheBlock;

#[messages]
#[use_pipes(Auth)]
impl OnTheBlock {}

#[gateway(path = "/e")]
struct AboveTheBlock;

#[use_filters(Auth)]
#[messages]
impl AboveTheBlock {}

#[injectable]
#[skip(Auth)]
struct Service;

impl Service {
    #[use_guards(Auth)]
    fn serve(&self) {}
    #[concurrency(2)]
    fn serve_two(&self) {}
}

#[key("id")]
struct Key;

fn main() {}
