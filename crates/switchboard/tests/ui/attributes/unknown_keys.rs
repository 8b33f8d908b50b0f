//! An unknown key lists those that there are.
use switchboard::{gateway, injectable, messages, module};

#[gateway(pathh = "/ws")]
struct Chat;

#[messages(path = "/ws")]
impl Chat {}

#[injectable(init = start)]
struct Rooms;

#[module(provider(Rooms))]
struct ChatModule;

#[module(providers(constant(1)))]
struct Other;

#[gateway(path = "/a", path = "/b")]
struct Twice;

#[messages]
impl Twice {}

fn main() {}
